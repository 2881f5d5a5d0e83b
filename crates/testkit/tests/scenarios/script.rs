//! A scenario file as steps. The format is described in docs/scenarios.md.

use std::path::Path;

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The sentence that it shows.
    pub(crate) title: String,
    pub(crate) steps: Vec<Step>,
}

/// A step: a heading at the beginning of a line, and indented lines below it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Where the heading stands in the file.
    pub(crate) line: usize,
    pub(crate) words: Vec<String>,
    pub(crate) body: Vec<Line>,
}

/// An indented line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) text: String,
}

/// What is wrong, and where in the file.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Wrong {
    pub(crate) fn at(line: usize) -> impl Fn(String) -> Self {
        move |what| Self { line, what }
    }
}

/// Reads a scenario file.
pub(crate) fn read(path: &Path) -> Result<Scenario, Wrong> {
    let text = std::fs::read_to_string(path).map_err(|error| Wrong {
        line: 0,
        what: error.to_string(),
    })?;
    parse(&text)
}

pub(crate) fn parse(text: &str) -> Result<Scenario, Wrong> {
    let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
    let title = title.ok_or_else(|| Wrong {
        line: 1,
        what: "expected `# ` and the sentence that the scenario shows".to_owned(),
    })?;
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let is_heading = !line.starts_with([' ', '\t']);
        match steps.last_mut() {
            _ if is_heading => steps.push(Step {
                line: number,
                words: words(line).map_err(Wrong::at(number))?,
                body: Vec::new(),
            }),
            Some(step) => step.body.push(Line {
                number,
                text: line.trim().to_owned(),
            }),
            None => {
                return Err(Wrong::at(number)(
                    "expected the heading of a step".to_owned(),
                ));
            }
        }
    }
    Ok(Scenario {
        title: title.to_owned(),
        steps,
    })
}

/// The words of a line. Quotation marks hold together what contains spaces.
pub(crate) fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut any) = (String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            letter if letter.is_whitespace() && !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            letter => {
                word.push(letter);
                any = true;
            }
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.extend(any.then_some(word));
    Ok(words)
}

/// The lines that a line with a range such as `{1..500}` stands for: one for each number.
pub(crate) fn unrolled(line: &str) -> Result<Vec<String>, String> {
    let Some((begin, rest)) = line.split_once('{') else {
        return Ok(vec![line.to_owned()]);
    };
    let (range, _) = rest.split_once('}').ok_or("expected `}`")?;
    let bounds = range.split_once("..").and_then(|(first, last)| {
        let first: u32 = first.parse().ok()?;
        Some((first, last.parse::<u32>().ok()?))
    });
    let (first, last) =
        bounds.ok_or_else(|| format!("expected {{1..500}}, found {begin}{{{range}}}"))?;
    let range = format!("{{{range}}}");
    Ok((first..=last)
        .map(|number| line.replace(&range, &number.to_string()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_hold_words_together() {
        let found = words(r#"user "CN=Ada King,OU=Staff" title="Dr of" mail="#).unwrap();
        assert_eq!(
            found,
            ["user", "CN=Ada King,OU=Staff", "title=Dr of", "mail="]
        );
        assert!(words(r#"user "CN=Ada"#).is_err());
    }

    #[test]
    fn a_range_stands_for_as_many_lines() {
        let lines = unrolled("add CN=u{1..3} to CN=g{1..3}").unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2], "add CN=u3 to CN=g3");
        assert!(unrolled("user CN=u{1..}").is_err());
    }

    #[test]
    fn a_scenario_is_its_title_and_steps_with_their_lines() {
        let scenario = parse("# It holds.\n\n# why\nad\n  ou OU=A\n\ncycle\n").unwrap();
        assert_eq!(scenario.title, "It holds.");
        let lines: Vec<usize> = scenario.steps.iter().map(|step| step.line).collect();
        assert_eq!(lines, [4, 7]);
        assert_eq!(scenario.steps[0].body[0].number, 5);
        assert_eq!(parse("ad\n").unwrap_err().line, 1);
        assert_eq!(parse("# t\n  ou OU=A\n").unwrap_err().line, 2);
    }
}
