//! Behind a front that enforces what Windows does and Samba does not: pages, ranges, limits, torn answers.
//!
//! The oracle is the directory that comes of reading the same forest without a front.

use crate::bed::{Bed, begin_cycle, by_hand_only, dump, undisturbed};
use lockstep_testkit::front::{Entry, Limits, Operation, Request};
use lockstep_testkit::product::{Agent, peak_memory};
use lockstep_testkit::samba::{NewUser, Population, Template};
use std::collections::BTreeSet;
use std::time::Duration;

const POPULATION: Population = Population {
    users: 150,
    groups: 12,
    ous: 6,
    members: 8,
    largest_group: 120,
    hard_names: true,
};
const LARGE: &str = "Group 00000";

/// Limits that even a small forest runs into.
const TIGHT: Limits = Limits {
    page_size: 250,
    values: 25,
    changes: 40,
    change_bytes: 1 << 20,
    delay: Duration::ZERO,
};
/// Every change on a page of its own, and time to decide in between.
const ONE_BY_ONE: Limits = Limits {
    changes: 1,
    delay: Duration::from_millis(400),
    ..TIGHT
};

fn user(account: &str) -> NewUser<'_> {
    NewUser {
        account,
        ..NewUser::default()
    }
}

/// Name and members of the large group.
fn large_group(bed: &Bed) -> anyhow::Result<(String, Vec<String>)> {
    let filter = format!("(cn={LARGE})");
    let found = bed.forest.ad().search(&filter, &["member"])?;
    let members = found[0].attributes["member"].as_array();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let members = members.into_iter().flatten().map(text);
    Ok((found[0].dn.clone(), members.collect()))
}

/// Whether everything is asked for, from the beginning.
fn is_full(request: &Request) -> bool {
    request.cookie.as_ref().is_some_and(Vec::is_empty)
}

fn nothing_was_deleted(bed: &Bed) -> anyhow::Result<()> {
    for action in ["Delete", "Restore"] {
        let arguments = ["log", "--action", action, "-o", "json"];
        let log = bed.service.run(&arguments)?;
        anyhow::ensure!(log.is_empty(), "{log}");
    }
    Ok(())
}

fn full_import(bed: &Bed) -> anyhow::Result<()> {
    let arguments = ["restart", "corp", "--reset", "full"];
    bed.service.run(&arguments).map(|_| ())
}

#[test]
fn pages_ranges_and_limits_give_the_same_directory_and_no_request_writes() {
    let (bed, front) = Bed::behind_front(Template::with(POPULATION), TIGHT).unwrap();
    bed.cycle().unwrap();
    assert!(front.cookies().len() > 8, "{}", front.cookies().len());
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
    let (group, members) = large_group(&bed).unwrap();
    let before = front.cookies().len();
    bed.after(|ad| {
        // More values than one answer holds, removed and added.
        let leaving: Vec<&str> = members.iter().take(60).map(String::as_str).collect();
        ad.remove_members(&group, &leaving)?;
        ad.add_members(&group, &leaving[..30])?;
        ad.delete(&members[100])?;
        ad.rename("OU=Unit000,DC=corp,DC=test", "OU=Renamed,DC=corp,DC=test")?;
        for number in 0..50 {
            ad.add_user(&user(&format!("late{number}")))?;
        }
        Ok(())
    })
    .unwrap();
    assert!(front.cookies().len() > before + 1);
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
    let operations: BTreeSet<Operation> = front
        .requests()
        .iter()
        .map(|request| request.operation)
        .collect();
    let reading = [Operation::Bind, Operation::Unbind, Operation::Search];
    assert_eq!(operations, reading.into());
}

#[test]
fn an_answer_torn_at_any_place_loses_nothing() {
    let (bed, front) = Bed::behind_front(Template::with(POPULATION), TIGHT).unwrap();
    for bytes in [0, 900, 12_000, 30_000, 55_000] {
        front.cut_after(bytes);
        let result = bed.service.cycle("corp").unwrap();
        assert!(
            !front.is_cut_pending(),
            "the answer has fewer than {bytes} bytes"
        );
        assert_eq!(result["state"], "failed", "{result}");
        assert_eq!(
            result["error"]["code"], "DomainControllerUnreachable",
            "{result}"
        );
    }
    nothing_was_deleted(&bed).unwrap();
    bed.cycle().unwrap();
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
    bed.forest.ad().add_user(&user("late")).unwrap();
    front.cut_after(100);
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["state"], "failed", "{result}");
    let next = bed.cycle().unwrap();
    assert_eq!((next.count("created"), next.count("deleted")), (1, 0));
}

