//! What can be wrong with an expression, and where.

use std::fmt;

/// A place in an expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// In bytes from the beginning.
    pub offset: usize,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters are meant, all on this line; at least 1.
    pub length: usize,
}

impl Position {
    /// The place of the bytes `start..end` in `text`.
    pub(super) fn of(text: &str, start: usize, end: usize) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |index| index + 1);
        let meant = text.get(start..end).unwrap_or_default();
        let meant = meant.lines().next().unwrap_or_default();
        Self {
            offset: start,
            line: 1 + before.matches('\n').count(),
            column: 1 + before.get(line_start..).unwrap_or_default().chars().count(),
            length: meant.chars().count().max(1),
        }
    }

    /// The line of the expression, or its part around the place, and below it carets under what is meant.
    #[must_use]
    pub fn excerpt(&self, expression: &str) -> String {
        const BEFORE: usize = 60;
        const SHOWN: usize = 120;
        let line = expression.lines().nth(self.line - 1).unwrap_or_default();
        let from = (self.column - 1).saturating_sub(BEFORE);
        let cut = if from > 0 { "…" } else { "" };
        let shown: String = line.chars().skip(from).take(SHOWN).collect();
        let before: String = cut
            .chars()
            .chain(shown.chars().take(self.column - 1 - from))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = self
            .length
            .min(SHOWN.saturating_sub(self.column - 1 - from).max(1));
        format!("{cut}{shown}\n{before}{}", "^".repeat(carets))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An expression that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{position}: {problem}")]
pub struct ParseError {
    /// Where.
    pub position: Position,
    /// What.
    pub problem: ParseProblem,
}

impl ParseError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        self.problem.remedy()
    }
}

/// What makes an expression unusable.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseProblem {
    /// There is no expression.
    #[error("expected an expression, received an empty text")]
    Empty,
    /// It is too long to be one.
    #[error("expected at most {limit} characters, received {received}")]
    TooLong {
        /// How many there can be.
        limit: usize,
        /// How many there are.
        received: usize,
    },
    /// Functions in functions in functions.
    #[error("expected at most {limit} functions or parentheses in one another")]
    TooDeep {
        /// How deep they can be.
        limit: usize,
    },
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What can stand here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// A text without its second quotation mark.
    #[error("the text that begins here does not end")]
    UnterminatedText,
    /// A `[` without its `]`.
    #[error("the attribute that begins here does not end")]
    UnterminatedAttribute,
    /// Something between brackets that is no name of an attribute.
    #[error("expected the name of an attribute, such as [displayName], found [{name}]")]
    AttributeName {
        /// What stands between the brackets.
        name: String,
    },
    /// A number beyond 64 bits, or with a fraction.
    #[error("expected a whole number of at most 64 bits, found `{text}`")]
    Number {
        /// The digits.
        text: String,
    },
    /// A name that no function has.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
        /// The function whose name is most like it, or how its work is done here.
        remedy: Option<String>,
    },
    /// A word that is neither text nor attribute nor function.
    #[error("expected {expected}, found the word `{word}`")]
    Word {
        /// The word.
        word: String,
        /// What can stand here.
        expected: String,
        /// The word that is most like it.
        nearest: Option<&'static str>,
    },
    /// More or fewer arguments than the function takes.
    #[error("expected {signature}, found {given} argument(s)")]
    ArgumentCount {
        /// The function with its parameters.
        signature: String,
        /// How many there are.
        given: usize,
    },
    /// An argument that cannot be left out.
    #[error("{function} needs a value for {parameter}")]
    MissingArgument {
        /// The function.
        function: &'static str,
        /// Its parameter.
        parameter: &'static str,
    },
    /// An argument that can never be right.
    #[error("{function}: {argument}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What is wrong with which argument.
        argument: ArgumentError,
    },
    /// A function that exists, for another direction of provisioning.
    #[error("{function} cannot be used here: {reason}")]
    Refused {
        /// The function.
        function: &'static str,
        /// Why.
        reason: &'static str,
    },
}

impl ParseProblem {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Unexpected { found, .. } => remedy_for(found).map(str::to_owned),
            Self::UnterminatedText => Some(
                "close it with \"; a quotation mark inside a text is written \\\", and a backslash at \
                 its end \\\\"
                    .to_owned(),
            ),
            Self::UnterminatedAttribute => Some("close it with ]".to_owned()),
            Self::UnknownFunction { remedy, .. } => remedy.clone(),
            Self::Word { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Word { word, .. } => Some(format!(
                "an attribute is written [{word}], a text \"{word}\""
            )),
            _ => None,
        }
    }
}

/// Habits from other languages, by what the parser stumbled over.
fn remedy_for(found: &str) -> Option<&'static str> {
    let quotes = ["`“`", "`”`", "`„`", "`«`", "`»`", "`‘`", "`’`", "`'`"];
    match found {
        _ if quotes.contains(&found) => Some("texts stand between plain quotation marks: \"text\""),
        "`AND`" | "`And`" | "`and`" | "`&&`" => {
            Some("for \"and\", put one IIF into the second argument of another")
        }
        "`OR`" | "`Or`" | "`or`" | "`||`" => {
            Some("for \"or\", put one IIF into the third argument of another")
        }
        "`==`" => Some("equality is written ="),
        "`!=`" => Some("inequality is written <>"),
        "`+`" => Some("texts are put together with &"),
        "`%`" => Some("write the value itself: there are no %variables% here"),
        _ => None,
    }
}

/// What is wrong with an argument.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected} as {parameter}, received {received}")]
pub struct ArgumentError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What it takes.
    pub expected: String,
    /// What it got.
    pub received: String,
}

/// An expression that has no value for one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvaluationError {
    /// Where.
    pub position: Position,
    /// The function that could not do its work; none for an operator.
    pub function: Option<&'static str>,
    /// Why.
    pub problem: EvaluationProblem,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.problem, self.function) {
            // The administrator's own words.
            (EvaluationProblem::Raised { message }, _) => f.write_str(message),
            (problem, Some(function)) => write!(f, "{}: {function}: {problem}", self.position),
            (problem, None) => write!(f, "{}: {problem}", self.position),
        }
    }
}

impl std::error::Error for EvaluationError {}

/// Why an expression has no value for one object.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EvaluationProblem {
    /// `Error(…)` was reached.
    #[error("{message}")]
    Raised {
        /// What stands in it.
        message: String,
    },
    /// An argument that is not what the function takes.
    #[error("{0}")]
    Argument(ArgumentError),
    /// A list where one value is needed.
    #[error(
        "expected one value as {parameter}, received {count}; Item takes one of them, Join puts them together"
    )]
    SeveralValues {
        /// The parameter's name.
        parameter: &'static str,
        /// How many values there are.
        count: usize,
    },
    /// A date before the year 1 or after 9999.
    #[error("the date is outside of the years 1 to 9999")]
    DateRange,
    /// A result that no attribute could hold.
    #[error("the result is longer than {limit} bytes")]
    TooLong {
        /// How long it can be.
        limit: usize,
    },
    /// An expression that would keep the service busy.
    #[error(
        "too much work: the values are too long for this expression, or a regular expression is too large"
    )]
    TooMuchWork,
}

impl EvaluationProblem {
    /// The same without any value of the object.
    pub(super) fn redacted(self) -> Self {
        const HIDDEN: &str = "[Redact]";
        match self {
            Self::Raised { .. } => Self::Raised {
                message: HIDDEN.to_owned(),
            },
            Self::Argument(argument) => Self::Argument(ArgumentError {
                received: HIDDEN.to_owned(),
                ..argument
            }),
            other => other,
        }
    }
}
