//! Which objects a caller asks for: the part of OData's `$filter` that the directory answers.
//!
//! `eq`, `ne`, `startswith`, `any` over collections, `and`, `or`, `not`, parentheses. Text compares without
//! regard to case.

use crate::{Kind, Object, Property};
use lockstep_model::PropertyValue;

/// A filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter {
    /// Both hold.
    And(Box<Filter>, Box<Filter>),
    /// At least one holds.
    Or(Box<Filter>, Box<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The field, or one of its values, is this.
    Equal(Field, Literal),
    /// The field, or one of its values, begins so.
    StartsWith(Field, String),
}

/// What a filter looks at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Field {
    /// The object's id.
    Id,
    /// The source anchor in Base64.
    ImmutableId,
    /// Whether it comes from Active Directory.
    SyncEnabled,
    /// A property of the schema.
    Property(Property),
}

/// A value in a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Literal {
    /// Text, in lower case.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// `null`: no value.
    Null,
}

/// Why a filter cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("$filter, character {position}: expected {expected}, found {found}")]
pub struct FilterError {
    /// Counted in characters from 1.
    pub position: usize,
    /// What was expected.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl Field {
    /// The field of this name.
    ///
    /// # Errors
    ///
    /// The nearest name when there is none.
    pub fn named(kind: Kind, name: &str) -> Result<Self, &'static str> {
        match name {
            "id" => Ok(Self::Id),
            "onPremisesImmutableId" => Ok(Self::ImmutableId),
            "onPremisesSyncEnabled" => Ok(Self::SyncEnabled),
            _ => Property::named(kind, name)
                .map(Self::Property)
                .map_err(|unknown| unknown.nearest),
        }
    }

    fn values(&self, object: &Object) -> Vec<Literal> {
        match self {
            Self::Id => vec![text(&object.id.to_string())],
            Self::ImmutableId => {
                let anchor = object.mastery.as_ref().map(|mastery| &mastery.anchor);
                // An anchor is Base64: its case has a meaning.
                let literal =
                    |anchor: &lockstep_model::SourceAnchor| Literal::Text(anchor.to_string());
                anchor.map(literal).into_iter().collect()
            }
            Self::SyncEnabled => match object.mastery {
                Some(_) => vec![Literal::Boolean(true)],
                None => Vec::new(),
            },
            Self::Property(property) => match object.values.get(property) {
                None => Vec::new(),
                Some(PropertyValue::Boolean(value)) => vec![Literal::Boolean(*value)],
                Some(PropertyValue::Integer(value)) => vec![Literal::Integer(*value)],
                Some(PropertyValue::Text(value)) => vec![text(value)],
                Some(PropertyValue::TextList(values)) => values.iter().map(|v| text(v)).collect(),
                Some(PropertyValue::Timestamp(time)) => vec![text(&time.to_string())],
                Some(PropertyValue::Binary(_)) => Vec::new(),
            },
        }
    }
}

fn text(value: &str) -> Literal {
    Literal::Text(value.to_lowercase())
}

impl Filter {
    /// Reads a filter for objects of one kind.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with position, expectation and, for a name, the nearest one that there is.
    pub fn parse(kind: Kind, source: &str) -> Result<Self, FilterError> {
        let mut parser = Parser {
            kind,
            tokens: tokens(source)?,
            next: 0,
            end: source.chars().count() + 1,
            depth: 0,
        };
        let filter = parser.or()?;
        match parser.peek() {
            None => Ok(filter),
            Some(_) => Err(parser.error("`and`, `or` or the end")),
        }
    }

    /// Whether an object fits.
    #[must_use]
    pub fn fits(&self, object: &Object) -> bool {
        match self {
            Self::And(a, b) => a.fits(object) && b.fits(object),
            Self::Or(a, b) => a.fits(object) || b.fits(object),
            Self::Not(part) => !part.fits(object),
            Self::Equal(field, Literal::Null) => field.values(object).is_empty(),
            Self::Equal(field, literal) => field.values(object).contains(literal),
            Self::StartsWith(field, prefix) => field.values(object).iter().any(
                |value| matches!(value, Literal::Text(text) if text.starts_with(prefix.as_str())),
            ),
        }
    }

