//! Which of what is listed an administrator means: those that are named, or all that nothing was said of yet, and of
//! both only what a filter is true of, and what was listed when they were asked.

use lockstep_api::admin::Chosen;
use lockstep_api::problem::Problem;
use lockstep_directory::distance;
use lockstep_directory::query::{FieldType, Fields, Filter, HasFields};
use lockstep_store::{Read, StoreError};
use serde::Serialize;

/// What is listed for an administrator to decide on.
pub(crate) trait Choosable: HasFields<ChoiceField> {
    /// The names of its fields; `since` is a time, all others are texts.
    const FIELDS: &[&str];

    /// Whether nothing was said of it yet.
    fn is_open(&self) -> bool;

    /// Greater than that of what was listed before it.
    fn number(&self) -> u64;
}

/// Goes through what is listed, one slice in each transaction: however much it is, nobody has to hold all of it.
pub(crate) trait Listing: Send + 'static {
    /// What is listed.
    type One: Serialize + Send + 'static;

    /// The next slice; none: that was all.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn next(&mut self, tx: &mut dyn Read) -> Result<Option<Vec<Self::One>>, StoreError>;
}

/// The field of a filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChoiceField(pub(crate) &'static str);

/// The fields that a filter may ask for.
struct ChoiceFields(&'static [&'static str]);

impl Fields for ChoiceFields {
    type Field = ChoiceField;

    fn field(&self, name: &str) -> Result<(ChoiceField, FieldType), String> {
        let mut known = self.0.iter().copied();
        match known.find(|field| field.eq_ignore_ascii_case(name)) {
            Some("since") => Ok((ChoiceField("since"), FieldType::Time)),
            Some(field) => Ok((ChoiceField(field), FieldType::Text)),
            None => {
                let nearest = self.0.iter().min_by_key(|field| distance(field, name));
                Err((*nearest.unwrap_or(&"dn")).to_owned())
            }
        }
    }
}

/// A filter over what is listed.
pub(crate) type ChoiceFilter = Filter<ChoiceField>;

/// Reads a filter over what is listed.
///
/// # Errors
///
/// A problem with status 400 when it cannot be read.
pub(crate) fn parsed<T: Choosable>(filter: Option<&str>) -> Result<Option<ChoiceFilter>, Problem> {
    let filter = filter.map(|source| Filter::parse(source, &ChoiceFields(T::FIELDS)));
    filter.transpose().map_err(|error| {
        Problem::new(400, "BadRequest", format!("filter: {error}")).remedy(
            "such as `type eq 'user' and endswith(dn,'OU=Alumni,DC=corp,DC=test')`; nothing was changed",
        )
    })
}

/// What an administrator has chosen.
pub(crate) struct Choice {
    /// The ids of those that are named; empty: all.
    pub(crate) ids: Vec<String>,
    filter: Option<ChoiceFilter>,
    until: Option<u64>,
}

/// Whether something that is listed is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meant {
    /// It is.
    Yes,
    /// It would be, but was not listed yet when the administrator was asked.
    Later,
    /// It is not.
    No,
}

impl Choice {
    /// Reads what was chosen.
    ///
    /// # Errors
    ///
    /// A problem with status 400 when the filter cannot be read.
    pub(crate) fn of<T: Choosable>(chosen: Chosen) -> Result<Self, Problem> {
        Ok(Self {
            filter: parsed::<T>(chosen.filter.as_deref())?,
            ids: chosen.ids,
            until: chosen.until,
        })
    }

    /// Whether one is meant that is named, or of a choice that names none.
    pub(crate) fn meant<T: Choosable>(&self, one: &T) -> Meant {
        let is_chosen = !self.ids.is_empty() || one.is_open();
        let fits = |filter: &ChoiceFilter| filter.fits(one);
        if !is_chosen || !self.filter.as_ref().is_none_or(fits) {
            return Meant::No;
        }
        match self.until.is_some_and(|until| one.number() > until) {
            true => Meant::Later,
            false => Meant::Yes,
        }
    }
}
