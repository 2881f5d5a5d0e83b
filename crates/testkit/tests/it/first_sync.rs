//! The first sync, end to end.

use crate::bed::Bed;
use lockstep_testkit::front::Limits;
use lockstep_testkit::samba::{Population, Template};
use std::collections::BTreeMap;

/// A name with its escapes as any writer may choose them.
fn plain(dn: &str) -> anyhow::Result<String> {
    let dn: lockstep_model::Dn = dn.parse()?;
    Ok(format!("{:?}", dn.steps()).to_lowercase())
}

#[test]
fn a_domain_of_a_thousand_users_arrives_complete() {
    let bed = Bed::synced(Template::with(Population::THOUSAND)).unwrap();
    let filter = "(&(objectClass=user)(!(objectClass=computer)))";
    let pairs = [
        ("displayName", "displayName"),
        ("givenName", "givenName"),
        ("sn", "surname"),
        ("mail", "mail"),
        ("department", "department"),
        ("title", "jobTitle"),
        ("company", "companyName"),
        ("l", "city"),
        ("employeeID", "employeeId"),
        ("userPrincipalName", "userPrincipalName"),
    ];
    let wanted: Vec<&str> = pairs.iter().map(|(source, _)| *source).collect();
    let mut attributes = wanted.clone();
    attributes.extend(["sAMAccountName", "isCriticalSystemObject", "cn"]);
    let people = bed.forest.ad().search(filter, &attributes).unwrap();
    let people: Vec<_> = people
        .iter()
        .filter(|entry| !entry.attributes.contains_key("isCriticalSystemObject"))
        .collect();
    let targets: Vec<&str> = pairs.iter().map(|(_, target)| *target).collect();
    let select = format!(
        "onPremisesSamAccountName,onPremisesDistinguishedName,{}",
        targets.join(",")
    );
    let users = bed
        .service
        .graph_all(&format!("users?$top=999&$select={select}"))
        .unwrap();
    let users: BTreeMap<&str, _> = users
        .iter()
        .map(|user| (user["onPremisesSamAccountName"].as_str().unwrap(), user))
        .collect();
    // The account that reads is a user too.
    assert_eq!(people.len(), 1_001);
    assert_eq!(users.len(), people.len());
    for person in people {
        let account = person.attributes["sAMAccountName"][0].as_str().unwrap();
        let user = users[account];
        for (source, target) in pairs {
            // A display name that is not set is the common name.
            let fallback = (source == "displayName").then_some("cn");
            let names = [Some(source), fallback].into_iter().flatten();
            let value = |name: &str| person.attributes.get(name).map(|values| values[0].clone());
            let expected = names.into_iter().find_map(value);
            assert_eq!(
                user[target],
                expected.unwrap_or_default(),
                "{account} {target}"
            );
        }
        let dn = user["onPremisesDistinguishedName"].as_str().unwrap();
        assert_eq!(plain(dn).unwrap(), plain(&person.dn).unwrap());
    }
    let groups = bed.service.graph_all("groups?$top=999").unwrap();
    let own = groups.iter().filter(|group| {
        group["displayName"]
            .as_str()
            .is_some_and(|name| name.starts_with("Group "))
    });
    assert_eq!(own.count(), 100);
    assert_eq!(bed.members("Group 00000").unwrap().len(), 600);
    assert_eq!(bed.members("Group 00001").unwrap().len(), 10);
    assert_eq!(
        bed.manager("user000015").unwrap().as_deref(),
        Some("User 000010")
    );
    assert_eq!(bed.manager("user000010").unwrap(), None);
}

/// What a cycle costs that finds nothing new.
#[derive(Debug)]
struct Cost {
    ldap: usize,
    channel: Vec<String>,
    statements: u64,
}

/// The cost of a second cycle of a domain with so many users.
fn second_cycle(users: u32) -> anyhow::Result<Cost> {
    let population = Population {
        users,
        ..Population::THOUSAND
    };
    let limits = Limits::default();
    let (bed, front) = Bed::behind_front(Template::with(population), limits)?;
    bed.cycle()?;
    // The second one may still find that the service account has signed in.
    bed.cycle()?;
    let ldap = front.requests().len();
    let sent = bed.agent.sent()?.len();
    let statements = bed.service.metric("lockstep_store_statements_total")?;
    let second = bed.cycle()?;
    let statements = bed.service.metric("lockstep_store_statements_total")? - statements;
    let what = [
        "created", "updated", "deleted", "restored", "failed", "held", "imported",
    ];
    for what in what {
        assert_eq!(second.count(what), 0, "{what}: {}", second.result);
    }
    assert!(second.log.is_empty());
    let sent = bed.agent.sent()?.split_off(sent);
    let paths = sent.iter().filter_map(|sent| sent["path"].as_str());
    let kinds = paths.filter_map(|path| path.rsplit('/').next());
    Ok(Cost {
        ldap: front.requests().len() - ldap,
        channel: kinds
            .filter(|kind| *kind != "session")
            .map(str::to_owned)
            .collect(),
        statements,
    })
}

#[test]
fn a_second_cycle_exports_nothing_and_asks_as_much_of_a_hundred_users_as_of_a_thousand() {
    let (few, many) = (second_cycle(100).unwrap(), second_cycle(1_000).unwrap());
    assert_eq!(few.ldap, many.ldap);
    assert_eq!(few.channel, many.channel);
    // Whoever waits for the cycle asks now and then whether it has ended, which takes statements too.
    assert!(
        many.statements < few.statements + 100,
        "{} and {}",
        few.statements,
        many.statements
    );
}
