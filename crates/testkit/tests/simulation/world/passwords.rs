//! What is seen of passwords, and held against Active Directory: each is a number, greater than those before it.

use super::*;
use crate::agent::credential_number;
use crate::directory::Entry;
use crate::script::Passwords;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use lockstep_directory::credential::{Argon2Hash, Origin, Stamp, Verifier};
use lockstep_engine::mapping::MappedKind;
use lockstep_server::credentials::{self, Held};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::credential::CredentialRow;
use lockstep_store::records::password::PasswordRow;

/// What the harness knows of passwords.
#[derive(Debug, Default)]
pub(super) struct KnownPasswords {
    /// What each user signs in with.
    present: BTreeMap<ObjectId, u32>,
    /// What was kept of it.
    kept: BTreeMap<ObjectId, Kept>,
    /// The last one that came from each object of Active Directory.
    taken: BTreeMap<(ObjectId, Guid), u32>,
    /// Those that were set in the cloud.
    cloud: BTreeSet<u32>,
    /// Sign-ins that were found right and have not been followed up: who, under which generation, with which.
    signing_in: Vec<(ObjectId, u64, u32)>,
    /// At some time the configuration wanted them,
    pub(super) were_wanted: bool,
    /// and at some time also those that must be changed first.
    temporary_too: bool,
}

/// Where a password comes from, whether it must be changed, and what it is checked against.
type Kept = (Option<Origin>, bool, String);

/// What the store has of a user's password.
struct Credential {
    row: CredentialRow,
    held: Held,
    number: u32,
}

impl Credential {
    fn kept(&self) -> Kept {
        let verifier = match &self.held.credential.verifier {
            Verifier::Synced(hash) => hash.to_text().expose().to_string(),
            Verifier::Argon2id(hash) => hash.to_text().expose().to_string(),
        };
        (self.row.origin(), self.row.force_change, verifier)
    }
}

impl World {
    /// The configuration has changed.
    pub(super) fn passwords_configured(&mut self, which: Which) {
        let wanted = self.side(which).wishes.passwords;
        let known = &mut self.passwords;
        known.were_wanted |= wanted != Passwords::Off;
        known.temporary_too |= wanted == Passwords::AlsoTemporary;
    }

    fn credential(&self, id: ObjectId) -> Option<Credential> {
        let sealer = Arc::clone(&self.service().sealer);
        let row = self.record::<CredentialRow>(&id)?;
        let mut held = None;
        self.store
            .read(&mut |tx| {
                held = credentials::held(tx, &sealer, id)?;
                Ok(())
            })
            .expect("what was sealed can be opened");
        let held = held?;
        let number = match &held.credential.verifier {
            Verifier::Synced(hash) => credential_number(hash.to_text().expose()),
            Verifier::Argon2id(hash) => typed_number(hash.to_text().expose()),
        };
        let number = number.expect("a password of a history is a number");
        Some(Credential { row, held, number })
    }

    /// A credential was written: never an older password after a newer one, and none twice.
    pub(super) fn credential_written(&mut self, id: ObjectId) {
        let Some(credential) = self.credential(id) else {
            return;
        };
        let kept = credential.kept();
        let same = self.passwords.kept.get(&id) == Some(&kept);
        self.passwords.kept.insert(id, kept);
        let Credential { row, number, .. } = credential;
        if same {
            self.violate(format!("password {number} was written twice"));
        }
        let before = self.passwords.present.insert(id, number);
        if self.passwords.cloud.contains(&number) || before == Some(number) {
            return;
        }
        let Some(origin) = row.origin() else {
            return;
        };
        self.shared.note("passwords taken over".to_owned());
        let taken = self.passwords.taken.insert((id, origin.object), number);
        let (lost, was_temporary) = {
            let directory = self.shared.directory.borrow();
            let passwords = &directory.passwords;
            (
                directory.lost_changes,
                passwords.was_always_temporary(number),
            )
        };
        if taken.is_some_and(|taken| taken >= number) && !lost {
            self.violate(format!(
                "password {number} was taken over, although {} had been",
                taken.unwrap_or_default()
            ));
        }
        let told = self.shared.told_passwords.borrow();
        let known = told.get(&origin.object).copied().unwrap_or_default();
        drop(told);
        if known > number && !lost && !self.shared.rolled_back.get() {
            self.violate(format!(
                "password {number} was taken over, although the service knew that {known} had followed it"
            ));
        }
        if was_temporary && !self.passwords.temporary_too {
            self.violate(format!(
                "password {number} was taken over, although it must be changed first"
            ));
        }
    }

