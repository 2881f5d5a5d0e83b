//! `$search`: `"displayName:ada" OR "mail:ada@"`.
//!
//! Of a display name or a description each word that is searched for has to begin a word, in any order;
//! any other property has to begin so. Without a property, name, sign-in name and address are searched.

use super::{Field, FieldType};
use super::{Fields, Filter, FilterError, ObjectFields, Test};
use crate::object::Kind;
use crate::text::fold;

/// How many parts a search may have.
const MOST_PARTS: usize = 50;

/// Reads a search for objects of one kind.
///
/// # Errors
///
/// [`FilterError`] with position and expectation.
pub fn search(kind: Kind, source: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser {
        kind,
        parts: parts(source)?,
        next: 0,
        end: source.chars().count() + 1,
    };
    if parser.parts.len() > MOST_PARTS {
        return Err(FilterError {
            position: 1,
            expected: format!("a search of at most {MOST_PARTS} parts"),
            found: format!("{} of them", parser.parts.len()),
        });
    }
    let filter = parser.or()?;
    match parser.parts.get(parser.next) {
        None => Ok(filter),
        Some(_) => Err(parser.error("`AND`, `OR` or the end")),
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Open,
    Close,
    And,
    Or,
    Clause(String),
}

fn parts(source: &str) -> Result<Vec<(usize, Part)>, FilterError> {
    let mut parts = Vec::new();
    let mut characters = source.chars().zip(1..).peekable();
    while let Some((character, position)) = characters.next() {
        let part = match character {
            c if c.is_whitespace() => continue,
            '(' => Part::Open,
            ')' => Part::Close,
            '"' => {
                let mut text = String::new();
                loop {
                    match characters.next() {
                        Some(('\\', _)) => text.extend(characters.next().map(|(c, _)| c)),
                        Some(('"', _)) => break,
                        Some((c, _)) => text.push(c),
                        None => {
                            return Err(FilterError {
                                position,
                                expected: "a text that ends with \"".into(),
                                found: "the end".into(),
                            });
                        }
                    }
                }
                Part::Clause(text)
            }
            c => {
                let mut word = String::from(c);
                let goes_on = |c: &char| !c.is_whitespace() && !matches!(c, '(' | ')' | '"');
                while let Some((c, _)) = characters.next_if(|(c, _)| goes_on(c)) {
                    word.push(c);
                }
                match word.as_str() {
                    "AND" => Part::And,
                    "OR" => Part::Or,
                    _ => {
                        return Err(FilterError {
                            position,
                            expected: "a text in double quotes, such as \"displayName:ada\"".into(),
                            found: format!("`{word}`"),
                        });
                    }
                }
            }
        };
        parts.push((position, part));
    }
    Ok(parts)
}

struct Parser {
    kind: Kind,
    parts: Vec<(usize, Part)>,
    next: usize,
    end: usize,
}

impl Parser {
    fn take(&mut self, part: &Part) -> bool {
        let is = self
            .parts
            .get(self.next)
            .is_some_and(|(_, own)| own == part);
        self.next += usize::from(is);
        is
    }

    fn error(&self, expected: &str) -> FilterError {
        let (position, found) = match self.parts.get(self.next) {
            Some((position, part)) => (*position, format!("{part:?}")),
            None => (self.end, "the end".to_owned()),
        };
        FilterError {
            position,
            expected: expected.to_owned(),
            found,
        }
    }

    fn or(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.and()?];
        while self.take(&Part::Or) {
            parts.push(self.and()?);
        }
        Ok(Filter::Or(parts))
    }

    fn and(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.clause()?];
        while self.take(&Part::And) {
            parts.push(self.clause()?);
        }
        Ok(Filter::And(parts))
    }

    // Nested at most as deep as there are parts, which are counted.
    fn clause(&mut self) -> Result<Filter, FilterError> {
        if self.take(&Part::Open) {
            let inner = self.or()?;
            return match self.take(&Part::Close) {
                true => Ok(inner),
                false => Err(self.error("`)`")),
            };
        }
        let Some((_, Part::Clause(text))) = self.parts.get(self.next) else {
            return Err(self.error("a text in double quotes, such as \"displayName:ada\""));
        };
        let filter = match text.split_once(':') {
            Some((name, text)) => self.property(name.trim(), text)?,
            None => self.anywhere(text),
        };
        let filter = filter.ok_or_else(|| self.error("something to search for"))?;
        self.next += 1;
        Ok(filter)
    }

    fn property(&self, name: &str, text: &str) -> Result<Option<Filter>, FilterError> {
        let (field, field_type) = ObjectFields(self.kind).field(name).map_err(|nearest| {
            self.error(&format!("the name of a property, perhaps `{nearest}`"))
        })?;
        Ok(match (field, field_type) {
            (Field::Property(property), FieldType::Text)
                if matches!(property.name(), "displayName" | "description") =>
            {
                words(field, text)
            }
            (_, FieldType::Text) => begins(field, text),
            (_, FieldType::Texts) => {
                let text = fold(text);
                let test = Filter::Test(super::Element, Test::StartsWith(text.clone()));
                (!text.is_empty()).then(|| Filter::Any(field, Some(Box::new(test))))
            }
            _ => return Err(self.error("a property with texts")),
        })
    }

    /// In all by which people know each other.
    fn anywhere(&self, text: &str) -> Option<Filter> {
        let fields = ObjectFields(self.kind);
        let field = |name| fields.field(name).ok().map(|(field, _)| field);
        let mut parts: Vec<Filter> = Vec::new();
        parts.extend(field("displayName").and_then(|field| words(field, text)));
        for name in ["mail", "userPrincipalName"] {
            parts.extend(field(name).and_then(|field| begins(field, text)));
        }
        (!parts.is_empty()).then_some(Filter::Or(parts))
    }
}

fn words(field: Field, text: &str) -> Option<Filter> {
    let folded = fold(text);
    let words = folded.split_whitespace();
    let tests: Vec<Filter> = words
        .map(|word| Filter::Test(field, Test::HasWord(word.to_owned())))
        .collect();
    (!tests.is_empty()).then_some(Filter::And(tests))
}

fn begins(field: Field, text: &str) -> Option<Filter> {
    let text = fold(text);
    (!text.is_empty()).then_some(Filter::Test(field, Test::StartsWith(text)))
}
