//! Objects as clients send them.

use super::error::GraphError;
use super::related::Way;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_directory::cloud::{Invalid, Problem};
use lockstep_directory::schema::Type;
use lockstep_directory::{Given, Kind, Property};
use lockstep_model::ids::ObjectId;
use lockstep_model::{Guid, PropertyValue, Secret, SourceAnchor};
use serde_json::{Map, Value};

/// What a client sends to make or change an object.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Values of the schema.
    pub(super) values: Given,
    /// The source anchor, set or cleared.
    pub(super) anchor: Option<Option<SourceAnchor>>,
    /// Objects to become members.
    pub(super) members: Vec<Target>,
    /// Users to become owners.
    pub(super) owners: Vec<Target>,
    /// The manager.
    pub(super) manager: Option<Target>,
    /// A password.
    pub(super) password: Option<NewPassword>,
}

/// A password that is to be set.
#[derive(Debug)]
pub(super) struct NewPassword {
    /// The password.
    pub(super) password: Secret<String>,
    /// The user must choose another one at the next sign-in; so it is unless the body says otherwise.
    pub(super) force_change: bool,
}

/// An object that is named in a body.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// By its id.
    Id(ObjectId),
    /// A user, by user principal name.
    Name(String),
}

/// How many members one request may add, as in Graph.
const MOST_BOUND: usize = 20;

impl Body {
    /// Reads a body.
    pub(super) fn read(kind: Kind, bytes: &[u8]) -> Result<Self, GraphError> {
        let mut body = Self::default();
        for (name, value) in object(bytes)? {
            body.take(kind, &name, value)?;
        }
        Ok(body)
    }

    fn take(&mut self, kind: Kind, name: &str, value: Value) -> Result<(), GraphError> {
        match (name, kind) {
            ("members@odata.bind", Kind::Group) => self.members = bound(name, &value)?,
            ("owners@odata.bind", Kind::Group) => self.owners = bound(name, &value)?,
            ("manager@odata.bind", Kind::User) => {
                let one = Value::Array(vec![value]);
                self.manager = bound(name, &one)?.into_iter().next();
            }
            // Clients name the type of what they send.
            (name, _) if name.starts_with('@') || name.contains("@odata.") => {}
            ("passwordProfile", Kind::User) => self.password = Some(password(value)?),
            ("onPremisesImmutableId", _) => self.anchor = Some(anchor(&value)?),
            ("onPremisesExtensionAttributes", _) => {
                let Value::Object(attributes) = value else {
                    return Err(expected("onPremisesExtensionAttributes", "an object"));
                };
                for (name, value) in attributes {
                    if !name.starts_with('@') {
                        self.value(kind, &name, value)?;
                    }
                }
            }
            (name, _) => self.value(kind, name, value)?,
        }
        Ok(())
    }

    fn value(&mut self, kind: Kind, name: &str, value: Value) -> Result<(), GraphError> {
        let Ok(property) = Property::named(kind, name) else {
            return Err(unknown(kind, name));
        };
        self.values.insert(property, converted(property, value)?);
        Ok(())
    }
}

/// The JSON object in a body.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, GraphError> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(GraphError::bad_request(
            "Unable to read JSON request payload: expected an object.",
        )),
        Err(error) => Err(GraphError::bad_request(format!(
            "Unable to read JSON request payload: {error}."
        ))),
    }
}

/// A name that is no property: perhaps one that is shown and cannot be set.
fn unknown(kind: Kind, name: &str) -> GraphError {
    let shown = matches!(
        name,
        "id" | "createdDateTime"
            | "deletedDateTime"
            | "onPremisesSyncEnabled"
            | "onPremisesLastSyncDateTime"
            | "onPremisesProvisioningErrors"
            | "passwordPolicies"
            | "roles"
    );
    if shown || Way::named(kind, name).is_some() {
        let message = format!("Property '{name}' is read-only and cannot be set.");
        return GraphError::property("PropertyReadOnly", name, message);
    }
    let nearest = Property::named(kind, name)
        .err()
        .map_or("displayName", |unknown| unknown.nearest);
    let message = format!("Invalid property '{name}'; the nearest is '{nearest}'.");
    GraphError::property("UnknownProperty", name, message)
}

fn expected(property: &'static str, what: &'static str) -> GraphError {
    let problem = Problem::Expected(what);
    GraphError::from(Invalid { property, problem })
}

