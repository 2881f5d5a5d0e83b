//! A domain with two controllers that lag behind one another for as long as a test likes.

use crate::bed::{Bed, CONFIGURATION, by_hand_only};
use crate::door::Door;
use crate::passwords::{BASE, CHANGES_ALL, count, enters};
use lockstep_testkit::samba::{Forest, NewUser, Template};

const SCOPE: &str = "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\non-change = false\n\
                     interval = \"24h\"\n[scope]\norganizational-units = [\"OU=Staff,DC=corp,DC=test\"]\n";

/// A bed whose agent knows both controllers, the first one first; and the second one.
fn bed() -> anyhow::Result<(Bed, Forest)> {
    let (first, second) = Forest::start_two(Template::default())?;
    let address = second.dc().address().to_owned();
    let bed = Bed::with(first, |agent, first| {
        agent.add_domain_at(first, &[first.dc().address(), &address])
    })?;
    Ok((bed, second))
}

fn user<'a>(account: &'a str, parent: Option<&'a str>) -> NewUser<'a> {
    NewUser {
        account,
        parent,
        ..NewUser::default()
    }
}

#[test]
fn the_second_controller_goes_on_from_the_cookie_of_the_first_and_back() {
    let (mut bed, second) = bed().unwrap();
    let mut ada = String::new();
    for account in ["ada", "bob", "eve"] {
        ada = bed.forest.ad().add_user(&user(account, None)).unwrap();
    }
    second.replicate_from(&bed.forest).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    bed.forest.ad().set(&ada, "department", "one").unwrap();
    second.replicate_from(&bed.forest).unwrap();
    bed.forest.dc_mut().kill();
    // Only what the first one has not told is told by the second.
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.result["kind"], "incremental");
    assert_eq!(
        (cycle.count("imported"), cycle.count("updated")),
        (1, 1),
        "{}",
        cycle.result
    );
    second.ad().set(&ada, "department", "two").unwrap();
    assert_eq!(bed.cycle().unwrap().count("updated"), 1);
    let mut second = second;
    bed.forest.dc_mut().start().unwrap();
    bed.forest.replicate_from(&second).unwrap();
    second.dc_mut().kill();
    let back = bed.after(|ad| ad.set(&ada, "title", "three")).unwrap();
    assert_eq!(
        (back.count("updated"), back.count("deleted")),
        (1, 0),
        "{}",
        back.result
    );
    assert_eq!(back.result["kind"], "incremental");
    assert_eq!(bed.user("eve").unwrap()["department"], "two");
}

/// H2 (b)
#[test]
fn a_full_import_at_a_controller_that_lags_deletes_nobody() {
    let (mut bed, second) = bed().unwrap();
    bed.forest.ad().add_user(&user("ada", None)).unwrap();
    second.replicate_from(&bed.forest).unwrap();
    bed.forest.ad().add_user(&user("bob", None)).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    bed.forest.dc_mut().kill();
    bed.service
        .run(&["restart", "corp", "--reset", "full"])
        .unwrap();
    let full = bed.cycle().unwrap();
    assert_eq!(
        (full.result["kind"].as_str(), full.count("deleted")),
        (Some("full"), 0)
    );
    assert_eq!(bed.users("bob").unwrap().len(), 1);
    // He is listed, with the reason.
    let missing = full.log.iter().find(|entry| entry["code"] == "Missing");
    assert_eq!(
        missing.map(|entry| &entry["dn"]),
        Some(&"CN=bob,CN=Users,DC=corp,DC=test".into()),
        "{:#?}\n{}",
        full.log,
        bed.service.run(&["log"]).unwrap()
    );
    bed.forest.dc_mut().start().unwrap();
    second.replicate_from(&bed.forest).unwrap();
    let next = bed.cycle().unwrap();
    assert_eq!(
        next.count("deleted") + next.count("created"),
        0,
        "{}",
        next.result
    );
    bed.forest
        .ad()
        .set("CN=bob,CN=Users,DC=corp,DC=test", "department", "seen")
        .unwrap();
    second.replicate_from(&bed.forest).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.user("bob").unwrap()["department"], "seen");
}

/// H4
#[test]
fn what_a_lagging_controller_says_of_an_object_does_not_stay() {
    let (mut bed, mut second) = bed().unwrap();
    let people = ["ada", "bob"];
    {
        let mut ad = bed.forest.ad();
        ad.add_ou("Staff", None).unwrap();
        let away = ad.add_ou("Away", None).unwrap();
        for account in people {
            let dn = ad.add_user(&user(account, Some(&away))).unwrap();
            ad.set(&dn, "department", "old").unwrap();
        }
    }
    second.replicate_from(&bed.forest).unwrap();
    bed.service.apply(&by_hand_only(SCOPE)).unwrap();
    bed.cycle().unwrap();
    for (account, returns) in people.into_iter().zip([false, true]) {
        // The cookie of the first one covers the change, which stays home: out of scope.
        let away = format!("CN={account},OU=Away,DC=corp,DC=test");
        bed.after(|ad| ad.set(&away, "department", "new")).unwrap();
        bed.forest.dc_mut().kill();
        // At the second one the user comes into scope, and is read where the change is not known yet.
        let here = format!("CN={account},OU=Staff,DC=corp,DC=test");
        second.ad().rename(&away, &here).unwrap();
        assert_eq!(bed.cycle().unwrap().count("created"), 1);
        assert_eq!(bed.user(account).unwrap()["department"], "old");
        bed.forest.dc_mut().start().unwrap();
        if returns {
            bed.forest.replicate_from(&second).unwrap();
            second.dc_mut().kill();
        } else {
            second.replicate_from(&bed.forest).unwrap();
        }
        bed.cycle().unwrap();
        assert_eq!(bed.user(account).unwrap()["department"], "new", "{account}");
        if !returns {
            // The next one begins at the first controller again.
            bed.forest.replicate_from(&second).unwrap();
            second.dc_mut().kill();
            bed.cycle().unwrap();
            second.dc_mut().start().unwrap();
        }
    }
}

