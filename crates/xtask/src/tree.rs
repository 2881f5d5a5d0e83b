//! The files of the working tree.

use anyhow::{Context as _, ensure};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Every file that git knows or would take, relative to the root, with `/` between folders.
pub(crate) fn files(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .context("git could not be started")?;
    ensure!(listed.status.success(), "git could not list the files");
    let names = String::from_utf8(listed.stdout)?;
    let there = names.split('\0').filter(|name| root.join(name).is_file());
    Ok(there.map(str::to_owned).collect())
}