#[test]
fn an_initial_import_goes_on_at_the_last_page_that_was_stored_whoever_is_killed() {
    let (mut bed, front) = Bed::behind_front(Template::with(POPULATION), TIGHT).unwrap();
    let expected = undisturbed(&bed.forest).unwrap();
    // Placed before anything is read: whoever comes back goes on by itself, and would be past the next page.
    let pages: Vec<_> = (1..=6)
        .map(|page| {
            let end = format!(":{page}");
            front.hold(move |request| {
                let cookie = request.cookie.as_deref();
                cookie.is_some_and(|cookie| cookie.ends_with(end.as_bytes()))
            })
        })
        .collect();
    for (page, held) in (1..).zip(pages) {
        begin_cycle(&bed.service).unwrap();
        held.reached().unwrap();
        match page % 3 {
            0 => {
                bed.forest.dc_mut().kill();
                held.release();
                bed.forest.dc_mut().start().unwrap();
            }
            1 => {
                bed.agent.kill();
                bed.agent.start().unwrap();
            }
            _ => {
                bed.service.kill();
                bed.service.resume().unwrap();
            }
        }
        nothing_was_deleted(&bed).unwrap();
    }
    bed.cycle().unwrap();
    assert_eq!(dump(&bed.service).unwrap(), expected);
    let from_the_beginning = front.cookies().iter().filter(|c| c.is_empty()).count();
    assert_eq!(from_the_beginning, 1, "{:?}", front.cookies());
}

/// H2 (c)
#[test]
fn a_short_answer_that_ends_in_success_is_not_taken_for_deletes() {
    let (bed, front) = Bed::behind_front(Template::with(POPULATION), TIGHT).unwrap();
    bed.cycle().unwrap();
    let mut expected = dump(&bed.service).unwrap();
    front.alter(|request, entries| {
        if is_full(request) {
            entries.retain(|entry| !entry.is_called(LARGE));
            entries.truncate(entries.len() / 3);
        }
    });
    full_import(&bed).unwrap();
    assert_eq!(bed.cycle().unwrap().count("deleted"), 0);
    assert_eq!(dump(&bed.service).unwrap(), expected);
    // What was not seen was asked for by GUID, the large group in ranges.
    let in_ranges = |request: &Request| {
        let asked = request.attributes.iter();
        asked.clone().any(|name| name.starts_with("member;range="))
    };
    assert!(front.requests().iter().any(in_ranges));
    // Of somebody who really has gone, the same question finds the tombstone.
    let (group, members) = large_group(&bed).unwrap();
    bed.forest.ad().delete(&members[3]).unwrap();
    front.alter(|request, entries| {
        if request.cookie.is_some() {
            entries.clear();
        }
    });
    full_import(&bed).unwrap();
    assert_eq!(bed.cycle().unwrap().count("deleted"), 1);
    front.alter_no_more();
    bed.after(|ad| ad.set(&group, "description", "one less"))
        .unwrap();
    expected = undisturbed(&bed.forest).unwrap();
    assert_eq!(dump(&bed.service).unwrap(), expected);
}

/// H3
#[test]
fn a_superseded_agent_that_goes_on_late_writes_nothing() {
    let (mut bed, front) = Bed::behind_front(Template::default(), TIGHT).unwrap();
    let ada = bed.forest.ad().add_user(&user("ada")).unwrap();
    bed.cycle().unwrap();
    bed.forest.ad().set(&ada, "department", "old").unwrap();
    let held = front.hold(|request| request.cookie.is_some());
    begin_cycle(&bed.service).unwrap();
    // The first agent has asked, and the answer knows the old value only.
    held.reached().unwrap();
    bed.agent.freeze().unwrap();
    bed.forest.ad().set(&ada, "department", "new").unwrap();
    let mut second = Agent::enroll(&bed.service).unwrap();
    second.add_domain_behind(&bed.forest, &front).unwrap();
    second.start().unwrap();
    bed.service.kill();
    bed.service.resume().unwrap();
    let result = bed.service.cycle("corp").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    assert_eq!(bed.user("ada").unwrap()["department"], "new");
    held.release();
    bed.agent.thaw().unwrap();
    lockstep_testkit::product::eventually("the first agent is told that it comes too late", || {
        Ok(bed.agent.log().contains("given up"))
    })
    .unwrap();
    assert_eq!(bed.user("ada").unwrap()["department"], "new");
    assert_eq!(bed.cycle().unwrap().count("updated"), 0);
    assert_eq!(bed.user("ada").unwrap()["department"], "new");
}