/// A value as the directory knows it. One of a wrong type is passed on where it can be: the directory says
/// what it expected.
fn converted(property: Property, value: Value) -> Result<Option<PropertyValue>, GraphError> {
    let name = property.name();
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => PropertyValue::Boolean(value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => PropertyValue::Integer(number),
            None => return Err(expected(name, "a whole number")),
        },
        Value::String(text) if property.value_type() == Type::Timestamp => {
            let time = text.parse().ok().map(PropertyValue::Timestamp);
            time.ok_or_else(|| expected(name, lockstep_directory::cloud::TIME))?
        }
        Value::String(text) if property.value_type() == Type::Binary => {
            let bytes = STANDARD.decode(text).ok().map(PropertyValue::Binary);
            bytes.ok_or_else(|| expected(name, "bytes in Base64"))?
        }
        Value::String(text) => PropertyValue::Text(text),
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values
                .into_iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect();
            let texts = texts.ok_or_else(|| expected(name, "a list of texts"))?;
            if property.value_type() == Type::BinaryList {
                let values = texts.iter().map(|text| STANDARD.decode(text).ok());
                let values: Option<Vec<Vec<u8>>> = values.collect();
                let values = values.ok_or_else(|| expected(name, "a list of values in Base64"))?;
                return Ok(Some(PropertyValue::binaries(values)));
            }
            PropertyValue::texts(texts)
        }
        Value::Object(_) => return Err(expected(name, "a value, found an object")),
    }))
}

/// Reads `{"password": …, "forceChangePasswordNextSignIn": …}`.
fn password(value: Value) -> Result<NewPassword, GraphError> {
    let name = "passwordProfile";
    let Value::Object(mut profile) = value else {
        return Err(expected(name, "an object with a password"));
    };
    let Some(Value::String(password)) = profile.remove("password") else {
        return Err(expected(name, "an object with a password"));
    };
    // From here on it is erased when it is not needed any more.
    let password = Secret::new(password);
    let force_change = match profile.get("forceChangePasswordNextSignIn") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(force)) => *force,
        Some(_) => {
            return Err(expected(
                name,
                "true or false for forceChangePasswordNextSignIn",
            ));
        }
    };
    Ok(NewPassword {
        password,
        force_change,
    })
}

fn anchor(value: &Value) -> Result<Option<SourceAnchor>, GraphError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => text
            .parse()
            .map(Some)
            .map_err(|_| expected("onPremisesImmutableId", "a source anchor in Base64")),
        _ => Err(expected(
            "onPremisesImmutableId",
            "a source anchor in Base64",
        )),
    }
}

fn bound(name: &str, value: &Value) -> Result<Vec<Target>, GraphError> {
    let wrong = || {
        GraphError::bad_request(format!(
            "{name}: expected at most {MOST_BOUND} addresses of objects, such as \
             https://…/v1.0/directoryObjects/ID."
        ))
    };
    let values = value
        .as_array()
        .filter(|values| values.len() <= MOST_BOUND)
        .ok_or_else(wrong)?;
    let target = |value: &Value| value.as_str().and_then(Target::of_address);
    values
        .iter()
        .map(|value| target(value).ok_or_else(wrong))
        .collect()
}

impl Target {
    /// Reads the address of an object: its last part, as `/ID`, `/NAME` or `('ID')`.
    fn of_address(address: &str) -> Option<Self> {
        let last = address.trim_end_matches('/').rsplit('/').next()?;
        let last = last
            .split_once('(')
            .map_or(last, |(_, key)| key.trim_end_matches(')'));
        let last = last.trim_matches('\'');
        let decoded: String = url::form_urlencoded::parse(last.replace('+', "%2B").as_bytes())
            .map(|(name, _)| name.into_owned())
            .collect();
        match decoded.parse::<Guid>() {
            Ok(guid) => Some(Self::Id(ObjectId::new(guid))),
            Err(_) if decoded.contains('@') => Some(Self::Name(decoded)),
            Err(_) => None,
        }
    }

    /// Reads `{"@odata.id": ADDRESS}`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, GraphError> {
        let object = object(bytes)?;
        let address = object.get("@odata.id").and_then(Value::as_str);
        address.and_then(Self::of_address).ok_or_else(|| {
            GraphError::bad_request(
                "expected {\"@odata.id\": \"https://…/v1.0/directoryObjects/ID\"}.",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_by_any_address_that_clients_use() {
        let id = "00112233-4455-6677-8899-aabbccddeeff";
        for address in [
            format!("https://graph.example/v1.0/directoryObjects/{id}"),
            format!("https://graph.example/v1.0/users/{id}/"),
            format!("https://graph.example/v1.0/directoryObjects('{id}')"),
            id.to_owned(),
        ] {
            let target = Target::of_address(&address);
            assert!(
                matches!(target, Some(Target::Id(found)) if found.to_string() == id),
                "{address}"
            );
        }
        let target = Target::of_address("https://x/v1.0/users/ada%40corp.test");
        assert!(matches!(target, Some(Target::Name(name)) if name == "ada@corp.test"));
        assert!(Target::of_address("https://x/v1.0/users/nobody").is_none());
        assert!(Target::of_address("").is_none());
    }
}
