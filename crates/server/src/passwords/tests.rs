//! What agents report of passwords, and what the service makes of it.

use super::*;
use crate::credentials;
use crate::import::ImportError;
use crate::lane::Lane;
use crate::sealing::Sealer;
use lockstep_api::channel::{
    ControllerIdentity, Found, MadeCredential, PasswordStamp, Presence, ReplicationBegin,
    ReplicationEnd, ReplicationWatermark, Stamped, WireSecret,
};
use lockstep_api::configuration::{PasswordHashSync, Spec};
use lockstep_directory::credential::{Iterations, SyncedHash, nt_hash};
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::{ObjectClass, StagedObject};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, Secret, SourceAnchor, Timestamp};
use lockstep_store::records::connector_space::{Dirty, LinkRow, Staged};
use lockstep_store::records::job::{Cookie, Job, PasswordTally, Watermark};
use lockstep_store::records::log::LogEntry;
use lockstep_store::records::password::PasswordRow;
use lockstep_store::{
    Key, MemoryStore, ReadRecords as _, Scan, Transact as _, Write, WriteRecords as _, records,
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const NEVER: i64 = i64::MAX;

/// A domain with one user, who is provisioned.
struct Desk {
    store: MemoryStore,
    sealer: Sealer,
    configuration: Configuration,
}

fn bob() -> Guid {
    Guid::from_bytes([2; 16])
}

fn user() -> ObjectId {
    ObjectId::new(Guid::from_bytes([3; 16]))
}

fn stamp(version: u32) -> PasswordStamp {
    PasswordStamp {
        version,
        time: 1_000,
        originating: Guid::from_bytes([4; 16]),
        present: true,
    }
}

/// All that replication can say of a user.
fn whole(version: u32) -> Stamped {
    Stamped {
        guid: bob(),
        whole: true,
        password: Some(stamp(version)),
        temporary: Some(false),
        expires: Some(NEVER),
        ..Stamped::default()
    }
}

impl Desk {
    fn new(wish: PasswordHashSync) -> Self {
        let id = ConfigurationId::new(Guid::from_bytes([1; 16]));
        let mut desk = Self {
            store: MemoryStore::new(&records::tables()),
            sealer: Sealer::new(&Secret::new([5; 32])),
            configuration: Configuration {
                id,
                scratch: false,
                stands_for: None,
                heir: None,
                name: "corp".into(),
                domain: "corp.test".into(),
                spec: String::new(),
                version: 1,
                roots: None,
                excluded: Vec::new(),
                groups: Vec::new(),
                paused: false,
                service_principal: ObjectId::new(Guid::NIL),
            },
        };
        desk.wish(wish);
        desk.write(|tx| tx.store(&[Job::new(id)]));
        desk.put(ObjectClass::User);
        desk
    }

    fn wish(&mut self, wish: PasswordHashSync) {
        let spec = Spec {
            password_hash_sync: wish,
            ..Spec::unreadable("corp", "corp.test")
        };
        self.configuration.spec = serde_json::to_string(&spec).unwrap();
        let configuration = self.configuration.clone();
        self.write(|tx| tx.store(&[configuration]));
    }

    /// The user comes into scope.
    fn put(&self, class: ObjectClass) {
        let configuration = self.configuration.id;
        let mut object = StagedObject::new(bob(), 1);
        object.class = Some(class);
        self.write(|tx| {
            tx.store(&[Staged {
                configuration,
                object,
            }])?;
            tx.store(&[self.link(false)])?;
            tx.store(&[PasswordRow::unread(configuration, bob(), user())])
        });
    }

    fn link(&self, deleted: bool) -> LinkRow {
        LinkRow {
            configuration: self.configuration.id,
            guid: bob(),
            object: user(),
            kind: MappedKind::User,
            anchor: SourceAnchor::from_object_guid(bob()),
            deleted,
        }
    }

    fn write<T>(&self, work: impl FnOnce(&mut dyn Write) -> Result<T, StoreError>) -> T {
        self.store.writing(work).unwrap()
    }

    fn in_lane<T>(&self, work: impl FnOnce(&mut dyn Write, Lane) -> Result<T, ImportError>) -> T {
        self.write(|tx| {
            let job: Job = tx.fetch_one(&self.configuration.id)?.unwrap();
            let lane = Lane::new(tx, job, self.configuration.clone())?;
            Ok(work(tx, lane).unwrap())
        })
    }

    /// Reports what replication says; gives whose credential is wanted.
    fn says(&self, stamped: Stamped) -> Vec<Guid> {
        self.in_lane(|tx, lane| stamps(tx, lane, vec![stamped], NOW))
            .wanted
    }

    /// Sends a credential of this password, made of the password with this stamp.
    fn sends(&self, password: &str, version: u32) {
        let nt = nt_hash(&Secret::new(password.to_owned()));
        let hash = SyncedHash::derive(&nt, [9; 10], Iterations::FEWEST);
        self.sends_made(MadeCredential {
            guid: bob(),
            stamp: stamp(version),
            credential: Some(WireSecret(hash.to_text())),
            failure: None,
        });
    }

    fn sends_made(&self, made: MadeCredential) {
        self.in_lane(|tx, lane| taken(tx, &lane, &self.sealer, vec![made], NOW));
    }

    /// Changes the job.
    fn job(&self, change: impl FnOnce(&mut Job)) {
        let configuration = self.configuration.id;
        self.write(|tx| {
            let mut job: Job = tx.fetch_one(&configuration)?.unwrap();
            change(&mut job);
            tx.store(&[job])
        });
    }

    /// Ends a pull under a new lease; gives who is asked for by itself.
    fn pulled(&self) -> Vec<Guid> {
        self.job(|job| job.passwords.lease += 1);
        let watermark = ReplicationWatermark {
            invocation_id: Guid::NIL,
            object_update: 1,
            reserved: 2,
            property_update: 3,
            cursors: Vec::new(),
        };
        self.ends(Some(watermark), Vec::new())
    }

    fn ends(&self, watermark: Option<ReplicationWatermark>, found: Vec<Found>) -> Vec<Guid> {
        let body = ReplicationEnd {
            lease: 0,
            watermark,
            found,
        };
        self.in_lane(|tx, lane| end(tx, lane, &body, NOW)).read
    }

    fn is_password(&self, password: &str) -> bool {
        let held = self.write(|tx| credentials::held(tx, &self.sealer, user()));
        let verifier = held.map(|held| held.credential.verifier);
        let checked = lockstep_directory::credential::check(
            verifier.as_ref(),
            &Secret::new(password.to_owned()),
            &[4; 16],
        );
        matches!(
            checked,
            lockstep_directory::credential::Checked::Right { .. }
        )
    }

    fn tally(&self) -> PasswordTally {
        self.write(|tx| {
            let job: Job = tx.fetch_one(&self.configuration.id)?.unwrap();
            tally(tx, &job, 0)
        })
    }

    fn log(&self) -> Vec<String> {
        let scan = Scan::of(Key::empty(), 100);
        let mut entries: Vec<LogEntry> = self.write(|tx| tx.list(&scan));
        entries.reverse();
        entries.into_iter().map(|entry| entry.code).collect()
    }
}

#[test]
fn a_new_user_gets_the_password_that_the_first_pull_brings() {
    let desk = Desk::new(PasswordHashSync::default());
    assert_eq!(desk.tally().waiting, 1);
    assert_eq!(desk.says(whole(1)), [bob()]);
    // Asked again, because the answer was lost: the same answer.
    assert_eq!(desk.says(whole(1)), [bob()]);
    desk.sends("word", 1);
    assert!(desk.is_password("word"));
    assert_eq!(desk.says(whole(1)), []);
    assert_eq!(desk.tally(), PasswordTally::default());
    assert_eq!(
        desk.log(),
        Vec::<String>::new(),
        "that it came with the user is no news"
    );
}

#[test]
fn who_was_not_in_the_changes_is_asked_for_once_under_each_lease_and_not_shown_it_is_told_once() {
    let desk = Desk::new(PasswordHashSync::default());
    assert_eq!(desk.pulled(), [bob()]);
    let silent = Found {
        guid: bob(),
        presence: Presence::Silent,
    };
    assert_eq!(desk.ends(None, vec![silent.clone()]), []);
    assert_eq!(desk.tally().failed, 1);
    assert_eq!(desk.log(), ["PasswordNotShown"]);
    assert_eq!(desk.pulled(), [bob()]);
    desk.ends(None, vec![silent]);
    assert_eq!(desk.log().len(), 1, "it is told once");
    desk.says(whole(1));
    desk.sends("word", 1);
    assert_eq!(desk.pulled(), []);
}

#[test]
fn a_change_of_something_else_than_the_password_may_make_it_wanted() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.says(whole(1));
    desk.sends("first", 1);
    let reset = Stamped {
        guid: bob(),
        password: Some(stamp(2)),
        temporary: Some(true),
        ..Stamped::default()
    };
    assert_eq!(desk.says(reset), []);
    assert_eq!(desk.tally().waiting, 1);
    assert!(desk.is_password("first"));
    let lifted = Stamped {
        guid: bob(),
        temporary: Some(false),
        ..Stamped::default()
    };
    assert_eq!(desk.says(lifted), [bob()]);
    // The agent had no hash to make it of: the end of the pull asks for it.
    assert_eq!(desk.pulled(), [bob()]);
    assert_eq!(desk.says(whole(2)), [bob()]);
    desk.sends("second", 2);
    assert!(desk.is_password("second") && !desk.is_password("first"));
    assert_eq!(desk.log(), ["PasswordMustChange", "PasswordSet"]);
}

