//! Drives one oracle with libFuzzer. Which one is said by the variable `LOCKSTEP_FUZZ_TARGET`, because the
//! arguments are libFuzzer's own; `cargo xtask fuzz` sets it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lockstep_oracles::{Oracle, named};
use std::sync::LazyLock;

static ORACLE: LazyLock<Oracle> = LazyLock::new(|| {
    let name = std::env::var("LOCKSTEP_FUZZ_TARGET").expect("LOCKSTEP_FUZZ_TARGET names no target");
    named(&name).expect("LOCKSTEP_FUZZ_TARGET names no target")
});

fuzz_target!(|bytes: &[u8]| (ORACLE.check)(bytes));
