//! Reads an expression: from its text to a tree of known functions with fitting arguments.
//!
//! ```text
//! expression    = concatenation [ ("=" | "<>" | "<" | "<=" | ">" | ">=") concatenation ]
//! concatenation = operand *( "&" operand )
//! operand       = "[" attribute "]" | text | number | function | word | "(" expression ")"
//! function      = name "(" [ [ expression ] *( "," [ expression ] ) ] ")"
//! text          = DQUOTE *( character | "\" DQUOTE | "\\" ) DQUOTE
//! number        = [ "-" ] 1*DIGIT | "&H" 1*HEXDIG
//! ```

use super::error::{ArgumentError, ParseError, ParseProblem, Position};
use super::functions::{self, Function, Given, Nature, Parameter, Takes};
use super::pattern::Pattern;
use super::syntax::{CallNode, Form, Node, Operator, Span};
use super::value::ExpressionValue;
use super::{MAX_DEPTH, MAX_LENGTH};
use lockstep_model::AttributeName;

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    parser.whole().map_err(|fault| ParseError {
        position: Position::of(text, fault.span.start, fault.span.end),
        problem: fault.problem,
    })
}

/// What was read. A fault is boxed: functions lie deep in one another, and the stack is not endless.
type Parsed<T> = Result<T, Box<Fault>>;

/// What is wrong, and where.
struct Fault {
    span: Span,
    problem: ParseProblem,
}

fn fault(span: Span, problem: ParseProblem) -> Box<Fault> {
    Box::new(Fault { span, problem })
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    /// How many functions and parentheses are open.
    depth: usize,
}

