//! Objects as Graph shows them.

use lockstep_directory::unique::Namespace;
use lockstep_directory::{Kind, Object, Property};
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

/// An object with the selected properties, or the usual ones.
pub(super) fn object(object: &Object, select: Option<&[String]>) -> Map<String, Value> {
    let mut shown = Map::new();
    match select {
        Some(names) => {
            for name in names {
                shown.insert(name.clone(), value(object, name));
            }
            // Graph shows the id whatever is selected.
            shown.entry("id").or_insert_with(|| value(object, "id"));
        }
        None => {
            shown.insert("id".into(), value(object, "id"));
            for property in Property::all(object.kind).filter(|property| property.is_default()) {
                shown.insert(property.name().into(), value(object, property.name()));
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
        "onPremisesSyncEnabled" => object.mastery.as_ref().map(|_| true).into(),
        "onPremisesImmutableId" => {
            let anchor = object
                .mastery
                .as_ref()
                .map(|mastery| mastery.anchor.to_string());
            anchor.into()
        }
        "onPremisesLastSyncDateTime" => {
            let time = object.mastery.as_ref().map(|_| object.modified.to_string());
            time.into()
        }
        "onPremisesProvisioningErrors" => provisioning_errors(object),
        "onPremisesExtensionAttributes" => extension_attributes(object),
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
        Some(PropertyValue::Binary(_)) => Value::Null,
        // Graph shows an empty collection as one, and anything else that is empty as null.
        None if property.value_type() == Type::TextList => json!([]),
        None => Value::Null,
    }
}

fn provisioning_errors(object: &Object) -> Value {
    let error = |conflict: &lockstep_directory::Conflict| {
        let cause = match conflict.value.namespace {
            Namespace::UserPrincipalName => "UserPrincipalName",
            Namespace::ProxyAddress => "ProxyAddresses",
        };
        json!({
            "category": "PropertyConflict",
            "occurredDateTime": conflict.since.to_string(),
            "propertyCausingError": cause,
            "value": conflict.value.value,
        })
    };
    object.conflicts.iter().map(error).collect()
}

fn extension_attributes(object: &Object) -> Value {
    let attributes = (1..=15).map(|number| {
        let name = format!("extensionAttribute{number}");
        let value = value(object, &name);
        (name, value)
    });
    Value::Object(attributes.collect())
}
