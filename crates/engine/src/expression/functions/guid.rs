//! # Guid()
//!
//! A new random GUID. Only for mappings that apply when an object is created.
//!
//! ```text
//! Guid()
//!   matches [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}
//! ```

use super::*;
use lockstep_model::Guid;

pub(super) static FUNCTION: Function =
    Function::new("Guid", &[], Kind::Text, evaluate).with(Nature::Random);

fn evaluate(call: &Call<'_>) -> Outcome {
    Ok(Guid::from_random(call.random().bytes()).to_string().into())
}
