//! Stories of batches.

use super::*;
use lockstep_model::Guid;
use std::convert::Infallible;

/// A directory in memory.
#[derive(Default)]
struct Memory {
    objects: BTreeMap<ObjectId, Object>,
    owners: BTreeMap<UniqueValue, ObjectId>,
    waiting: BTreeSet<(UniqueValue, ObjectId)>,
    clock: i64,
}

impl View for Memory {
    type Error = Infallible;

    fn objects(&mut self, ids: &[ObjectId]) -> Result<Vec<Option<Object>>, Infallible> {
        Ok(ids.iter().map(|id| self.objects.get(id).cloned()).collect())
    }

    fn owners(&mut self, values: &[UniqueValue]) -> Result<Vec<Option<ObjectId>>, Infallible> {
        Ok(values
            .iter()
            .map(|value| self.owners.get(value).copied())
            .collect())
    }

    fn waiting(&mut self, values: &[UniqueValue]) -> Result<Vec<Vec<ObjectId>>, Infallible> {
        let of = |value: &UniqueValue| {
            self.waiting
                .iter()
                .filter(|(v, _)| v == value)
                .map(|(_, id)| *id)
                .collect()
        };
        Ok(values.iter().map(of).collect())
    }
}

impl Memory {
    fn write(&mut self, changes: Vec<Change>) -> Vec<Outcome> {
        self.clock += 1;
        let tenant = TenantRules {
            initial_domain: "local.lockstep".into(),
            domains: vec!["x.test".into()],
        };
        let Ok(batch) = write_batch(self, &tenant, changes, Timestamp::from_millis(self.clock));
        for id in batch.removed {
            self.objects.remove(&id);
        }
        for object in batch.objects {
            self.objects.insert(object.id, object);
        }
        for value in batch.released {
            self.owners.remove(&value);
        }
        self.owners.extend(batch.claimed);
        for waiting in batch.satisfied {
            self.waiting.remove(&waiting);
        }
        self.waiting.extend(batch.waiting);
        self.check();
        batch.outcomes
    }

    /// Every unique value has one live owner, who shows it; nobody else does.
    fn check(&self) {
        let mut owners = BTreeMap::new();
        for object in self.objects.values() {
            for value in owned(object) {
                assert_eq!(
                    owners.insert(value.clone(), object.id),
                    None,
                    "{value:?} twice"
                );
            }
        }
        assert_eq!(owners, self.owners);
    }

    fn upn(&self, n: u8) -> &str {
        self.objects[&id(n)]
            .text("userPrincipalName")
            .unwrap_or_default()
    }
}

fn id(n: u8) -> ObjectId {
    ObjectId::new(Guid::from_bytes([n; 16]))
}

fn values(texts: &[(&str, &str)]) -> BTreeMap<Property, Option<PropertyValue>> {
    let value = |(name, text): &(&str, &str)| {
        let property = Property::named(Kind::User, name).unwrap();
        let value = match *name {
            "proxyAddresses" => PropertyValue::texts(text.split(' ').map(str::to_owned).collect()),
            _ => PropertyValue::Text((*text).to_owned()),
        };
        (property, Some(value).filter(|_| !text.is_empty()))
    };
    texts.iter().map(value).collect()
}

fn create(n: u8, upn: &str) -> Change {
    let values = values(&[("userPrincipalName", upn)]);
    Change::Create {
        id: id(n),
        kind: Kind::User,
        mastery: None,
        values,
    }
}

fn rename(n: u8, upn: &str) -> Change {
    Change::Update {
        id: id(n),
        values: values(&[("userPrincipalName", upn)]),
    }
}

#[test]
fn two_users_swap_their_names_in_one_batch() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test"), create(2, "b@x.test")]);
    directory.write(vec![rename(1, "b@x.test"), rename(2, "a@x.test")]);
    assert_eq!(
        (directory.upn(1), directory.upn(2)),
        ("b@x.test", "a@x.test")
    );
    assert!(
        directory
            .objects
            .values()
            .all(|object| object.conflicts.is_empty())
    );
}

#[test]
fn a_name_that_is_given_up_and_taken_in_one_batch_ends_with_the_new_owner() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    directory.write(vec![create(2, "a@x.test"), Change::Delete { id: id(1) }]);
    assert_eq!(directory.upn(2), "a@x.test");
}

#[test]
fn a_taken_name_is_held_back_and_given_when_its_owner_lets_go() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    let outcomes = directory.write(vec![create(2, "A@x.test")]);
    assert_eq!(outcomes[0].conflicts.len(), 1);
    assert_eq!(directory.upn(2), "A+0514@local.lockstep");
    directory.write(vec![rename(1, "c@x.test")]);
    assert_eq!(directory.upn(2), "A@x.test");
    assert!(directory.objects[&id(2)].conflicts.is_empty());
}

#[test]
fn a_restore_does_not_fail_on_a_taken_name() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    directory.write(vec![Change::Delete { id: id(1) }]);
    directory.write(vec![create(2, "a@x.test")]);
    let outcomes = directory.write(vec![Change::Restore {
        id: id(1),
        values: BTreeMap::new(),
    }]);
    assert!(outcomes[0].result.is_ok());
    assert_eq!(directory.upn(2), "a@x.test");
    assert_eq!(outcomes[0].conflicts.len(), 1);
}

#[test]
fn an_address_is_held_back_alone() {
    let mut directory = Memory::default();
    let user = |n, upn, addresses| Change::Create {
        id: id(n),
        kind: Kind::User,
        mastery: None,
        values: values(&[("userPrincipalName", upn), ("proxyAddresses", addresses)]),
    };
    directory.write(vec![user(1, "a@x.test", "SMTP:a@x.test")]);
    directory.write(vec![user(2, "b@x.test", "smtp:A@x.test SMTP:b@x.test")]);
    let proxy = Property::named(Kind::User, "proxyAddresses").unwrap();
    let shown = directory.objects[&id(2)].values.get(&proxy);
    assert_eq!(
        shown,
        Some(&PropertyValue::texts(vec!["SMTP:b@x.test".into()]))
    );
    directory.write(vec![Change::Delete { id: id(1) }]);
    let shown = directory.objects[&id(2)].values.get(&proxy);
    let both = vec!["SMTP:b@x.test".into(), "smtp:A@x.test".into()];
    assert_eq!(shown, Some(&PropertyValue::texts(both)));
}

#[test]
fn a_deleted_user_keeps_its_values_and_frees_its_names() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    directory.write(vec![Change::Delete { id: id(1) }]);
    assert_eq!(directory.upn(1), "a@x.test");
    assert!(directory.owners.is_empty());
    let outcomes = directory.write(vec![rename(1, "b@x.test")]);
    assert_eq!(outcomes[0].result, Err(Refusal::Deleted(id(1))));
}

#[test]
fn groups_are_gone_for_good() {
    let mut directory = Memory::default();
    let values = BTreeMap::new();
    directory.write(vec![Change::Create {
        id: id(1),
        kind: Kind::Group,
        mastery: None,
        values,
    }]);
    directory.write(vec![Change::Delete { id: id(1) }]);
    assert!(directory.objects.is_empty());
}