    /// The value that a field must have if the filter fits at all, when the filter says so on its own. The
    /// caller looks such an object up instead of looking through all.
    #[must_use]
    pub fn required(&self, wanted: &Field) -> Option<&Literal> {
        match self {
            Self::Equal(field, literal) if field == wanted => Some(literal),
            Self::And(a, b) => a.required(wanted).or_else(|| b.required(wanted)),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Colon,
    Slash,
    Word(String),
    Text(String),
}

fn tokens(source: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut tokens = Vec::new();
    let mut characters = source.chars().zip(1..).peekable();
    while let Some((character, position)) = characters.next() {
        let token = match character {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '/' => Token::Slash,
            '\'' => {
                let mut text = String::new();
                loop {
                    match characters.next() {
                        // Two quotes stand for one.
                        Some(('\'', _)) if characters.next_if(|(c, _)| *c == '\'').is_some() => {
                            text.push('\'');
                        }
                        Some(('\'', _)) => break,
                        Some((c, _)) => text.push(c),
                        None => {
                            return Err(FilterError {
                                position,
                                expected: "a text that ends with '".into(),
                                found: "the end".into(),
                            });
                        }
                    }
                }
                Token::Text(text)
            }
            c if is_word(c) => {
                let mut word = String::from(c);
                while let Some((c, _)) = characters.next_if(|(c, _)| is_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            other => {
                return Err(FilterError {
                    position,
                    expected: "a name, a value or a parenthesis".into(),
                    found: format!("`{other}`"),
                });
            }
        };
        tokens.push((position, token));
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | '@' | '$')
}

/// How deep parentheses may be nested: far deeper than anyone writes, and far less than the stack holds.
const DEEPEST: usize = 50;

struct Parser {
    kind: Kind,
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn error(&self, expected: &str) -> FilterError {
        let (position, found) = match self.tokens.get(self.next) {
            Some((position, token)) => (*position, shown(token)),
            None => (self.end, "the end".to_owned()),
        };
        FilterError {
            position,
            expected: expected.to_owned(),
            found,
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, token: &Token, expected: &str) -> Result<(), FilterError> {
        if self.peek() != Some(token) {
            return Err(self.error(expected));
        }
        self.next += 1;
        Ok(())
    }

    fn or(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, FilterError> {
        let mut left = self.unary()?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Filter, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("fewer parentheses"));
        }
        let filter = if self.take_word("not") {
            Filter::Not(Box::new(self.unary()?))
        } else if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inner = self.or()?;
            self.expect(&Token::Close, "`)`")?;
            inner
        } else if self.is_word("startswith") {
            self.next += 1;
            self.starts_with(None)?
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    /// `(field,'text')`, or with the variable of an `any` in place of the field.
    fn starts_with(&mut self, within: Option<(&str, &Field)>) -> Result<Filter, FilterError> {
        self.expect(&Token::Open, "`(`")?;
        let field = self.operand(within)?;
        self.expect(&Token::Comma, "`,`")?;
        let Some(Token::Text(prefix)) = self.peek().cloned() else {
            return Err(self.error("a text in quotes"));
        };
        self.next += 1;
        self.expect(&Token::Close, "`)`")?;
        Ok(Filter::StartsWith(field, prefix.to_lowercase()))
    }

    fn comparison(&mut self) -> Result<Filter, FilterError> {
        let field = self.operand(None)?;
        if self.peek() == Some(&Token::Slash) {
            self.next += 1;
            return self.any(&field);
        }
        self.compare(field)
    }

    /// `any(p:p eq 'text')`
    fn any(&mut self, field: &Field) -> Result<Filter, FilterError> {
        if !self.take_word("any") {
            return Err(self.error("`any(…)`"));
        }
        self.expect(&Token::Open, "`(`")?;
        let Some(Token::Word(variable)) = self.peek().cloned() else {
            return Err(self.error("a variable"));
        };
        self.next += 1;
        self.expect(&Token::Colon, "`:`")?;
        let within = Some((variable.as_str(), field));
        let filter = if self.take_word("startswith") {
            self.starts_with(within)?
        } else {
            let field = self.operand(within)?;
            self.compare(field)?
        };
        self.expect(&Token::Close, "`)`")?;
        Ok(filter)
    }

    fn compare(&mut self, field: Field) -> Result<Filter, FilterError> {
        let negated = if self.take_word("eq") {
            false
        } else if self.take_word("ne") {
            true
        } else {
            return Err(self.error("`eq` or `ne`"));
        };
        let literal = self.literal(&field)?;
        let equal = Filter::Equal(field, literal);
        Ok(match negated {
            true => Filter::Not(Box::new(equal)),
            false => equal,
        })
    }

    fn operand(&mut self, within: Option<(&str, &Field)>) -> Result<Field, FilterError> {
        let Some(Token::Word(name)) = self.peek().cloned() else {
            return Err(self.error("the name of a property"));
        };
        if let Some((variable, field)) = within {
            if name != variable {
                return Err(self.error(&format!("the variable `{variable}`")));
            }
            self.next += 1;
            return Ok(field.clone());
        }
        let field = Field::named(self.kind, &name).map_err(|nearest| {
            self.error(&format!("the name of a property, perhaps `{nearest}`"))
        })?;
        self.next += 1;
        Ok(field)
    }

    fn literal(&mut self, field: &Field) -> Result<Literal, FilterError> {
        let literal = match self.peek() {
            Some(Token::Text(text)) if *field == Field::ImmutableId => {
                Some(Literal::Text(text.clone()))
            }
            Some(Token::Text(text)) => Some(Literal::Text(text.to_lowercase())),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Some(Literal::Boolean(true)),
                "false" => Some(Literal::Boolean(false)),
                "null" => Some(Literal::Null),
                number => number.parse().ok().map(Literal::Integer),
            },
            _ => None,
        };
        let literal =
            literal.ok_or_else(|| self.error("a text in quotes, a number, true, false or null"))?;
        self.next += 1;
        Ok(literal)
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Open => "`(`".into(),
        Token::Close => "`)`".into(),
        Token::Comma => "`,`".into(),
        Token::Colon => "`:`".into(),
        Token::Slash => "`/`".into(),
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;
    use lockstep_model::ids::ObjectId;
    use lockstep_model::{Guid, Timestamp};

    fn ada() -> Object {
        let property = |name: &str| Property::named(Kind::User, name).unwrap();
        let text = |value: &str| PropertyValue::Text(value.into());
        let addresses = vec![
            "SMTP:ada@corp.test".into(),
            "smtp:countess@corp.test".into(),
        ];
        let values: Values = [
            (property("displayName"), text("Ada O'Neil")),
            (property("department"), text("Engines")),
            (property("accountEnabled"), PropertyValue::Boolean(true)),
            (
                property("proxyAddresses"),
                PropertyValue::TextList(addresses),
            ),
        ]
        .into_iter()
        .collect();
        Object {
            id: ObjectId::new(Guid::NIL),
            kind: Kind::User,
            values: values.clone(),
            wanted: values,
            mastery: None,
            created: Timestamp::default(),
            modified: Timestamp::default(),
            deleted: None,
            conflicts: Vec::new(),
        }
    }

    #[test]
    fn filters_fit_as_odata_says() {
        for (filter, fits) in [
            ("displayName eq 'ada o''neil'", true),
            ("startswith(displayName,'ADA')", true),
            (
                "startsWith(displayName, 'bob') or department eq 'Engines'",
                true,
            ),
            (
                "not (department eq 'Engines') and accountEnabled eq true",
                false,
            ),
            ("department ne 'Looms' and accountEnabled eq true", true),
            ("jobTitle eq null", true),
            ("jobTitle ne null", false),
            ("proxyAddresses/any(p:p eq 'smtp:Countess@corp.test')", true),
            ("proxyAddresses/any(x:startswith(x,'sip:'))", false),
            ("id eq '00000000-0000-0000-0000-000000000000'", true),
            ("onPremisesSyncEnabled eq true", false),
        ] {
            let parsed = Filter::parse(Kind::User, filter).unwrap();
            assert_eq!(parsed.fits(&ada()), fits, "{filter}");
        }
    }

    #[test]
    fn wrong_filters_are_refused_with_place_and_expectation() {
        for (filter, position, expected) in [
            ("departmnt eq 'x'", 1, "perhaps `department`"),
            ("department eq", 14, "a text in quotes"),
            ("department is 'x'", 12, "`eq` or `ne`"),
            ("(department eq 'x'", 19, "`)`"),
            ("department eq 'x", 15, "ends with '"),
            ("department eq 'x' department", 19, "the end"),
            ("department eq ?", 15, "a name"),
            ("", 1, "the name of a property"),
        ] {
            let error = Filter::parse(Kind::User, filter).unwrap_err();
            assert_eq!(error.position, position, "{filter}: {error}");
            assert!(error.expected.contains(expected), "{filter}: {error}");
        }
        let nested = "(".repeat(10_000);
        assert!(Filter::parse(Kind::User, &nested).is_err());
    }
}
