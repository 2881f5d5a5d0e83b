//! What a developer sees.
#![expect(clippy::print_stderr, reason = "the one place where xtask speaks")]

/// Says what is done next.
pub(crate) fn step(text: &str) {
    eprintln!("\n=== {text}");
}

/// Says why it stopped.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}");
}

/// Says something, as it is.
pub(crate) fn words(text: &str) {
    eprint!("{text}");
}
