//! Which value each property of the cloud directory gets.
//!
//! A mapping is a list of [`Entry`]s; the one that a configuration starts with is
//! [`Mapping::standard`]. [`Mapping::evaluate`] makes the values for one object.

mod defaults;
pub mod manual;
mod rule;
mod typed;

use crate::expression::EvaluationError;
use crate::policy::Policy;
use crate::scope::Chain;
use crate::staged::{StagedObject, is_place_attribute};
use lockstep_model::{AttributeName, PropertyValue, SourceAnchor, SourceAnchorError, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

pub use defaults::{REFERENCES, Reference};
pub use lockstep_model::MappedKind;
use rule::Made;
pub use rule::Rule;
pub(crate) use rule::has_mail_address;
pub use typed::ValueType;

/// What a mapping makes: the same kinds of value that the directory keeps.
pub type MappedValue = PropertyValue;

/// Values by property name. `None`: the property is to be empty.
pub type MappedValues = BTreeMap<String, Option<MappedValue>>;

/// One property and how its value is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The property, by Graph's name where Graph has one.
    pub target: String,
    /// How its value is made.
    pub rule: Rule,
    /// When it is applied.
    pub apply: Apply,
    /// The value that a new object gets when the rule makes none.
    pub default: Option<MappedValue>,
    /// A text that has more characters fails the object.
    pub longest: Option<usize>,
}

impl Entry {
    /// An entry that is always applied, without a default.
    #[must_use]
    pub const fn new(target: String, rule: Rule) -> Self {
        Self {
            target,
            rule,
            apply: Apply::Always,
            default: None,
            longest: None,
        }
    }
}

/// When an entry is applied.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Apply {
    /// Whenever the value changes.
    #[default]
    Always,
    /// When the object is made, and never again.
    Create,
}

/// What a mapping is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The object as it stands in the connector space.
    pub object: &'a StagedObject,
    /// Its parents.
    pub chain: &'a Chain,
    /// What the administrator decided.
    pub policy: &'a Policy,
    /// `None`: the object is about to be made. Else what was last applied to it, if that is known: values
    /// that are given only to new objects stay as they were given.
    pub existing: Option<Option<&'a BTreeMap<String, MappedValue>>>,
    /// The moment that mappings take for now.
    pub now: Timestamp,
}

/// All mappings of a configuration.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mapping {
    /// Entries by kind of object.
    pub entries: BTreeMap<MappedKind, Vec<Entry>>,
    /// References that are left alone: kind of object and property.
    pub left_alone: BTreeSet<(MappedKind, &'static str)>,
}

/// Why an object has no value for a property that it must have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MappingError {
    /// ms-DS-ConsistencyGuid holds something that is no GUID.
    #[error("the source anchor cannot be made")]
    Anchor(#[from] SourceAnchorError),
    /// A user needs a name to sign in with.
    #[error("neither userPrincipalName nor sAMAccountName has a value")]
    NoUserPrincipalName,
    /// The expression has no value for this object.
    #[error("the expression for `{target}` fails")]
    Expression {
        /// The property.
        target: String,
        /// What the expression says.
        #[source]
        source: Box<EvaluationError>,
    },
    /// The expression makes something that the property cannot hold.
    #[error("the expression for `{target}` makes {made}, and the property holds {expected}")]
    Type {
        /// The property.
        target: String,
        /// What was made.
        made: &'static str,
        /// What can be held.
        expected: &'static str,
    },
    /// The value is longer than the property can hold.
    #[error(
        "the value for `{target}` has {length} characters, and the property holds {longest}; cut it with \
         `Left(…, {longest})`"
    )]
    TooLong {
        /// The property.
        target: String,
        /// How long the value is.
        length: usize,
        /// How long it may be.
        longest: usize,
    },
}

/// A value that could not be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unmade {
    /// The property.
    pub target: String,
    /// The expression, if there is one.
    pub expression: Option<String>,
    /// What it was to be made of.
    pub input: Vec<Input>,
    /// Why it could not be made.
    pub reason: String,
}

/// An attribute that a value was to be made of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Input {
    /// Its name.
    pub attribute: String,
    /// Its value; none when it is absent.
    pub value: Option<MappedValue>,
    /// The value must not be shown in logs and plans.
    pub hidden: bool,
}