    /// Passwords are asked for of those only who are in the directory.
    pub(super) fn look_at_wanted(&mut self) {
        for guid in self.shared.wanted.take() {
            let mut joined = self.joined.iter().filter(|(_, own)| **own == guid);
            if !joined.any(|(id, _)| self.objects.get(id) == Some(&false)) {
                let name = self.shared.directory.borrow().name_of(guid);
                self.violate(format!(
                    "the password of {name} was asked for, who is not in the directory"
                ));
            }
        }
    }

    fn user_of(&self, label: Label) -> Option<ObjectId> {
        let guid = label.guid();
        let mut joined = self.joined.iter().filter(|(_, own)| **own == guid);
        let live = |(id, _): &(&ObjectId, &Guid)| self.objects.get(*id) == Some(&false);
        joined.find(live).map(|(id, _)| *id)
    }

    pub(super) fn sign_in(&mut self, label: Label) {
        let Some(id) = self.user_of(label) else {
            return;
        };
        let Some(Credential { held, number, .. }) = self.credential(id) else {
            return;
        };
        // Of what is kept that way already nothing follows.
        if matches!(held.credential.verifier, Verifier::Synced(_)) {
            let right = (id, held.generation, number);
            self.passwords.signing_in.push(right);
        }
    }

    /// Better verifiers of the passwords that were typed are kept.
    pub(super) fn signed_in(&mut self) {
        for (id, generation, number) in std::mem::take(&mut self.passwords.signing_in) {
            let before = self.passwords.present.get(&id).copied();
            let service = self.service();
            let sealer = Arc::clone(&service.sealer);
            let upgrade: Task<_> = Box::pin(async move {
                let better = move |tx: &mut dyn lockstep_store::Write| {
                    credentials::upgrade(tx, &sealer, id, generation, typed(number))
                };
                // What could not be kept is tried at the next sign-in.
                let _: Result<bool, StoreError> = service.write(better).await;
            });
            self.finish(upgrade);
            let now = self.passwords.present.get(&id).copied();
            if now != before {
                self.violate(format!(
                    "password {number} was typed before {before:?} came, and took its place"
                ));
            }
        }
    }

    pub(super) fn reset_in_cloud(&mut self, label: Label) {
        let Some(id) = self.user_of(label).filter(|_| self.passwords.were_wanted) else {
            return;
        };
        let person = |entry: &Entry| entry.class.is_person();
        let number = {
            let mut directory = self.shared.directory.borrow_mut();
            if !directory
                .writer()
                .entries
                .get(&label.guid())
                .is_some_and(person)
            {
                return;
            }
            directory.passwords.made(false)
        };
        self.passwords.cloud.insert(number);
        let service = self.service();
        let (sealer, now) = (Arc::clone(&service.sealer), service.clock.now());
        let reset: Task<_> = Box::pin(async move {
            let set = move |tx: &mut dyn lockstep_store::Write| {
                credentials::set_cloud_password(tx, &sealer, id, typed(number), false, now)
            };
            let _: Result<(), StoreError> = service.write(set).await;
        });
        self.finish(reset);
    }

