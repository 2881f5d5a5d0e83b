//! A configuration file: TOML, checked as a whole, with the line of what is wrong.

use crate::failure::Failure;
use lockstep_api::configuration::Spec;
use lockstep_directory::distance;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file that was read and checked.
#[derive(Debug)]
pub(crate) struct SpecFile {
    /// What it says.
    pub(crate) spec: Spec,
    name: String,
    text: String,
}

/// Reads and checks a configuration file.
pub(crate) fn read(path: &Path) -> Result<SpecFile, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read {}: {error}", path.display())))?;
    parse(&path.display().to_string(), text)
}

fn parse(file: &str, text: String) -> Result<SpecFile, Failure> {
    let spec: Spec = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(&text, span.start));
        let message = error.message().to_owned();
        let failure = Failure::usage(format!("{file}:{line}: {message}"));
        match nearest_key(&message) {
            Some(nearest) => {
                failure.remedy(format!("did you mean `{nearest}`? Nothing was changed"))
            }
            None => failure.remedy("correct the file; nothing was changed"),
        }
    })?;
    let file = SpecFile {
        spec,
        name: file.to_owned(),
        text,
    };
    match file.spec.check() {
        Ok(()) => Ok(file),
        Err(error) => {
            let line = file.line_of_key(&error.key);
            Err(Failure::usage(format!("{}:{line}: {error}", file.name))
                .remedy("correct the file; nothing was changed"))
        }
    }
}

impl SpecFile {
    /// A refusal of the service, with the line of the file that it is about.
    pub(crate) fn refused(&self, failure: Failure) -> Failure {
        match failure.key() {
            Some(key) => {
                let place = format!("{}:{}: ", self.name, self.line_of_key(key));
                failure.at(&place)
            }
            None => failure,
        }
    }

    /// The line on which a key such as `mapping.user[1].expression` is set; that of the table it should
    /// stand in when it is not set.
    fn line_of_key(&self, key: &str) -> usize {
        let Ok(table) = DeTable::parse(&self.text) else {
            return 1;
        };
        let mut place = 0;
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in steps(key) {
            let next = match (step, value.map(Spanned::get_ref)) {
                (Step::Name(name), None) => table.get_ref().get_key_value(name),
                (Step::Name(name), Some(DeValue::Table(table))) => table.get_key_value(name),
                (Step::Index(index), Some(DeValue::Array(array))) => {
                    let Some(item) = array.get(index) else { break };
                    place = item.span().start;
                    value = Some(item);
                    continue;
                }
                _ => None,
            };
            let Some((name, found)) = next else { break };
            place = name.span().start;
            value = Some(found);
        }
        line_of(&self.text, place)
    }
}

/// One step of a key's path.
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

fn steps(key: &str) -> impl Iterator<Item = Step<'_>> {
    key.split(['.', '['])
        .map(|step| match step.strip_suffix(']') {
            Some(index) => index.parse().map_or(Step::Name(step), Step::Index),
            None => Step::Name(step),
        })
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The valid key that is most like the one that is not, of those that the message names; none when all are
/// quite unlike it.
fn nearest_key(message: &str) -> Option<&str> {
    let mut names = message
        .strip_prefix("unknown field `")?
        .split('`')
        .step_by(2);
    let unknown = names.next()?;
    let nearest = names.min_by_key(|known| distance(known, unknown))?;
    let longer = unknown.chars().count().max(nearest.chars().count());
    (distance(nearest, unknown) * 2 <= longer).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> String {
        parse("corp.toml", text.to_owned()).unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_two_lines_is_enough() {
        let text = "name = \"corp\"\ndomain = \"corp.test\"\n";
        let file = parse("corp.toml", text.to_owned()).unwrap();
        assert_eq!(file.spec.name, "corp");
    }

    #[test]
    fn what_is_wrong_is_shown_with_line_and_nearest_key() {
        let text = failure("name = \"corp\"\ndomain = \"corp.test\"\n\n[scop]\n");
        assert!(
            text.starts_with("corp.toml:4: unknown field `scop`"),
            "{text}"
        );
        assert!(text.contains("did you mean `scope`?"), "{text}");

        let text =
            failure("name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\ninterval = \"2x\"\n");
        assert!(
            text.starts_with("corp.toml:4: schedule.interval: expected a time"),
            "{text}"
        );

        let text = failure("name = \"corp\"\ndomain = \"corp.test\"\npaused = 3\n");
        assert!(text.starts_with("corp.toml:3: invalid type"), "{text}");
    }
    #[test]
    fn the_line_of_a_key_is_found_within_tables_and_lists() {
        let text = "name = \"corp\"\ndomain = \"corp.test\"\n[scope]\nfilters = [\n  [ { object = \
                    \"user\", attribute = \"a\", operator = \"is-null\" } ],\n  [ { object = \"user\", attribute \
                    = \"a\",\n      operator = \"like\" } ],\n]\n[[mapping.user]]\ntarget = \
                    \"department\"\nconstant = \"x\"\n";
        let file = parse("corp.toml", text.to_owned()).unwrap();
        assert_eq!(file.line_of_key("scope.filters[1][0].operator"), 7);
        assert_eq!(file.line_of_key("mapping.user[0].constant"), 11);
        assert_eq!(file.line_of_key("mapping.user[0].expression"), 9);
        assert_eq!(file.line_of_key("scope.groups[0]"), 3);
        assert_eq!(file.line_of_key("nowhere"), 1);
    }
}
