//! What filters look at in objects of the directory.

use super::{FieldType, Fields, HasFields, Literal};
use crate::object::{Kind, Object};
use crate::schema::{Property, Type};
use lockstep_model::PropertyValue;

/// What a filter looks at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// The object's id.
    Id,
    /// The source anchor in Base64.
    ImmutableId,
    /// Whether it comes from Active Directory.
    SyncEnabled,
    /// When it was made.
    Created,
    /// When it was deleted.
    Deleted,
    /// When synchronisation last changed it.
    LastSync,
    /// The names of its roles.
    Roles,
    /// A property of the schema.
    Property(Property),
}

/// The fields of objects of one kind.
#[derive(Clone, Copy, Debug)]
pub struct ObjectFields(pub Kind);

/// Fields that are no properties of the schema.
const COMPUTED: [(&str, Field, FieldType); 7] = [
    ("id", Field::Id, FieldType::Text),
    (
        "onPremisesImmutableId",
        Field::ImmutableId,
        FieldType::ExactText,
    ),
    (
        "onPremisesSyncEnabled",
        Field::SyncEnabled,
        FieldType::Boolean,
    ),
    ("createdDateTime", Field::Created, FieldType::Time),
    ("deletedDateTime", Field::Deleted, FieldType::Time),
    (
        "onPremisesLastSyncDateTime",
        Field::LastSync,
        FieldType::Time,
    ),
    ("roles", Field::Roles, FieldType::Texts),
];

impl Fields for ObjectFields {
    type Field = Field;

    fn field(&self, name: &str) -> Result<(Field, FieldType), String> {
        let computed = COMPUTED
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name));
        if let Some((_, field, field_type)) = computed {
            return Ok((*field, *field_type));
        }
        let name = name
            .strip_prefix("onPremisesExtensionAttributes/")
            .unwrap_or(name);
        let property =
            Property::named(self.0, name).map_err(|unknown| unknown.nearest.to_owned())?;
        let field_type = match property.value_type() {
            Type::Boolean => FieldType::Boolean,
            Type::Integer => FieldType::Integer,
            Type::Text => FieldType::Text,
            Type::TextList => FieldType::Texts,
            Type::Timestamp => FieldType::Time,
            // No property of bytes can be asked for.
            Type::Binary | Type::BinaryList => return Err("displayName".to_owned()),
        };
        Ok((Field::Property(property), field_type))
    }
}

impl HasFields<Field> for Object {
    fn values(&self, field: &Field) -> Vec<Literal> {
        let time = |time| vec![Literal::Time(time)];
        match field {
            Field::Id => vec![Literal::Text(self.id.to_string())],
            Field::ImmutableId => {
                let anchor = self.anchor().map(ToString::to_string);
                anchor.map(Literal::Text).into_iter().collect()
            }
            Field::SyncEnabled => {
                let enabled = self.sync_enabled();
                enabled.map(Literal::Boolean).into_iter().collect()
            }
            Field::Created => time(self.created),
            Field::Deleted => self.deleted.map(Literal::Time).into_iter().collect(),
            Field::LastSync => self
                .mastery
                .as_ref()
                .map_or_else(Vec::new, |_| time(self.modified)),
            Field::Roles => {
                let names = self.roles.iter().map(|role| Literal::text(role.name()));
                names.collect()
            }
            Field::Property(property) => match self.values.get(property) {
                None | Some(PropertyValue::Binary(_) | PropertyValue::BinaryList(_)) => Vec::new(),
                Some(PropertyValue::Boolean(value)) => vec![Literal::Boolean(*value)],
                Some(PropertyValue::Integer(value)) => vec![Literal::Integer(*value)],
                Some(PropertyValue::Text(value)) => vec![Literal::text(value)],
                Some(PropertyValue::TextList(values)) => {
                    values.iter().map(|value| Literal::text(value)).collect()
                }
                Some(PropertyValue::Timestamp(value)) => time(*value),
            },
        }
    }
}