impl Unmade {
    /// A source anchor that cannot be made.
    pub(crate) fn anchor(subject: &Subject<'_>, reason: String) -> Self {
        const ANCHOR: &str = "ms-DS-ConsistencyGuid";
        Self {
            target: "onPremisesImmutableId".to_owned(),
            expression: None,
            input: vec![Input {
                attribute: ANCHOR.to_owned(),
                value: typed::shown(ANCHOR, subject),
                hidden: false,
            }],
            reason,
        }
    }
}

impl Mapping {
    /// The mapping that every configuration starts with.
    #[must_use]
    pub fn standard() -> Self {
        let of = |kind| (kind, defaults::entries(kind));
        Self {
            entries: [
                of(MappedKind::User),
                of(MappedKind::Group),
                of(MappedKind::Contact),
            ]
            .into(),
            left_alone: BTreeSet::new(),
        }
    }

    /// Leaves the references of a property alone from now on. Says whether objects of this kind have it.
    pub fn leave_alone(&mut self, kind: MappedKind, property: &str) -> bool {
        let mut of_kind = REFERENCES.iter().filter(|own| own.kinds.contains(&kind));
        let found = of_kind.find(|own| own.property.eq_ignore_ascii_case(property));
        if let Some(found) = found {
            self.left_alone.insert((kind, found.property));
        }
        found.is_some()
    }

    /// Whether anybody has these references provisioned.
    #[must_use]
    pub fn provisions(&self, reference: &Reference) -> bool {
        let mut kinds = reference.kinds.iter();
        kinds.any(|kind| !self.left_alone.contains(&(*kind, reference.property)))
    }

    /// Puts an entry in the place of the one with the same target, or adds it.
    pub fn put(&mut self, kind: MappedKind, entry: Entry) {
        self.remove(kind, &entry.target);
        self.entries.entry(kind).or_default().push(entry);
    }

    /// Leaves a target alone from now on.
    pub fn remove(&mut self, kind: MappedKind, target: &str) {
        if let Some(entries) = self.entries.get_mut(&kind) {
            entries.retain(|entry| !entry.target.eq_ignore_ascii_case(target));
        }
    }

    /// Whether the values of a target are not to be shown in logs and plans.
    #[must_use]
    pub fn is_redacted(&self, kind: MappedKind, target: &str) -> bool {
        let entries = self.entries.get(&kind).into_iter().flatten();
        let mut of_target = entries.filter(|entry| entry.target == target);
        of_target.any(|entry| match &entry.rule {
            Rule::Expression(expression, _) => expression.is_redacted(),
            _ => false,
        })
    }

    /// Whether values change as time passes, without any change of the objects.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.entries
            .values()
            .flatten()
            .any(|entry| match &entry.rule {
                Rule::Expression(expression, _) => {
                    entry.apply == Apply::Always && expression.depends_on_time()
                }
                _ => false,
            })
    }

    /// The attributes that have to be read, without those that name other objects.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<AttributeName> {
        let entries = self.entries.values().flatten();
        entries
            .flat_map(|entry| entry.rule.sources())
            .map(AttributeName::new)
            .filter(|name| !is_place_attribute(name))
            .collect()
    }

    /// Makes the values of one object.
    ///
    /// # Errors
    ///
    /// [`MappingError`] when a value is missing without which the object cannot be.
    pub fn evaluate(
        &self,
        kind: MappedKind,
        subject: &Subject<'_>,
    ) -> Result<MappedValues, MappingError> {
        self.evaluate_some(kind, subject, |_| true)
    }

    /// Makes the values of one object one by one: those that can be made, and what is to be known of the others.
    pub(crate) fn evaluate_each(
        &self,
        kind: MappedKind,
        subject: &Subject<'_>,
    ) -> (MappedValues, Vec<Unmade>) {
        let entries = self.entries.get(&kind).into_iter().flatten();
        let (mut values, mut unmade) = (MappedValues::new(), Vec::new());
        for entry in entries {
            match entry.value_of(kind, subject) {
                Ok(Some(value)) => {
                    values.insert(entry.target.clone(), value);
                }
                Ok(None) => {}
                Err(error) => {
                    let reason = crate::Reason::Mapping(error).to_string();
                    unmade.push(self.unmade(kind, entry, subject, reason));
                }
            }
        }
        (values, unmade)
    }

    fn unmade(
        &self,
        kind: MappedKind,
        entry: &Entry,
        subject: &Subject<'_>,
        reason: String,
    ) -> Unmade {
        let all = self.entries.get(&kind).into_iter().flatten();
        let redacted = all.filter(|entry| self.is_redacted(kind, &entry.target));
        let secret: BTreeSet<String> = redacted
            .flat_map(|entry| entry.rule.sources())
            .map(str::to_ascii_lowercase)
            .collect();
        let sources = match &entry.rule {
            Rule::Expression(expression, _) => {
                let written = expression.sources().iter();
                written.map(|source| source.written.as_str()).collect()
            }
            other => other.sources(),
        };
        let input = sources.into_iter().map(|attribute| Input {
            attribute: attribute.to_owned(),
            value: typed::shown(attribute, subject),
            hidden: secret.contains(&attribute.to_ascii_lowercase()),
        });
        Unmade {
            target: entry.target.clone(),
            expression: match &entry.rule {
                Rule::Expression(expression, _) => Some(expression.text().to_owned()),
                _ => None,
            },
            input: input.collect(),
            reason,
        }
    }

    /// Makes only the values of these targets.
    pub(crate) fn evaluate_only(
        &self,
        kind: MappedKind,
        subject: &Subject<'_>,
        targets: &[&str],
    ) -> Result<MappedValues, MappingError> {
        self.evaluate_some(kind, subject, |target| targets.contains(&target))
    }

    fn evaluate_some(
        &self,
        kind: MappedKind,
        subject: &Subject<'_>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<MappedValues, MappingError> {
        let entries = self.entries.get(&kind).into_iter().flatten();
        let mut values = MappedValues::new();
        for entry in entries.filter(|entry| wanted(&entry.target)) {
            if let Some(value) = entry.value_of(kind, subject)? {
                values.insert(entry.target.clone(), value);
            }
        }
        Ok(values)
    }
}

