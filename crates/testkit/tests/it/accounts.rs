//! Whose password is taken over, and what it is good for.

use crate::bed::{Bed, CONFIGURATION, by_hand_only};
use crate::door::{Door, Entry};
use crate::passwords::{BASE, add, count, dn, enters, entry_of, sent, synced, upn};
use lockstep_testkit::samba::{Population, Template};
use serde_json::{Value, json};

/// How many passwords may be wrong from one address before answers wait.
const WRONG_ONES: u32 = 100;

#[test]
fn a_thousand_people_can_sign_in_after_one_cycle() {
    let population = Population {
        users: 1_000,
        ous: 5,
        ..Population::default()
    };
    let template = Template {
        population,
        ..Template::default()
    };
    let bed = Bed::start(template).unwrap();
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "waiting"), 0, "{}", cycle.result);
    assert_eq!(count(&cycle.result, "failed"), 0, "{}", cycle.result);
    assert!(count(&cycle.result, "set") >= 1_000, "{}", cycle.result);
    let door = Door::of(&bed.service).unwrap();
    let account = |number: u32| format!("user{number:06}");
    for number in 0..population.users {
        let password = Population::password(number);
        assert!(enters(&door, &account(number), &password), "{password}");
    }
    // All that may be wrong: with passwords of each kind, and people who have signed in before.
    for number in 0..WRONG_ONES / 3 {
        let password = Population::password(number);
        let shorter = password.chars().skip(1).collect();
        let neighbour = Population::password(number + 5);
        for other in [shorter, format!("{password} "), neighbour] {
            assert!(!enters(&door, &account(number), &other), "{other}");
        }
    }
}

#[test]
fn passwords_are_of_five_kinds() {
    let some: Vec<String> = (0..50).map(Population::password).collect();
    let of = |kind: usize| some.iter().skip(kind).step_by(5);
    assert!(of(0).all(|p| p.is_ascii() && p.chars().count() == 16));
    assert!(of(1).any(|p| p.contains(['ä', 'ö', 'ü'])));
    assert!(of(2).any(|p| p.chars().any(|c| c > '\u{1f000}')));
    assert!(of(3).all(|p| p.encode_utf16().count() == 127));
    assert!(of(4).all(|p| p.starts_with("  ") && p.ends_with(' ')));
}

#[test]
fn a_hash_that_comes_before_its_user_is_set_in_the_same_cycle_and_is_not_a_failure() {
    let bed = Bed::start(Template::default()).unwrap();
    let staff = bed.forest.ad().add_ou("Staff", None).unwrap();
    add(&bed, "bob", "First.word7").unwrap();
    let scope = format!("{CONFIGURATION}[scope]\norganizational-units = [\"{staff}\"]\n");
    bed.service.apply(&by_hand_only(&scope)).unwrap();
    // His hash comes, is nobody's here, and will not come again.
    let first = bed.cycle().unwrap();
    assert_eq!(count(&first.result, "set"), 0, "{}", first.result);
    assert!(first.log.is_empty(), "{:#?}", first.log);
    let here = format!("CN=bob,{staff}");
    let cycle = bed.after(|ad| ad.rename(&dn("bob"), &here)).unwrap();
    assert_eq!(cycle.count("created"), 1, "{}", cycle.result);
    for (what, expected) in [("set", 1), ("failed", 0), ("waiting", 0), ("skipped", 0)] {
        assert_eq!(count(&cycle.result, what), expected, "{}", cycle.result);
    }
    let failure = cycle.log.iter().find(|entry| entry["status"] != "Success");
    assert_eq!(failure, None);
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "bob", "First.word7"));
}

#[test]
fn machines_krbtgt_and_inet_org_persons_have_no_password_and_a_smart_card_ends_the_old_one() {
    let bed = Bed::start(Template::default()).unwrap();
    add(&bed, "bob", "First.word7").unwrap();
    let others = [
        (dn("iris"), "inetOrgPerson", "iris", "512"),
        (
            format!("CN=pc1,CN=Computers,{BASE}"),
            "computer",
            "pc1$",
            "4096",
        ),
    ];
    for (name, class, account, control) in &others {
        let attributes = json!({
            "objectClass": ["top", "person", "organizationalPerson", "user", class],
            "sAMAccountName": account,
            "userPrincipalName": upn(account),
            "userAccountControl": control,
        });
        let add = json!({
            "op": "add", "dn": name, "attributes": attributes, "password": "First.word7",
        });
        bed.forest.ad().operation(&add).unwrap();
    }
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "skipped"), 1, "{}", cycle.result);
    entry_of(&cycle.log, "InetOrgPerson");
    let guid = |dn: &str| bed.forest.ad().guid_of(dn).unwrap();
    let left = sent(&bed.agent);
    assert!(left.contains(&guid(&dn("bob"))), "{left:?}");
    let domain_controller = format!("CN=DC1,OU=Domain Controllers,{BASE}");
    for dn in [
        &others[0].0,
        &others[1].0,
        &dn("krbtgt"),
        &domain_controller,
    ] {
        assert!(!left.contains(&guid(dn)), "{dn}");
    }
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "bob", "First.word7"));
    bed.user("iris").unwrap();
    assert_eq!(bed.users("pc1$").unwrap().len(), 0);
    let refused = door.try_to_enter(&upn("iris"), "First.word7").unwrap();
    assert_eq!(refused, Entry::Refused);

    // From now on the password is one that nobody knows.
    let cycle = bed
        .after(|ad| ad.set(&dn("bob"), "userAccountControl", "262656"))
        .unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    assert!(!enters(&door, "bob", "First.word7"));
    assert_eq!(bed.user("bob").unwrap()["accountEnabled"], true);
}

#[test]
fn a_password_of_active_directory_does_not_expire_unless_the_policy_says_so_when_it_comes() {
    let (bed, _) = synced(&[("bob", "First.word7"), ("eve", "First.word7")]).unwrap();
    let policies = |account: &str| -> Value {
        let query = format!(
            "users?$select=passwordPolicies&$filter=onPremisesSamAccountName eq '{account}'"
        );
        bed.service.graph_all(&query).unwrap()[0]["passwordPolicies"].clone()
    };
    let never = "DisablePasswordExpiration";
    assert_eq!([policies("bob"), policies("eve")], [never, never]);
    let policy = "password policy --expires-after-days 90 --synced-passwords-expire true";
    let words: Vec<&str> = policy.split(' ').collect();
    bed.service.run(&words).unwrap();
    bed.after(|ad| ad.set_password(&dn("bob"), "Second.word8"))
        .unwrap();
    assert_eq!(
        [policies("bob"), policies("eve")],
        [Value::Null, never.into()]
    );
    let file = bed.agent.secret("cloud", "Cloud.word9").unwrap();
    let set = ["password", "set", "eve@corp.test", "--password-file", &file];
    bed.service.run(&set).unwrap();
    assert_eq!(policies("eve"), Value::Null);
}
