//! Killed, frozen or crowded at any moment, the directory comes out the same.

use crate::bed::{Bed, CONFIGURATION, SOME_HUNDREDS, begin_cycle, dump, undisturbed};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Domain, Forest, NewUser, Population, Template};
use std::time::Duration;

#[test]
fn an_initial_cycle_whose_agent_and_service_are_killed_again_and_again_ends_the_same() {
    let forest = Forest::start(Template::with(SOME_HUNDREDS)).unwrap();
    let expected = undisturbed(&forest).unwrap();
    let mut service = Service::start().unwrap();
    let mut agent = Agent::of(&service, &forest).unwrap();
    service.run(&["domain", "add", "corp.test"]).unwrap();
    service.apply(CONFIGURATION).unwrap();
    for millis in [60, 120, 200, 300, 450, 700] {
        begin_cycle(&service).unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        service.kill();
        agent.kill();
        service.resume().unwrap();
        agent.start().unwrap();
        let log = service
            .run(&["log", "--action", "Delete", "-o", "json"])
            .unwrap();
        assert!(log.is_empty(), "{log}");
    }
    let result = service.cycle("corp").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    assert_eq!(dump(&service).unwrap(), expected);
}

#[test]
fn an_incremental_cycle_survives_kills_of_each_part() {
    let mut bed = Bed::synced(Template::with(SOME_HUNDREDS)).unwrap();
    for (round, millis) in [20, 80, 160, 320, 50, 110].into_iter().enumerate() {
        let new = (0..10).map(|number| format!("new{round}x{number}"));
        bed.add_users(new).unwrap();
        begin_cycle(&bed.service).unwrap();
        std::thread::sleep(Duration::from_millis(millis));
        match round % 3 {
            0 => {
                bed.agent.kill();
                bed.agent.start().unwrap();
            }
            1 => {
                bed.service.kill();
                bed.service.resume().unwrap();
            }
            _ => bed.forest.dc_mut().restart().unwrap(),
        }
    }
    let result = bed.service.cycle("corp").unwrap();
    let result = match result["state"] == "succeeded" {
        true => result,
        false => bed.cycle().unwrap().result,
    };
    assert_eq!(result["state"], "succeeded", "{result}");
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
    let log = bed
        .service
        .run(&["log", "--action", "Delete", "-o", "json"])
        .unwrap();
    assert!(log.is_empty(), "{log}");
}

#[test]
fn two_agents_of_one_domain_lose_nothing_and_a_frozen_one_changes_nothing() {
    let mut bed = Bed::synced(Template::with(SOME_HUNDREDS)).unwrap();
    let second = Agent::of(&bed.service, &bed.forest).unwrap();
    for round in 0..4 {
        let account = format!("twin{round}");
        bed.add_users([account.clone()]).unwrap();
        let frozen = if round % 2 == 0 { &bed.agent } else { &second };
        if round > 1 {
            frozen.freeze().unwrap();
        }
        let result = bed.service.cycle("corp").unwrap();
        assert_eq!(
            result["state"],
            "succeeded",
            "{result}\n{}",
            bed.service.log()
        );
        assert_eq!(bed.users(&account).unwrap().len(), 1);
        frozen.thaw().unwrap();
    }
    bed.agent.kill();
    bed.cycle().unwrap();
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
}

#[test]
fn two_forests_run_side_by_side_with_one_agent_for_both() {
    let bed = Bed::synced(Template::default()).unwrap();
    let acme = Forest::start(Template {
        domain: Domain::Acme,
        exchange: false,
        population: Population::default(),
    })
    .unwrap();
    let zoe = NewUser {
        account: "zoe",
        attributes: &[("displayName", "Zoë")],
        ..NewUser::default()
    };
    acme.ad().add_user(&zoe).unwrap();
    bed.agent.add_domain(&acme).unwrap();
    bed.service
        .apply(&CONFIGURATION.replace("corp", "acme"))
        .unwrap();
    let result = bed.service.cycle("acme").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    bed.cycle().unwrap();
    assert_eq!(bed.user("zoe").unwrap()["displayName"], "Zoë");
    let principals = bed.service.graph_all("servicePrincipals").unwrap();
    let mut names: Vec<&str> = principals
        .iter()
        .filter_map(|principal| principal["displayName"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["acme.test", "corp.test"]);
    bed.service
        .run(&["configuration", "delete", "acme", "--yes"])
        .unwrap();
    assert_eq!(bed.service.graph_all("servicePrincipals").unwrap().len(), 1);
    assert_eq!(bed.user("zoe").unwrap()["displayName"], "Zoë");
}
