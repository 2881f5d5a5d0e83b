//! What a server says when it will not, and what it must not say.

use crate::ndr::NdrError;
use std::fmt;

/// Why an answer is of no use.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DrsError {
    /// The server refuses, or could not.
    #[error("the server says: {0}")]
    Status(Status),
    /// The answer cannot be read.
    #[error("the replication answer cannot be read")]
    Unreadable(#[from] NdrError),
    /// The reply has another version than the one that was asked for.
    #[error("received a replication reply of version {version}{}, only version 6 is read", named(*.version))]
    Version {
        /// Its version.
        version: u32,
    },
    /// The server does not do what every server since Windows Server 2003 does.
    #[error("the server lacks the replication capabilities {missing:#010x}")]
    Incapable {
        /// The bits of `dwFlags` that it lacks ([MS-DRSR] 5.39).
        missing: u32,
    },
    /// More pages are announced, but this one brought nothing and leads nowhere.
    #[error("the server announces more pages and does not get on")]
    NoProgress,
    /// Another database answers than at the beginning of the cycle.
    #[error("the replication answer comes from another database than the one before")]
    OtherSource,
}

const fn named(version: u32) -> &'static str {
    match version {
        1 => " (Windows 2000)",
        2 => " (Windows 2000, compressed)",
        7 => " (compressed)",
        9 => " (links with expiry)",
        _ => "",
    }
}

/// A Windows error code ([MS-ERREF] 2.2), as operations return it and faults carry it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status(pub u32);

impl Status {
    /// `ERROR_INVALID_PARAMETER`.
    pub const INVALID_PARAMETER: Self = Self(87);
    /// `ERROR_DS_OBJ_NOT_FOUND`.
    pub const OBJECT_NOT_FOUND: Self = Self(8333);
    /// `ERROR_DS_DRA_SCHEMA_MISMATCH`.
    pub const SCHEMA_MISMATCH: Self = Self(8418);
    /// `ERROR_DS_DRA_BUSY`.
    pub const BUSY: Self = Self(8438);
    /// `ERROR_DS_DRA_BAD_DN`: there is no such object.
    pub const BAD_NAME: Self = Self(8439);
    /// `ERROR_DS_DRA_BAD_NC`: there is no such naming context here.
    pub const BAD_NAMING_CONTEXT: Self = Self(8440);
    /// `ERROR_DS_DRA_DB_ERROR`.
    pub const DATABASE: Self = Self(8451);
    /// `ERROR_DS_DRA_ACCESS_DENIED`: a right is missing.
    pub const ACCESS_DENIED: Self = Self(8453);
    /// `ERROR_DS_DRA_SOURCE_DISABLED`: an administrator has switched replication from this server off.
    pub const SOURCE_DISABLED: Self = Self(8456);
    /// `ERROR_DS_CANT_FIND_EXPECTED_NC`.
    pub const NO_NAMING_CONTEXT: Self = Self(8420);
    /// `ERROR_DS_DIFFERENT_REPL_EPOCHS`: the domain was renamed; see [`super::BindRequest::epoch`].
    pub const OTHER_EPOCH: Self = Self(8593);

    /// Whether it says that there is no such object.
    #[must_use]
    pub fn is_not_found(self) -> bool {
        matches!(
            self,
            Self::OBJECT_NOT_FOUND | Self::BAD_NAME | Self::BAD_NAMING_CONTEXT
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::INVALID_PARAMETER => "invalid parameter",
            Self::OBJECT_NOT_FOUND | Self::BAD_NAME => "no such object",
            Self::SCHEMA_MISMATCH => "the schemas differ",
            Self::BUSY => "replication is busy",
            Self::BAD_NAMING_CONTEXT | Self::NO_NAMING_CONTEXT => "no such naming context",
            Self::DATABASE => "the database could not be read",
            Self::ACCESS_DENIED => "replication access was denied",
            Self::SOURCE_DISABLED => "replication from this server is switched off",
            Self::OTHER_EPOCH => "the replication epochs differ",
            Self(other) => return write!(f, "error {other} ({other:#x})"),
        };
        write!(f, "{name} ({})", self.0)
    }
}
