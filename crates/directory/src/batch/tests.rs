//! Stories of batches.

use super::*;
use crate::index::terms;
use crate::unique::owned;
use lockstep_model::Guid;
use lockstep_model::ids::ConfigurationId;
use proptest::prelude::*;
use std::convert::Infallible;

/// A directory in memory.
#[derive(Default)]
struct Memory {
    objects: BTreeMap<ObjectId, Object>,
    owners: BTreeMap<UniqueValue, ObjectId>,
    waiting: BTreeSet<(UniqueValue, ObjectId)>,
    index: BTreeSet<(Kind, Term, ObjectId)>,
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
        self.write_for(&tenant(), changes).outcomes
    }

    fn write_for(&mut self, tenant: &TenantRules, changes: Vec<Change>) -> Batch {
        self.clock += 1;
        let Ok(batch) = write_batch(self, tenant, changes, Timestamp::from_millis(self.clock));
        for (id, _) in &batch.removed {
            self.objects.remove(id);
        }
        for object in &batch.objects {
            self.objects.insert(object.id, object.clone());
        }
        for value in &batch.released {
            assert!(
                self.owners.remove(value).is_some(),
                "{value:?} was nobody's"
            );
        }
        self.owners.extend(batch.claimed.iter().cloned());
        for waiting in &batch.satisfied {
            assert!(self.waiting.remove(waiting), "{waiting:?} did not wait");
        }
        self.waiting.extend(batch.waiting.iter().cloned());
        for entry in &batch.forgotten {
            assert!(self.index.remove(entry), "{entry:?} was not in the index");
        }
        self.index.extend(batch.indexed.iter().cloned());
        self.check();
        batch
    }

    /// What holds whatever was done: every unique value has one live owner, who shows it; whoever waits
    /// has a conflict that says so, and waits for something that another has; the index is that of the
    /// objects.
    fn check(&self) {
        let mut owners = BTreeMap::new();
        let mut waiting = BTreeSet::new();
        let mut index = BTreeSet::new();
        for object in self.objects.values() {
            for value in owned(object) {
                assert_eq!(
                    owners.insert(value.clone(), object.id),
                    None,
                    "{value:?} twice"
                );
            }
            for conflict in &object.conflicts {
                assert!(
                    object.deleted.is_none(),
                    "{} waits in the recycle bin",
                    object.id
                );
                waiting.insert((conflict.value.clone(), object.id));
            }
            index.extend(
                terms(object)
                    .into_iter()
                    .map(|term| (object.kind, term, object.id)),
            );
        }
        for (value, id) in &waiting {
            let owner = owners.get(value);
            assert!(
                owner.is_some_and(|owner| owner != id),
                "{id} waits for {value:?}, which is free"
            );
        }
        assert_eq!(owners, self.owners);
        assert_eq!(waiting, self.waiting);
        assert_eq!(index, self.index);
    }

    fn text(&self, n: u8, property: &str) -> &str {
        self.objects[&id(n)].text(property).unwrap_or_default()
    }

    fn upn(&self, n: u8) -> &str {
        self.text(n, "userPrincipalName")
    }
}

