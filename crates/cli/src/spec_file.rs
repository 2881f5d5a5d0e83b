//! A configuration file: TOML, checked as a whole, with the line of what is wrong.

use crate::failure::Failure;
use lockstep_api::configuration::Spec;
use lockstep_directory::distance;
use std::path::Path;

/// Every key that a configuration can have.
const KEYS: [&str; 16] = [
    "name",
    "domain",
    "paused",
    "scope",
    "organizational-units",
    "exclude-organizational-units",
    "objects",
    "users",
    "groups",
    "contacts",
    "accidental-deletes",
    "enabled",
    "threshold",
    "schedule",
    "interval",
    "on-change",
];

/// Reads and checks a configuration file.
pub(crate) fn read(path: &Path) -> Result<Spec, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read {}: {error}", path.display())))?;
    parse(&path.display().to_string(), &text)
}

fn parse(file: &str, text: &str) -> Result<Spec, Failure> {
    let spec: Spec = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        let message = error.message().to_owned();
        let failure = Failure::usage(format!("{file}:{line}: {message}"));
        match nearest_key(&message) {
            Some(nearest) => {
                failure.remedy(format!("did you mean `{nearest}`? Nothing was changed"))
            }
            None => failure.remedy("correct the file; nothing was changed"),
        }
    })?;
    spec.check().map_err(|error| {
        let key = error.key.rsplit('.').next().unwrap_or(&error.key);
        let line = line_with_key(text, key);
        Failure::usage(format!("{file}:{line}: {error}"))
            .remedy("correct the file; nothing was changed")
    })?;
    Ok(spec)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The line on which a key is set.
fn line_with_key(text: &str, key: &str) -> usize {
    let sets = |line: &str| {
        line.trim_start()
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().position(sets).map_or(1, |index| index + 1)
}

/// The valid key that is most like the one that is not.
fn nearest_key(message: &str) -> Option<&'static str> {
    let unknown = message.strip_prefix("unknown field `")?.split('`').next()?;
    KEYS.iter()
        .copied()
        .min_by_key(|key| distance(key, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(text: &str) -> String {
        parse("corp.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_two_lines_is_enough() {
        let spec = parse("corp.toml", "name = \"corp\"\ndomain = \"corp.test\"\n").unwrap();
        assert_eq!(spec.name, "corp");
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
}
