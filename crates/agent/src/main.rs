//! The program `lockstep-agent`.
fn main() {}
