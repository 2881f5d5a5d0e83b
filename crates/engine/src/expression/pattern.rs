//! Regular expressions as .NET writes them, matched in linear time.
//!
//! A [`Pattern`] is translated for the `regex` crate, which never backtracks: one search takes time in
//! proportion to pattern and text. The work is told to the caller before it is done, so that neither a
//! large pattern nor many matches can stall the engine. What needs backtracking (looking around, backreferences, atomic and balancing groups) is
//! refused by name.

use super::evaluate::MAX_WORK;
use regex::{Captures, Regex, RegexBuilder};
use regex_syntax::ast;
use std::ops::Range;

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// .NET's number of each group, as an index into the groups here.
    numbers: Vec<usize>,
    /// How much work each byte is that it looks at.
    weight: usize,
}

/// A replacement such as `${phoneNumber}`, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Replacement(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Literal(String),
    Group(usize),
}

/// How large a pattern becomes, in bytes at most, and how much work each byte of a text then is.
///
/// Searching takes time in proportion to both; the weights are such that a unit of work is some 100 ns
/// at worst.
const WEIGHTS: [(usize, usize); 6] = [
    (4 * 1024, 2),
    (16 * 1024, 8),
    (64 * 1024, 32),
    (256 * 1024, 128),
    (1024 * 1024, 512),
    (4 * 1024 * 1024, 2048),
];

/// How deep groups may lie in one another.
const MAX_NESTED: u32 = 50;

