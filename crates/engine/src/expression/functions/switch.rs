//! # Switch(source, [defaultValue], key1, value1, …)
//!
//! The value that stands behind the key which is equal to the source.
//!
//! Case matters; put the source into `ToLower` if it should not. The key `""` is equal to an empty source and
//! to one that has no value. If no key is equal, the result is the default value; an empty slot is no value.
//! Only the value that is taken is evaluated.
//!
//! In the original the source may be null when another attribute of the object changed, and the target
//! loses its value. Here every expression sees the whole object, whatever changed.
//!
//! ```text
//! Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney", "QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")
//!   with state = "QLD"
//!   gives "Australia/Brisbane"
//!
//! Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney", "QLD", "Australia/Brisbane")
//!   with state = "qld"
//!   gives "Australia/Sydney"
//!
//! Switch([country], [country], "", "Other")
//!   gives "Other"
//!
//! Switch([country], [country], "", "Other")
//!   with country = "DE"
//!   gives "DE"
//!
//! Switch(ToLower([statusFlag]), "0", "true", "1", "false", "0")
//!   with statusFlag = "TRUE"
//!   gives "1"
//!
//! Switch([statusFlag], "0", "true")
//!   is refused: expected Switch(source, [defaultValue], key1, value1, …)
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Switch",
    &[
        Parameter::text("source"),
        Parameter::any("defaultValue").optional(),
        Parameter::text("key1"),
        Parameter::any("value1").blank(),
    ],
    Kind::Any,
    evaluate,
)
.repeated(2);

fn evaluate(call: &Call<'_>) -> Outcome {
    let source = call.text(0)?.unwrap_or_default();
    for key in (2..call.count()).step_by(2) {
        if call.text(key)?.unwrap_or_default() == source {
            return call.value(key + 1);
        }
    }
    call.value(1)
}
