//! Attribute values on the channel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::Value;
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// One attribute value: a JSON string when its bytes are UTF-8, else `{"b64": "…"}`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct WireValue(pub Value);

impl Serialize for WireValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_str() {
            Some(text) => serializer.serialize_str(text),
            None => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("b64", &STANDARD.encode(self.0.as_bytes()))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// Reads both forms without keeping one until it is known which it is: there are many values.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = WireValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or bytes as {\"b64\": \"…\"}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WireValue, E> {
        Ok(WireValue(Value::from(text)))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<WireValue, E> {
        Ok(WireValue(Value::new(text.into_bytes())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireValue, A::Error> {
        let mut bytes = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key != "b64" {
                return Err(A::Error::unknown_field(&key, &["b64"]));
            }
            let text: Cow<'de, str> = map.next_value()?;
            let decoded = STANDARD.decode(text.as_bytes());
            bytes = Some(decoded.map_err(|_| A::Error::custom("expected Base64 in b64"))?);
        }
        let bytes = bytes.ok_or_else(|| A::Error::missing_field("b64"))?;
        Ok(WireValue(Value::new(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_travels_as_text_and_bytes_as_base64() {
        for (value, json) in [
            (Value::from("Zoë"), "\"Zoë\""),
            (Value::new(vec![0xff, 0]), "{\"b64\":\"/wA=\"}"),
        ] {
            let wire = WireValue(value);
            assert_eq!(serde_json::to_string(&wire).unwrap(), json);
            assert_eq!(serde_json::from_str::<WireValue>(json).unwrap(), wire);
        }
        for bad in ["7", "{}", "{\"b64\":\"!\"}", "{\"hex\":\"00\"}"] {
            assert!(serde_json::from_str::<WireValue>(bad).is_err(), "{bad}");
        }
    }
}
