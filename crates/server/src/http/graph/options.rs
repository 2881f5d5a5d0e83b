//! Query options: `$select`, `$filter`, `$top`, `$count`, `$skiptoken`.

use super::error::GraphError;
use axum::http::Uri;
use lockstep_directory::query::Filter;
use lockstep_directory::{Kind, Property};
use lockstep_model::Guid;

const DEFAULT_TOP: usize = 100;
const LARGEST_TOP: usize = 999;

/// Names that are no properties of the schema but can be selected.
pub(super) const COMPUTED: [&str; 8] = [
    "id",
    "createdDateTime",
    "deletedDateTime",
    "onPremisesSyncEnabled",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesProvisioningErrors",
    "onPremisesExtensionAttributes",
];

/// What a caller wants of a set.
#[derive(Debug)]
pub(super) struct Options {
    /// The names to show; none: the usual ones.
    pub(super) select: Option<Vec<String>>,
    pub(super) filter: Option<Filter>,
    pub(super) top: usize,
    pub(super) count: bool,
    /// The id behind which a page begins.
    pub(super) after: Option<Guid>,
    /// All options but the place, for the address of the next page.
    repeated: String,
    path: String,
}

impl Options {
    /// Reads the options of an address.
    pub(super) fn read(kind: Kind, uri: &Uri) -> Result<Self, GraphError> {
        let mut options = Self {
            select: None,
            filter: None,
            top: DEFAULT_TOP,
            count: false,
            after: None,
            repeated: String::new(),
            path: uri.path().to_owned(),
        };
        let mut repeated = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or("").as_bytes()) {
            if name != "$skiptoken" {
                repeated.append_pair(&name, &value);
            }
            options.take(kind, &name, &value)?;
        }
        options.repeated = repeated.finish();
        Ok(options)
    }

    fn take(&mut self, kind: Kind, name: &str, value: &str) -> Result<(), GraphError> {
        match name {
            "$select" => self.select = Some(selected(kind, value)?),
            "$filter" => {
                let filter = Filter::parse(kind, value)
                    .map_err(|error| GraphError::bad_request(error.to_string()))?;
                self.filter = Some(filter);
            }
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
            "$count" => self.count = value.eq_ignore_ascii_case("true"),
            "$skiptoken" => {
                let after = value.parse().map_err(|_| {
                    GraphError::bad_request("$skiptoken: expected the one of an @odata.nextLink.")
                })?;
                self.after = Some(after);
            }
            other => {
                return Err(GraphError::bad_request(format!(
                    "The query option '{other}' is not supported. Supported are $select, $filter, $top, \
                     $count and $skiptoken."
                )));
            }
        }
        Ok(())
    }

    /// The address of the page behind an object.
    pub(super) fn next_link(&self, base: &str, last: Guid) -> String {
        let separator = if self.repeated.is_empty() { "" } else { "&" };
        format!(
            "{base}{}?{}{separator}%24skiptoken={last}",
            self.path, self.repeated
        )
    }
}

fn selected(kind: Kind, value: &str) -> Result<Vec<String>, GraphError> {
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
            None => match Property::named(kind, name) {
                Ok(property) => property.name().to_owned(),
                Err(unknown) => {
                    return Err(GraphError::bad_request(format!(
                        "Could not find a property named '{}'; the nearest is '{}'.",
                        unknown.name, unknown.nearest
                    )));
                }
            },
        };
        names.push(name);
    }
    Ok(names)
}