fn tenant() -> TenantRules {
    TenantRules {
        initial_domain: "local.lockstep".into(),
        domains: vec!["x.test".into()],
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
    let batch = directory.write_for(&tenant(), vec![rename(1, "c@x.test")]);
    assert_eq!(directory.upn(2), "A@x.test");
    assert!(directory.objects[&id(2)].conflicts.is_empty());
    // Nobody asked for that, so the batch says it.
    let [Inherited { object, changes }] = &batch.inherited[..] else {
        panic!("{:?}", batch.inherited);
    };
    assert_eq!(object.id, id(2));
    let name = changes
        .iter()
        .find(|change| change.property.name() == "userPrincipalName")
        .unwrap();
    let text =
        |value: &Option<PropertyValue>| value.as_ref().unwrap().as_text().unwrap().to_owned();
    assert_eq!(text(&name.old), "A+0514@local.lockstep");
    assert_eq!(text(&name.new), "A@x.test");
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

#[test]
fn who_waited_longest_gets_the_value() {
    let mut directory = Memory::default();
    for n in [1, 3, 2] {
        directory.write(vec![create(n, "a@x.test")]);
    }
    directory.write(vec![Change::Delete { id: id(1) }]);
    assert_eq!(directory.upn(3), "a@x.test");
    assert_eq!(directory.objects[&id(2)].conflicts[0].owner, id(3));
    // Of those who came in one batch, the first.
    directory.write(vec![create(9, "b@x.test"), create(8, "b@x.test")]);
    assert_eq!(directory.upn(9), "b@x.test");
}

#[test]
fn a_placeholder_is_a_name_that_nobody_has_and_stays() {
    let mut directory = Memory::default();
    // Both ids give the same four digits.
    let twin = ObjectId::new(Guid::from_bytes([
        2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3,
    ]));
    let values = values(&[("userPrincipalName", "a@x.test")]);
    let create_twin = Change::Create {
        id: twin,
        kind: Kind::User,
        mastery: None,
        values,
    };
    directory.write(vec![
        create(1, "a@x.test"),
        create(3, "a@x.test"),
        create_twin,
    ]);
    let name = |directory: &Memory| {
        let twin = &directory.objects[&twin];
        twin.text("userPrincipalName")
            .unwrap_or_default()
            .to_owned()
    };
    // The first of two waiting users has the digits, the other the next ones.
    let (first, second) = (directory.upn(3).to_owned(), name(&directory));
    let names: BTreeSet<&str> = [first.as_str(), second.as_str()].into();
    assert_eq!(
        names,
        ["a+0771@local.lockstep", "a+0772@local.lockstep"].into()
    );
    // The other digits are free now; the name stays all the same.
    directory.write(vec![Change::Delete { id: id(3) }]);
    directory.write(vec![Change::Update {
        id: twin,
        values: BTreeMap::new(),
    }]);
    assert_eq!(name(&directory), second);
}

#[test]
fn a_second_user_with_the_same_proxy_address_waits_for_it_whoever_has_it() {
    let mut directory = Memory::default();
    let addresses = |address| values(&[("proxyAddresses", address)]);
    // A user that the cloud owns has the address; a synchronised one should.
    let cloud = values(&[
        ("userPrincipalName", "c@x.test"),
        ("proxyAddresses", "SMTP:a@x.test"),
    ]);
    directory.write(vec![Change::Create {
        id: id(1),
        kind: Kind::User,
        mastery: None,
        values: cloud,
    }]);
    directory.write(vec![synced(2, "a@x.test")]);
    directory.write(vec![Change::Update {
        id: id(2),
        values: addresses("SMTP:a@x.test"),
    }]);
    let conflict = &directory.objects[&id(2)].conflicts[0];
    assert_eq!(
        (conflict.property.name(), conflict.owner),
        ("proxyAddresses", id(1))
    );
    let batch = directory.write_for(
        &tenant(),
        vec![Change::Update {
            id: id(1),
            values: addresses("SMTP:other@x.test"),
        }],
    );
    assert!(directory.objects[&id(2)].conflicts.is_empty());
    assert!(
        batch.objects.iter().any(|object| object.id == id(2)),
        "the address came at once"
    );
}

fn synced(n: u8, upn: &str) -> Change {
    Change::Create {
        id: id(n),
        kind: Kind::User,
        mastery: Some(mastery(7)),
        values: values(&[("userPrincipalName", upn)]),
    }
}

fn mastery(configuration: u8) -> Mastery {
    Mastery {
        configuration: ConfigurationId::new(Guid::from_bytes([configuration; 16])),
        anchor: SourceAnchor::from_object_guid(Guid::from_bytes([9; 16])),
    }
}

#[test]
fn the_five_published_scenarios_of_user_principal_names() {
    let mut directory = Memory::default();
    let tenant = |domain: &str| TenantRules {
        initial_domain: "contoso.onmicrosoft.com".into(),
        domains: vec![domain.into()],
    };
    let verified = tenant("verified.contoso.com");
    let names = |directory: &Memory| {
        (
            directory.text(1, "mailNickname").to_owned(),
            directory.upn(1).to_owned(),
        )
    };
    let mut step = |given: &[(&str, &str)], nickname: &str, upn: &str| {
        let values = values(given);
        let change = match directory.objects.is_empty() {
            true => Change::Create {
                id: id(1),
                kind: Kind::User,
                mastery: Some(mastery(1)),
                values,
            },
            false => Change::Update { id: id(1), values },
        };
        directory.write_for(&verified, vec![change]);
        assert_eq!(names(&directory), (nickname.to_owned(), upn.to_owned()));
    };
    // 1: the suffix is not verified, at the first synchronisation.
    let first = [
        ("proxyAddresses", "SMTP:us1@contoso.com"),
        ("mail", "us2@contoso.com"),
        ("userPrincipalName", "us3@contoso.com"),
    ];
    step(&first, "us1", "us1@contoso.onmicrosoft.com");
    // 2: mailNickname is set on premises.
    step(
        &[("mailNickname", "us4")],
        "us4",
        "us1@contoso.onmicrosoft.com",
    );
    // 3: the name is changed on premises.
    step(
        &[("userPrincipalName", "us5@contoso.com")],
        "us4",
        "us4@contoso.onmicrosoft.com",
    );
    // 4: primary address and mail are changed.
    let fourth = [
        ("proxyAddresses", "SMTP:us6@contoso.com"),
        ("mail", "us7@contoso.com"),
    ];
    step(&fourth, "us4", "us4@contoso.onmicrosoft.com");
    // 5: the suffix becomes a verified one.
    step(
        &[("userPrincipalName", "us5@verified.contoso.com")],
        "us4",
        "us5@verified.contoso.com",
    );
}

#[test]
fn changing_only_on_premises_mail_never_changes_the_cloud_upn() {
    let mut directory = Memory::default();
    let first = values(&[
        ("userPrincipalName", "ada@other.test"),
        ("mail", "ada@y.test"),
    ]);
    directory.write(vec![Change::Create {
        id: id(1),
        kind: Kind::User,
        mastery: None,
        values: first,
    }]);
    for mail in ["countess@y.test", "", "king@x.test"] {
        directory.write(vec![Change::Update {
            id: id(1),
            values: values(&[("mail", mail)]),
        }]);
        assert_eq!(directory.upn(1), "ada@local.lockstep");
    }
}

#[test]
fn a_name_is_made_anew_when_the_domains_of_the_tenant_change() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "ada@corp.test")]);
    assert_eq!(directory.upn(1), "ada@local.lockstep");
    let more = TenantRules {
        domains: vec!["corp.test".into()],
        ..tenant()
    };
    let touch = || {
        vec![Change::Update {
            id: id(1),
            values: BTreeMap::new(),
        }]
    };
    directory.write_for(&more, touch());
    assert_eq!(directory.upn(1), "ada@corp.test");
    directory.write_for(&tenant(), touch());
    assert_eq!(directory.upn(1), "ada@local.lockstep");
}

