//! `lockstep expression`

use super::Context;
use crate::failure::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use lockstep_engine::expression::{Environment, Expression, ExpressionValue, Flow};
use lockstep_model::{AttributeName, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[derive(Debug, Subcommand)]
pub(crate) enum ExpressionCommand {
    /// Evaluate an expression, and print its value as JSON
    ///
    /// An attribute that is not given is absent. An expression that cannot be used ends with status 2, one
    /// that has no value for this object with status 1.
    #[command(
        after_help = "Example:\n  lockstep expression eval 'ToUpper([department],)' --attribute \
                      department=Sales\n  lockstep expression eval 'StringFromSid([objectSid])' --object \
                      ada.json"
    )]
    Eval(EvalArgs),
}

/// What is evaluated, for which object.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// The expression, as it would stand in a mapping
    expression: String,
    /// A value of an attribute, or NAME::BASE64 for bytes; several of the same name make a list
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// A file with an object: {"mail": "ada@corp.test", "proxyAddresses": ["…", "…"], "objectSid": {"base64": "…"}}
    #[arg(long, value_name = "FILE.json")]
    object: Option<PathBuf>,
}

type Attributes = BTreeMap<AttributeName, ExpressionValue>;

pub(super) fn execute(command: ExpressionCommand, context: &Context<'_>) -> Result<u8, Failure> {
    let ExpressionCommand::Eval(args) = command;
    let text = &args.expression;
    let expression = Expression::parse(text).map_err(|error| {
        let failure = Failure::usage(with_excerpt(&error, &error.position.excerpt(text)));
        match error.remedy() {
            Some(remedy) => failure.remedy(remedy),
            None => failure,
        }
    })?;
    let mut attributes = match &args.object {
        Some(path) => read_object(path)?,
        None => Attributes::new(),
    };
    attributes.extend(given(&args.attribute)?);
    let flow = expression
        .evaluate(&attributes, &environment()?)
        .map_err(|error| Failure::new(with_excerpt(&error, &error.position.excerpt(text))))?;
    match flow {
        Flow::Value(value) => context.output.json(&to_json(&value))?,
        Flow::Ignored => {
            context.output.say("the target is left alone");
            context.output.json(&Value::Null)?;
        }
    }
    Ok(0)
}

fn with_excerpt(error: &dyn Display, excerpt: &str) -> String {
    format!("{error}\n\n    {}\n", excerpt.replace('\n', "\n    "))
}

/// The clock of this machine, and new random numbers.
fn environment() -> Result<Environment, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| Failure::new("the clock of this machine stands before 1970"))?;
    Ok(Environment {
        now: Timestamp::default().plus(since),
        seed,
    })
}

/// The attributes of the command line.
fn given(arguments: &[String]) -> Result<Attributes, Failure> {
    let mut values: BTreeMap<AttributeName, Vec<ExpressionValue>> = BTreeMap::new();
    for argument in arguments {
        let (name, value) = attribute(argument).ok_or_else(|| {
            Failure::usage(format!(
                "--attribute {argument}: expected NAME=VALUE, or NAME::BASE64 for bytes"
            ))
        })?;
        let values = values.entry(AttributeName::new(name)).or_default();
        values.push(value);
    }
    let all = values.into_iter();
    Ok(all
        .map(|(name, values)| (name, ExpressionValue::of_values(values)))
        .collect())
}

/// Reads `NAME=VALUE`, or `NAME::BASE64` as LDIF has it (RFC 2849).
fn attribute(argument: &str) -> Option<(&str, ExpressionValue)> {
    let (name, rest) = argument.split_at_checked(argument.find(['=', ':'])?)?;
    if name.is_empty() {
        return None;
    }
    if let Some(bytes) = rest.strip_prefix("::") {
        let bytes = STANDARD.decode(bytes.trim()).ok()?;
        return Some((name, ExpressionValue::Binary(bytes)));
    }
    Some((name, rest.strip_prefix('=')?.into()))
}

/// Reads an object with its attributes.
fn read_object(path: &Path) -> Result<Attributes, Failure> {
    let file = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read {file}: {error}")))?;
    let object: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "{file}: expected a JSON object with attributes: {error}"
        ))
    })?;
    let attribute = |(name, value): (String, Value)| {
        let value = match value {
            Value::Array(values) => values.into_iter().map(from_json).collect::<Option<_>>(),
            value => from_json(value).map(|value| vec![value]),
        };
        match value {
            Some(values) => Ok((
                AttributeName::new(&name),
                ExpressionValue::of_values(values),
            )),
            None => Err(Failure::usage(format!(
                "{file}: {name}: expected a text, a whole number, true, false, null, {{\"base64\": \"…\"}} or a list"
            ))),
        }
    };
    object.into_iter().map(attribute).collect()
}

/// A value of an attribute. Active Directory has texts and bytes; a number is a text of digits there.
fn from_json(value: Value) -> Option<ExpressionValue> {
    Some(match value {
        Value::Null => ExpressionValue::Null,
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_i64()?.to_string().into(),
        Value::Bool(true) => "TRUE".into(),
        Value::Bool(false) => "FALSE".into(),
        Value::Object(object) => {
            let bytes = object.get("base64").filter(|_| object.len() == 1)?;
            ExpressionValue::Binary(STANDARD.decode(bytes.as_str()?).ok()?)
        }
        Value::Array(_) => return None,
    })
}

fn to_json(value: &ExpressionValue) -> Value {
    match value {
        ExpressionValue::Null => Value::Null,
        ExpressionValue::Text(text) => json!(text),
        ExpressionValue::Integer(number) => json!(number),
        ExpressionValue::Boolean(truth) => json!(truth),
        ExpressionValue::DateTime(date) => json!(date.to_string()),
        ExpressionValue::Binary(bytes) => json!(STANDARD.encode(bytes)),
        ExpressionValue::List(values) => values.iter().map(to_json).collect(),
    }
}
