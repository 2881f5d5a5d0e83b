//! The manual pages of the functions: the head comments of the files in `functions/`.
//!
//! A page is Markdown below a heading with the function's signature. Its fenced blocks hold examples,
//! with a blank line in between, and each is a test:
//!
//! ```text
//! Append([userPrincipalName], ".test")
//!   at 2026-03-31T08:00:00Z                            (what `Now()` is; optional)
//!   with userPrincipalName = "ada@corp.test"           (the values of an attribute; optional)
//!   gives "ada@corp.test.test"
//! ```
//!
//! In place of `gives` stand `leaves the target alone`, `matches` with a regular expression for the
//! whole text, `fails: ` or `is refused: ` with a part of the message. Values are texts, numbers, `true`
//! and `false`, `date "…"`, `base64 "…"`, `nothing`, and several of them with commas in between.
//!
//! Tests run the examples; `cargo xtask docs` makes `docs/expressions.md` of the pages.

use super::{Environment, Expression, ExpressionValue, Flow, functions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::{AttributeName, Timestamp};
use std::collections::BTreeMap;

/// Divides what is written by hand in `docs/expressions.md` from what is made of the pages.
pub const MARKER: &str = "<!-- From here on made of the head comments in crates/engine/src/expression/functions, \
                          by `cargo xtask docs` -->";

/// The manual page of a function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The function with its parameters.
    pub signature: String,
    /// What it does, in one paragraph.
    pub summary: String,
    /// The page below its heading, in Markdown.
    pub body: String,
    /// The examples, as they are written.
    pub examples: Vec<Example>,
}

/// An expression and what becomes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Example {
    expression: String,
    attributes: BTreeMap<AttributeName, ExpressionValue>,
    now: Timestamp,
    expected: Expected,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Expected {
    Gives(ExpressionValue),
    LeavesAlone,
    Matches(String),
    Fails(String),
    Refused(String),
}

/// A page that cannot be read, or an example that does not hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{about}: {problem}")]
pub struct ManualError {
    /// The page's heading, or the example's expression.
    pub about: String,
    /// What is wrong with it.
    pub problem: String,
}

fn error(about: &str, problem: impl Into<String>) -> ManualError {
    ManualError {
        about: about.to_owned(),
        problem: problem.into(),
    }
}

/// The signatures that the functions themselves have, by which pages are checked for being complete.
#[must_use]
pub fn signatures() -> Vec<String> {
    let mut signatures: Vec<String> = functions::ALL.iter().map(|f| f.signature()).collect();
    signatures.sort();
    signatures
}

/// The generated part of the reference: a table of all functions, then their pages by name.
#[must_use]
pub fn reference(pages: &[Page]) -> String {
    let mut pages: Vec<&Page> = pages.iter().collect();
    pages.sort_by_key(|page| page.name().to_lowercase());
    let mut text = String::from("| function | what it does |\n|---|---|\n");
    for page in &pages {
        let anchor = page.name().to_lowercase();
        let first = page.summary.split_inclusive('.').next().unwrap_or_default();
        text.push_str(&format!(
            "| [{}](#{anchor}) | {} |\n",
            page.name(),
            first.trim()
        ));
    }
    for page in &pages {
        let (name, signature) = (page.name(), &page.signature);
        text.push_str(&format!("\n### {name}\n\n`{signature}`\n\n{}\n", page.body));
    }
    text
}

impl Page {
    /// Reads the page at the head of a source file.
    ///
    /// # Errors
    ///
    /// [`ManualError`] when it has no heading or an example that cannot be read.
    pub fn read(source: &str) -> Result<Self, ManualError> {
        let lines: Vec<&str> = source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let [heading, body @ ..] = &lines[..] else {
            return Err(error("a page", "expected a head comment"));
        };
        let signature = heading
            .strip_prefix("# ")
            .ok_or_else(|| error(heading, "expected a heading with the function's signature"))?;
        let body = body.join("\n").trim().to_owned();
        let summary = body
            .split("\n\n")
            .next()
            .unwrap_or_default()
            .replace('\n', " ");
        Ok(Self {
            signature: signature.to_owned(),
            examples: examples(&body)?,
            summary,
            body,
        })
    }

    /// The function's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.signature.split('(').next().unwrap_or_default()
    }
}

/// The examples in the fenced blocks.
fn examples(body: &str) -> Result<Vec<Example>, ManualError> {
    let blocks = body.split("```").skip(1).step_by(2);
    blocks
        .flat_map(|block| block.strip_prefix("text").unwrap_or(block).split("\n\n"))
        .map(Example::read)
        .collect()
}

