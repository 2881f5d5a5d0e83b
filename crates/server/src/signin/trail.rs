//! What the audit log says of attempts to sign in. Of a name that nobody has it says only that: people type
//! passwords into the wrong field.

use crate::audit;
use lockstep_model::Timestamp;
use lockstep_store::{StoreError, Write};
use metrics::counter;
use std::net::IpAddr;

/// The activity of somebody who signed in.
pub const SIGNED_IN: &str = "SignedIn";
/// The activity of somebody who was not let in, or not yet.
pub const REFUSED: &str = "SignInRefused";
/// How the audit log calls somebody who does not exist.
pub const UNKNOWN: &str = "unknown user";

/// Somebody signed in.
///
/// # Errors
///
/// Those of the store.
pub fn signed_in(
    tx: &mut dyn Write,
    now: Timestamp,
    who: &str,
    app: &str,
    address: IpAddr,
    by: &str,
) -> Result<(), StoreError> {
    let how = serde_json::json!({ "address": address.to_string(), "by": by });
    audit::record(tx, now, who, SIGNED_IN, app, None, Some(how.to_string()))
}

/// Somebody was not let in, or not yet.
///
/// # Errors
///
/// Those of the store.
pub fn refused(
    tx: &mut dyn Write,
    now: Timestamp,
    who: &str,
    app: &str,
    address: IpAddr,
    reason: &str,
) -> Result<(), StoreError> {
    let how = serde_json::json!({ "address": address.to_string(), "reason": reason });
    audit::record(tx, now, who, REFUSED, app, None, Some(how.to_string()))
}

/// Counts an outcome for the metrics.
pub fn count(outcome: &'static str) {
    counter!("lockstep_sign_ins_total", "outcome" => outcome).increment(1);
}

/// Somebody set a password in the cloud: their own, or as an administrator another's.
///
/// # Errors
///
/// Those of the store.
pub fn password_changed(
    tx: &mut dyn Write,
    now: Timestamp,
    who: &str,
    whose: &str,
) -> Result<(), StoreError> {
    audit::record(tx, now, who, "PasswordChanged", whose, None, None)
}
