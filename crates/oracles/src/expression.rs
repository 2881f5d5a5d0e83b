//! Mapping expressions.

/// An expression is refused, or evaluated to a value or an error. Behind a NUL stand attributes, a line each.
pub(crate) fn check(bytes: &[u8]) {
    lockstep_engine::expression::exercise(&String::from_utf8_lossy(bytes));
}
