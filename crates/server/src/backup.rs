//! A backup is one file that holds all that the service cannot do without: the database, the key that seals
//! parts of it, the private CA, the administrator's token.
//!
//! It is a tar archive. Its last entry, `manifest.json`, names all others with their hashes, so that what
//! was cut short is noticed. It is made beside the running service, by whoever may read the data folder, and
//! never over the network: the key leaves no machine by itself.
//!
//! What is restored is unpacked into a folder beside its place, opened there as the service would, and only
//! then moved; see `places` for what a crash in between leaves.

mod places;

pub use places::complete;

use crate::files::{self, FileError};
use crate::sealing::{Sealer, SealingError};
use crate::serve::{ServeError, lock};
use lockstep_api::backup::{BackupFile, FORMAT, Manifest};
use lockstep_store::{SqliteStore, StoreError, check_copy, copy};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use tar::{Archive, Builder, EntryType, Header};

/// What of the data folder belongs into a backup beside the database: files, and folders with their files.
const FILES: [&str; 3] = ["keys", "tls", "admin-token"];
const DATABASE: &str = "lockstep.db";
const MANIFEST: &str = "manifest.json";
/// A manifest is small; what claims to be one and is larger is none.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// Why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database.
    #[error("the database could not be copied, or its copy is not usable")]
    Store(#[from] StoreError),
    /// The sealing key.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] ServeError),
    /// There is nothing to back up.
    #[error("there is no service's data in {}: expected the --data-dir of `lockstep serve`", dir.display())]
    NoService {
        /// Where.
        dir: PathBuf,
    },
    /// The archive could not be written.
    #[error("could not write the backup: {0}")]
    Write(#[source] io::Error),
    /// The archive is not what it should be.
    #[error("{}: {what}; nothing was changed", path.display())]
    Unusable {
        /// Which archive.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// Backs a data folder up into a file, whether a service runs on it or not.
///
/// # Errors
///
/// [`BackupError`]; a file of this name stays as it was then.
pub fn make(dir: &Path, path: &Path, made: String) -> Result<Manifest, BackupError> {
    let unfinished = beside(path, ".unfinished");
    let written = |error| BackupError::Write(error);
    let _ = fs::remove_file(&unfinished);
    let mut file = create_private(&unfinished)?;
    let manifest = write(dir, &mut file, &beside(path, ".database"), made);
    let manifest = manifest.and_then(|manifest| {
        file.sync_all().map_err(written)?;
        fs::rename(&unfinished, path).map_err(written)?;
        Ok(manifest)
    });
    if manifest.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    manifest
}

/// Writes the backup of a data folder to a stream. The database is copied to `scratch` before.
///
/// # Errors
///
/// [`BackupError`].
pub fn write(
    dir: &Path,
    out: &mut dyn Write,
    scratch: &Path,
    made: String,
) -> Result<Manifest, BackupError> {
    if !dir.join(DATABASE).exists() {
        let dir = dir.to_owned();
        return Err(BackupError::NoService { dir });
    }
    let result = write_with(dir, out, scratch, made);
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(scratch, ending));
    }
    result
}

fn write_with(
    dir: &Path,
    out: &mut dyn Write,
    scratch: &Path,
    made: String,
) -> Result<Manifest, BackupError> {
    let _ = fs::remove_file(scratch);
    // SQLite makes files for everybody to read, and keeps the mode of one that is there.
    drop(create_private(scratch)?);
    copy(dir, scratch)?;
    let schema = check_copy(scratch)?;
    let mut archive = Builder::new(out);
    let mut listed = vec![append(&mut archive, DATABASE, scratch)?];
    for (name, path) in files_of(dir)? {
        listed.push(append(&mut archive, &name, &path)?);
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        made,
        files: listed,
    };
    let mut text =
        serde_json::to_vec_pretty(&manifest).map_err(|error| BackupError::Write(error.into()))?;
    text.push(b'\n');
    append_bytes(
        &mut archive,
        MANIFEST,
        text.len() as u64,
        &mut text.as_slice(),
    )
    .and_then(|()| archive.into_inner()?.flush())
    .map_err(BackupError::Write)?;
    Ok(manifest)
}

/// Every file beside the database, by its name in the archive.
fn files_of(dir: &Path) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    for name in FILES {
        let path = dir.join(name);
        if path.is_file() {
            found.push((name.to_owned(), path));
        } else if path.is_dir() {
            let failed = |error| FileError::new("read the folder", &path, error);
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let own = entry.file_name().to_string_lossy().into_owned();
                if entry.path().is_file() {
                    found.push((format!("{name}/{own}"), entry.path()));
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn append(
    archive: &mut Builder<&mut dyn Write>,
    name: &str,
    path: &Path,
) -> Result<BackupFile, BackupError> {
    let failed = |error| FileError::new("read", path, error);
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let mut file = Hashing::new(file.take(bytes));
    append_bytes(archive, name, bytes, &mut file).map_err(BackupError::Write)?;
    Ok(BackupFile {
        name: name.to_owned(),
        bytes,
        sha256: file.finish(),
    })
}

fn append_bytes(
    archive: &mut Builder<&mut dyn Write>,
    name: &str,
    bytes: u64,
    from: &mut dyn Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(bytes);
    archive.append_data(&mut header, name, from)
}

/// What became of a restored backup.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What it held.
    pub manifest: Manifest,
    /// Where the data that was there before is now.
    pub replaced: Option<PathBuf>,
}

/// Restores a backup into a data folder on which no service runs. What is there is set aside, not removed.
///
/// # Errors
///
/// [`BackupError`]; the data folder is as it was then.
pub fn restore(path: &Path, dir: &Path) -> Result<Restored, BackupError> {
    files::make_private_dir(dir)?;
    let _lock = lock(dir)?;
    places::complete(dir)?;
    let unpacked = places::begin(dir)?;
    let manifest = unpack(path, &unpacked).and_then(|manifest| {
        try_out(path, &unpacked, &manifest)?;
        Ok(manifest)
    });
    match manifest {
        Ok(manifest) => Ok(Restored {
            manifest,
            replaced: places::take(dir)?,
        }),
        Err(error) => {
            let _ = fs::remove_dir_all(&unpacked);
            Err(error)
        }
    }
}

/// Unpacks the archive; gives its manifest, which every file was compared with.
fn unpack(path: &Path, into: &Path) -> Result<Manifest, BackupError> {
    let file = File::open(path).map_err(|error| FileError::new("open", path, error))?;
    let unusable = |what: String| BackupError::Unusable {
        path: path.to_owned(),
        what,
    };
    let torn = |error: io::Error| unusable(format!("it is no backup, or was cut short ({error})"));
    let mut archive = Archive::new(file);
    let mut unpacked = Vec::new();
    let mut manifest = None;
    for entry in archive.entries().map_err(torn)? {
        let mut entry = entry.map_err(torn)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if name == MANIFEST {
            let mut text = String::new();
            let limited = &mut entry.take(LARGEST_MANIFEST);
            limited.read_to_string(&mut text).map_err(torn)?;
            manifest = Some(read_manifest(&text).map_err(unusable)?);
        } else if entry.header().entry_type() == EntryType::Regular && belongs(&name) {
            unpacked.push(unpack_one(&name, &mut entry, into).map_err(torn)?);
        } else {
            return Err(unusable(format!("`{name}` has no place in a backup")));
        }
    }
    let manifest = manifest.ok_or_else(|| unusable("it is no backup, or was cut short".into()))?;
    if manifest.files != unpacked {
        return Err(unusable("a file is missing or was changed".into()));
    }
    Ok(manifest)
}

fn read_manifest(text: &str) -> Result<Manifest, String> {
    let unreadable = |error: serde_json::Error| format!("its manifest cannot be read: {error}");
    // A later form may look otherwise: its number is read first.
    let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
    let format = value["format"].as_u64().unwrap_or_default();
    if format > u64::from(FORMAT) {
        return Err(format!(
            "it has form {format}, this build knows forms up to {FORMAT}: restore it with the version of \
             lockstep that made it, or a later one"
        ));
    }
    serde_json::from_value(value).map_err(unreadable)
}

/// Whether a name is one of those that a backup is made of: never a way out of the folder.
fn belongs(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    match name.split_once('/') {
        Some((folder, file)) => {
            FILES.contains(&folder) && plain(file) && !file.contains(['/', '\\', '\0'])
        }
        None => name == DATABASE || FILES.contains(&name),
    }
}

fn unpack_one(name: &str, from: &mut dyn Read, into: &Path) -> io::Result<BackupFile> {
    let place = into.join(name);
    if let Some(folder) = place.parent() {
        files::make_private_dir(folder).map_err(io::Error::other)?;
    }
    let mut file = create_private(&place).map_err(io::Error::other)?;
    let mut from = Hashing::new(from);
    let bytes = io::copy(&mut from, &mut file)?;
    file.sync_all()?;
    Ok(BackupFile {
        name: name.to_owned(),
        bytes,
        sha256: from.finish(),
    })
}

/// Opens what was unpacked as the service would: the database is whole, this build can read it, and the key
/// is the one that it was sealed with.
fn try_out(path: &Path, unpacked: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let schema = check_copy(&unpacked.join(DATABASE))?;
    if schema != manifest.schema {
        return Err(BackupError::Unusable {
            path: path.to_owned(),
            what: format!(
                "its manifest tells of schema version {}, its database has {schema}",
                manifest.schema
            ),
        });
    }
    let store = SqliteStore::open(unpacked, &lockstep_store::records::tables())?;
    Sealer::open(&unpacked.join("keys"), &store)?;
    Ok(())
}

fn create_private(path: &Path) -> Result<File, FileError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| FileError::new("write", path, error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Hashes what is read through it.
struct Hashing<R> {
    from: R,
    hash: Sha256,
}

impl<R> Hashing<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            hash: Sha256::new(),
        }
    }

    fn finish(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
