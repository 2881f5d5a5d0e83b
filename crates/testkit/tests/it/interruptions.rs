//! Killed, frozen or crowded at any moment, the directory comes out the same.

use crate::bed::{Bed, CONFIGURATION};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Domain, Forest, NewUser, Population, Template};
use std::collections::BTreeMap;
use std::time::Duration;

const POPULATION: Population = Population {
    users: 300,
    groups: 30,
    ous: 9,
    members: 10,
    largest_group: 200,
    hard_names: true,
};

/// The directory as others see it, by anchor: ids differ from run to run.
fn dump(service: &Service) -> anyhow::Result<BTreeMap<String, String>> {
    let mut dump = BTreeMap::new();
    let mut anchors = BTreeMap::new();
    let select = "id,onPremisesImmutableId,displayName,userPrincipalName,mail,department,\
                  onPremisesDistinguishedName,proxyAddresses";
    let users = service.graph_all(&format!("users?$top=999&$select={select}"))?;
    let select = "id,onPremisesImmutableId,displayName,description,onPremisesDistinguishedName";
    let groups = service.graph_all(&format!("groups?$top=999&$select={select}"))?;
    for mut object in users.into_iter().chain(groups.iter().cloned()) {
        let anchor = object["onPremisesImmutableId"].to_string();
        let id = object["id"].take();
        anchors.insert(id.to_string(), anchor.clone());
        dump.insert(anchor, object.to_string());
    }
    for group in &groups {
        let id = group["id"].as_str().unwrap_or_default();
        let members = service.graph_all(&format!("groups/{id}/members?$top=999&$select=id"))?;
        let mut members: Vec<String> = members
            .iter()
            .map(|member| {
                anchors
                    .get(&member["id"].to_string())
                    .cloned()
                    .unwrap_or_default()
            })
            .collect();
        members.sort();
        let key = format!("{} members", group["onPremisesImmutableId"]);
        dump.insert(key, members.join(" "));
    }
    Ok(dump)
}

fn undisturbed(forest: &Forest) -> anyhow::Result<BTreeMap<String, String>> {
    let service = Service::start()?;
    let _agent = Agent::of(&service, forest)?;
    service.run(&["domain", "add", "corp.test"])?;
    service.apply(CONFIGURATION)?;
    service.cycle("corp")?;
    dump(&service)
}

/// Asks for a cycle without waiting for it.
fn begin_cycle(service: &Service) -> anyhow::Result<()> {
    service.run(&["cycle", "run", "corp"]).map(|_| ())
}

#[test]
fn an_initial_cycle_whose_agent_and_service_are_killed_again_and_again_ends_the_same() {
    let forest = Forest::start(Template::with(POPULATION)).unwrap();
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
    let mut bed = Bed::synced(Template::with(POPULATION)).unwrap();
    for (round, millis) in [20, 80, 160, 320, 50, 110].into_iter().enumerate() {
        {
            let mut ad = bed.forest.ad();
            for number in 0..10 {
                let account = format!("new{round}x{number}");
                let user = NewUser {
                    account: &account,
                    ..NewUser::default()
                };
                ad.add_user(&user).unwrap();
            }
        }
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
    let mut bed = Bed::synced(Template::with(POPULATION)).unwrap();
    let second = Agent::of(&bed.service, &bed.forest).unwrap();
    for round in 0..4 {
        let account = format!("twin{round}");
        let user = NewUser {
            account: &account,
            ..NewUser::default()
        };
        bed.forest.ad().add_user(&user).unwrap();
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