/// A user cannot be without it.
const UPN: &str = "userPrincipalName";

impl Entry {
    /// The value for an object of a kind, which may have to have one.
    fn value_of(
        &self,
        kind: MappedKind,
        subject: &Subject<'_>,
    ) -> Result<Option<Option<MappedValue>>, MappingError> {
        let value = self.value(subject)?;
        let empty = value.as_ref().is_some_and(Option::is_none);
        if empty && kind == MappedKind::User && self.target == UPN {
            return Err(MappingError::NoUserPrincipalName);
        }
        Ok(value)
    }

    /// The value for an object; the outer `None` when the target is left alone.
    fn value(&self, subject: &Subject<'_>) -> Result<Option<Option<MappedValue>>, MappingError> {
        let applied = |applied: &BTreeMap<String, MappedValue>| applied.get(&self.target).cloned();
        match (self.apply, subject.existing) {
            // Given once, it is a decision: it is not made again.
            (Apply::Create, Some(known)) => return Ok(known.and_then(applied).map(Some)),
            (Apply::Always, _) | (Apply::Create, None) => {}
        }
        let Made::Value(made) = self.rule.apply(&self.target, subject)? else {
            return Ok(None);
        };
        self.check_length(made.as_ref())?;
        Ok(Some(match (made, subject.existing) {
            (Some(value), _) => Some(value),
            (None, None) => self.default.clone(),
            // A default is given to new objects only, and who was given it keeps it.
            (None, Some(known)) => known
                .and_then(applied)
                .filter(|value| Some(value) == self.default.as_ref()),
        }))
    }

    fn check_length(&self, made: Option<&MappedValue>) -> Result<(), MappingError> {
        let text = made.and_then(PropertyValue::as_text);
        let Some((longest, text)) = self.longest.zip(text) else {
            return Ok(());
        };
        match text.chars().count() {
            length if length > longest => Err(MappingError::TooLong {
                target: self.target.clone(),
                length,
                longest,
            }),
            _ => Ok(()),
        }
    }
}

/// The anchor of an object: ms-DS-ConsistencyGuid when it has a value, else objectGUID.
///
/// # Errors
///
/// [`SourceAnchorError`] when ms-DS-ConsistencyGuid is no GUID.
pub fn source_anchor(object: &StagedObject) -> Result<SourceAnchor, SourceAnchorError> {
    match object.values("ms-ds-consistencyguid").first() {
        Some(value) => SourceAnchor::from_consistency_guid(value.as_bytes()),
        None => Ok(SourceAnchor::from_object_guid(object.guid)),
    }
}

#[cfg(test)]
mod tests;
