//! Which of what is listed an administrator means: those that are named, or all that nothing was said of yet, and of
//! both only what a filter is true of.

use lockstep_api::admin::Chosen;
use lockstep_api::problem::Problem;
use lockstep_directory::distance;
use lockstep_directory::query::{FieldType, Fields, Filter, HasFields};

/// What is listed for an administrator to decide on.
pub(crate) trait Choosable: HasFields<ChoiceField> {
    /// The names of its fields; `since` is a time, all others are texts.
    const FIELDS: &[&str];

    /// What names it.
    fn id(&self) -> &str;

    /// Whether nothing was said of it yet.
    fn is_open(&self) -> bool;
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

/// Reads a filter over what is listed.
pub(crate) fn parsed<T: Choosable>(
    filter: Option<&str>,
) -> Result<Option<Filter<ChoiceField>>, Problem> {
    let filter = filter.map(|source| Filter::parse(source, &ChoiceFields(T::FIELDS)));
    filter.transpose().map_err(|error| {
        Problem::new(400, "BadRequest", format!("filter: {error}")).remedy(
            "such as `type eq 'user' and endswith(dn,'OU=Alumni,DC=corp,DC=test')`; nothing was changed",
        )
    })
}

/// Which of them are meant, in the order of the list.
///
/// # Errors
///
/// An id that none of them has.
pub(crate) fn picked<'a, T: Choosable>(
    listed: &[T],
    chosen: &'a Chosen,
    filter: Option<&Filter<ChoiceField>>,
) -> Result<Vec<bool>, &'a str> {
    let is = |one: &T, id: &String| one.id().eq_ignore_ascii_case(id);
    let mut ids = chosen.ids.iter();
    if let Some(unknown) = ids.find(|id| !listed.iter().any(|one| is(one, id))) {
        return Err(unknown);
    }
    let picked = listed.iter().map(|one| {
        let fits = filter.is_none_or(|filter| filter.fits(one));
        fits && match chosen.ids.is_empty() {
            true => one.is_open(),
            false => chosen.ids.iter().any(|id| is(one, id)),
        }
    });
    Ok(picked.collect())
}
