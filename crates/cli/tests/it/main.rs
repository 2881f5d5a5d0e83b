//! The program from outside.

mod expression;