/// H7
#[test]
fn nothing_is_taken_away_on_a_state_that_is_half_read() {
    let (bed, front) = Bed::behind_front(Template::default(), ONE_BY_ONE).unwrap();
    let scope = "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\non-change = false\n\
                 interval = \"24h\"\n[scope]\norganizational-units = [\"OU=Staff,DC=corp,DC=test\"]\n";
    {
        let mut ad = bed.forest.ad();
        let staff = ad.add_ou("Staff", None).unwrap();
        ad.add_ou("Away", None).unwrap();
        let team = ad.add_ou("Team", Some(&staff)).unwrap();
        let ada = NewUser {
            parent: Some(&team),
            ..user("ada")
        };
        ad.add_user(&ada).unwrap();
    }
    front.set_limits(TIGHT);
    bed.service.apply(&by_hand_only(scope)).unwrap();
    bed.cycle().unwrap();
    front.set_limits(ONE_BY_ONE);
    // Her unit leaves the scope and takes her along; she comes back. Read page by page, she is away for a
    // while.
    front.alter(|_, entries| entries.sort_by_key(|entry| !entry.is_called(";OU=Team,")));
    let before = front.cookies().len();
    let cycle = bed
        .after(|ad| {
            let away = "OU=Team,OU=Away,DC=corp,DC=test";
            ad.rename("OU=Team,OU=Staff,DC=corp,DC=test", away)?;
            ad.rename(&format!("CN=ada,{away}"), "CN=ada,OU=Staff,DC=corp,DC=test")
        })
        .unwrap();
    assert!(front.cookies().len() >= before + 2);
    assert_eq!(cycle.actions(), ["Update CN=ada"]);
    nothing_was_deleted(&bed).unwrap();
}

/// H12, where the recycle bin is on
#[test]
fn links_that_return_unreported_with_an_undeleted_object_are_found() {
    let (bed, front) = Bed::behind_front(Template::default(), TIGHT).unwrap();
    let (ada, bob, club) = {
        let mut ad = bed.forest.ad();
        let ada = ad.add_user(&user("ada")).unwrap();
        let bob = ad.add_user(&user("bob")).unwrap();
        ad.set(&bob, "manager", &ada).unwrap();
        let club = ad.add_group("Club", &[&ada, &bob]).unwrap();
        (ada, bob, club)
    };
    bed.cycle().unwrap();
    let guid = bed.forest.ad().guid_of(&ada).unwrap();
    // A tombstone keeps its attributes, so it lists none as dropped.
    front.alter(|_, entries| {
        for entry in entries.iter_mut() {
            let deleted = entry
                .values_mut("isDeleted")
                .is_some_and(|values| !values.is_empty());
            if deleted {
                entry.attributes.retain(|(_, values)| !values.is_empty());
            }
        }
    });
    let gone = bed.after(|ad| ad.delete(&ada)).unwrap();
    assert_eq!(gone.count("deleted"), 1);
    assert_eq!(bed.members("Club").unwrap(), ["bob"]);
    assert_eq!(bed.manager("bob").unwrap(), None);
    // With the recycle bin her links come back by themselves, and nothing is said about those who have them.
    front.alter(|request, entries| {
        let holders = |entry: &Entry| entry.is_called("CN=Club,") || entry.is_called("CN=bob,");
        if request.cookie.is_some() {
            entries.retain(|entry| !holders(entry));
        }
    });
    let back = bed
        .after(|ad| {
            ad.undelete(&guid, &ada)?;
            ad.add_members(&club, &[&ada])?;
            ad.set(&bob, "manager", &ada)
        })
        .unwrap();
    assert_eq!(back.count("restored"), 1, "{}", back.result);
    assert_eq!(bed.members("Club").unwrap(), ["ada", "bob"]);
    assert_eq!(bed.manager("bob").unwrap().as_deref(), Some("ada"));
}

