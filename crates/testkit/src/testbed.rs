//! Where test parts live: below `target/testbed`, shared by all test processes under locks.

use anyhow::{Context as _, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The folder of the test bed.
pub(crate) fn dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    );
    target.join("testbed")
}

/// Waits for a lock that is held until the file is dropped.
pub(crate) fn lock(name: &str) -> anyhow::Result<File> {
    let dir = dir().join("locks");
    fs::create_dir_all(&dir)?;
    let path = dir.join(name);
    let file = File::create(&path).with_context(|| format!("could not open {}", path.display()))?;
    file.lock()
        .with_context(|| format!("could not lock {}", path.display()))?;
    Ok(file)
}

/// Takes a lock if nobody has it.
pub(crate) fn try_lock(name: &str) -> anyhow::Result<Option<File>> {
    let dir = dir().join("locks");
    fs::create_dir_all(&dir)?;
    let file = File::create(dir.join(name))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// An address that nobody else of this machine has for as long as the file is held.
pub(crate) fn take_address() -> anyhow::Result<(String, File)> {
    for number in 2..60_000_u32 {
        let address = format!("127.77.{}.{}", number / 250, number % 250 + 2);
        if let Some(lock) = try_lock(&address)? {
            return Ok((address, lock));
        }
    }
    bail!("all addresses of 127.77.0.0/16 are taken")
}
