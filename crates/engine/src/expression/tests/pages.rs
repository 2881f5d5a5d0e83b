//! Every function has its page, every page holds, and `docs/expressions.md` is made of them.

use super::manual::{Example, MARKER, Page, reference, signatures};

/// The source files that begin with pages.
macro_rules! sources {
    ($($module:ident)*) => {
        [$(include_str!(concat!("../functions/", stringify!($module), ".rs"))),*]
    };
}

fn pages() -> Vec<Page> {
    let sources = sources! {
        app_role_assignments_complex append bit_and c_bool c_date
        c_ref c_str coalesce contains convert_from_base64
        convert_to_base64 convert_to_utf8_hex count date_add date_diff
        date_from_num dn_component error format_date_time guid
        ignore_flow_if_null_or_empty iif in_str is_null is_null_or_empty
        is_present is_string item join left
        mid normalize_diacritics not now num_from_date
        p_case random_string redact remove_duplicates replace
        select_unique_value single_app_role_assignment split string_from_sid strip_spaces
        switch to_lower to_upper trim word
    };
    let page = |source| Page::read(source).unwrap_or_else(|error| panic!("{error}"));
    sources.into_iter().map(page).collect()
}

#[test]
fn every_function_has_a_page_with_its_signature() {
    let mut written: Vec<String> = pages().into_iter().map(|page| page.signature).collect();
    written.sort();
    assert_eq!(written, signatures());
}

#[test]
fn every_example_gives_the_result_that_its_page_says() {
    let mut wrong = Vec::new();
    for page in pages() {
        assert!(!page.examples.is_empty(), "{} has no example", page.name());
        let results = page.examples.iter().map(Example::check);
        wrong.extend(
            results
                .filter_map(Result::err)
                .map(|error| error.to_string()),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_example_that_does_not_hold_is_noticed() {
    for (example, words) in [
        ("Left(\"abc\", 1)\n  gives \"b\"", "expected Gives"),
        (
            "Left([x], 1)\n  with x = \"abc\"\n  fails: no",
            "expected Fails",
        ),
        ("Guid()\n  matches [a-z]", "expected Matches"),
        ("Left(1)\n  gives \"b\"", "came Refused"),
        (
            "Trim([x])\n  leaves the target alone",
            "expected LeavesAlone",
        ),
    ] {
        let example = example.replace('\n', "\n//! ");
        let source = format!("//! # X()\n//!\n//! ```text\n//! {example}\n//! ```");
        let page = Page::read(&source).unwrap();
        let error = page.examples[0].check().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_reference_is_made_of_the_pages() {
    let document = include_str!("../../../../../docs/expressions.md");
    let (_, generated) = document
        .split_once(MARKER)
        .expect("docs/expressions.md has the marker");
    assert!(
        generated.trim() == reference(&pages()).trim(),
        "docs/expressions.md is old: run `cargo xtask docs`"
    );
}
