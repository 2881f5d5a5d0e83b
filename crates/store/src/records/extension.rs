//! Directory extensions: the properties that configurations have declared.

use super::json_record;
use crate::{Key, Layout, Scan, Table};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&EXTENSIONS];

static EXTENSIONS: Table = Table {
    name: "directory_extensions",
    indexes: &[],
    layout: Layout::Arrival,
};

/// An extension. It stays declared when no configuration makes values for it any more.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DirectoryExtension {
    /// The name of the property.
    pub name: String,
    /// When it was declared, in milliseconds since 1970.
    pub declared: i64,
}

impl DirectoryExtension {
    /// All of them, by name: there are few.
    #[must_use]
    pub fn all() -> Scan {
        Scan::of(Key::empty(), 10_000)
    }
}

json_record!(
    DirectoryExtension, &EXTENSIONS,
    id String, |name| Key::empty().with(name.as_str()), |own| own.name.clone()
);
