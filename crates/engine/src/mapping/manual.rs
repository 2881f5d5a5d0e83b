//! The default mapping as a table, so that `docs/mapping.md` cannot be out of date.

use super::{Entry, MappedKind, Mapping, REFERENCES, Reference, Rule};
use std::collections::BTreeMap;

/// Divides what is written by hand in `docs/mapping.md` from what is made of the default mapping.
pub const MARKER: &str = "<!-- From here on made of the default mapping, by `cargo xtask docs` -->";

/// The default mapping: property, attribute, how the value is made, and of which kinds of object.
#[must_use]
pub fn table() -> String {
    let mapping = Mapping::standard();
    let mut rows: Vec<(String, Vec<MappedKind>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let entries = mapping.entries.iter();
    let values = entries.flat_map(|(kind, entries)| entries.iter().map(move |e| (row(e), *kind)));
    let kinds = |own: &'static Reference| own.kinds.iter().map(move |kind| (link(own), *kind));
    for (row, kind) in values.chain(REFERENCES.iter().flat_map(kinds)) {
        let place = *places.entry(row.clone()).or_insert(rows.len());
        match rows.get_mut(place) {
            Some((_, kinds)) => kinds.push(kind),
            None => rows.push((row, vec![kind])),
        }
    }
    let mut table =
        "| property | Active Directory | value | objects |\n|---|---|---|---|\n".to_owned();
    for (row, kinds) in rows {
        let names: Vec<String> = kinds.iter().map(|kind| format!("{kind}s")).collect();
        let objects = match names.len() {
            3 => "all".to_owned(),
            _ => names.join(", "),
        };
        table.push_str(&format!("| {row} | {objects} |\n"));
    }
    table
}

fn link(reference: &Reference) -> String {
    let how = match reference.single {
        true => "the object that it names",
        false => "the objects that it names, one by one",
    };
    format!("`{}` | {} | {how}", reference.property, reference.spelled)
}

fn row(entry: &Entry) -> String {
    let sources = entry.rule.sources().join(", ");
    format!("`{}` | {sources} | {}", entry.target, how(&entry.rule))
}

/// How a rule makes its value, in words.
const fn how(rule: &Rule) -> &'static str {
    match rule {
        Rule::Constant(_) => "always the same",
        Rule::Expression(..) => "an expression",
        Rule::Direct(_) => "as it is",
        Rule::AsText(_) => "the first value as a text",
        Rule::DirectList(_) => "all values",
        Rule::Number(_) => "as a number",
        Rule::Truth(_) => "true or false",
        Rule::Bytes(_) => "bytes",
        Rule::BytesList(_) => "all values, bytes",
        Rule::Trimmed(_) => "trimmed",
        Rule::TrimmedList(_) => "all values, trimmed, without duplicates",
        Rule::Cut(_) => "the first value, trimmed, at most 448 characters",
        Rule::Joined(_) => "as a list, trimmed",
        Rule::FirstOf(_) => "the first of them that has a value",
        Rule::FileTime(_) => "as a time",
        Rule::ObjectGuid => "objectGUID as text",
        Rule::Sid => "objectSid as text",
        Rule::DistinguishedName => "the distinguished name",
        Rule::DomainName => "the DNS name of the domain",
        Rule::NetbiosName => "the NetBIOS name of the domain",
        Rule::AccountEnabled => "true unless the account is disabled",
        Rule::UserPrincipalName => "userPrincipalName, else sAMAccountName at the domain",
        Rule::SecurityEnabled => "whether it is a security group",
        Rule::MailEnabled => "whether it has a primary SMTP address or a mail address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_documentation_is_that_of_the_default_mapping() {
        let document = include_str!("../../../../docs/mapping.md");
        let (_, generated) = document
            .split_once(MARKER)
            .expect("docs/mapping.md has the marker");
        assert!(
            generated.trim() == table().trim(),
            "docs/mapping.md is old: run `cargo xtask docs`"
        );
    }

    #[test]
    fn what_all_kinds_have_is_one_row() {
        let table = table();
        assert!(
            table.contains("| `mail` | mail | trimmed | all |"),
            "{table}"
        );
        assert!(
            table.contains(
                "| `members` | member | the objects that it names, one by one | groups |"
            )
        );
    }
}