/// H13
#[test]
fn objects_that_come_before_their_parents_find_their_place() {
    let one_by_one = Limits {
        changes: 1,
        ..TIGHT
    };
    let (bed, front) = Bed::behind_front(Template::default(), TIGHT).unwrap();
    front.alter(|request, entries| {
        if request.cookie.is_some() {
            entries.sort_by_key(|entry| std::cmp::Reverse(entry.dn.matches("OU=").count()));
        }
    });
    let grow = |name: &str, account: &str| {
        let mut ad = bed.forest.ad();
        let mut parent = None;
        for depth in ["A", "B", "C"] {
            let unit = format!("{name}{depth}");
            parent = Some(ad.add_ou(&unit, parent.as_deref()).unwrap());
        }
        let child = NewUser {
            parent: parent.as_deref(),
            ..user(account)
        };
        ad.add_user(&child).unwrap();
    };
    grow("First", "ada");
    bed.cycle().unwrap();
    front.set_limits(one_by_one);
    grow("Second", "bob");
    let cycle = bed.cycle().unwrap();
    assert_eq!(cycle.actions(), ["Create CN=bob"]);
    for (name, account) in [("First", "ada"), ("Second", "bob")] {
        let dn = format!("CN={account},OU={name}C,OU={name}B,OU={name}A,DC=corp,DC=test");
        assert_eq!(
            bed.user(account).unwrap()["onPremisesDistinguishedName"],
            dn
        );
    }
}

/// What is left in a domain of somebody who moved to another one, as a controller shows it.
fn proxy(number: u32, of: &str) -> Entry {
    let attributes: [(&str, &[&str]); 5] = [
        ("objectClass", &["top", "infrastructureUpdate"]),
        ("name", &["proxy"]),
        ("isDeleted", &["TRUE"]),
        ("whenCreated", &["20260101000000.0Z"]),
        ("proxiedObjectName", &[]),
    ];
    let mut entry = Entry {
        dn: format!(
            "<GUID=00000000-0000-4000-8000-{number:012x}>;CN=proxy\\0ADEL:x,CN=Deleted Objects,DC=corp,DC=test"
        ),
        attributes: attributes
            .map(|(name, values)| {
                let values = values.iter().map(|value| value.as_bytes().to_vec());
                (name.to_owned(), values.collect())
            })
            .to_vec(),
    };
    if let Some(values) = entry.values_mut("proxiedObjectName") {
        let value = format!("B:16:0000000100000001:<GUID={of}>;CN=moved,DC=other,DC=test");
        values.push(value.into_bytes());
    }
    entry
}

/// H18
#[test]
fn who_moves_to_another_domain_leaves_and_what_tells_so_of_somebody_who_is_there_does_not_count() {
    let (bed, front) = Bed::behind_front(Template::default(), TIGHT).unwrap();
    let (ada, bob, club) = {
        let mut ad = bed.forest.ad();
        let ada = ad.add_user(&user("ada")).unwrap();
        let bob = ad.add_user(&user("bob")).unwrap();
        let club = ad.add_group("Club", &[&ada, &bob]).unwrap();
        (ada, bob, club)
    };
    bed.cycle().unwrap();
    assert_eq!(bed.members("Club").unwrap(), ["ada", "bob"]);
    let guid = |dn: &str| bed.forest.ad().guid_of(dn).unwrap().to_string();
    let (ada_guid, bob_guid) = (guid(&ada), guid(&bob));
    // Of him who is there, and of somebody nobody knows.
    let of_bob = bob_guid.clone();
    front.alter(move |request, entries| {
        let wanted = request
            .attributes
            .iter()
            .any(|name| name == "proxiedObjectName");
        if request.cookie.is_some() && wanted {
            entries.push(proxy(1, &of_bob));
            entries.push(proxy(2, "11111111-2222-4333-8444-555555555555"));
        }
    });
    let cycle = bed.after(|ad| ad.set(&bob, "department", "Works")).unwrap();
    assert_eq!(cycle.count("deleted"), 0, "{}", cycle.result);
    assert_eq!(bed.user("bob").unwrap()["department"], "Works");
    nothing_was_deleted(&bed).unwrap();
    // Her the controller does not show any more, in whatever way it is asked.
    front.alter(move |request, entries| {
        entries.retain(|entry| !entry.is_called("CN=ada,"));
        if request.cookie.is_some() {
            entries.push(proxy(3, &ada_guid));
        }
    });
    let cycle = bed
        .after(|ad| ad.set(&club, "description", "goes on"))
        .unwrap();
    assert_eq!(cycle.count("deleted"), 1, "{}", cycle.result);
    let log = ["log", "--action", "Delete", "-o", "json"];
    let log = bed.service.run(&log).unwrap();
    assert!(log.contains("MovedToAnotherDomain"), "{log}");
    assert!(log.contains("it has moved to another domain"), "{log}");
    assert_eq!(bed.members("Club").unwrap(), ["bob"]);
    let sent = bed.agent.sent().unwrap();
    let told = sent
        .iter()
        .any(|sent| sent.to_string().contains("\"moved\""));
    assert!(told, "what the agent sent names who has moved");
    // She is back.
    front.alter_no_more();
    let cycle = bed.after(|ad| ad.set(&ada, "department", "Sales")).unwrap();
    assert_eq!(cycle.count("restored"), 1, "{}", cycle.result);
    assert_eq!(bed.members("Club").unwrap(), ["ada", "bob"]);
}

