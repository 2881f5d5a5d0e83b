//! What stands in a backup beside the service's files: the last entry of the archive, `manifest.json`.

use serde::{Deserialize, Serialize};

/// The version of the archive's form.
pub const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the archive's form; a greater one than [`FORMAT`] cannot be read.
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the database's schema.
    pub schema: u32,
    /// When it was made.
    pub made: String,
    /// Its files, in their order.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupFile {
    /// Its place in the data folder.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Their SHA-256, in lower-case hex.
    pub sha256: String,
}