const A_VALUE: &str = "a value: [attribute], \"text\", a number or a function";

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Parsed<Node> {
        let received = self.text.chars().count();
        if received > MAX_LENGTH {
            let limit = MAX_LENGTH;
            return Err(self.fault_here(ParseProblem::TooLong { limit, received }));
        }
        self.blanks();
        if self.rest().is_empty() {
            return Err(self.fault_here(ParseProblem::Empty));
        }
        let node = self.expression()?;
        no_word(&node, A_VALUE)?;
        match self.rest() {
            "" => Ok(node),
            _ => Err(self.unexpected("the end of the expression")),
        }
    }

    /// A comparison, or what could stand on one side of it. Stops behind the blanks that follow.
    fn expression(&mut self) -> Parsed<Node> {
        let left = self.concatenation()?;
        let Some(operator) = self.operator() else {
            return Ok(left);
        };
        self.blanks();
        let right = self.concatenation()?;
        no_word(&left, A_VALUE)?;
        no_word(&right, A_VALUE)?;
        Ok(Node {
            span: Span {
                start: left.span.start,
                end: right.span.end,
            },
            form: Form::Comparison {
                operator,
                sides: Box::new((left, right)),
            },
        })
    }

    fn operator(&mut self) -> Option<Operator> {
        let operators = [
            ("<>", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
        ];
        // Two of them are no operator; what it should be is said where the second stands.
        if self.rest().starts_with("==") {
            return None;
        }
        let found = operators
            .iter()
            .find(|(sign, _)| self.rest().starts_with(sign));
        let (sign, operator) = found?;
        self.at += sign.len();
        Some(*operator)
    }

    fn concatenation(&mut self) -> Parsed<Node> {
        let first = self.operand()?;
        let mut parts = vec![first];
        while self.rest().starts_with('&') && !self.rest().starts_with("&&") {
            self.at += 1;
            self.blanks();
            parts.push(self.operand()?);
        }
        if parts.len() > 1 {
            parts.iter().try_for_each(|part| no_word(part, A_VALUE))?;
        }
        let start = parts.first().map_or(self.at, |part| part.span.start);
        let end = parts.last().map_or(self.at, |part| part.span.end);
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => Ok(only),
            (last, _) => {
                parts.extend(last);
                Ok(Node {
                    span: Span { start, end },
                    form: Form::Concatenation(parts),
                })
            }
        }
    }

    /// One value, and the blanks behind it.
    fn operand(&mut self) -> Parsed<Node> {
        let start = self.at;
        let form = match self.rest().chars().next() {
            Some('[') => self.attribute()?,
            Some('"') => self.quoted()?,
            Some('&')
                if self
                    .rest()
                    .get(1..2)
                    .is_some_and(|h| h.eq_ignore_ascii_case("h")) =>
            {
                self.hexadecimal()?
            }
            Some(c) if c.is_ascii_digit() || (c == '-' && self.digit_follows()) => {
                self.decimal()?
            }
            Some(c) if c.is_alphabetic() => return self.named(),
            Some('(') => return self.parenthesis(),
            _ => return Err(self.unexpected(A_VALUE)),
        };
        let span = self.since(start);
        self.blanks();
        Ok(Node { span, form })
    }

    fn parenthesis(&mut self) -> Parsed<Node> {
        let open = self.since_here();
        self.deeper(open)?;
        self.at += 1;
        self.blanks();
        let node = self.expression()?;
        if !self.rest().starts_with(')') {
            return Err(self.unexpected("`)`"));
        }
        self.at += 1;
        self.depth -= 1;
        self.blanks();
        Ok(node)
    }

    fn attribute(&mut self) -> Parsed<Form> {
        let start = self.at;
        let inside = self.rest().get(1..).unwrap_or_default();
        let Some(length) = inside.find([']', '[', '"', '(', ',']) else {
            return Err(self.fault_here(ParseProblem::UnterminatedAttribute));
        };
        let written = inside.get(..length).unwrap_or_default();
        if !inside
            .get(length..)
            .is_some_and(|rest| rest.starts_with(']'))
        {
            return Err(self.fault_here(ParseProblem::UnterminatedAttribute));
        }
        self.at += length + 2;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ';');
        if written.is_empty() || !written.chars().all(allowed) {
            let name = written.to_owned();
            return Err(fault(
                self.since(start),
                ParseProblem::AttributeName { name },
            ));
        }
        Ok(Form::Attribute {
            name: AttributeName::new(written),
            written: written.to_owned(),
        })
    }

    /// A text. A backslash before anything but `"` and `\` stands for itself: regular expressions are
    /// full of them.
    fn quoted(&mut self) -> Parsed<Form> {
        let open = self.since_here();
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((index, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += index + 1;
                    return Ok(Form::Constant(ExpressionValue::Text(text)));
                }
                '\\' => {
                    let escaped = chars.next_if(|(_, next)| matches!(next, '"' | '\\'));
                    text.push(escaped.map_or('\\', |(_, next)| next));
                }
                c => text.push(c),
            }
        }
        Err(fault(open, ParseProblem::UnterminatedText))
    }

    fn hexadecimal(&mut self) -> Parsed<Form> {
        let start = self.at;
        self.at += 2;
        let digits = self.take_while(|c| c.is_ascii_alphanumeric());
        let number = i64::from_str_radix(digits, 16).ok();
        self.number(start, number)
    }

    fn decimal(&mut self) -> Parsed<Form> {
        let start = self.at;
        if self.rest().starts_with('-') {
            self.at += 1;
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '.');
        let number = self
            .text
            .get(start..self.at)
            .and_then(|text| text.parse().ok());
        self.number(start, number)
    }

    fn number(&self, start: usize, number: Option<i64>) -> Parsed<Form> {
        let span = self.since(start);
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        let text = text.to_owned();
        let number = number.ok_or_else(|| fault(span, ParseProblem::Number { text }))?;
        Ok(Form::Constant(ExpressionValue::Integer(number)))
    }

    fn digit_follows(&self) -> bool {
        let next = self.rest().as_bytes().get(1);
        next.is_some_and(u8::is_ascii_digit)
    }

    /// A function, or a word.
    fn named(&mut self) -> Parsed<Node> {
        let start = self.at;
        let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let span = self.since(start);
        self.blanks();
        if self.rest().starts_with('(') {
            return self.function(name, span);
        }
        let form = match name.to_ascii_lowercase().as_str() {
            "true" => Form::Constant(ExpressionValue::Boolean(true)),
            "false" => Form::Constant(ExpressionValue::Boolean(false)),
            _ => Form::Word(name.to_owned()),
        };
        Ok(Node { span, form })
    }

    fn function(&mut self, name: &str, at: Span) -> Parsed<Node> {
        self.deeper(at)?;
        let function = Function::named(name).ok_or_else(|| {
            let problem = ParseProblem::UnknownFunction {
                name: name.to_owned(),
                remedy: functions::remedy(name),
            };
            fault(at, problem)
        })?;
        let arguments = self.arguments()?;
        self.depth -= 1;
        let span = self.since(at.start);
        self.blanks();
        let pattern = check(function, &arguments, at, span)?;
        Ok(Node {
            span,
            form: Form::Call(Box::new(CallNode {
                function,
                arguments,
                pattern,
            })),
        })
    }

    /// Reads `(…, , …)` and stops behind the parenthesis.
    fn arguments(&mut self) -> Parsed<Vec<Option<Node>>> {
        self.at += 1;
        self.blanks();
        let mut arguments = Vec::new();
        if self.rest().starts_with(')') {
            self.at += 1;
            return Ok(arguments);
        }
        loop {
            let empty = self.rest().starts_with([',', ')']);
            arguments.push(if empty {
                None
            } else {
                Some(self.expression()?)
            });
            let more = match self.rest().chars().next() {
                Some(',') => true,
                Some(')') => false,
                _ => return Err(self.unexpected("`,` or `)`")),
            };
            self.at += 1;
            if !more {
                return Ok(arguments);
            }
            self.blanks();
        }
    }

    /// Counts a function or parenthesis that is open.
    fn deeper(&mut self, at: Span) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(fault(at, ParseProblem::TooDeep { limit: MAX_DEPTH }));
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, take: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !take(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn since(&self, start: usize) -> Span {
        Span {
            start,
            end: self.at,
        }
    }

    /// The character that comes next.
    fn since_here(&self) -> Span {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        Span {
            start: self.at,
            end: self.at + length,
        }
    }

    fn fault_here(&self, problem: ParseProblem) -> Box<Fault> {
        fault(self.since_here(), problem)
    }

    /// Says what should stand here, and what does.
    fn unexpected(&self, expected: &'static str) -> Box<Fault> {
        let rest = self.rest();
        let word = rest
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let length = match rest.get(..2) {
            Some("&&" | "||" | "==" | "!=" | "<>" | "<=" | ">=") => 2,
            _ if word > 0 => word,
            _ => rest.chars().next().map_or(0, char::len_utf8),
        };
        let found = match rest.get(..length) {
            None | Some("") => "the end of the expression".to_owned(),
            Some(found) => format!("`{found}`"),
        };
        let span = Span {
            start: self.at,
            end: self.at + length,
        };
        fault(span, ParseProblem::Unexpected { expected, found })
    }
}

