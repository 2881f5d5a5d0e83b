//! The end of a configuration.

use crate::corp::Corp;
use crate::domain::HEAD;
use lockstep_server::removal;
use lockstep_store::records::job::{Configuration, Heir, Job};
use lockstep_store::{ReadRecords as _, WriteRecords as _};
use serde_json::json;

#[test]
fn a_deletion_that_was_interrupted_goes_on_and_hands_over_as_it_was_told() {
    let corp = Corp::start();
    corp.ad().user("ada", HEAD);
    corp.apply(json!({}));
    corp.clean_cycle();
    let synced = || corp.all("/v1.0/users?$select=displayName,onPremisesSyncEnabled");
    assert_eq!(synced()[0]["onPremisesSyncEnabled"], true);

    let configuration = corp.configuration();
    let id = configuration.id;
    // As far as a service came that died.
    let begun = [Configuration {
        scratch: true,
        heir: Some(Heir::Cloud),
        ..configuration
    }];
    let store = &corp.api.service.store;
    store
        .write(&mut |tx| {
            tx.remove::<Job>(&[id])?;
            tx.store(&begun)
        })
        .unwrap();
    let gone_on = removal::go_on(&corp.api.service);
    corp.api.runtime.block_on(gone_on).unwrap();
    assert_eq!(synced().len(), 1, "what was provisioned stays");
    assert_ne!(synced()[0]["onPremisesSyncEnabled"], true);
    let left = corp.row(move |tx| tx.fetch_one::<Configuration>(&id));
    assert_eq!(left, None);
}
