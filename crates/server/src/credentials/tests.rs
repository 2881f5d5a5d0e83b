//! Stories of credentials in the store.

use super::*;
use crate::signin::attempts::{Subject, begin};
use lockstep_directory::credential::{Checked, Iterations, Stamp, check, nt_hash};
use lockstep_directory::lockout::Admission;
use lockstep_model::Guid;
use lockstep_store::{MemoryStore, Store as _, Transact as _, records};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

struct Desk {
    store: MemoryStore,
    sealer: Sealer,
    user: ObjectId,
}

impl Desk {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(&records::tables()),
            sealer: Sealer::new(&Secret::new([5; 32])),
            user: ObjectId::new(Guid::from_bytes([1; 16])),
        }
    }

    fn write<T>(&self, work: impl FnOnce(&mut dyn Write) -> Result<T, StoreError>) -> T {
        self.store.writing(work).unwrap()
    }

    fn apply(&self, password: &str, origin: Origin) -> Applied {
        self.apply_with(password, origin, false)
    }

    fn apply_with(&self, password: &str, origin: Origin, force_change: bool) -> Applied {
        let nt = nt_hash(&secret(password));
        let password = FromPremises {
            hash: SyncedHash::derive(&nt, [9; 10], Iterations::FEWEST),
            origin,
            force_change,
        };
        self.write(|tx| apply(tx, &self.sealer, self.user, password, NOW))
    }

    fn reset(&self, password: &str) {
        let made = Argon2Hash::of(&secret(password), &[3; 16]);
        self.write(|tx| set_cloud_password(tx, &self.sealer, self.user, made, false, NOW));
    }

    fn held(&self) -> Held {
        self.write(|tx| held(tx, &self.sealer, self.user)).unwrap()
    }

    fn is_password(&self, password: &str) -> bool {
        let held = self.held();
        let checked = check(Some(&held.credential.verifier), &secret(password), &[4; 16]);
        matches!(checked, Checked::Right { .. })
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn origin(version: u32) -> Origin {
    let stamp = Stamp {
        version,
        time: NOW,
        originating: Guid::from_bytes([6; 16]),
    };
    Origin::new(Guid::from_bytes([2; 16]), stamp)
}

#[test]
fn the_newer_password_wins_in_whatever_order_they_come() {
    let desk = Desk::new();
    assert_eq!(desk.apply("second", origin(2)), Applied::Set);
    assert_eq!(desk.apply("first", origin(1)), Applied::Older);
    assert_eq!(desk.apply("second", origin(2)), Applied::Unchanged);
    assert!(desk.is_password("second") && !desk.is_password("first"));
    assert_eq!(desk.apply("third", origin(3)), Applied::Set);
    assert!(desk.is_password("third") && !desk.is_password("second"));
    let known = desk.write(|tx| origins(tx, &[desk.user, ObjectId::new(Guid::NIL)]));
    assert_eq!(known, [Some(origin(3)), None]);
}

#[test]
fn an_upgrade_of_a_password_that_was_replaced_meanwhile_changes_nothing() {
    // Whatever happens between the check of the old password and its upgrade: Active Directory's newer
    // one, or a reset in the cloud, which leaves the stamp as it is.
    for replaces in [
        (|desk: &Desk| assert_eq!(desk.apply("new", origin(2)), Applied::Set)) as fn(&Desk),
        |desk| desk.reset("new"),
    ] {
        let desk = Desk::new();
        desk.apply("old", origin(1));
        let held = desk.held();
        let Checked::Right {
            upgrade: Some(better),
        } = check(Some(&held.credential.verifier), &secret("old"), &[4; 16])
        else {
            panic!("the old password is right");
        };
        replaces(&desk);
        let done = desk.write(|tx| upgrade(tx, &desk.sealer, desk.user, held.generation, better));
        assert!(!done);
        assert!(desk.is_password("new") && !desk.is_password("old"));
    }
}

#[test]
fn an_upgrade_keeps_password_stamp_and_what_must_be_done() {
    let desk = Desk::new();
    desk.apply_with("word", origin(1), true);
    let held = desk.held();
    let better = Argon2Hash::of(&secret("word"), &[4; 16]);
    assert!(desk.write(|tx| upgrade(tx, &desk.sealer, desk.user, held.generation, better)));
    let now = desk.held().credential;
    assert!(matches!(now.verifier, Verifier::Argon2id(_)));
    assert!(desk.is_password("word"));
    assert_eq!(now.origin, Some(origin(1)));
    assert!(now.force_change);
    assert_eq!(desk.apply("word", origin(1)), Applied::ForceChangeSet);
}

#[test]
fn a_reset_in_the_cloud_stands_until_active_directory_has_a_newer_password() {
    let desk = Desk::new();
    desk.apply("premises", origin(4));
    desk.reset("cloud");
    // A full pull brings what is in Active Directory, as often as one likes.
    assert_eq!(desk.apply("premises", origin(4)), Applied::Unchanged);
    assert_eq!(
        desk.apply_with("premises", origin(4), true),
        Applied::Unchanged
    );
    assert!(desk.is_password("cloud") && !desk.held().credential.force_change);
    assert_eq!(desk.apply("newer", origin(5)), Applied::Set);
    assert!(desk.is_password("newer") && !desk.is_password("cloud"));
}

#[test]
fn a_must_change_that_is_lifted_without_a_new_password_arrives() {
    let desk = Desk::new();
    desk.apply_with("temporary", origin(1), true);
    assert!(desk.held().credential.force_change);
    assert_eq!(desk.apply("temporary", origin(1)), Applied::ForceChangeSet);
    assert!(!desk.held().credential.force_change);
}

#[test]
fn a_newer_password_forgets_the_wrong_ones_and_an_older_one_does_not() {
    let desk = Desk::new();
    desk.apply("word", origin(2));
    let try_once = || {
        let subject = Subject::User(desk.user);
        let address = "192.0.2.1".parse().unwrap();
        desk.write(|tx| begin(tx, &desk.sealer, &subject, address, NOW))
    };
    for _ in 0..10 {
        assert_eq!(try_once(), Admission::At(NOW));
    }
    desk.apply("older", origin(1));
    assert!(matches!(try_once(), Admission::At(later) if later > NOW));
    desk.apply("newer", origin(3));
    assert_eq!(try_once(), Admission::At(NOW));
}

#[test]
fn a_credential_that_was_moved_to_another_user_does_not_open() {
    let desk = Desk::new();
    desk.apply("word", origin(1));
    let victim = ObjectId::new(Guid::from_bytes([8; 16]));
    let error = desk
        .store
        .write(&mut |tx| {
            let mut row: CredentialRow = tx.fetch_one(&desk.user)?.unwrap();
            row.user = victim;
            tx.store(&[row])?;
            held(tx, &desk.sealer, victim).map(|_| ())
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Abandoned { .. }), "{error}");
}

#[test]
fn no_row_shows_a_password_or_a_hash() {
    let desk = Desk::new();
    desk.apply("word", origin(1));
    let body = desk.write(|tx| {
        let row: CredentialRow = tx.fetch_one(&desk.user)?.unwrap();
        lockstep_store::Record::encode(&row)
    });
    let text = String::from_utf8(body).unwrap();
    let hash = desk.held().credential.verifier;
    let Verifier::Synced(hash) = hash else {
        panic!("it was not upgraded");
    };
    let hash = hash.to_text();
    let digits = hash.expose().rsplit(',').next().unwrap();
    assert!(!text.contains(digits.trim_end_matches(';')) && !text.contains("PPH1"));
}

#[test]
fn a_synced_password_expires_only_if_the_policy_said_so_when_it_came() {
    let desk = Desk::new();
    desk.apply("first", origin(1));
    desk.write(|tx| {
        tx.store(&[PasswordPolicy {
            expires_after_days: Some(90),
            synced_passwords_expire: true,
        }])
    });
    desk.apply("first", origin(1));
    assert!(!desk.held().credential.can_expire);
    desk.apply("second", origin(2));
    assert!(desk.held().credential.can_expire);
}
