//! From the stored configuration to what the engine needs.

use lockstep_api::configuration::{Apply, Constant, MappingEntry, ObjectType, Spec, SpecError};
use lockstep_directory::{Kind, Property, Type, extension};
use lockstep_engine::Policy;
use lockstep_engine::expression::Expression;
use lockstep_engine::filter::{Clause, Filter, Filters};
use lockstep_engine::mapping::{
    self, Entry, MappedKind, MappedValue, Mapping, REFERENCES, Rule, ValueType,
};
use lockstep_engine::matching::Matching;
use lockstep_engine::never_synced::DECISION_ATTRIBUTES;
use lockstep_engine::scope::Scope;
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{Dn, Guid, PropertyValue};
use lockstep_store::records::job::{Configuration, Job, ReadSet, ScopeRoot};
use lockstep_store::{Read, ReadRecords as _, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What of a configuration has to be read and checked once, and is used with every object.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// What objects must be like.
    pub filters: Filters,
    /// Which value each property gets.
    pub mapping: Arc<Mapping>,
    /// What has to be read for it.
    pub reads: Reads,
}

/// Which attributes have to be read, in lower case.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reads {
    /// Those of objects that are wanted.
    pub attributes: Vec<String>,
    /// Those that name other objects.
    pub links: Vec<String>,
    /// Those that decide whether an object in place takes part.
    pub decision: Vec<String>,
}

/// Reads the filters and mappings of a configuration.
///
/// # Errors
///
/// [`SpecError`] with the key that is wrong.
pub fn compile(spec: &Spec) -> Result<Compiled, SpecError> {
    let mut filters = Vec::with_capacity(spec.scope.filters.len());
    for (outer, clauses) in spec.scope.filters.iter().enumerate() {
        let Some(first) = clauses.first() else {
            continue;
        };
        let mut compiled = Vec::with_capacity(clauses.len());
        for (inner, clause) in clauses.iter().enumerate() {
            let value = clause.value.as_ref().map(Constant::to_string);
            let made = Clause::new(&clause.attribute, &clause.operator, value.as_deref());
            compiled.push(made.map_err(|error| SpecError {
                key: format!("scope.filters[{outer}][{inner}].{}", error.key),
                expected: error.expected,
                found: error.found,
            })?);
        }
        filters.push(Filter {
            kind: first.object.into(),
            clauses: compiled,
        });
    }
    let mut mapping = Mapping::standard();
    for (kind, entries) in spec.mapping.all() {
        for (index, entry) in entries.iter().enumerate() {
            let key = format!("mapping.{}[{index}]", kind.name());
            overlay(&mut mapping, kind, entry, &key)?;
        }
    }
    let filters = Filters(filters);
    let reads = reads(&filters, &mapping, spec.scope.groups.is_some());
    Ok(Compiled {
        filters,
        mapping: Arc::new(mapping),
        reads,
    })
}

fn reads(filters: &Filters, mapping: &Mapping, by_groups: bool) -> Reads {
    let decision = DECISION_ATTRIBUTES.iter().copied();
    let decision: BTreeSet<String> = decision
        .chain(filters.attributes())
        .map(str::to_ascii_lowercase)
        .collect();
    let sources = mapping.sources();
    let sources = sources.iter().map(|name| name.as_str().to_owned());
    let mut attributes: BTreeSet<String> = sources.collect();
    attributes.insert("ms-ds-consistencyguid".to_owned());
    attributes.extend(decision.iter().cloned());
    // Who is a member of the scope's groups has to be known.
    let links = REFERENCES
        .iter()
        .filter(|own| mapping.provisions(own) || by_groups && own.attribute == "member");
    Reads {
        attributes: attributes.into_iter().collect(),
        links: links.map(|own| own.attribute.to_owned()).collect(),
        decision: decision.into_iter().collect(),
    }
}

/// The attributes that an entry of the file reads.
#[must_use]
pub fn sources_of(entry: &MappingEntry) -> Vec<String> {
    let expression = entry.expression.as_deref();
    let expression = expression.and_then(|text| Expression::parse(text).ok());
    let sources = expression.iter().flat_map(Expression::sources);
    let sources = sources.map(|source| source.written.clone());
    entry.attribute.iter().cloned().chain(sources).collect()
}

/// Puts one entry of the file over the default mapping.
fn overlay(
    mapping: &mut Mapping,
    object: ObjectType,
    entry: &MappingEntry,
    key: &str,
) -> Result<(), SpecError> {
    let kind = MappedKind::from(object);
    if entry.none && mapping.leave_alone(kind, &entry.target) {
        return Ok(());
    }
    let target = target(object, &entry.target, key)?;
    if entry.none {
        if target.name == "userPrincipalName" {
            return Err(SpecError {
                key: format!("{key}.none"),
                expected: "a way to make userPrincipalName: a user cannot be without it".into(),
                found: "`true`".into(),
            });
        }
        mapping.remove(kind, &target.name);
        return Ok(());
    }
    let rule = if let Some(attribute) = &entry.attribute {
        direct(attribute, &target)
    } else if let Some(constant) = &entry.constant {
        Rule::Constant(typed(constant, &target, &format!("{key}.constant"))?)
    } else {
        let text = entry.expression.as_deref().unwrap_or_default();
        let expression = expression(text, entry.apply, &format!("{key}.expression"))?;
        Rule::Expression(expression, value_type(target.value))
    };
    let default = entry.default.as_ref();
    let default = default.map(|value| typed(value, &target, &format!("{key}.default")));
    let entry = Entry {
        longest: target.longest,
        target: target.name,
        rule,
        apply: match entry.apply {
            Apply::Always => mapping::Apply::Always,
            Apply::Create => mapping::Apply::Create,
        },
        default: default.transpose()?,
    };
    mapping.put(kind, entry);
    Ok(())
}

