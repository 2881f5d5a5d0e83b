//! # IIF(condition, valueIfTrue, valueIfFalse)
//!
//! One value or the other.
//!
//! Comparisons are `=`, `<>`, `>`, `>=`, `<` and `<=`. Numbers are compared as numbers as soon as one side is
//! one, dates as dates, texts letter by letter, with regard to case. **A comparison with no value is false,
//! whatever the operator**, so that an absent attribute leads to the third argument. For "and", put an `IIF`
//! into the second argument, for "or" into the third. Only the value that is taken is evaluated; an empty
//! slot is no value.
//!
//! In the original a condition with `IsPresent`, `IsNull` or `IsNullOrEmpty` fails when the attribute is
//! absent, that is, just when it is needed. Here they work.
//!
//! ```text
//! IIF([country] = "USA", [country], [department])
//!   with country = "USA"
//!   with department = "Sales"
//!   gives "USA"
//!
//! IIF([employeeType] = "Intern", "t-" & [alias], [alias])
//!   with employeeType = "Intern"
//!   with alias = "ada"
//!   gives "t-ada"
//!
//! IIF([country] = "USA", IIF([state] = "CA", "True", "False"), "False")
//!   with country = "USA"
//!   with state = "NY"
//!   gives "False"
//!
//! IIF([country] = "", "Other", [country])
//!   gives nothing
//!
//! IIF([country] <> "USA", "abroad", "at home or unknown")
//!   gives "at home or unknown"
//!
//! IIF(IsNullOrEmpty([country]), "Other", [country])
//!   gives "Other"
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "IIF",
    &[
        Parameter::truth("condition"),
        Parameter::any("valueIfTrue").blank(),
        Parameter::any("valueIfFalse").blank(),
    ],
    Kind::Any,
    |call| call.value(if call.truth(0)? { 1 } else { 2 }),
);
