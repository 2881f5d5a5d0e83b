//! Every code has its entry in docs/troubleshooting.md, and every entry its code.

use super::{Complaint, Repository};
use lockstep_api::troubles::{MARKER, SECTIONS, find, manual};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = "docs/troubleshooting.md";
/// Where the entries stand.
const TABLE: &str = "crates/api/src/troubles";
/// Codes that one part gives and another one acts on.
const SHARED: &str = "crates/model/src/codes.rs";
/// What gives codes.
const PLACES: [&str; 5] = [
    "crates/agent/src",
    "crates/api/src/channel",
    "crates/directory/src",
    "crates/engine/src",
    "crates/server/src",
];

/// The document says what the table says, the table knows every code, and nothing else.
pub(super) fn are_told(repository: &Repository) -> anyhow::Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    let document = repository.read(DOCUMENT)?;
    let generated = document.split_once(MARKER).map(|(_, behind)| behind.trim());
    if generated != Some(manual().trim()) {
        let what = format!("is not what {TABLE} makes; `cargo xtask docs` writes it");
        complaints.push(Complaint::new(DOCUMENT, what));
    }
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    let mut literals = BTreeSet::new();
    for file in repository.with_ending(".rs") {
        if file.starts_with(TABLE) || !file.starts_with("crates/") {
            continue;
        }
        let source = repository.read(file)?;
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        literals.extend(source.split('"').map(str::to_owned));
        if PLACES.iter().any(|place| file.starts_with(place)) {
            given.extend(codes(source).map(|code| (code.to_owned(), file.to_owned())));
        }
        if file == SHARED {
            given.extend(constants(source).map(|code| (code.to_owned(), file.to_owned())));
        }
    }
    let unknown = given.iter().filter(|(code, _)| find(code).is_none());
    complaints.extend(unknown.map(|(code, file)| {
        Complaint::new(
            file,
            format!("gives the code {code}, which {TABLE} does not explain"),
        )
    }));
    let told = SECTIONS.iter().flat_map(|section| section.troubles);
    let gone = told.filter(|trouble| !literals.contains(trouble.code));
    complaints.extend(gone.map(|trouble| {
        let what = format!("explains the code {}, which nobody gives", trouble.code);
        Complaint::new(TABLE, what)
    }));
    Ok(complaints)
}

/// The codes that a source gives: of problems, in fields called `code`, and from functions called `code`.
fn codes(source: &str) -> impl Iterator<Item = &str> {
    let problems = source.split("Problem::new(").skip(1).filter_map(|behind| {
        let (status, behind) = behind.split_once(',')?;
        let code = behind.trim_start().strip_prefix('"')?;
        (!status.contains(')')).then(|| code.split('"').next())?
    });
    let fields = source
        .split("code: \"")
        .skip(1)
        .filter_map(|behind| behind.split('"').next());
    let functions = source.split("fn code(").skip(1).flat_map(|behind| {
        let body = behind.split("\n    }\n").next().unwrap_or("");
        body.split('"').skip(1).step_by(2)
    });
    let all = problems.chain(fields).chain(functions);
    all.filter(|code| is_code(code))
}

/// The codes that are constants of a source.
fn constants(source: &str) -> impl Iterator<Item = &str> {
    let values = source.split(": &str = \"").skip(1);
    values.filter_map(|behind| behind.split('"').next())
}

fn is_code(text: &str) -> bool {
    text.starts_with(char::is_uppercase)
        && text.contains(char::is_lowercase)
        && text.chars().all(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_problems_fields_and_functions() {
        let source = "Problem::new(404, \"One\", title)\nProblem::new(\n    409,\n    \"Two\",\n)\n\
                      Error { code: \"Three\".into(), message: \"no code\".into() }\nProblem::new(status, &code)\n\
                      impl A {\n    fn code(&self) {\n        A => \"Four\",\n        B => {\n            \"Five\"\n        \
                      }\n    }\n    fn remedy(&self) { \"Nothing\" }\n}\n";
        let found: Vec<&str> = codes(source).collect();
        assert_eq!(found, ["One", "Two", "Three", "Four", "Five"]);
        let source =
            "/// One \"or\" so.\npub const ONE: &str = \"One\";\npub const TWO: &str = \"Two\";\n";
        assert_eq!(constants(source).collect::<Vec<_>>(), ["One", "Two"]);
    }
}
