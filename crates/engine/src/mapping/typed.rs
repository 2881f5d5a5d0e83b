//! From the value of an expression to the value of a property.

use super::rule::Made;
use super::{MappedValue, MappingError, Subject};
use crate::expression::{Environment, Expression, ExpressionValue, Flow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::{AttributeName, PropertyValue};

/// What a property holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueType {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// One text.
    Text,
    /// Several texts.
    TextList,
    /// Bytes.
    Binary,
    /// Several values of bytes.
    BinaryList,
    /// A moment.
    Timestamp,
}

impl ValueType {
    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Text => "one text",
            Self::TextList => "texts",
            Self::Binary => "bytes",
            Self::BinaryList => "several values of bytes",
            Self::Timestamp => "a date",
        }
    }
}

/// Evaluates an expression for one object.
pub(super) fn evaluate(
    expression: &Expression,
    value: ValueType,
    target: &str,
    input: &Subject<'_>,
) -> Result<Made, MappingError> {
    let attributes = |name: &AttributeName| attribute(name, input);
    let environment = Environment {
        now: input.now,
        seed: seed(input, target),
    };
    let flow = expression.evaluate(&attributes, &environment);
    let made = match flow {
        Ok(Flow::Value(made)) => made,
        Ok(Flow::Ignored) => return Ok(Made::Ignored),
        Err(source) => {
            let target = target.to_owned();
            let source = Box::new(source);
            return Err(MappingError::Expression { target, source });
        }
    };
    if made.is_null_or_empty() {
        return Ok(Made::Value(None));
    }
    let name = made_name(&made);
    match convert(made, value) {
        Some(value) => Ok(Made::Value(Some(value))),
        None => Err(MappingError::Type {
            target: target.to_owned(),
            made: name,
            expected: value.name(),
        }),
    }
}

/// The first value of an attribute as a text, as an expression sees it.
pub(super) fn as_text(source: &str, input: &Subject<'_>) -> Option<MappedValue> {
    let first = match attribute(&AttributeName::new(source), input) {
        ExpressionValue::List(values) => values.into_iter().next()?,
        single => single,
    };
    let text = text(&first).filter(|text| !text.is_empty());
    text.map(PropertyValue::Text)
}

/// An attribute of the object as people read it; none when it is absent.
pub(super) fn shown(name: &str, input: &Subject<'_>) -> Option<MappedValue> {
    let value = attribute(&AttributeName::new(name), input);
    Some(match value {
        ExpressionValue::Null => return None,
        ExpressionValue::Boolean(truth) => PropertyValue::Boolean(truth),
        ExpressionValue::Integer(number) => PropertyValue::Integer(number),
        ExpressionValue::Binary(bytes) => PropertyValue::Binary(bytes),
        ExpressionValue::List(values) => {
            let bytes = values.iter().map(|value| match value {
                ExpressionValue::Binary(bytes) => Some(bytes.clone()),
                _ => None,
            });
            match bytes.collect::<Option<Vec<Vec<u8>>>>() {
                Some(bytes) => PropertyValue::binaries(bytes),
                None => PropertyValue::texts(values.iter().filter_map(text).collect()),
            }
        }
        other => PropertyValue::Text(text(&other)?),
    })
}

/// An attribute of the object. What says where it lies is no attribute of the row, but known.
fn attribute(name: &AttributeName, input: &Subject<'_>) -> ExpressionValue {
    let object = input.object;
    match name.as_str() {
        "objectguid" => ExpressionValue::Binary(object.guid.to_wire().to_vec()),
        "objectsid" => {
            let sid = object.sid.as_ref();
            sid.map_or(ExpressionValue::Null, |sid| {
                ExpressionValue::Binary(sid.to_wire())
            })
        }
        "distinguishedname" => {
            let dn = input.chain.dn(object, &input.policy.naming_context_dn);
            dn.map_or(ExpressionValue::Null, |dn| {
                ExpressionValue::Text(dn.to_string())
            })
        }
        "name" => {
            let rdn = object.rdn.as_ref();
            rdn.map_or(ExpressionValue::Null, |rdn| {
                ExpressionValue::Text(rdn.value.clone())
            })
        }
        other => ExpressionValue::of_attribute(name, object.values(other)),
    }
}

/// What random functions draw from: another for each object and property, the same for a plan and what
/// applies it, and nothing that others can guess.
fn seed(input: &Subject<'_>, target: &str) -> [u8; 32] {
    let mut seed = input.policy.seed;
    let distinct = input.object.guid.as_bytes().iter().chain(target.as_bytes());
    for (index, byte) in distinct.enumerate() {
        seed[index % 32] = seed[index % 32].rotate_left(3) ^ byte;
    }
    seed
}

fn convert(made: ExpressionValue, value: ValueType) -> Option<MappedValue> {
    Some(match value {
        ValueType::Boolean => PropertyValue::Boolean(made.as_truth()?),
        ValueType::Integer => PropertyValue::Integer(made.as_number()?),
        ValueType::Text => PropertyValue::Text(text(&made)?),
        ValueType::TextList => {
            let values = match made {
                ExpressionValue::List(values) => values,
                single => vec![single],
            };
            let texts: Option<Vec<String>> = values.iter().map(text).collect();
            PropertyValue::texts(texts?)
        }
        ValueType::Binary => PropertyValue::Binary(bytes(made)?),
        ValueType::BinaryList => {
            let values = match made {
                ExpressionValue::List(values) => values,
                single => vec![single],
            };
            let values: Option<Vec<Vec<u8>>> = values.into_iter().map(bytes).collect();
            PropertyValue::binaries(values?)
        }
        ValueType::Timestamp => PropertyValue::Timestamp(made.as_date()?.to_timestamp()),
    })
}

/// Bytes, or what a text in Base64 stands for.
fn bytes(made: ExpressionValue) -> Option<Vec<u8>> {
    match made {
        ExpressionValue::Binary(bytes) => Some(bytes),
        other => STANDARD.decode(other.as_text()?).ok(),
    }
}

/// One text: bytes in Base64, and of a list its only value.
fn text(made: &ExpressionValue) -> Option<String> {
    match made {
        ExpressionValue::Binary(bytes) => Some(STANDARD.encode(bytes)),
        ExpressionValue::List(values) => match values.as_slice() {
            [single] => text(single),
            _ => None,
        },
        other => other.as_text(),
    }
}

const fn made_name(made: &ExpressionValue) -> &'static str {
    match made {
        ExpressionValue::Null => "nothing",
        ExpressionValue::Text(_) => "a text",
        ExpressionValue::Integer(_) => "a whole number",
        ExpressionValue::Boolean(_) => "true or false",
        ExpressionValue::DateTime(_) => "a date",
        ExpressionValue::Binary(_) => "bytes",
        ExpressionValue::List(_) => "several values",
    }
}
