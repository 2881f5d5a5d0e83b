//! A reply as Samba 4.17 sent it: a whole domain, which was made for this recording and thrown away. The session
//! key that its secrets are encrypted with went with the connection.

use super::*;
use crate::drsuapi::{Bound, Progress, Replication, SecretError, SessionKeys};
use lockstep_model::{Secret, Sid};

const CHANGES: &[u8] = include_bytes!("../../../../../fuzz/corpus/drs-changes/samba-page");
const BOUND: &[u8] = include_bytes!("../../../../../fuzz/corpus/drs-bind/samba");

#[test]
fn a_real_reply_is_understood() {
    let changes = Changes::decode(CHANGES).unwrap();
    let named = |start: &str| {
        let mut objects = changes.objects.iter();
        let found = objects.find(|object| object.name.dn().starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}"))
    };
    let version = |object: &Object<'_>| {
        let password = object.attribute(AttributeId::UNICODE_PWD);
        password.and_then(|password| Some(password.stamp?.version))
    };
    let (ada, bob, eve) = (named("CN=ada,"), named("CN=bob,"), named("CN=eve"));
    for person in [ada, bob] {
        assert_eq!(person.integer(AttributeId::USER_ACCOUNT_CONTROL), Some(512));
        assert!(!person.deleted());
        let value = person.value(AttributeId::UNICODE_PWD).unwrap();
        let rid = person.name.sid.as_ref().and_then(Sid::rid).unwrap();
        let mut keys = SessionKeys::default();
        keys.add(Secret::new(vec![7; 16]));
        let opened = keys.open_nt_hash(rid, value).map(|_| ());
        assert_eq!(opened, Err(SecretError::WrongKey));
    }
    // The password of one was changed once, and one was deleted.
    assert!(version(bob) > version(ada));
    assert!(eve.deleted());
    assert_eq!(eve.value(AttributeId::UNICODE_PWD), None);
    let mut cycle = Replication::new("DC=corp,DC=test", None, changes.invocation_id);
    let Ok(Progress::Complete(watermark)) = cycle.page(&changes) else {
        panic!("the only page is the last one");
    };
    assert_eq!(watermark.invocation_id, changes.invocation_id);
    assert_eq!(watermark.up_to_date.cursors.len(), 1);
}

#[test]
fn a_real_bind_is_understood() {
    let bound = Bound::decode(BOUND).unwrap();
    assert_eq!(bound.epoch, 0);
    assert_eq!(bound.handle.unbind().len(), 20);
}

#[test]
fn a_torn_reply_is_refused_wherever_it_is_torn() {
    for end in 0..CHANGES.len() - 4 {
        let torn = [&CHANGES[..end], &[0; 4]].concat();
        assert!(Changes::decode(&torn).is_err(), "torn at {end}");
    }
}
