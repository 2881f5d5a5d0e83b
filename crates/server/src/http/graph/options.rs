//! Query options: `$select`, `$expand`, `$filter`, `$search`, `$orderby`, `$top`, `$count` and the places
//! of pages.

use super::beside::PASSWORD_POLICIES;
use super::error::GraphError;
use super::related::Way;
use crate::directory::find::Sorting;
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::query::{FieldType, Fields as _, Filter, ObjectFields, search};
use lockstep_directory::{Kind, Property};

const DEFAULT_TOP: usize = 100;
const LARGEST_TOP: usize = 999;

/// Names that are no properties of the schema but can be selected.
const COMPUTED: [&str; 9] = [
    "id",
    "createdDateTime",
    "deletedDateTime",
    "onPremisesSyncEnabled",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesExtensionAttributes",
    "roles",
];

/// What a caller wants of a set.
#[derive(Debug)]
pub(super) struct Options {
    /// The names to show; none: the usual ones.
    pub(super) select: Option<Vec<String>>,
    /// What is shown of the objects that an object refers to.
    pub(super) expand: Vec<Expand>,
    /// What objects have to fit: `$filter` and `$search` together.
    pub(super) filter: Option<Filter>,
    pub(super) order: Option<Sorting>,
    pub(super) top: usize,
    pub(super) count: bool,
    /// The place behind which a page begins, as [`Options::next_link`] gave it.
    pub(super) after: Option<Vec<u8>>,
    /// The same of a round of changes, and which of the two it was.
    pub(super) delta: Option<String>,
    /// All options but the place, for the address of the next page.
    repeated: String,
    path: String,
}

/// One relation that is shown with each object.
#[derive(Debug)]
pub(super) struct Expand {
    /// Its name.
    pub(super) name: String,
    /// The names to show of each object; none: the usual ones.
    pub(super) select: Option<Vec<String>>,
}

impl Options {
    /// Reads the options of an address at which there are objects of one kind.
    pub(super) fn read(kind: Kind, uri: &Uri) -> Result<Self, GraphError> {
        Self::read_for(&[kind], uri)
    }

    /// The same for a set with objects of all kinds.
    pub(super) fn read_mixed(uri: &Uri) -> Result<Self, GraphError> {
        let options = Self::read_for(&[Kind::User, Kind::Group, Kind::Contact], uri)?;
        for (given, name) in [
            (options.filter.is_some(), "$filter or $search"),
            (options.order.is_some(), "$orderby"),
            (!options.expand.is_empty(), "$expand"),
        ] {
            if given {
                return Err(GraphError::unsupported(format!(
                    "{name} is not supported on this address."
                )));
            }
        }
        Ok(options)
    }

    /// Whether this name is selected.
    pub(super) fn selects(&self, name: &str) -> bool {
        let mut selected = self.select.iter().flatten();
        selected.any(|selected| selected == name)
    }

    fn read_for(kinds: &[Kind], uri: &Uri) -> Result<Self, GraphError> {
        let mut options = Self {
            select: None,
            expand: Vec::new(),
            filter: None,
            order: None,
            top: DEFAULT_TOP,
            count: false,
            after: None,
            delta: None,
            repeated: String::new(),
            path: uri.path().to_owned(),
        };
        let mut repeated = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()) {
            if name != "$skiptoken" && name != "$deltatoken" {
                repeated.append_pair(&name, &value);
            }
            options.take(kinds, &name, &value)?;
        }
        options.repeated = repeated.finish();
        Ok(options)
    }

    fn take(&mut self, kinds: &[Kind], name: &str, value: &str) -> Result<(), GraphError> {
        let kind = kinds.first().copied().unwrap_or(Kind::User);
        match name {
            "$select" => self.select = Some(selected(kinds, value)?),
            "$expand" => self.expand = expanded(kind, value)?,
            "$filter" => {
                let filter = Filter::parse(value, &ObjectFields(kind));
                self.and(filter.map_err(|error| GraphError::option("$filter", &error))?);
            }
            "$search" => {
                let filter = search(kind, value);
                self.and(filter.map_err(|error| GraphError::option("$search", &error))?);
            }
            "$orderby" => self.order = Some(sorting(kind, value)?),
            "$top" => {
                let top = value
                    .parse()
                    .ok()
                    .filter(|top| (1..=LARGEST_TOP).contains(top));
                self.top = top.ok_or_else(|| {
                    GraphError::bad_request(format!(
                        "$top: expected a number from 1 to {LARGEST_TOP}, found '{value}'."
                    ))
                })?;
            }
            "$count" => {
                self.count = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(GraphError::bad_request(format!(
                            "$count: expected true or false, found '{value}'."
                        )));
                    }
                };
            }
            "$skiptoken" => {
                let after = URL_SAFE_NO_PAD.decode(value).map_err(|_| {
                    GraphError::bad_request("$skiptoken: expected the one of an @odata.nextLink.")
                })?;
                self.after = Some(after);
            }
            "$deltatoken" => self.delta = Some(value.to_owned()),
            // Some clients ask for it; the answers are JSON anyway.
            "$format" => {}
            other => {
                return Err(GraphError::unsupported(format!(
                    "The query option '{other}' is not supported. Supported are $select, $expand, $filter, \
                     $search, $orderby, $top, $count and $skiptoken."
                )));
            }
        }
        Ok(())
    }

    fn and(&mut self, filter: Filter) {
        self.filter = Some(match self.filter.take() {
            Some(known) => Filter::And(vec![known, filter]),
            None => filter,
        });
    }

    /// The address of the page behind a place.
    pub(super) fn next_link(&self, base: &str, place: &[u8]) -> String {
        self.link(base, "%24skiptoken", place)
    }

    /// The address at which the next round of changes begins.
    pub(super) fn delta_link(&self, base: &str, place: &[u8]) -> String {
        self.link(base, "%24deltatoken", place)
    }

    fn link(&self, base: &str, option: &str, place: &[u8]) -> String {
        let separator = if self.repeated.is_empty() { "" } else { "&" };
        let place = URL_SAFE_NO_PAD.encode(place);
        format!(
            "{base}{}?{}{separator}{option}={place}",
            self.path, self.repeated
        )
    }
}

