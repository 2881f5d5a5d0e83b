//! Plans that somebody asks for.

use crate::corp::Corp;
use crate::domain::HEAD;
use lockstep_server::plan;
use lockstep_store::records::connector_space::Staged;
use lockstep_store::records::job::{Configuration, InstructionRow, Job};
use lockstep_store::{Key, Read, ReadRecords as _, Record, Scan};
use serde_json::json;
use std::sync::Arc;

fn has<R: Record>(tx: &mut dyn Read) -> bool {
    !tx.list::<R>(&Scan::of(Key::empty(), 1)).unwrap().is_empty()
}

#[test]
fn a_plan_that_is_broken_off_leaves_nothing_that_it_read_and_nothing_to_read() {
    let corp = Corp::start();
    corp.people(3, HEAD);
    // The connection of the agent breaks, so that the plan waits.
    corp.ad().breaks_after = Some(2);
    let spec = json!({
        "name": "corp", "domain": "corp.test", "password-hash-sync": {"enabled": false},
    });
    let asked = corp.api.answer("POST", "/api/v1/plan", Some(spec));
    corp.broken_off(asked, |tx| has::<Staged>(tx) && has::<InstructionRow>(tx));
    let tidying = plan::drop_leftovers(Arc::clone(&corp.api.service));
    corp.broken_off(tidying, |tx| {
        let rows = [has::<Configuration>(tx), has::<Job>(tx), has::<Staged>(tx)];
        rows == [false; 3] && !has::<InstructionRow>(tx)
    });
}
