//! Objects as Graph shows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep_directory::unique::{Namespace, claims};
use lockstep_directory::{Conflict, Kind, Object, Property};
use lockstep_model::PropertyValue;
use serde_json::{Map, Value, json};

/// The `@odata.type` of a kind.
pub(super) const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "#microsoft.graph.user",
        Kind::Group => "#microsoft.graph.group",
        Kind::Contact => "#microsoft.graph.orgContact",
        Kind::ServicePrincipal => "#microsoft.graph.servicePrincipal",
    }
}

/// What is shown of a kind besides the properties of the schema, without being asked for.
const fn usual(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User | Kind::ServicePrincipal => &[],
        Kind::Group => &[
            "createdDateTime",
            "deletedDateTime",
            "onPremisesSyncEnabled",
            "onPremisesLastSyncDateTime",
            "onPremisesProvisioningErrors",
        ],
        Kind::Contact => &[
            "onPremisesSyncEnabled",
            "onPremisesLastSyncDateTime",
            "onPremisesProvisioningErrors",
        ],
    }
}

/// An object with the selected properties, or the usual ones.
pub(super) fn object(object: &Object, select: Option<&[String]>) -> Map<String, Value> {
    let mut shown = Map::new();
    match select {
        Some(names) => {
            for name in names.iter().filter(|name| *name != "members") {
                shown.insert(name.clone(), value(object, name));
            }
            // Graph shows the id whatever is selected.
            shown.entry("id").or_insert_with(|| value(object, "id"));
        }
        None => {
            shown.insert("id".into(), value(object, "id"));
            for name in usual(object.kind) {
                shown.insert((*name).into(), value(object, name));
            }
            for property in Property::all(object.kind).filter(|property| property.is_default()) {
                shown.insert(property.name().into(), property_value(object, property));
            }
        }
    }
    shown
}

fn value(object: &Object, name: &str) -> Value {
    match name {
        "id" => object.id.to_string().into(),
        "createdDateTime" => object.created.to_string().into(),
        "deletedDateTime" => object.deleted.map(|time| time.to_string()).into(),
        "onPremisesSyncEnabled" => object.sync_enabled().into(),
        "onPremisesImmutableId" => object.anchor().map(ToString::to_string).into(),
        "onPremisesLastSyncDateTime" => {
            let time = object.mastery.as_ref().map(|_| object.modified.to_string());
            time.into()
        }
        "onPremisesProvisioningErrors" => provisioning_errors(object),
        "onPremisesExtensionAttributes" => extension_attributes(object),
        "roles" => object.roles.iter().map(|role| role.name()).collect(),
        name => Property::named(object.kind, name)
            .ok()
            .map_or(Value::Null, |property| property_value(object, property)),
    }
}

fn property_value(object: &Object, property: Property) -> Value {
    use lockstep_directory::schema::Type;
    match object.values.get(&property) {
        Some(PropertyValue::Boolean(value)) => (*value).into(),
        Some(PropertyValue::Integer(value)) => (*value).into(),
        Some(PropertyValue::Text(value)) => value.as_str().into(),
        Some(PropertyValue::TextList(values)) => values.clone().into(),
        Some(PropertyValue::Timestamp(time)) => time.to_string().into(),
        Some(PropertyValue::Binary(bytes)) => STANDARD.encode(bytes).into(),
        Some(PropertyValue::BinaryList(values)) => {
            values.iter().map(|bytes| STANDARD.encode(bytes)).collect()
        }
        // Graph shows an empty collection as one, and anything else that is empty as null.
        None if matches!(property.value_type(), Type::TextList | Type::BinaryList) => json!([]),
        None => Value::Null,
    }
}

fn provisioning_errors(object: &Object) -> Value {
    let error = |conflict: &Conflict| {
        let cause = match conflict.value.namespace {
            Namespace::UserPrincipalName => "UserPrincipalName",
            Namespace::ProxyAddress => "ProxyAddresses",
        };
        json!({
            "category": "PropertyConflict",
            "occurredDateTime": conflict.since.to_string(),
            "propertyCausingError": cause,
            "value": as_it_was_given(object, conflict),
        })
    };
    object.conflicts.iter().map(error).collect()
}

/// The value that is held back, with its capital letters.
fn as_it_was_given(object: &Object, conflict: &Conflict) -> String {
    let folded = || conflict.value.value.clone();
    match object.wanted.get(&conflict.property) {
        Some(PropertyValue::Text(text)) => text.clone(),
        Some(PropertyValue::TextList(texts)) => {
            let given = texts.iter().find(|text| {
                let alone = [(
                    conflict.property,
                    PropertyValue::TextList(vec![(*text).clone()]),
                )];
                let claims = claims(object.kind, &alone.into());
                claims.iter().any(|(_, value)| *value == conflict.value)
            });
            given.cloned().unwrap_or_else(folded)
        }
        _ => folded(),
    }
}

fn extension_attributes(object: &Object) -> Value {
    let attributes = (1..=15).map(|number| {
        let name = format!("extensionAttribute{number}");
        let value = value(object, &name);
        (name, value)
    });
    Value::Object(attributes.collect())
}
