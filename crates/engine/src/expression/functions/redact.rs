//! # Redact(value)
//!
//! Keeps a value out of logs and plans, which show `[Redact]` in its place. The target gets the value.
//!
//! One `Redact` in an expression hides the whole result, old and new, and what its errors would show.
//!
//! ```text
//! Redact([userPrincipalName])
//!   with userPrincipalName = "ada@corp.test"
//!   gives "ada@corp.test"
//!
//! Left(Redact([x]), [y])
//!   with x = "secret"
//!   with y = "z"
//!   fails: received [Redact]
//! ```

use super::*;

pub(super) static FUNCTION: Function =
    Function::new("Redact", &[Parameter::any("value")], Kind::Any, |call| {
        call.value(0)
    })
    .with(Nature::Redacting);