#[test]
fn a_controller_that_lags_behind_brings_no_old_password_back() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.says(whole(2));
    desk.sends("newer", 2);
    let lagging = Stamped {
        temporary: Some(true),
        ..whole(1)
    };
    assert_eq!(desk.says(lagging), []);
    assert_eq!(
        desk.tally(),
        PasswordTally::default(),
        "nothing of it is believed"
    );
    desk.sends("older", 1);
    assert!(desk.is_password("newer"));
    // What was wanted once and arrives late is not what is known by now.
    desk.says(whole(4));
    desk.sends("third", 3);
    assert!(desk.is_password("newer"));
    assert_eq!(desk.pulled(), [bob()]);
}

#[test]
fn who_left_the_scope_is_not_wanted_and_who_comes_back_is_asked_for() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.says(whole(1));
    desk.sends("first", 1);
    let id = (desk.configuration.id, bob());
    desk.write(|tx| {
        tx.store(&[desk.link(true)])?;
        tx.remove::<PasswordRow>(&[id])
    });
    assert_eq!(desk.says(whole(2)), []);
    desk.sends("second", 2);
    assert!(!desk.is_password("second"));
    desk.put(ObjectClass::User);
    assert_eq!(desk.pulled(), [bob()]);
    assert_eq!(desk.says(whole(2)), [bob()]);
}