    /// At rest, whoever is in the directory has the newest password of Active Directory, as far as the
    /// configuration lets it be sent, and nobody a newer one than that.
    pub(crate) fn passwords_are_current(&self, which: Which) -> Result<(), Violation> {
        let directory = self.shared.directory.borrow();
        let side = &self.sides[which.index()];
        let (wanted, Some(configuration)) = (side.wishes.passwords, side.id) else {
            return Ok(());
        };
        if wanted == Passwords::Off {
            return Ok(());
        }
        let mut joined: Vec<LinkRow> = Vec::new();
        let scan = Scan::of(Key::empty().with(configuration), 10_000);
        self.store
            .read(&mut |tx| {
                joined = tx.list(&scan)?;
                Ok(())
            })
            .expect("the store can be read");
        let live = joined
            .iter()
            .filter(|joined| joined.kind == MappedKind::User && !joined.deleted);
        for joined in live {
            let entry = directory.writer().entries.get(&joined.guid);
            let Some(entry) = entry.filter(|entry| !entry.is_deleted()) else {
                continue;
            };
            // The controller that replicates passwords may show those of before a move to another domain and back, when
            // the one that is read for objects has shown that move already.
            if self.setup.controllers > 1 && self.returned.contains(&joined.guid) {
                continue;
            }
            // What was lost on premises is not lost in the cloud.
            if directory.lost_changes && self.knows_a_lost_one(joined, entry) {
                continue;
            }
            if let Some(what) = self.is_not_current(joined, entry, wanted) {
                let name = directory.name_of(joined.guid);
                return Err(Violation(format!("{name} {what}")));
            }
        }
        Ok(())
    }

    /// Whether the service has heard of a password that Active Directory has not any more.
    fn knows_a_lost_one(&self, joined: &LinkRow, entry: &Entry) -> bool {
        let row: Option<PasswordRow> = self.record(&(joined.configuration, joined.guid));
        let written = row.and_then(|row| row.premises?.written);
        let held = self.record::<CredentialRow>(&joined.object);
        let origin = held.and_then(|row| row.origin());
        let heard = written.map(|written| written.stamp());
        let heard = heard.max(origin.map(|origin| origin.stamp));
        heard.map(plain) > entry.password_stamp()
    }

    fn is_not_current(&self, joined: &LinkRow, entry: &Entry, wanted: Passwords) -> Option<String> {
        let credential = self.credential(joined.object);
        let own = entry.password();
        let temporary_too = wanted == Passwords::AlsoTemporary;
        // No account of Active Directory is without userAccountControl; histories clear it all the same.
        let may_be_sent = entry.class == crate::directory::Class::User
            && entry.text("useraccountcontrol").is_some()
            && own.is_some()
            && (temporary_too || !entry.must_change());
        let Some(Credential { row, number, .. }) = credential else {
            return may_be_sent
                .then(|| format!("has no password, and {own:?} in Active Directory"));
        };
        let origin = row.origin();
        let told = origin.map(|origin| {
            let stamp = origin.stamp;
            (
                stamp.version,
                stamp.time.as_millis() / 1_000,
                stamp.originating,
            )
        });
        let known = entry.password_stamp();
        let in_cloud = self.passwords.cloud.contains(&number);
        if !may_be_sent {
            // Who takes over an object of the cloud directory finds the password of who had it before.
            let is_own = |origin: &Origin| origin.object == joined.guid && !origin.before_move;
            let own = origin.as_ref().is_some_and(is_own);
            let version = |stamp: Option<(u32, i64, Guid)>| stamp.map(|(version, ..)| version);
            let newer = own && version(told) > version(known);
            return newer.then(|| format!("has {told:?}, which is newer than {known:?}"));
        }
        if told != known {
            return Some(format!("has a password of {told:?}, and not of {known:?}"));
        }
        if !in_cloud && Some(number) != own {
            return Some(format!(
                "has password {number}, and {own:?} in Active Directory"
            ));
        }
        if !in_cloud && row.force_change != entry.must_change() {
            return Some(
                "must change the password, or need not, otherwise than on premises".into(),
            );
        }
        None
    }
}

/// A stamp as the simulated directory has it.
fn plain(stamp: Stamp) -> (u32, i64, Guid) {
    let seconds = stamp.time.as_millis() / 1_000;
    (stamp.version, seconds, stamp.originating)
}

/// A password of the cloud's own making.
fn typed(number: u32) -> Argon2Hash {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    let text = format!(
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA${}",
        STANDARD_NO_PAD.encode(hash)
    );
    text.parse().expect("this is a hash")
}

fn typed_number(text: &str) -> Option<u32> {
    let bytes = STANDARD_NO_PAD.decode(text.rsplit('$').next()?).ok()?;
    bytes.first_chunk().copied().map(u32::from_be_bytes)
}