/// Reads an expression.
fn expression(text: &str, apply: Apply, key: &str) -> Result<Expression, SpecError> {
    let parsed = Expression::parse(text).map_err(|error| {
        let remedy = error
            .remedy()
            .map_or_else(String::new, |remedy| format!("; {remedy}"));
        SpecError {
            key: key.to_owned(),
            expected: format!("an expression: {error}{remedy}"),
            found: format!("`{text}`"),
        }
    })?;
    if parsed.is_random() && apply == Apply::Always {
        return Err(SpecError {
            key: key.to_owned(),
            expected: "`apply = \"create\"` beside an expression whose value differs each time"
                .into(),
            found: format!("`{text}` with `apply = \"always\"`"),
        });
    }
    Ok(parsed)
}

const fn value_type(value: Type) -> ValueType {
    match value {
        Type::Boolean => ValueType::Boolean,
        Type::Integer => ValueType::Integer,
        Type::Text => ValueType::Text,
        Type::TextList => ValueType::TextList,
        Type::Binary => ValueType::Binary,
        Type::BinaryList => ValueType::BinaryList,
        Type::Timestamp => ValueType::Timestamp,
    }
}

/// The property that an entry makes values for. A directory extension need not be declared yet.
struct Target {
    name: String,
    value: Type,
    /// How many characters a text may have, where that fails objects.
    longest: Option<usize>,
}

/// The property that a target names.
fn target(object: ObjectType, target: &str, key: &str) -> Result<Target, SpecError> {
    let kind = Kind::from(MappedKind::from(object));
    let error = |expected: String| SpecError {
        key: format!("{key}.target"),
        expected,
        found: format!("`{target}`"),
    };
    if REFERENCES
        .iter()
        .any(|reference| reference.property.eq_ignore_ascii_case(target))
    {
        let expected = "a property with values of its own: members, owners and managers follow AD as they are, or not \
             at all, with `none = true` where objects of this type have them";
        return Err(error(expected.into()));
    }
    if extension::is_meant(target) {
        if !extension::is_name(target) {
            return Err(error(format!(
                "behind `{}` a letter, then letters, digits and `_`, {} characters in all at most",
                extension::PREFIX,
                extension::LONGEST_NAME
            )));
        }
        return Ok(Target {
            name: target.to_owned(),
            value: Type::Text,
            longest: Some(extension::LONGEST_VALUE),
        });
    }
    let property = Property::named(kind, target).map_err(|unknown| {
        error(format!(
            "a property of a {}; the nearest is `{}`",
            object.name(),
            unknown.nearest
        ))
    })?;
    Ok(Target {
        name: property.name().to_owned(),
        value: property.value_type(),
        longest: None,
    })
}

/// How the values of an attribute are taken over into a property of this type.
fn direct(attribute: &str, target: &Target) -> Rule {
    let source = attribute.to_owned();
    match (attribute.to_ascii_lowercase().as_str(), target.value) {
        ("objectguid", _) => Rule::ObjectGuid,
        ("objectsid", _) => Rule::Sid,
        ("distinguishedname", _) => Rule::DistinguishedName,
        (_, Type::Boolean) => Rule::Truth(source),
        (_, Type::Integer) => Rule::Number(source),
        (_, Type::Text) if extension::is_meant(&target.name) => Rule::AsText(source),
        (_, Type::Text) => Rule::Direct(source),
        (_, Type::TextList) => Rule::DirectList(source),
        (_, Type::Binary) => Rule::Bytes(source),
        (_, Type::BinaryList) => Rule::BytesList(source),
        (_, Type::Timestamp) => Rule::FileTime(source),
    }
}

