//! The way to the service by an HTTP proxy.

use crate::bed::CONFIGURATION;
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::proxy::Proxy;
use lockstep_testkit::samba::{Forest, Template};

/// The request that a proxy logs when an agent asks it for the way to this service.
fn connect_to(service: &Service) -> String {
    format!("CONNECT {}", service.url().trim_start_matches("https://"))
}

#[test]
fn an_agent_works_through_an_http_proxy_and_through_nothing_else() {
    let forest = Forest::start(Template::default()).unwrap();
    let service = Service::start().unwrap();
    let proxy = Proxy::start().unwrap();
    let mut agent = Agent::new().unwrap();
    agent
        .enroll_at(&service, &["--proxy", &proxy.url()])
        .unwrap();
    assert!(
        proxy.log().contains(&connect_to(&service)),
        "{}",
        proxy.log()
    );
    agent.add_domain(&forest).unwrap();
    agent.start().unwrap();
    service.apply(CONFIGURATION).unwrap();
    assert_eq!(service.cycle("corp").unwrap()["state"], "succeeded");
    let reached = agent.run(&["check"]).unwrap();
    assert!(reached.contains("ok    service"), "{reached}");
    drop(proxy);
    let lost = agent.command(&["check", "-o", "json"]).unwrap();
    let text = String::from_utf8(lost.stdout).unwrap();
    assert!(text.contains("proxy did not open the way"), "{text}");
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let service = Service::start().unwrap();
    let proxy = Proxy::start().unwrap();
    let mut agent = Agent::new().unwrap();
    agent.set_environment("HTTPS_PROXY", &proxy.url());
    agent.enroll_at(&service, &[]).unwrap();
    assert!(
        proxy.log().contains(&connect_to(&service)),
        "{}",
        proxy.log()
    );
}

#[test]
fn a_proxy_that_refuses_is_named_with_a_remedy() {
    let service = Service::start().unwrap();
    let proxy = Proxy::start_strict().unwrap();
    let agent = Agent::new().unwrap();
    let refused = agent.enroll_at(&service, &["--proxy", &proxy.url()]);
    let text = refused.unwrap_err().to_string();
    for word in [service.url(), "proxy did not open the way", "CONNECT"] {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!agent.state_dir().join("agent.json").exists());
}
