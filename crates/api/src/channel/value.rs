//! Attribute values on the channel.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_model::Value;
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Bytes { b64: String },
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(Value::new(text.into_bytes()))),
            Form::Bytes { b64 } => {
                let bytes = STANDARD
                    .decode(b64)
                    .map_err(|_| D::Error::custom("expected Base64 in b64"))?;
                Ok(Self(Value::new(bytes)))
            }
        }
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
    }
}