/// A constant as a value of the property's type.
fn typed(constant: &Constant, target: &Target, key: &str) -> Result<MappedValue, SpecError> {
    let error = |expected: &str| SpecError {
        key: key.to_owned(),
        expected: format!("{expected} for `{}`", target.name),
        found: format!("`{constant}`"),
    };
    Ok(match (target.value, constant) {
        (Type::Boolean, Constant::Boolean(value)) => PropertyValue::Boolean(*value),
        (Type::Boolean, Constant::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => PropertyValue::Boolean(true),
            "false" => PropertyValue::Boolean(false),
            _ => return Err(error("true or false")),
        },
        (Type::Boolean, _) => return Err(error("true or false")),
        (Type::Integer, Constant::Integer(value)) => PropertyValue::Integer(*value),
        (Type::Integer, Constant::Text(text)) => match text.parse() {
            Ok(value) => PropertyValue::Integer(value),
            Err(_) => return Err(error("a whole number")),
        },
        (Type::Integer, _) => return Err(error("a whole number")),
        (Type::Text, Constant::Texts(_)) => return Err(error("a single text")),
        (Type::Text, value) => {
            let text = value.to_string();
            let length = text.chars().count();
            match target.longest {
                Some(longest) if length > longest => {
                    return Err(error(&format!("a text of at most {longest} characters")));
                }
                _ => PropertyValue::Text(text),
            }
        }
        (Type::TextList, Constant::Texts(values)) => PropertyValue::texts(values.clone()),
        (Type::TextList, value) => PropertyValue::texts(vec![value.to_string()]),
        (Type::Timestamp, Constant::Text(text)) => match text.parse() {
            Ok(value) => PropertyValue::Timestamp(value),
            Err(_) => return Err(error("a time such as 2026-01-31T12:00:00Z")),
        },
        (Type::Timestamp, _) => return Err(error("a time such as 2026-01-31T12:00:00Z")),
        (Type::Binary | Type::BinaryList, _) => return Err(error("an attribute, not a constant,")),
    })
}

/// The configuration as the engine needs it.
#[must_use]
pub fn policy(configuration: &Configuration, job: &Job) -> Policy {
    let known = crate::configuration::known(configuration);
    let spec = &known.spec;
    let guids =
        |roots: &[ScopeRoot]| -> BTreeSet<Guid> { roots.iter().map(|root| root.guid).collect() };
    let domain = job.domain.as_ref();
    Policy {
        domain: configuration.domain.clone(),
        netbios_name: domain.map_or_else(String::new, |domain| domain.netbios_name.clone()),
        naming_context: domain.map_or(Guid::NIL, |domain| domain.naming_context),
        naming_context_dn: Dn::of_domain(&configuration.domain),
        scope: Arc::new(Scope {
            roots: configuration.roots.as_deref().map(guids),
            groups: guids(&configuration.groups),
            nested: spec.scope.nested_groups,
            excluded: guids(&configuration.excluded),
            filters: known.compiled.filters.clone(),
        }),
        users: spec.objects.users,
        groups: spec.objects.groups,
        contacts: spec.objects.contacts,
        mapping: Arc::clone(&known.compiled.mapping),
        matching: Matching {
            soft_upn: spec.matching.soft_upn,
            soft_smtp: spec.matching.soft_smtp,
            takeover: spec.matching.takeover,
        },
        seed: seed(&job.seed),
        read_set: job.read_set,
    }
}

fn seed(hex: &str) -> [u8; 32] {
    let bytes = hex::decode(hex).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .unwrap_or_default()
}

/// What is read for a configuration as things are.
///
/// # Errors
///
/// Those of the store.
pub fn read_set_of(
    tx: &mut (impl Read + ?Sized),
    configuration: ConfigurationId,
) -> Result<ReadSet, StoreError> {
    let known = tx.fetch_one(&configuration)?;
    Ok(known.unwrap_or_else(|| ReadSet::new(configuration)))
}

/// The read set that a job needs now, given the one it has. Attributes that are no longer needed are left
/// out at once; rows that were read with more are complete all the same. A new one makes a new version.
#[must_use]
pub fn next_read_set(compiled: &Compiled, before: &ReadSet) -> ReadSet {
    let wanted = compiled.reads.clone();
    let within =
        |wanted: &[String], before: &[String]| wanted.iter().all(|name| before.contains(name));
    let known = within(&wanted.attributes, &before.attributes)
        && within(&wanted.decision, &before.decision)
        && within(&wanted.links, &before.links);
    ReadSet {
        configuration: before.configuration,
        version: before.version + u64::from(!known),
        attributes: wanted.attributes,
        links: wanted.links,
        decision: wanted.decision,
        absent: before.absent.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_row_has_a_property_that_holds_what_it_makes() {
        for (kind, entries) in &Mapping::standard().entries {
            let of = Kind::from(*kind);
            for entry in entries {
                let property = Property::named(of, &entry.target).unwrap();
                assert_eq!(property.name(), entry.target);
                let makes = match &entry.rule {
                    Rule::Number(_) => Type::Integer,
                    Rule::Truth(_)
                    | Rule::AccountEnabled
                    | Rule::SecurityEnabled
                    | Rule::MailEnabled => Type::Boolean,
                    Rule::DirectList(_) | Rule::TrimmedList(_) | Rule::Joined(_) => Type::TextList,
                    Rule::Bytes(_) => Type::Binary,
                    Rule::BytesList(_) => Type::BinaryList,
                    Rule::FileTime(_) => Type::Timestamp,
                    _ => Type::Text,
                };
                assert_eq!(property.value_type(), makes, "{kind:?} {}", entry.target);
            }
        }
    }
}
