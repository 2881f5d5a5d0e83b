//! How to find all that fit a filter without looking at the rest.

use super::{Element, Field, Filter, Literal, Test};
use crate::index::{self, Indexed, first_with, term_text};
use crate::object::Object;
use crate::unique::{Namespace, UniqueValue, owned};
use lockstep_model::{Guid, SourceAnchor};

/// One way to objects that may fit a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lookup {
    /// The object with this id.
    Id(Guid),
    /// The objects with this anchor.
    Anchor(SourceAnchor),
    /// The owner of this value.
    Owner(UniqueValue),
    /// The owners of all values that begin so.
    Owners(UniqueValue),
    /// The objects whose entry in the index is this text.
    Term(Indexed, String),
    /// The objects whose entry in the index begins so.
    Terms(Indexed, String),
}

/// Lookups that find, together, every live object that fits; none when only looking at all would.
///
/// They may find more than what fits.
#[must_use]
pub fn lookups(filter: &Filter) -> Option<Vec<Lookup>> {
    match filter {
        Filter::And(parts) => parts
            .iter()
            .filter_map(lookups)
            .min_by_key(|ways| cost(ways)),
        Filter::Or(parts) => {
            let ways: Option<Vec<_>> = parts.iter().map(lookups).collect();
            ways.map(|ways| ways.concat())
        }
        Filter::Not(_) => None,
        Filter::Test(field, Test::Equal(literal)) => equal(*field, literal),
        Filter::Test(field, Test::In(literals)) => {
            let ways: Option<Vec<_>> = literals.iter().map(|one| equal(*field, one)).collect();
            ways.map(|ways| ways.concat())
        }
        Filter::Test(field, Test::StartsWith(text)) => begins(*field, text),
        Filter::Test(field, Test::HasWord(text)) => match field {
            Field::Property(property) => match Indexed::of(*property)? {
                Indexed::DisplayName => {
                    let whole = terms(Indexed::DisplayName, text)?;
                    let further = terms(Indexed::FurtherWords, text)?;
                    Some([whole, further].concat())
                }
                _ => None,
            },
            _ => None,
        },
        Filter::Test(..) | Filter::Any(_, None) => None,
        Filter::Any(field, Some(filter)) => match field {
            Field::Property(property) if property.name() == "proxyAddresses" => addresses(filter),
            Field::Roles => roles(filter),
            _ => None,
        },
    }
}

/// What one way costs: few exact ones first.
fn cost(ways: &[Lookup]) -> usize {
    let cost = |way: &Lookup| match way {
        Lookup::Id(_) | Lookup::Anchor(_) | Lookup::Owner(_) => 1,
        Lookup::Term(..) => 10,
        Lookup::Owners(_) | Lookup::Terms(..) => 1_000,
    };
    ways.iter().map(cost).sum()
}

fn equal(field: Field, literal: &Literal) -> Option<Vec<Lookup>> {
    let Literal::Text(text) = literal else {
        return None;
    };
    match field {
        Field::Id => Some(text.parse().map(Lookup::Id).into_iter().collect()),
        Field::ImmutableId => Some(text.parse().map(Lookup::Anchor).into_iter().collect()),
        Field::Property(property) if property.name() == "userPrincipalName" => {
            Some(vec![Lookup::Owner(UniqueValue::user_principal_name(text))])
        }
        Field::Property(property) => {
            Indexed::of(property).map(|indexed| vec![Lookup::Term(indexed, term_text(text))])
        }
        _ => None,
    }
}

fn begins(field: Field, text: &str) -> Option<Vec<Lookup>> {
    let Field::Property(property) = field else {
        return None;
    };
    if property.name() == "userPrincipalName" {
        return owners(UniqueValue::user_principal_name(text));
    }
    terms(Indexed::of(property)?, text)
}

fn owners(value: UniqueValue) -> Option<Vec<Lookup>> {
    (!value.value.is_empty()).then(|| vec![Lookup::Owners(value)])
}

fn terms(indexed: Indexed, text: &str) -> Option<Vec<Lookup>> {
    let text = term_text(text);
    (!text.is_empty()).then(|| vec![Lookup::Terms(indexed, text)])
}

/// Ways to the owners of addresses that fit.
fn addresses(filter: &Filter<Element>) -> Option<Vec<Lookup>> {
    elements(filter, &|test| match test {
        Test::Equal(Literal::Text(text)) => {
            Some(vec![Lookup::Owner(UniqueValue::proxy_address(text))])
        }
        Test::StartsWith(text) => owners(UniqueValue::proxy_address(text)),
        _ => None,
    })
}

fn roles(filter: &Filter<Element>) -> Option<Vec<Lookup>> {
    elements(filter, &|test| match test {
        Test::Equal(Literal::Text(text)) => Some(vec![Lookup::Term(Indexed::Role, text.clone())]),
        Test::StartsWith(text) => terms(Indexed::Role, text),
        _ => None,
    })
}

fn elements(
    filter: &Filter<Element>,
    way: &impl Fn(&Test) -> Option<Vec<Lookup>>,
) -> Option<Vec<Lookup>> {
    match filter {
        Filter::And(parts) => {
            let ways = parts.iter().filter_map(|part| elements(part, way));
            ways.min_by_key(|ways| cost(ways))
        }
        Filter::Or(parts) => {
            let ways: Option<Vec<_>> = parts.iter().map(|part| elements(part, way)).collect();
            ways.map(|ways| ways.concat())
        }
        Filter::Test(Element, Test::In(literals)) => {
            let each = literals.iter().map(|one| way(&Test::Equal(one.clone())));
            let ways: Option<Vec<_>> = each.collect();
            ways.map(|ways| ways.concat())
        }
        Filter::Test(Element, test) => way(test),
        Filter::Not(_) | Filter::Any(..) => None,
    }
}

impl Lookup {
    /// The lookup that walks all user principal names, in their order.
    #[must_use]
    pub const fn all_names() -> Self {
        Self::Owners(UniqueValue {
            namespace: Namespace::UserPrincipalName,
            value: String::new(),
        })
    }

    /// Whether it finds a live object.
    #[must_use]
    pub fn finds(&self, object: &Object) -> bool {
        match self {
            Self::Id(id) => object.id.guid() == *id,
            Self::Anchor(anchor) => object.anchor() == Some(anchor),
            Self::Owner(value) => owned(object).contains(value),
            Self::Owners(prefix) => first_owned(object, prefix).is_some(),
            Self::Term(indexed, text) => {
                let mut terms = index::terms(object).into_iter();
                terms.any(|term| term.indexed == *indexed && term.text == *text)
            }
            Self::Terms(indexed, text) => first_with(object, *indexed, text).is_some(),
        }
    }
}

/// The first of an object's unique values that begin so: the one at which it is listed when a search passes
/// several.
#[must_use]
pub fn first_owned(object: &Object, prefix: &UniqueValue) -> Option<UniqueValue> {
    let values = owned(object).into_iter();
    let fitting = values.filter(|value| {
        value.namespace == prefix.namespace && value.value.starts_with(&prefix.value)
    });
    fitting.min()
}
