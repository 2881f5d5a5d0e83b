//! What stands in the tables.
//!
//! One module per concern. Bodies are JSON where rows are few, so that an administrator can look at them, and
//! `compact` where they are many. The core's types have private twins here that can be serialised, with a
//! conversion by hand.

mod compact;
pub mod connector_space;
pub mod credential;
pub mod directory;
pub mod extension;
pub mod history;
pub mod job;
pub mod log;
pub mod password;
pub mod safety;
pub mod service;
pub mod signin;

use crate::{Key, StoreError, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Every table that a store has.
#[must_use]
pub fn tables() -> Vec<&'static Table> {
    [
        connector_space::TABLES,
        credential::TABLES,
        directory::TABLES,
        extension::TABLES,
        job::TABLES,
        log::TABLES,
        password::TABLES,
        safety::TABLES,
        service::TABLES,
        signin::TABLES,
    ]
    .concat()
}

/// Writes a body as JSON.
fn to_json<T: Serialize>(table: &'static Table, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|source| StoreError::Row {
        table: table.name,
        source: source.into(),
    })
}

/// Reads a body from JSON.
fn from_json<T: DeserializeOwned>(table: &'static Table, body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|source| StoreError::Row {
        table: table.name,
        source: source.into(),
    })
}

/// The error for a key that does not have the parts of its table.
fn bad_key(table: &'static Table, key: &Key) -> StoreError {
    StoreError::Row {
        table: table.name,
        source: format!("its key is {key:?}").into(),
    }
}

/// What is wrong with a field of a row.
fn bad_field<E: std::fmt::Display>(
    table: &'static Table,
    field: &'static str,
) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Row {
        table: table.name,
        source: format!("{field}: {error}").into(),
    }
}

/// Declares a record whose body is its own JSON and whose key parts stand in the body too.
macro_rules! json_record {
    ($record:ty, $table:expr, id $id:ty, $key_of:expr, $own:expr $(, indexes $indexes:expr)?) => {
        impl $crate::Record for $record {
            const TABLE: &'static $crate::Table = $table;
            type Id = $id;

            fn key_of(id: &Self::Id) -> $crate::Key {
                let key_of: fn(&$id) -> $crate::Key = $key_of;
                key_of(id)
            }

            fn key(&self) -> $crate::Key {
                let own: fn(&Self) -> $id = $own;
                Self::key_of(&own(self))
            }

            $(fn indexes(&self) -> Vec<Option<$crate::Key>> {
                let indexes: fn(&Self) -> Vec<Option<$crate::Key>> = $indexes;
                indexes(self)
            })?

            fn encode(&self) -> Result<Vec<u8>, $crate::StoreError> {
                $crate::records::to_json(Self::TABLE, self)
            }

            fn decode(_: &$crate::Key, body: &[u8]) -> Result<Self, $crate::StoreError> {
                $crate::records::from_json(Self::TABLE, body)
            }
        }
    };
}
use json_record;

/// The kind of an object as its word.
pub(crate) mod kind {
    use lockstep_model::MappedKind;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    pub(crate) fn serialize<S: Serializer>(
        kind: &Option<MappedKind>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.serialize_str(MappedKind::word_of(*kind))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<MappedKind>, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(d)?;
        MappedKind::of_word(&word).map_err(|error| D::Error::custom(format_args!("kind: {error}")))
    }
}

/// GUIDs, ids, SIDs and times as text.
pub(crate) mod text {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::fmt::Display;
    use std::str::FromStr;

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(d: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        std::borrow::Cow::<'de, str>::deserialize(d)?
            .parse()
            .map_err(D::Error::custom)
    }

    pub(crate) mod option {
        use serde::de::Error as _;
        use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
        use std::fmt::Display;
        use std::str::FromStr;

        pub(crate) fn serialize<T: Display, S: Serializer>(
            value: &Option<T>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            value.as_ref().map(T::to_string).serialize(s)
        }

        pub(crate) fn deserialize<'de, T, D>(d: D) -> Result<Option<T>, D::Error>
        where
            T: FromStr<Err: Display>,
            D: Deserializer<'de>,
        {
            let text = Option::<String>::deserialize(d)?;
            text.map(|text| text.parse().map_err(D::Error::custom))
                .transpose()
        }
    }
}
