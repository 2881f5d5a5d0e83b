//! # Now()
//!
//! The current date and time in UTC.
//!
//! A mapping with it is evaluated again once a day, even if nothing changed in Active Directory.
//!
//! ```text
//! Now()
//!   at 2021-07-02T15:33:38Z
//!   gives date "7/2/2021 3:33:38 PM"
//!
//! "on " & Now()
//!   at 2021-07-02T15:33:38Z
//!   gives "on 7/2/2021 3:33:38 PM"
//! ```

use super::*;

pub(super) static FUNCTION: Function =
    Function::new("Now", &[], Kind::Date, evaluate).with(Nature::Time);

fn evaluate(call: &Call<'_>) -> Outcome {
    call.now()
}
