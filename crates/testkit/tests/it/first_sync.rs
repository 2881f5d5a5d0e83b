//! The first sync, end to end.

use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Forest, Population, Template};

const CONFIGURATION: &str =
    "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\non-change = false\n";

#[test]
fn a_domain_of_a_thousand_users_arrives_complete() {
    let population = Population {
        users: 1_000,
        groups: 100,
        ous: 20,
        members: 10,
        largest_group: 600,
        hard_names: true,
    };
    let forest = Forest::start(Template::with(population)).unwrap();
    let service = Service::start().unwrap();
    let _agent = Agent::of(&service, &forest).unwrap();
    service.apply(CONFIGURATION).unwrap();
    let cycle = service.cycle("corp").unwrap();
    assert_eq!(cycle["state"], "succeeded", "{cycle}");
    let users = service.graph_all("users?$top=999").unwrap();
    assert_eq!(users.len(), 1_001);
}