/// Refuses a word where a value is needed.
fn no_word(node: &Node, expected: &str) -> Parsed<()> {
    match &node.form {
        Form::Word(word) => {
            let problem = ParseProblem::Word {
                word: word.clone(),
                expected: expected.to_owned(),
                nearest: None,
            };
            Err(fault(node.span, problem))
        }
        _ => Ok(()),
    }
}

/// Whether the arguments fit the function.
fn check(
    function: &'static Function,
    arguments: &[Option<Node>],
    name: Span,
    whole: Span,
) -> Parsed<Option<Pattern>> {
    if !function.takes_count(arguments.len()) {
        let problem = ParseProblem::ArgumentCount {
            signature: function.signature(),
            given: arguments.len(),
        };
        return Err(fault(name, problem));
    }
    for (index, argument) in arguments.iter().enumerate() {
        let parameter = function.parameter(index, arguments.len());
        if let Some(parameter) = parameter {
            check_argument(function, parameter, argument.as_ref(), whole)?;
        }
    }
    if let Nature::Refused(reason) = function.nature {
        let function = function.name;
        return Err(fault(name, ParseProblem::Refused { function, reason }));
    }
    let given = Given {
        function,
        arguments,
    };
    (function.check)(&given).map_err(|argument| {
        let parameters = function.parameters(arguments.len());
        let index = parameters.iter().position(|p| p.name == argument.parameter);
        let node = index.and_then(|index| arguments.get(index)?.as_ref());
        let span = node.map_or(whole, |node| node.span);
        let function = function.name;
        fault(span, ParseProblem::Argument { function, argument })
    })
}

fn check_argument(
    function: &'static Function,
    parameter: &'static Parameter,
    argument: Option<&Node>,
    whole: Span,
) -> Parsed<()> {
    let Some(node) = argument else {
        return match parameter.blank {
            true => Ok(()),
            false => {
                let problem = ParseProblem::MissingArgument {
                    function: function.name,
                    parameter: parameter.name,
                };
                Err(fault(whole, problem))
            }
        };
    };
    if let Form::Word(word) = &node.form {
        return check_word(word, parameter.takes, node.span);
    }
    let fits = match node.constant() {
        Some(value) => parameter.takes.accepts_constant(value),
        None => parameter.takes.accepts(node.kind()),
    };
    if fits {
        return Ok(());
    }
    let argument = ArgumentError {
        parameter: parameter.name,
        expected: parameter.takes.expected(),
        received: node
            .constant()
            .map_or_else(|| node.kind().name().to_owned(), ToString::to_string),
    };
    let function = function.name;
    Err(fault(
        node.span,
        ParseProblem::Argument { function, argument },
    ))
}

fn check_word(word: &str, takes: Takes, span: Span) -> Parsed<()> {
    let (expected, nearest) = match takes {
        Takes::Word(words) if words.iter().any(|w| w.eq_ignore_ascii_case(word)) => return Ok(()),
        Takes::Word(words) => {
            let nearest = functions::nearest(word, words.iter().copied());
            (takes.expected(), nearest)
        }
        _ => (A_VALUE.to_owned(), None),
    };
    let word = word.to_owned();
    let problem = ParseProblem::Word {
        word,
        expected,
        nearest,
    };
    Err(fault(span, problem))
}
