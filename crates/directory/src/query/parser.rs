//! From the words of a filter to the filter.

use super::lexer::{Token, tokens};
use super::{Element, FieldType, Fields, Filter, FilterError, Literal, Order, Test};
use crate::cloud::TIME;
use crate::text::folded;

/// How deep parentheses may be nested: far deeper than anyone writes, and far less than the stack holds.
const DEEPEST: usize = 50;
/// How many comparisons a filter may have.
const MOST_TESTS: usize = 200;

impl<F: Clone> Filter<F> {
    /// Reads a filter over things with these fields.
    ///
    /// # Errors
    ///
    /// [`FilterError`] with position, expectation and, for a name, the nearest one that there is.
    pub fn parse(source: &str, fields: &impl Fields<Field = F>) -> Result<Self, FilterError> {
        let mut parser = Parser {
            tokens: tokens(source)?,
            next: 0,
            end: source.chars().count() + 1,
            depth: 0,
            tests: 0,
        };
        let filter = parser.or(fields)?;
        match parser.peek() {
            None => Ok(filter),
            Some(_) => Err(parser.error("`and`, `or` or the end")),
        }
    }
}

/// The variable of an `any`, as the only field.
struct Variable<'a>(&'a str);

impl Fields for Variable<'_> {
    type Field = Element;

    fn field(&self, name: &str) -> Result<(Element, FieldType), String> {
        match name == self.0 {
            true => Ok((Element, FieldType::Text)),
            false => Err(self.0.to_owned()),
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    depth: usize,
    tests: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn error(&self, expected: &str) -> FilterError {
        let (position, found) = match self.tokens.get(self.next) {
            Some((position, token)) => (*position, token.shown()),
            None => (self.end, "the end".to_owned()),
        };
        FilterError {
            position,
            expected: expected.to_owned(),
            found,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word));
        self.next += usize::from(is);
        is
    }

    fn take(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, token: &Token) -> Result<(), FilterError> {
        match self.take(token) {
            true => Ok(()),
            false => Err(self.error(&token.shown())),
        }
    }

    fn or<T: Fields>(&mut self, fields: &T) -> Result<Filter<T::Field>, FilterError> {
        let mut parts = vec![self.and(fields)?];
        while self.take_word("or") {
            parts.push(self.and(fields)?);
        }
        Ok(only(parts, Filter::Or))
    }

    fn and<T: Fields>(&mut self, fields: &T) -> Result<Filter<T::Field>, FilterError> {
        let mut parts = vec![self.unary(fields)?];
        while self.take_word("and") {
            parts.push(self.unary(fields)?);
        }
        Ok(only(parts, Filter::And))
    }

    fn unary<T: Fields>(&mut self, fields: &T) -> Result<Filter<T::Field>, FilterError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("fewer parentheses"));
        }
        let filter = if self.take_word("not") {
            Filter::Not(Box::new(self.unary(fields)?))
        } else if self.take(&Token::Open) {
            let inner = self.or(fields)?;
            self.expect(&Token::Close)?;
            inner
        } else {
            self.tests += 1;
            if self.tests > MOST_TESTS {
                return Err(self.error("a filter of at most 200 comparisons"));
            }
            self.comparison(fields)?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison<T: Fields>(&mut self, fields: &T) -> Result<Filter<T::Field>, FilterError> {
        if self.take_word("startswith") {
            return self.function(fields, Test::StartsWith);
        }
        if self.take_word("endswith") {
            return self.function(fields, Test::EndsWith);
        }
        let place = self.next;
        let (field, kind) = self.operand(fields)?;
        if self.take(&Token::Slash) {
            if kind != FieldType::Texts {
                self.next = place;
                return Err(self.error("a collection before `/any(…)`"));
            }
            return self.any(field);
        }
        if kind == FieldType::Texts {
            return Err(self.error("`/any(…)`: the property has several values"));
        }
        self.compare(field, kind)
    }

    /// `(field,'text')`, and perhaps `eq true` behind it.
    fn function<T: Fields>(
        &mut self,
        fields: &T,
        test: fn(String) -> Test,
    ) -> Result<Filter<T::Field>, FilterError> {
        self.expect(&Token::Open)?;
        let place = self.next;
        let (field, kind) = self.operand(fields)?;
        if !matches!(
            kind,
            FieldType::Text | FieldType::ExactText | FieldType::Word(_)
        ) {
            self.next = place;
            return Err(self.error("a property with one text"));
        }
        self.expect(&Token::Comma)?;
        let Some(Token::Text(text)) = self.peek() else {
            return Err(self.error("a text in quotes"));
        };
        let text = match kind {
            FieldType::ExactText => text.clone(),
            _ => folded(text),
        };
        self.next += 1;
        self.expect(&Token::Close)?;
        let filter = Filter::Test(field, test(text));
        if !self.take_word("eq") {
            return Ok(filter);
        }
        if self.take_word("true") {
            Ok(filter)
        } else if self.take_word("false") {
            Ok(Filter::Not(Box::new(filter)))
        } else {
            Err(self.error("`true` or `false`"))
        }
    }

    /// `any(p:p eq 'text')`, behind the slash.
    fn any<F>(&mut self, field: F) -> Result<Filter<F>, FilterError> {
        if !self.take_word("any") {
            return Err(self.error("`any(…)`"));
        }
        self.expect(&Token::Open)?;
        if self.take(&Token::Close) {
            return Ok(Filter::Any(field, None));
        }
        let Some(Token::Word(variable)) = self.peek().cloned() else {
            return Err(self.error("a variable"));
        };
        self.next += 1;
        self.expect(&Token::Colon)?;
        let filter = self.or(&Variable(&variable))?;
        self.expect(&Token::Close)?;
        Ok(Filter::Any(field, Some(Box::new(filter))))
    }

    fn compare<F: Clone>(&mut self, field: F, kind: FieldType) -> Result<Filter<F>, FilterError> {
        if self.take_word("eq") {
            let literal = self.literal(kind, true)?;
            return Ok(Filter::Test(field, Test::Equal(literal)));
        }
        if self.take_word("ne") {
            let literal = self.literal(kind, true)?;
            return Ok(Filter::Not(Box::new(Filter::Test(
                field,
                Test::Equal(literal),
            ))));
        }
        if self.take_word("in") {
            return Ok(Filter::Test(field, Test::In(self.list(kind)?)));
        }
        for (word, order) in [
            ("lt", Order::Less),
            ("le", Order::LessOrEqual),
            ("gt", Order::Greater),
            ("ge", Order::GreaterOrEqual),
        ] {
            if kind != FieldType::Boolean && self.take_word(word) {
                let literal = self.literal(kind, false)?;
                return Ok(Filter::Test(field, Test::Compare(order, literal)));
            }
        }
        Err(self.error(match kind {
            FieldType::Boolean => "`eq`, `ne` or `in`",
            _ => "`eq`, `ne`, `in`, `lt`, `le`, `gt` or `ge`",
        }))
    }

    /// `('a','b')`
    fn list(&mut self, kind: FieldType) -> Result<Vec<Literal>, FilterError> {
        self.expect(&Token::Open)?;
        let mut literals = vec![self.literal(kind, false)?];
        while self.take(&Token::Comma) {
            self.tests += 1;
            if self.tests > MOST_TESTS {
                return Err(self.error("a filter of at most 200 comparisons"));
            }
            literals.push(self.literal(kind, false)?);
        }
        self.expect(&Token::Close)?;
        Ok(literals)
    }

    /// The name of a property; that of a part of one has slashes in it.
    fn operand<T: Fields>(&mut self, fields: &T) -> Result<(T::Field, FieldType), FilterError> {
        let place = self.next;
        let Some(Token::Word(name)) = self.peek() else {
            return Err(self.error("the name of a property"));
        };
        let mut name = name.clone();
        self.next += 1;
        while let (Some(Token::Slash), Some((_, Token::Word(part)))) =
            (self.peek(), self.tokens.get(self.next + 1))
            && !part.eq_ignore_ascii_case("any")
        {
            name = format!("{name}/{part}");
            self.next += 2;
        }
        fields.field(&name).map_err(|nearest| {
            self.next = place;
            match name.eq_ignore_ascii_case("contains") {
                true => self.error("a comparison; there is `startswith`, not `contains`"),
                false => self.error(&format!("the name of a property, perhaps `{nearest}`")),
            }
        })
    }

    fn literal(&mut self, kind: FieldType, null: bool) -> Result<Literal, FilterError> {
        let literal = match (self.peek(), kind) {
            (Some(Token::Word(word)), _) if null && word == "null" => Some(Literal::Null),
            (Some(Token::Text(text)), FieldType::Text | FieldType::Texts) => {
                Some(Literal::text(text))
            }
            (Some(Token::Text(text)), FieldType::Word(words)) => words
                .iter()
                .any(|word| word.eq_ignore_ascii_case(text))
                .then(|| Literal::text(text)),
            (Some(Token::Text(text)), FieldType::ExactText) => Some(Literal::Text(text.clone())),
            (Some(Token::Word(word)), FieldType::Boolean) => match word.as_str() {
                "true" => Some(Literal::Boolean(true)),
                "false" => Some(Literal::Boolean(false)),
                _ => None,
            },
            (Some(Token::Word(word)), FieldType::Integer) => {
                word.parse().ok().map(Literal::Integer)
            }
            (Some(Token::Word(time) | Token::Text(time)), FieldType::Time) => {
                time.parse().ok().map(Literal::Time)
            }
            _ => None,
        };
        let literal = literal.ok_or_else(|| {
            let expected = match kind {
                FieldType::Boolean => "true or false",
                FieldType::Integer => "a whole number",
                FieldType::Word(words) => &format!("one of '{}'", words.join("', '")),
                FieldType::Text | FieldType::ExactText | FieldType::Texts => "a text in quotes",
                FieldType::Time => TIME,
            };
            match null {
                true => self.error(&format!("{expected}, or null")),
                false => self.error(expected),
            }
        })?;
        self.next += 1;
        Ok(literal)
    }
}

/// The only part, or all together.
fn only<F>(mut parts: Vec<Filter<F>>, all: fn(Vec<Filter<F>>) -> Filter<F>) -> Filter<F> {
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        last => {
            parts.extend(last);
            all(parts)
        }
    }
}