impl Example {
    fn read(text: &str) -> Result<Self, ManualError> {
        let mut lines = text.trim().lines();
        let expression = lines.next().unwrap_or_default().to_owned();
        let mut attributes = BTreeMap::new();
        let mut now = Timestamp::default();
        let mut expected = None;
        for line in lines.map(str::trim) {
            let wrong = |problem: &str| error(&expression, format!("{problem}: {line}"));
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "at" => now = rest.parse().map_err(|_| wrong("expected a time"))?,
                "with" => {
                    let pair = rest.split_once(" = ");
                    let (name, values) = pair.ok_or_else(|| wrong("expected name = value"))?;
                    let value = values_of(values).ok_or_else(|| wrong("expected values"))?;
                    attributes.insert(AttributeName::new(name), value);
                }
                "gives" => {
                    let value = values_of(rest).ok_or_else(|| wrong("expected values"))?;
                    expected = Some(Expected::Gives(value));
                }
                "leaves" => expected = Some(Expected::LeavesAlone),
                "matches" => expected = Some(Expected::Matches(rest.to_owned())),
                "fails:" => expected = Some(Expected::Fails(rest.to_owned())),
                "is" => {
                    let part = rest.strip_prefix("refused: ");
                    let part = part.ok_or_else(|| wrong("expected `is refused: `"))?;
                    expected = Some(Expected::Refused(part.to_owned()));
                }
                _ => return Err(wrong("unknown line")),
            }
        }
        let expected = expected.ok_or_else(|| error(&expression, "expected a result"))?;
        Ok(Self {
            expression,
            attributes,
            now,
            expected,
        })
    }

    /// Evaluates the expression and compares.
    ///
    /// # Errors
    ///
    /// [`ManualError`] that says what came instead.
    pub fn check(&self) -> Result<(), ManualError> {
        let came = self.outcome();
        let holds = match (&self.expected, &came) {
            (Expected::Gives(value), Outcome::Value(came)) => alike(value, came),
            (Expected::LeavesAlone, Outcome::Ignored) => true,
            (Expected::Matches(pattern), Outcome::Value(ExpressionValue::Text(text))) => {
                let whole = format!("^(?:{pattern})$");
                let found = regex::Regex::new(&whole).map(|whole| whole.is_match(text));
                found.map_err(|wrong| error(&self.expression, wrong.to_string()))?
            }
            (Expected::Fails(part), Outcome::Failed(message))
            | (Expected::Refused(part), Outcome::Refused(message)) => message.contains(part),
            _ => false,
        };
        match holds {
            true => Ok(()),
            false => {
                let problem = format!("expected {:?}, came {came:?}", self.expected);
                Err(error(&self.expression, problem))
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let expression = match Expression::parse(&self.expression) {
            Ok(expression) => expression,
            Err(error) => return Outcome::Refused(error.to_string()),
        };
        let environment = Environment {
            now: self.now,
            seed: [7; 32],
        };
        match expression.evaluate(&self.attributes, &environment) {
            Ok(Flow::Value(value)) => Outcome::Value(value),
            Ok(Flow::Ignored) => Outcome::Ignored,
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }
}

#[derive(Debug)]
enum Outcome {
    Value(ExpressionValue),
    Ignored,
    Failed(String),
    Refused(String),
}

/// A list of one is as good as its value.
fn alike(a: &ExpressionValue, b: &ExpressionValue) -> bool {
    let one = |value: &ExpressionValue| match value {
        ExpressionValue::List(values) => ExpressionValue::of_values(values.clone()),
        value => value.clone(),
    };
    one(a) == one(b)
}

/// Reads values with commas in between.
fn values_of(text: &str) -> Option<ExpressionValue> {
    let mut rest = text.trim();
    let mut values = Vec::new();
    loop {
        let (value, behind) = value_of(rest)?;
        values.extend(value);
        rest = match behind.trim() {
            "" => return Some(ExpressionValue::of_values(values)),
            more => more.strip_prefix(',')?.trim(),
        };
    }
}

/// Reads one value, or none for `nothing`; gives what stands behind it.
fn value_of(text: &str) -> Option<(Option<ExpressionValue>, &str)> {
    if let Some(rest) = text.strip_prefix("date ") {
        let (date, rest) = text_of(rest)?;
        return Some((Some(ExpressionValue::DateTime(date.parse().ok()?)), rest));
    }
    if let Some(rest) = text.strip_prefix("base64 ") {
        let (bytes, rest) = text_of(rest)?;
        return Some((
            Some(ExpressionValue::Binary(STANDARD.decode(bytes).ok()?)),
            rest,
        ));
    }
    if text.starts_with('"') {
        let (text, rest) = text_of(text)?;
        return Some((Some(text.into()), rest));
    }
    let (word, rest) = text.split_at_checked(text.find(',').unwrap_or(text.len()))?;
    let value = match word {
        "nothing" => None,
        "true" => Some(ExpressionValue::Boolean(true)),
        "false" => Some(ExpressionValue::Boolean(false)),
        number => Some(ExpressionValue::Integer(number.parse().ok()?)),
    };
    Some((value, rest))
}

/// Reads a text as expressions have it.
fn text_of(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((out, text.get(index + 2..)?)),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}