/// H21
#[test]
fn a_large_group_that_changes_while_its_ranges_are_read_is_read_again() {
    let (bed, front) = Bed::behind_front(Template::with(POPULATION), TIGHT).unwrap();
    bed.cycle().unwrap();
    front.alter(|request, entries| {
        if is_full(request) {
            entries.retain(|entry| !entry.is_called(LARGE));
        }
    });
    full_import(&bed).unwrap();
    let held = front.hold(|request| request.attributes == ["member;range=25-*"]);
    let (group, members) = large_group(&bed).unwrap();
    std::thread::scope(|scope| {
        let cycle = scope.spawn(|| bed.cycle().unwrap());
        held.reached().unwrap();
        // Everybody behind them moves up, some from the next range into this one, which is read already.
        let leaving: Vec<&str> = members.iter().take(5).map(String::as_str).collect();
        bed.forest.ad().remove_members(&group, &leaving).unwrap();
        held.release();
        cycle.join().unwrap();
    });
    assert_eq!(bed.members(LARGE).unwrap().len(), 115);
    front.alter_no_more();
    bed.cycle().unwrap();
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
}

/// H22
#[test]
fn a_group_of_a_hundred_thousand_in_one_message_does_not_fill_the_agent() {
    const MEMBERS: u32 = 100_000;
    let limits = Limits {
        values: usize::MAX,
        change_bytes: usize::MAX,
        ..TIGHT
    };
    let (bed, front) = Bed::behind_front(Template::default(), limits).unwrap();
    let club = bed
        .forest
        .ad()
        .add_group("Club", &["CN=Administrator,CN=Users,DC=corp,DC=test"]);
    club.unwrap();
    bed.cycle().unwrap();
    let agent = bed.agent.id().unwrap();
    let before = peak_memory(agent).unwrap();
    front.alter(|request, entries| {
        let club = entries.iter_mut().find(|entry| entry.is_called("CN=Club,"));
        if let Some(members) = club.filter(|_| is_full(request)).and_then(|club| club.values_mut("member")) {
            *members = (0..MEMBERS)
                .map(|number| {
                    format!(
                        "<GUID=00000000-0000-4000-8000-{number:012x}>;<SID=S-1-5-21-1-2-3-{number}>;\
                         CN=Somebody {number:06},OU=A Unit With A Name,DC=corp,DC=test"
                    )
                    .into_bytes()
                })
                .collect();
        }
    });
    full_import(&bed).unwrap();
    bed.cycle().unwrap();
    let after = peak_memory(agent).unwrap();
    let sent: usize = bed
        .agent
        .sent()
        .unwrap()
        .iter()
        .map(|sent| sent.to_string().matches("\"g\":").count())
        .sum();
    assert!(sent >= MEMBERS as usize, "{sent}");
    let grown = (after - before) >> 20;
    assert!(grown < 12, "the agent has grown by {grown} MiB");
}

/// H24
#[test]
fn a_controller_that_is_read_only_or_half_synchronised_is_not_believed() {
    let (bed, front) = Bed::behind_front(Template::default(), TIGHT).unwrap();
    let ada = bed.forest.ad().add_user(&user("ada")).unwrap();
    bed.cycle().unwrap();
    for (attribute, value, code) in [
        (
            "supportedCapabilities",
            "1.2.840.113556.1.4.1920",
            "ReadOnlyController",
        ),
        ("isSynchronized", "FALSE", "ControllerNotSynchronized"),
    ] {
        front.alter(move |request, entries| {
            let root = entries.first_mut().filter(|_| request.base.is_empty());
            if let Some(values) = root.and_then(|root| root.values_mut(attribute)) {
                values.retain(|old| old != b"TRUE");
                values.push(value.as_bytes().to_vec());
            }
        });
        let result = bed.service.cycle("corp").unwrap();
        assert_eq!(result["error"]["code"], code, "{result}");
        assert!(
            !result["error"]["remedy"].as_str().unwrap().is_empty(),
            "{result}"
        );
        front.alter_no_more();
        let next = bed.after(|ad| ad.set(&ada, "department", code)).unwrap();
        assert_eq!(next.count("updated"), 1);
    }
    nothing_was_deleted(&bed).unwrap();
}