#[test]
fn a_row_of_somebody_who_is_gone_is_not_asked_for() {
    let desk = Desk::new(PasswordHashSync::default());
    let id = (desk.configuration.id, bob());
    desk.write(|tx| tx.remove::<LinkRow>(&[id]));
    assert_eq!(desk.pulled(), []);
    assert_eq!(desk.tally().waiting, 0);
}

#[test]
fn other_rules_judge_everybody_anew() {
    let mut desk = Desk::new(PasswordHashSync::default());
    let temporary = Stamped {
        temporary: Some(true),
        expires: Some(NOW.as_millis() - 1),
        ..whole(1)
    };
    assert_eq!(desk.says(temporary), []);
    let judge = |desk: &Desk| {
        let mut position = None;
        loop {
            position =
                desk.in_lane(|tx, mut lane| Ok(judge_anew(tx, &mut lane, position.take(), NOW)?));
            if position.is_none() {
                return;
            }
        }
    };
    desk.wish(PasswordHashSync {
        force_change_at_logon: true,
        ..PasswordHashSync::default()
    });
    judge(&desk);
    assert_eq!(desk.pulled(), [bob()]);
    desk.sends("word", 1);
    assert!(desk.is_password("word"));
    desk.wish(PasswordHashSync {
        force_change_at_logon: true,
        follow_account_expiry: true,
        ..PasswordHashSync::default()
    });
    judge(&desk);
    assert!(!desk.is_password("word"), "the account has expired");
    assert_eq!(desk.tally().skipped, 1);
    let extended = Stamped {
        guid: bob(),
        expires: Some(NOW.as_millis() + 1),
        ..Stamped::default()
    };
    assert_eq!(desk.says(extended), [bob()]);
}