/// H24
#[test]
fn a_clone_of_the_controller_is_noticed_and_deletes_nobody() {
    let bed = Bed::start(Template::default()).unwrap();
    bed.forest.ad().add_user(&user("ada", None)).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    // Made from the same template it has the same identifiers, and counts on by itself.
    let clone = Forest::start(Template::default()).unwrap();
    for number in 0..12 {
        clone
            .ad()
            .add_user(&user(&format!("other{number}"), None))
            .unwrap();
    }
    let update = [
        "domain",
        "update",
        "corp.test",
        "--server",
        clone.dc().address(),
    ];
    bed.agent.run(&update).unwrap();
    let cycle = bed.cycle().unwrap();
    assert!(
        bed.service.log().contains("DatabaseSetBack"),
        "{}",
        bed.service.log()
    );
    assert_eq!(cycle.count("deleted"), 0, "{}", cycle.result);
    assert_eq!(bed.users("ada").unwrap().len(), 1);
}

/// H11 (a)
#[test]
fn an_old_password_at_a_controller_that_lags_does_not_come_back() {
    let (mut bed, mut second) = bed().unwrap();
    let staff = bed.forest.ad().add_ou("Staff", None).unwrap();
    let here = bed.forest.ad().add_user(&user("bob", Some(&staff)));
    let (here, away) = (here.unwrap(), format!("CN=bob,CN=Users,{BASE}"));
    second.replicate_from(&bed.forest).unwrap();
    bed.service.apply(&by_hand_only(SCOPE)).unwrap();
    bed.cycle().unwrap();
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "bob", "Pw.bob"));
    bed.after(|ad| ad.set_password(&here, "Second.word8"))
        .unwrap();
    assert!(enters(&door, "bob", "Second.word8"));
    bed.forest.dc_mut().kill();

    // The second one has the first password. When everything is read anew there, it comes.
    bed.service.run(&["restart", "corp"]).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "set"), 0, "{}", cycle.result);
    assert!(enters(&door, "bob", "Second.word8"));
    assert!(!enters(&door, "bob", "Pw.bob"));
    // When he comes into scope there, he is read by himself.
    second.ad().rename(&here, &away).unwrap();
    assert_eq!(bed.cycle().unwrap().count("deleted"), 1);
    second.ad().rename(&away, &here).unwrap();
    let cycle = bed.cycle().unwrap();
    assert_eq!(count(&cycle.result, "set"), 0, "{}", cycle.result);
    assert!(!enters(&door, "bob", "Pw.bob"));

    bed.forest.dc_mut().start().unwrap();
    bed.forest.replicate_from(&second).unwrap();
    second.dc_mut().kill();
    bed.cycle().unwrap();
    assert!(enters(&door, "bob", "Second.word8"));
    assert!(!enters(&door, "bob", "Pw.bob"));
}

#[test]
fn a_controller_that_refuses_replication_is_skipped_with_a_message_and_the_next_is_asked() {
    let (bed, second) = bed().unwrap();
    let bob = bed.forest.ad().add_user(&user("bob", None)).unwrap();
    second.replicate_from(&bed.forest).unwrap();
    // At the first controller a right is missing; the second one has not heard of that.
    let sid = bed.forest.ad().sid_of("svc-lockstep").unwrap();
    let ace = format!("(OA;;CR;{CHANGES_ALL};;{sid})");
    bed.forest.ad().revoke(BASE, &ace).unwrap();
    bed.service.apply(&by_hand_only(CONFIGURATION)).unwrap();
    let cycle = bed.cycle().unwrap();
    assert!(cycle.result["error"].is_null(), "{}", cycle.result);
    let door = Door::of(&bed.service).unwrap();
    assert!(enters(&door, "bob", "Pw.bob"));
    let skipped = "a domain controller refuses replication; trying the next one";
    let said = |server: &str, reason: &str| {
        let log = bed.agent.log();
        let mut lines = log.lines().filter(|line| line.contains(skipped));
        let found = lines.any(|line| line.contains(server) && line.contains(reason));
        assert!(found, "{log}");
    };
    said("dc1.corp.test", "Replicating Directory Changes All");

    // The second one, which is preferred from now on, stops to replicate (DISABLE_OUTBOUND_REPL).
    bed.forest.ad().grant(BASE, &ace).unwrap();
    let settings = format!(
        "CN=NTDS Settings,CN=DC2,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE}"
    );
    second.ad().set(&settings, "options", "5").unwrap();
    let cycle = bed.after(|ad| ad.set_password(&bob, "Second.word8"));
    let cycle = cycle.unwrap();
    assert_eq!(count(&cycle.result, "set"), 1, "{}", cycle.result);
    assert!(enters(&door, "bob", "Second.word8"));
    said(
        "dc2.corp.test",
        "replication from this server is switched off",
    );
}