impl Pattern {
    /// Reads a regular expression; says what it should have been.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let translated = translate(pattern)?;
        let parsed = ast::parse::ParserBuilder::new()
            .nest_limit(MAX_NESTED)
            .build()
            .parse(&translated);
        parsed.map_err(|error| wanted(&error))?;
        let (regex, weight) = compile(&translated)?;
        Ok(Self {
            numbers: numbers(&regex),
            regex,
            weight,
        })
    }

    /// How much work it is to make the pattern.
    pub(super) const fn making(&self) -> usize {
        self.weight * 2048
    }

    /// The names of its groups.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// The group with this name or number; says what it should have been.
    pub(super) fn group(&self, name: &str) -> Result<usize, String> {
        let number = name
            .parse()
            .ok()
            .and_then(|n: usize| self.numbers.get(n).copied());
        let named = self
            .regex
            .capture_names()
            .position(|group| group == Some(name));
        named.or(number).ok_or_else(|| {
            let names: Vec<String> = self.names().map(|name| format!("\"{name}\"")).collect();
            match names.is_empty() {
                true => "a group of the regular expression, which has none with a name".to_owned(),
                false => format!("a group of the regular expression ({})", names.join(", ")),
            }
        })
    }

    /// Reads a replacement with .NET's substitutions: `$1`, `${name}`, `$&`, `$$`.
    pub(super) fn replacement(&self, text: &str) -> Result<Replacement, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            let (part, length) = self.substitution(after)?;
            rest = after.get(length..).unwrap_or_default();
            match part {
                Part::Literal(text) => literal.push_str(&text),
                group @ Part::Group(_) => {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(group);
                }
            }
        }
        literal.push_str(rest);
        parts.push(Part::Literal(literal));
        Ok(Replacement(parts))
    }

    /// Reads what stands behind a `$`; gives its length.
    fn substitution(&self, text: &str) -> Result<(Part, usize), String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        match text.chars().next() {
            Some('$') => Ok((Part::Literal("$".to_owned()), 1)),
            Some('&') => Ok((Part::Group(0), 1)),
            Some('{') => {
                let end = text.find('}').ok_or("a } behind each ${")?;
                let group = self.group(text.get(1..end).unwrap_or_default())?;
                Ok((Part::Group(group), end + 1))
            }
            Some(c @ ('`' | '\'' | '+' | '_')) => Err(format!(
                "a replacement with $1, ${{name}}, $& or $$; ${c} is not supported"
            )),
            _ if digits > 0 => {
                // As many digits as make a group.
                let group = (1..=digits).rev().find_map(|length| {
                    let group = self.group(text.get(..length)?).ok()?;
                    Some((Part::Group(group), length))
                });
                Ok(group.unwrap_or((Part::Literal("$".to_owned()), 0)))
            }
            _ => Ok((Part::Literal("$".to_owned()), 0)),
        }
    }

    /// Whether it matches anywhere in a text; none where finding out would be more work than one expression may
    /// be.
    pub(crate) fn matches(&self, text: &str) -> Option<bool> {
        (self.work(text.len()) <= MAX_WORK).then(|| self.regex.is_match(text))
    }

    /// Replaces every match. `charge` is told of the work before it is done, and can stop it.
    pub(super) fn replace<E>(
        &self,
        text: &str,
        replacement: &Replacement,
        charge: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<String, E> {
        self.rewrite(text, charge, |found| {
            let whole = found.get(0)?;
            Some((whole.range(), replacement.expand(found)))
        })
    }

    /// Replaces one group of every match, the rest stays.
    pub(super) fn replace_group<E>(
        &self,
        text: &str,
        group: usize,
        replacement: &str,
        charge: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<String, E> {
        self.rewrite(text, charge, |found| {
            let part = found.get(group)?;
            Some((part.range(), replacement.to_owned()))
        })
    }

    fn rewrite<E>(
        &self,
        text: &str,
        mut charge: impl FnMut(usize) -> Result<(), E>,
        change: impl Fn(&Captures<'_>) -> Option<(Range<usize>, String)>,
    ) -> Result<String, E> {
        let mut out = String::new();
        let mut copied = 0;
        let mut found = self.regex.captures_iter(text);
        let mut searched = 0;
        loop {
            // Each search may look at all that is left, however near its match lies.
            charge(self.work(text.len() - searched))?;
            let Some(found) = found.next() else {
                break;
            };
            searched = found.get(0).map_or(text.len(), |whole| whole.end());
            if let Some((place, new)) = change(&found) {
                charge(new.len())?;
                out.push_str(text.get(copied..place.start).unwrap_or_default());
                out.push_str(&new);
                copied = place.end;
            }
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(out)
    }

    /// What a group holds in the first match.
    pub(super) fn extract<E>(
        &self,
        text: &str,
        group: usize,
        mut charge: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        charge(self.work(text.len()))?;
        let found = self.regex.captures(text);
        let part = found.and_then(|found| Some(found.get(group)?.as_str().to_owned()));
        Ok(part)
    }

    fn work(&self, length: usize) -> usize {
        (length + 1).saturating_mul(self.weight)
    }
}

impl Replacement {
    fn expand(&self, found: &Captures<'_>) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Group(group) => found.get(*group).map_or("", |m| m.as_str()).to_owned(),
        };
        self.0.iter().map(part).collect()
    }
}

/// Makes the pattern, and finds out how large it is.
fn compile(translated: &str) -> Result<(Regex, usize), String> {
    for (limit, weight) in WEIGHTS {
        let made = RegexBuilder::new(translated)
            .size_limit(limit)
            .nest_limit(MAX_NESTED)
            .build();
        match made {
            Ok(regex) => return Ok((regex, weight)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            // The syntax was accepted; what is left are names of Unicode classes.
            Err(_) => return Err("a regular expression with known Unicode classes".to_owned()),
        }
    }
    Err("a smaller regular expression: its repetitions multiply".to_owned())
}

/// .NET numbers the groups without a name first, then those with one.
fn numbers(regex: &Regex) -> Vec<usize> {
    let of = |named: bool| {
        let groups = regex.capture_names().enumerate();
        groups.filter_map(move |(index, name)| (name.is_some() == named).then_some(index))
    };
    of(false).chain(of(true)).collect()
}

/// Writes a .NET pattern so that the `regex` crate means the same by it.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    let mut last = ' ';
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                // Word boundaries there, just these characters here.
                Some(next @ ('<' | '>')) => out.push(next),
                Some(next) => out.extend(['\\', next]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // First in a class it does not end it.
                if rest.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '[' if last == '-' => {
                return Err("a regular expression without subtraction of classes".to_owned());
            }
            // Classes in classes and operations on them there, just these characters here.
            '[' | '&' | '~' if in_class => out.extend(['\\', c]),
            '-' if in_class && last == '-' => out.push_str("\\-"),
            '(' if !in_class => {
                out.push('(');
                group(&mut rest, &mut out)?;
            }
            _ => out.push(c),
        }
        last = c;
    }
    Ok(out)
}

/// Translates what stands behind an opening parenthesis.
fn group(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    out: &mut String,
) -> Result<(), String> {
    if rest.next_if_eq(&'?').is_none() {
        return Ok(());
    }
    let refused = |what: &str| Err(format!("a regular expression without {what}"));
    match rest.peek() {
        Some('>') => refused("atomic groups, (?>…)"),
        Some('(') => refused("conditions, (?(…)…)"),
        Some('\'') => {
            // (?'name'…) is (?<name>…).
            rest.next();
            let mut name = String::new();
            while let Some(c) = rest.next_if(|c| *c != '\'') {
                name.push(c);
            }
            rest.next();
            if name.contains('-') {
                return refused("balancing groups");
            }
            out.push_str(&format!("?<{name}>"));
            Ok(())
        }
        Some('#') => {
            // A comment; the group must not be empty of meaning, so it becomes an empty group.
            while rest.next_if(|c| *c != ')').is_some() {}
            out.push_str("?:");
            Ok(())
        }
        _ => {
            out.push('?');
            Ok(())
        }
    }
}

/// What should have been there, in place of what the parser found.
fn wanted(error: &ast::Error) -> String {
    use ast::ErrorKind as Kind;
    let at = 1 + error
        .pattern()
        .get(..error.span().start.offset)
        .map_or(0, |before| before.chars().count());
    match error.kind() {
        Kind::UnsupportedLookAround => {
            "a regular expression without looking ahead or behind".to_owned()
        }
        Kind::UnsupportedBackreference => "a regular expression without backreferences".to_owned(),
        Kind::NestLimitExceeded(_) => {
            "a regular expression with fewer groups in one another".to_owned()
        }
        kind => format!("a regular expression: at its character {at}: {kind}"),
    }
}

#[cfg(test)]
mod tests;