#[test]
fn passwords_of_inet_org_persons_are_left_out() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.put(ObjectClass::InetOrgPerson);
    assert_eq!(desk.says(whole(1)), []);
    assert_eq!(desk.tally().skipped, 1);
    assert_eq!(desk.log(), ["InetOrgPerson"]);
}

#[test]
fn a_credential_that_could_not_be_made_is_told_once_and_tried_again() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.says(whole(1));
    let failed = || MadeCredential {
        guid: bob(),
        stamp: stamp(1),
        credential: None,
        failure: Some("the object has no SID".into()),
    };
    desk.sends_made(failed());
    desk.sends_made(failed());
    assert_eq!(desk.tally().failed, 1);
    assert_eq!(desk.log(), ["PasswordFailed"]);
    assert_eq!(desk.pulled(), [bob()]);
    let nonsense = MadeCredential {
        credential: Some(WireSecret(Secret::new("hunter2".into()))),
        ..failed()
    };
    desk.sends_made(nonsense);
    assert_eq!(desk.tally().failed, 1);
}

#[test]
fn a_tombstone_of_replication_is_no_news_where_the_reading_of_objects_tells_of_tombstones() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.says(Stamped {
        guid: bob(),
        deleted: true,
        ..Stamped::default()
    });
    let id = (desk.configuration.id, bob());
    let row: Staged = desk.write(|tx| tx.fetch_one(&id)).unwrap();
    assert_ne!(row.object.presence, lockstep_engine::Presence::Deleted);
}

#[test]
fn a_database_that_was_set_back_is_read_anew_by_both_readings_whichever_meets_it_first() {
    let desk = Desk::new(PasswordHashSync::default());
    let controller = |highest_usn| ControllerIdentity {
        dns_name: "dc1.corp.test".into(),
        naming_context: Guid::from_bytes([6; 16]),
        domain_sid: "S-1-5-21-1-2-3".parse().unwrap(),
        invocation_id: Guid::from_bytes([7; 16]),
        highest_usn,
    };
    let begins = |highest_usn| {
        let body = ReplicationBegin {
            lease: 0,
            controller: controller(highest_usn),
            canary: None,
        };
        desk.in_lane(|tx, lane| begin(tx, lane, &body));
        let job: Option<Job> = desk.write(|tx| tx.fetch_one(&desk.configuration.id));
        job.unwrap().watermark
    };
    begins(100);
    let current = Watermark::Current(Cookie {
        value: "AAAA".into(),
        controller: "dc1.corp.test".into(),
        issued: NOW.as_millis(),
        controller_clock: None,
    });
    desk.job(|job| job.watermark = current.clone());
    assert_eq!(begins(120), current);
    assert_eq!(begins(80), Watermark::Start);
}

#[test]
fn a_tombstone_of_replication_marks_its_object() {
    let desk = Desk::new(PasswordHashSync::default());
    desk.job(|job| job.tombstones_visible = false);
    let deleted = Stamped {
        guid: bob(),
        deleted: true,
        ..Stamped::default()
    };
    desk.says(deleted.clone());
    let id = (desk.configuration.id, bob());
    let row: Staged = desk.write(|tx| tx.fetch_one(&id)).unwrap();
    assert_eq!(row.object.presence, lockstep_engine::Presence::Deleted);
    let marks: Vec<Dirty> = desk.write(|tx| tx.list(&Scan::of(Key::empty(), 10)));
    assert!(!marks.is_empty());
    // Of what was never known nothing is made.
    desk.says(Stamped {
        guid: Guid::from_bytes([8; 16]),
        ..deleted
    });
    let rows: Vec<Staged> = desk.write(|tx| tx.list(&Scan::of(Key::empty(), 10)));
    assert_eq!(rows.len(), 1);
}