fn take_over(n: u8, given: &[(&str, &str)]) -> Change {
    Change::TakeOver {
        id: id(n),
        kind: Kind::User,
        mastery: mastery(8),
        values: values(given),
    }
}

#[test]
fn an_existing_cloud_user_is_taken_over_with_its_id_and_its_on_premises_attributes_win() {
    let mut directory = Memory::default();
    let first = [
        ("userPrincipalName", "ada@x.test"),
        ("department", "Looms"),
        ("jobTitle", "Countess"),
        ("mailNickname", "countess"),
    ];
    let values_of_ada = values(&first);
    directory.write(vec![Change::Create {
        id: id(1),
        kind: Kind::User,
        mastery: None,
        values: values_of_ada,
    }]);
    let given = [
        ("userPrincipalName", "ada@x.test"),
        ("department", "Engines"),
        ("jobTitle", ""),
    ];
    let outcomes = directory.write(vec![take_over(1, &given)]);
    let changes = &outcomes[0].result.as_ref().unwrap().changes;
    assert_eq!(
        changes
            .iter()
            .map(|c| c.property.name())
            .collect::<Vec<_>>(),
        ["department"]
    );
    assert_eq!(directory.objects[&id(1)].mastery, Some(mastery(8)));
    // Where Active Directory has no value the cloud's stays: it is none that synchronisation gave.
    assert_eq!(directory.text(1, "jobTitle"), "Countess");
    assert_eq!(directory.text(1, "mailNickname"), "countess");
    let title = Property::named(Kind::User, "jobTitle").unwrap();
    assert_eq!(directory.objects[&id(1)].wanted.get(&title), None);
    // Once Active Directory has had a value, it decides about its absence too.
    for (given, shown) in [("Queen", "Queen"), ("", "")] {
        let values = values(&[("jobTitle", given)]);
        directory.write(vec![Change::Update { id: id(1), values }]);
        assert_eq!(directory.text(1, "jobTitle"), shown);
    }
}

