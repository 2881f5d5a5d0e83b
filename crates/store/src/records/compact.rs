//! Compact bodies, for tables with many rows: CBOR (RFC 8949) arrays whose fields have numbers.
//!
//! A field that a build does not know is passed over, and one that is not there is empty, so that fields
//! come and go without a step over all rows. A number is never used for something else.

use crate::{StoreError, Table};
use lockstep_model::{AttributeName, Attributes, Guid, PropertyValue, Timestamp, Value};
use minicbor::data::{Tag, Type};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::borrow::Cow;

/// Room for most bodies.
const USUAL: usize = 512;

/// Stands before a moment: milliseconds since 1970. From the numbers that anybody may take.
const MOMENT: Tag = Tag::new(70_000);
const BYTES: Tag = Tag::new(70_001);

/// Writes a body.
pub(super) fn to_body<T: Encode<()>>(
    table: &'static Table,
    value: &T,
) -> Result<Vec<u8>, StoreError> {
    let mut body = Vec::with_capacity(USUAL);
    minicbor::encode(value, &mut body).map_err(|source| StoreError::Row {
        table: table.name,
        source: source.to_string().into(),
    })?;
    Ok(body)
}

/// Reads a body.
pub(super) fn from_body<'b, T: Decode<'b, ()>>(
    table: &'static Table,
    body: &'b [u8],
) -> Result<T, StoreError> {
    minicbor::decode(body).map_err(|source| StoreError::Row {
        table: table.name,
        source: source.into(),
    })
}

/// A GUID, or an id, which is one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Id(pub(super) Guid);

impl<C> Encode<C> for Id {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Id {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let bytes = d.bytes()?.try_into();
        let bytes = bytes.map_err(|_| decode::Error::message("expected a GUID of 16 bytes"))?;
        Ok(Self(Guid::from_bytes(bytes)))
    }
}

/// A value of a property of the directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Property<V>(pub(super) V);

impl<C> Encode<C> for Property<&PropertyValue> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        match self.0 {
            PropertyValue::Boolean(value) => e.bool(*value)?.ok(),
            PropertyValue::Integer(value) => e.i64(*value)?.ok(),
            PropertyValue::Text(text) => e.str(text)?.ok(),
            PropertyValue::TextList(texts) => {
                e.array(texts.len() as u64)?;
                for text in texts {
                    e.str(text)?;
                }
                Ok(())
            }
            PropertyValue::Binary(bytes) => e.bytes(bytes)?.ok(),
            PropertyValue::BinaryList(values) => {
                e.tag(BYTES)?.array(values.len() as u64)?;
                for value in values {
                    e.bytes(value)?;
                }
                Ok(())
            }
            PropertyValue::Timestamp(time) => e.tag(MOMENT)?.i64(time.as_millis())?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Property<PropertyValue> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Self(match d.datatype()? {
            Type::Bool => PropertyValue::Boolean(d.bool()?),
            Type::String => PropertyValue::Text(d.str()?.to_owned()),
            Type::Bytes => PropertyValue::Binary(d.bytes()?.to_vec()),
            Type::Array => {
                let texts = d.array_iter::<&str>()?;
                let texts: Result<Vec<&str>, _> = texts.collect();
                PropertyValue::TextList(texts?.into_iter().map(str::to_owned).collect())
            }
            Type::Tag => match d.tag()? {
                MOMENT => PropertyValue::Timestamp(Timestamp::from_millis(d.i64()?)),
                BYTES => {
                    let count = d.array()?.unwrap_or_default();
                    let values = (0..count).map(|_| Ok(d.bytes()?.to_vec()));
                    PropertyValue::BinaryList(values.collect::<Result<_, decode::Error>>()?)
                }
                _ => return Err(decode::Error::message("expected a moment, or bytes")),
            },
            _ => PropertyValue::Integer(d.i64()?),
        }))
    }
}

/// Attributes of an object of Active Directory.
pub(super) struct Contents<'a>(pub(super) Cow<'a, Attributes>);

impl<C> Encode<C> for Contents<'_> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.map(self.0.len() as u64)?;
        for (name, values) in self.0.as_ref() {
            e.str(name.as_str())?.array(values.len() as u64)?;
            for value in values {
                e.bytes(value.as_bytes())?;
            }
        }
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Contents<'_> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let mut attributes = Attributes::new();
        for _ in 0..d.map()?.unwrap_or_default() {
            let name = AttributeName::new(d.str()?);
            let count = d.array()?.unwrap_or_default();
            let values = (0..count).map(|_| Ok(Value::new(d.bytes()?.to_vec())));
            attributes.insert(name, values.collect::<Result<_, decode::Error>>()?);
        }
        Ok(Self(Cow::Owned(attributes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_property_value_reads_back() {
        for value in [
            PropertyValue::Boolean(true),
            PropertyValue::Integer(i64::MIN),
            PropertyValue::Integer(7),
            PropertyValue::Text("Zoë".into()),
            PropertyValue::TextList(vec!["a".into(), "b".into()]),
            PropertyValue::Binary(vec![0xff, 0]),
            PropertyValue::BinaryList(vec![vec![0xff, 0], vec![]]),
            PropertyValue::BinaryList(Vec::new()),
            PropertyValue::Timestamp(Timestamp::from_millis(-5)),
        ] {
            let body = minicbor::to_vec(Property(&value)).unwrap();
            assert_eq!(
                minicbor::decode::<Property<PropertyValue>>(&body).unwrap(),
                Property(value)
            );
        }
    }
}
