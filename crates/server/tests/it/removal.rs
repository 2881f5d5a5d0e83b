//! The end of a configuration.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use crate::moody::MoodyStore;
use lockstep_model::ids::ConfigurationId;
use lockstep_server::job::Wake;
use lockstep_server::removal;
use lockstep_store::records::connector_space::{Dirty, LinkRow};
use lockstep_store::records::job::{Configuration, Heir, Job};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, Store, WriteRecords as _};
use serde_json::json;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Gives the configuration one user.
fn provision_ada(corp: &Corp) {
    corp.ad().user("ada", HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
}

/// Deletes the configuration as far as a service came that died.
fn delete_in_half(corp: &Corp, heir: Heir) -> ConfigurationId {
    let configuration = corp.configuration();
    let id = configuration.id;
    let begun = [Configuration {
        scratch: true,
        heir: Some(heir),
        ..configuration
    }];
    let store = &corp.api.service.store;
    store
        .write(&mut |tx| {
            tx.remove::<Job>(&[id])?;
            tx.store(&begun)
        })
        .unwrap();
    id
}

/// A configuration with one user, on a store that fails when a test says so.
fn moody() -> (Corp, Arc<MoodyStore>, ConfigurationId) {
    let store = MoodyStore::new();
    let corp = Corp::start_on(Arc::clone(&store) as Arc<dyn Store>);
    provision_ada(&corp);
    let id = corp.configuration().id;
    (corp, store, id)
}

fn is_there(corp: &Corp, id: ConfigurationId) -> bool {
    corp.row(move |tx| tx.fetch_one::<Configuration>(&id))
        .is_some()
}

/// Lets something go on until a configuration is gone.
fn until_gone(corp: &Corp, id: ConfigurationId, work: impl Future<Output = ()>) {
    let gone = async {
        while is_there(corp, id) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    corp.api.block_on(async {
        let gone = tokio::time::timeout(Duration::from_secs(300), gone);
        tokio::select! {
            () = work => panic!("it came to its end"),
            gone = gone => gone.expect("it is never gone"),
        }
    });
}

#[test]
fn a_deletion_that_met_an_error_is_gone_on_with_by_whoever_asks_again() {
    let (corp, store, id) = moody();
    let path = format!("{CORP}?handOverTo=cloud");
    store.fail(1, 1);
    let refused = corp.api.send("DELETE", &path, None);
    assert!(refused.status >= 500, "{} {}", refused.status, refused.text);
    assert_eq!(corp.api.send("GET", CORP, None).status, 404);
    assert!(is_there(&corp, id));
    let again = corp.api.send("DELETE", &path, None);
    assert_eq!(again.status, 204, "{}", again.text);
    assert!(!is_there(&corp, id));
    let users = corp.all("/v1.0/users?$select=onPremisesSyncEnabled");
    assert_ne!(users[0]["onPremisesSyncEnabled"], true);
    assert_eq!(corp.api.send("DELETE", &path, None).status, 404);
    // It was said once.
    let audit = corp.ask("GET", "/api/v1/audit?activity=ConfigurationDeleted", None);
    assert_eq!(audit.as_array().map(Vec::len), Some(1), "{audit}");
}

#[test]
fn a_deletion_that_met_an_error_is_gone_on_with_by_the_service_which_tries_more_than_once() {
    for good in 1..=6 {
        let (corp, store, id) = moody();
        store.fail(good, 3);
        let refused = corp.api.send("DELETE", CORP, None);
        assert!(refused.status >= 500, "{} {}", refused.status, refused.text);
        // Pauses pass at once.
        corp.api.block_on(async { tokio::time::pause() });
        let service = Arc::clone(&corp.api.service);
        until_gone(&corp, id, removal::run(service));
        let of = Scan::of(Key::empty().with(id), 10);
        let left: Vec<LinkRow> = corp.row(|tx| tx.list(&of));
        assert_eq!(left, []);
    }
}

#[test]
fn a_deletion_comes_to_its_end_though_whoever_asked_hangs_up() {
    let (corp, _, id) = moody();
    let service = &corp.api.service;
    corp.api.block_on(async {
        let mut delete = pin!(removal::delete(service, "corp", None, "me".into()));
        poll_fn(|context| {
            assert!(delete.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    });
    until_gone(&corp, id, std::future::pending());
}

#[test]
fn who_claims_an_object_of_a_configuration_that_is_half_deleted_gets_it_and_nothing_of_the_clouds()
{
    for (heir, is_taken) in [(Heir::Nobody, true), (Heir::Cloud, false)] {
        let corp = Corp::start();
        provision_ada(&corp);
        let spec = json!({
            "name": "other", "domain": "corp.test", "password-hash-sync": {"enabled": false},
        });
        let path = "/api/v1/configurations/other";
        corp.ask("PUT", path, Some(spec));
        let by_name = |tx: &mut dyn Read| lockstep_server::configurations::by_name(tx, "other");
        let other = corp.row(by_name).unwrap().id;
        assert_eq!(corp.cycle_of(other, Wake::Clock).failed, 1);
        delete_in_half(&corp, heir);
        let ada = corp.guid_of("ada");
        corp.ad().set(ada, "displayName", "Ada");
        let cycle = corp.cycle_of(other, Wake::Clock);
        assert_eq!(cycle.failed, u64::from(!is_taken), "{heir:?}");
        corp.api
            .block_on(removal::go_on(&corp.api.service))
            .unwrap();
        let marks: Vec<Dirty> = corp.row(|tx| tx.list(&Scan::of(Key::empty().with(other), 10)));
        assert!(
            is_taken || !marks.is_empty(),
            "who was refused has its turn"
        );
    }
}

#[test]
fn a_deletion_that_was_interrupted_goes_on_and_hands_over_as_it_was_told() {
    let corp = Corp::start();
    provision_ada(&corp);
    let synced = || corp.all("/v1.0/users?$select=displayName,onPremisesSyncEnabled");
    assert_eq!(synced()[0]["onPremisesSyncEnabled"], true);

    let id = delete_in_half(&corp, Heir::Cloud);
    let gone_on = removal::go_on(&corp.api.service);
    corp.api.runtime.block_on(gone_on).unwrap();
    assert_eq!(synced().len(), 1, "what was provisioned stays");
    assert_ne!(synced()[0]["onPremisesSyncEnabled"], true);
    let left = corp.row(move |tx| tx.fetch_one::<Configuration>(&id));
    assert_eq!(left, None);
}