fn selected(kinds: &[Kind], value: &str) -> Result<Vec<String>, GraphError> {
    let mut names = Vec::new();
    for name in value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let computed = COMPUTED
            .iter()
            .find(|known| known.eq_ignore_ascii_case(name));
        let name = match computed {
            Some(known) => (*known).to_owned(),
            // It stands with the password, and is looked up where users are shown by themselves.
            None if kinds == [Kind::User] && name.eq_ignore_ascii_case(PASSWORD_POLICIES) => {
                PASSWORD_POLICIES.to_owned()
            }
            // Of groups in a round of changes.
            None if name.eq_ignore_ascii_case("members") => "members".to_owned(),
            None => property_name(kinds, name)?.to_owned(),
        };
        names.push(name);
    }
    Ok(names)
}

fn property_name(kinds: &[Kind], name: &str) -> Result<&'static str, GraphError> {
    let mut nearest = None;
    for kind in kinds {
        match Property::named(*kind, name) {
            Ok(property) => return Ok(property.name()),
            Err(unknown) => nearest = nearest.or(Some(unknown.nearest)),
        }
    }
    Err(GraphError::bad_request(format!(
        "Could not find a property named '{name}'; the nearest is '{}'.",
        nearest.unwrap_or("displayName")
    )))
}

fn sorting(kind: Kind, value: &str) -> Result<Sorting, GraphError> {
    let (name, direction) = value
        .trim()
        .split_once(' ')
        .unwrap_or((value.trim(), "asc"));
    let descending = match direction.trim() {
        "asc" => false,
        "desc" => true,
        _ => {
            return Err(GraphError::unsupported(format!(
                "$orderby: expected one property, and asc or desc behind it, found '{value}'."
            )));
        }
    };
    match ObjectFields(kind).field(name) {
        Ok((field, kind)) if kind != FieldType::Texts => Ok(Sorting { field, descending }),
        Ok(_) => Err(GraphError::unsupported(format!(
            "$orderby: expected a property with one value, found '{name}', which has several."
        ))),
        Err(nearest) => Err(GraphError::bad_request(format!(
            "$orderby: could not find a property named '{name}'; the nearest is '{nearest}'."
        ))),
    }
}

/// Reads `manager($select=id,displayName),memberOf`.
fn expanded(kind: Kind, value: &str) -> Result<Vec<Expand>, GraphError> {
    let known: Vec<&str> = Way::all(kind).map(|(name, _)| name).collect();
    let mut expand = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let name = name.trim();
        let relation = known.iter().find(|known| known.eq_ignore_ascii_case(name));
        let relation = relation.ok_or_else(|| {
            GraphError::bad_request(format!(
                "$expand: could not find a relation named '{name}'; there are {}.",
                known.join(", ")
            ))
        })?;
        let mut select = None;
        rest = match behind.strip_prefix('(') {
            None => behind,
            Some(inner) => {
                let (inner, behind) = inner.split_once(')').ok_or_else(|| {
                    GraphError::bad_request(
                        "$expand: expected `)` behind the options of a relation.",
                    )
                })?;
                let names = inner.trim().strip_prefix("$select=").ok_or_else(|| {
                    GraphError::unsupported(format!(
                        "$expand: expected `$select=…` in the parentheses, found '{inner}'."
                    ))
                })?;
                select = Some(selected(&[Kind::User, Kind::Group, Kind::Contact], names)?);
                behind
            }
        };
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        expand.push(Expand {
            name: (*relation).to_owned(),
            select,
        });
    }
    Ok(expand)
}
