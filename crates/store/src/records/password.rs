//! How the passwords of provisioned users stand: when they were written on premises, and what is missing.
//! What they are checked against is in [`super::credential`].

use super::json_record;
use crate::{Key, Layout, Table};
use lockstep_directory::credential::Stamp;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, Timestamp};
use serde::{Deserialize, Serialize};

/// The tables of this module.
pub(super) const TABLES: &[&Table] = &[&PASSWORDS];

static PASSWORDS: Table = Table {
    name: "passwords",
    indexes: &["by_standing", "by_expiry"],
    layout: Layout::Key,
};

/// A user's password, as far as it has to be known that it is to be read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PasswordRow {
    /// Which configuration provisions the user.
    #[serde(with = "super::text")]
    pub configuration: ConfigurationId,
    /// objectGUID.
    #[serde(with = "super::text")]
    pub guid: Guid,
    /// The user in the directory.
    #[serde(with = "super::text")]
    pub user: ObjectId,
    /// What Active Directory has of it; none: that has not been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premises: Option<Premises>,
    /// Whether it was to be changed at the next sign-in when it was taken over last.
    #[serde(default)]
    pub taken_as_temporary: bool,
    /// How it stands.
    pub standing: PasswordStanding,
    /// The lease under which the user was last asked for by itself.
    #[serde(default)]
    pub asked: u64,
    /// Nothing was said about this password yet: that it came with its user is no news.
    #[serde(default)]
    pub fresh: bool,
}

/// What Active Directory has of a password.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Premises {
    /// When it was written; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
    /// It must be changed at the next sign-in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporary: bool,
    /// When the account expires, in milliseconds since 1970; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
}

/// The replication stamp of a password.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Written {
    /// Counts writings.
    pub version: u32,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// In which database.
    #[serde(with = "super::text")]
    pub originating: Guid,
    /// There is a password: it was not cleared.
    pub present: bool,
}

impl Written {
    /// What decides which of two passwords is the newer one.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp {
            version: self.version,
            time: Timestamp::from_millis(self.time),
            originating: self.originating,
        }
    }
}

/// How a password stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum PasswordStanding {
    /// Nothing of it has been read.
    Unread,
    /// The directory lacks it.
    Wanted,
    /// It could not be made, for this reason; it is tried again.
    Failed(String),
    /// The directory has it.
    Current,
    /// Something has to change on premises first; the reason's stable name.
    Waits(String),
    /// It is not taken over; the reason's stable name.
    LeftOut(String),
}

impl PasswordStanding {
    const fn number(&self) -> u8 {
        match self {
            Self::Unread => 0,
            Self::Wanted => 1,
            Self::Failed(_) => 2,
            Self::Current => 3,
            Self::Waits(_) => 4,
            Self::LeftOut(_) => 5,
        }
    }
}

impl PasswordRow {
    /// Along this index: passwords by how they stand.
    pub const BY_STANDING: usize = 0;
    /// Along this index: accounts by when they expire.
    pub const BY_EXPIRY: usize = 1;

    /// The row of a user of whose password nothing is known.
    #[must_use]
    pub const fn unread(configuration: ConfigurationId, guid: Guid, user: ObjectId) -> Self {
        Self {
            configuration,
            guid,
            user,
            premises: None,
            taken_as_temporary: false,
            standing: PasswordStanding::Unread,
            asked: 0,
            fresh: true,
        }
    }

    /// The prefix of rows that stand like this, whatever the reason.
    #[must_use]
    pub fn standing_like(configuration: ConfigurationId, standing: &PasswordStanding) -> Key {
        Key::empty().with(configuration).with(standing.number())
    }

    /// The key of the moment in the index of expiries.
    #[must_use]
    pub fn expiring(configuration: ConfigurationId, millis: i64) -> Key {
        let millis = u64::try_from(millis).unwrap_or(0);
        Key::empty().with(configuration).with(millis)
    }
}

json_record!(
    PasswordRow,
    &PASSWORDS,
    id(ConfigurationId, Guid),
    |&(configuration, guid)| Key::empty().with(configuration).with(guid),
    |own| (own.configuration, own.guid),
    indexes | own | {
        let expires = own.premises.as_ref().and_then(|premises| premises.expires);
        vec![
            Some(Self::standing_like(own.configuration, &own.standing)),
            expires.map(|millis| Self::expiring(own.configuration, millis)),
        ]
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record as _;

    #[test]
    fn a_row_reads_back_as_it_was_written_and_stands_where_it_is_looked_for() {
        let configuration = ConfigurationId::new(Guid::from_bytes([1; 16]));
        let guid = Guid::from_bytes([2; 16]);
        let mut row = PasswordRow::unread(configuration, guid, ObjectId::new(guid));
        row.premises = Some(Premises {
            written: Some(Written {
                version: 3,
                time: 4,
                originating: guid,
                present: true,
            }),
            temporary: true,
            expires: Some(5),
        });
        row.standing = PasswordStanding::Failed("why".into());
        let read = PasswordRow::decode(&row.key(), &row.encode().unwrap()).unwrap();
        assert_eq!(read, row);
        let other = PasswordStanding::Failed(String::new());
        let indexes = row.indexes();
        let standing = PasswordRow::standing_like(configuration, &other);
        assert_eq!(indexes[PasswordRow::BY_STANDING], Some(standing));
        let expiry = PasswordRow::expiring(configuration, 5);
        assert_eq!(indexes[PasswordRow::BY_EXPIRY], Some(expiry));
    }
}
