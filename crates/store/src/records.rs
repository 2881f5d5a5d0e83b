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
