//! # Error(message)
//!
//! Lets this object fail with a message of your own.
//!
//! Nothing of the object is written; the message stands in the provisioning log, and the object is tried
//! again like any other that failed. Other objects are not concerned.
//!
//! ```text
//! IIF(IsPresent([accountName]), [accountName], Error("AccountName is required"))
//!   fails: AccountName is required
//!
//! IIF(IsPresent([accountName]), [accountName], Error("AccountName is required"))
//!   with accountName = "ada"
//!   gives "ada"
//! ```

use super::*;
use crate::expression::error::EvaluationProblem;

pub(super) static FUNCTION: Function =
    Function::new("Error", &[Parameter::text("message")], Kind::Any, evaluate);

fn evaluate(call: &Call<'_>) -> Outcome {
    let message = call.text(0)?.unwrap_or_default();
    Err(call.failed(EvaluationProblem::Raised { message }))
}