#[test]
fn a_cloud_user_with_an_admin_role_is_not_taken_over_and_the_refusal_says_why() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    let roles = |roles| vec![Change::SetRoles { id: id(1), roles }];
    directory.write(roles([Role::Administrator].into()));
    let outcomes = directory.write(vec![take_over(1, &[("department", "x")])]);
    assert_eq!(outcomes[0].result, Err(Refusal::HasRole(id(1))));
    assert_eq!(directory.text(1, "department"), "");
    directory.write(roles(BTreeSet::new()));
    assert!(directory.write(vec![take_over(1, &[])])[0].result.is_ok());
    // A user that is synchronised already may have a role, and goes on being synchronised.
    directory.write(roles([Role::Administrator].into()));
    assert!(directory.write(vec![take_over(1, &[])])[0].result.is_ok());
}

#[test]
fn a_user_moves_from_one_configuration_to_another_out_of_the_recycle_bin_as_well() {
    let mut directory = Memory::default();
    directory.write(vec![synced(1, "a@x.test")]);
    directory.write(vec![Change::Update {
        id: id(1),
        values: values(&[("department", "x")]),
    }]);
    directory.write(vec![Change::Delete { id: id(1) }]);
    let given = [("userPrincipalName", "a@x.test"), ("department", "")];
    assert!(
        directory.write(vec![take_over(1, &given)])[0]
            .result
            .is_ok()
    );
    let object = &directory.objects[&id(1)];
    assert_eq!((object.deleted, &object.mastery), (None, &Some(mastery(8))));
    // What another configuration gave is not the cloud's: the new one decides.
    assert_eq!(directory.text(1, "department"), "");
}

#[test]
fn a_take_over_expects_the_kind() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    let group = Change::TakeOver {
        id: id(1),
        kind: Kind::Group,
        mastery: mastery(8),
        values: BTreeMap::new(),
    };
    let outcomes = directory.write(vec![group]);
    assert_eq!(outcomes[0].result, Err(Refusal::OtherKind(id(1))));
}

#[test]
fn a_released_object_keeps_its_values_and_is_found_by_its_anchor() {
    let mut directory = Memory::default();
    directory.write(vec![synced(1, "a@x.test")]);
    let change = Change::Update {
        id: id(1),
        values: values(&[("onPremisesDomainName", "corp.test")]),
    };
    directory.write(vec![change]);
    assert_eq!(directory.objects[&id(1)].sync_enabled(), Some(true));
    let release = |from| Change::Release {
        id: id(1),
        from: mastery(from).configuration,
    };
    let outcomes = directory.write(vec![release(8)]);
    assert_eq!(outcomes[0].result, Err(Refusal::OtherOwner(id(1))));
    directory.write(vec![release(7)]);
    let object = &directory.objects[&id(1)];
    assert_eq!(
        (object.mastery.as_ref(), object.anchor()),
        (None, Some(&mastery(7).anchor))
    );
    assert_eq!(object.sync_enabled(), Some(false));
    assert_eq!(directory.upn(1), "a@x.test");
}

#[test]
fn a_deleted_user_loses_its_roles_and_is_gone_when_the_bin_is_emptied() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test")]);
    directory.write(vec![Change::SetRoles {
        id: id(1),
        roles: [Role::Reader].into(),
    }]);
    let outcomes = directory.write(vec![Change::Purge { id: id(1) }]);
    assert_eq!(outcomes[0].result, Err(Refusal::NotDeleted(id(1))));
    directory.write(vec![Change::Delete { id: id(1) }]);
    directory.write(vec![Change::Restore {
        id: id(1),
        values: BTreeMap::new(),
    }]);
    assert!(directory.objects[&id(1)].roles.is_empty());
    directory.write(vec![Change::Delete { id: id(1) }]);
    let batch = directory.write_for(&tenant(), vec![Change::Purge { id: id(1) }]);
    assert_eq!(batch.removed, [(id(1), Kind::User)]);
    assert!(directory.objects.is_empty());
}

