//! Files that nobody else may read, and that are never half written.

use super::StateError;
use lockstep_model::Secret;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::Path;

/// Makes a directory with mode 0700, or takes the rights of others away from one that is there.
pub(super) fn private_dir(path: &Path) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(failed("make", path))
}

/// Opens a file of mode 0600, and makes it if it is not there.
pub(super) fn open_private(path: &Path) -> Result<File, StateError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("open", path))
}

/// Replaces a file as a whole, with mode 0600.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    replace(path, &temporary, content).map_err(|source| {
        // The old file stands; what remains of the new one is of no use to anyone.
        let _ = fs::remove_file(&temporary);
        failed("write", path)(source)
    })
}

fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(temporary)?;
    give_to_owner_of(path.parent(), &file)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    flush_dir(path)
}

/// What an administrator writes as root belongs to the account that the agent runs as.
fn give_to_owner_of(dir: Option<&Path>, file: &File) -> io::Result<()> {
    let Some(dir) = dir else { return Ok(()) };
    let (wanted, has) = (fs::metadata(dir)?, file.metadata()?);
    if (wanted.uid(), wanted.gid()) == (has.uid(), has.gid()) {
        return Ok(());
    }
    fchown(file, Some(wanted.uid()), Some(wanted.gid()))
}

/// Renames a file, for good.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StateError> {
    fs::rename(from, to)
        .and_then(|()| flush_dir(to))
        .map_err(failed("rename", from))
}

/// Deletes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<(), StateError> {
    match fs::remove_file(path).and_then(|()| flush_dir(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(failed("delete", path)),
    }
}

/// Reads a file whose content must not be seen.
pub(super) fn read_secret(path: &Path) -> Result<Secret<Vec<u8>>, StateError> {
    fs::read(path)
        .map(Secret::new)
        .map_err(failed("read", path))
}

/// Reads a file; nothing when there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// An error about a file.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::File {
        action,
        path,
        source,
    }
}

/// A renamed file is safe only when its directory is written.
fn flush_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