#[test]
fn a_batch_names_the_value_that_it_did_not_get() {
    let mut directory = Memory::default();
    directory.write(vec![create(1, "a@x.test"), create(2, "b@x.test")]);
    let batch = directory.write_for(&tenant(), vec![rename(2, "a@x.test")]);
    assert_eq!(
        batch.new_conflict().map(|conflict| conflict.owner),
        Some(id(1))
    );
    // Afterwards it is known: another change of that user is no conflict.
    let change = Change::Update {
        id: id(2),
        values: values(&[("department", "x")]),
    };
    assert_eq!(
        directory.write_for(&tenant(), vec![change]).new_conflict(),
        None
    );
}

/// Changes over few objects and few values, so that they meet.
fn any_change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec![
        "a@x.test",
        "B@x.test",
        "b@X.test",
        "a@other.test",
        "c@x.test",
    ]);
    let addresses = prop::sample::subsequence(
        vec!["SMTP:a@x.test", "smtp:A@x.test", "smtp:b@x.test"],
        0..3,
    );
    let numbers = (0..9_u8, 1..6_u8);
    (numbers, name, addresses).prop_map(|((form, n), name, addresses)| {
        let upn = values(&[("userPrincipalName", name), ("displayName", name)]);
        let proxies = values(&[("proxyAddresses", &addresses.join(" "))]);
        match form {
            0 | 1 => Change::Create {
                id: id(n),
                kind: Kind::User,
                mastery: None,
                values: upn,
            },
            2 => Change::Create {
                id: id(n),
                kind: Kind::Group,
                mastery: None,
                values: group(&addresses),
            },
            3 => Change::Update {
                id: id(n),
                values: upn,
            },
            4 => Change::Update {
                id: id(n),
                values: proxies,
            },
            5 => Change::Delete { id: id(n) },
            6 => Change::Restore {
                id: id(n),
                values: BTreeMap::new(),
            },
            7 => Change::Purge { id: id(n) },
            _ => take_over(n, &[("userPrincipalName", name)]),
        }
    })
}

fn group(addresses: &[&str]) -> Given {
    let property = Property::named(Kind::Group, "proxyAddresses").unwrap();
    let list = addresses
        .iter()
        .map(|&address| address.to_owned())
        .collect();
    [(property, Some(PropertyValue::texts(list)))].into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_unique_value_has_one_owner_and_nobody_waits_for_a_free_one(
        batches in prop::collection::vec(prop::collection::vec(any_change(), 1..6), 1..12),
    ) {
        let mut directory = Memory::default();
        for batch in batches {
            // A user's values would not fit a group: such a change is none that anybody makes.
            let is_group = |id: &ObjectId| {
                directory.objects.get(id).is_some_and(|object| object.kind == Kind::Group)
            };
            let makes_group: BTreeSet<ObjectId> = batch.iter().filter_map(|change| match change {
                Change::Create { id, kind: Kind::Group, .. } => Some(*id),
                _ => None,
            }).collect();
            let fits = |change: &Change| match change {
                Change::Create { .. } | Change::Delete { .. } | Change::Purge { .. } => true,
                other => !is_group(&other.id()) && !makes_group.contains(&other.id()),
            };
            let batch: Vec<Change> = batch.into_iter().filter(fits).collect();
            directory.write(batch);
            // Applied twice is applied once: nothing is left to settle.
            let touch = |object: &Object| Change::Update { id: object.id, values: BTreeMap::new() };
            let live = directory.objects.values().filter(|object| object.deleted.is_none());
            let again: Vec<Change> = live.map(touch).collect();
            let batch = directory.write_for(&tenant(), again);
            prop_assert!(batch.objects.is_empty(), "{:?}", batch.objects);
        }
    }
}
