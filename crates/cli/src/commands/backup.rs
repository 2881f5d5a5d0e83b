//! `lockstep backup` and `lockstep restore`: on the machine of the service, in its data folder.

use super::Context;
use crate::failure::Failure;
use lockstep_api::backup::Manifest;
use lockstep_model::Timestamp;
use lockstep_server::backup;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a backup goes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file that is written, replacing one of that name; `-`: standard output, to be encrypted
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What is restored.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// A file that `lockstep backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn backup(args: &BackupArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let dir = data_dir(context)?;
    let made = now().to_string();
    if args.file == Path::new("-") {
        let scratch = dir.join("backup.database");
        backup::write(dir, &mut io::stdout().lock(), &scratch, made)
            .map_err(|error| Failure::of(&error))?;
        return Ok(0);
    }
    let manifest = backup::make(dir, &args.file, made).map_err(|error| Failure::of(&error))?;
    context.output.data(&manifest, |manifest| {
        let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        format!("{} files, {bytes} bytes\n", manifest.files.len())
    })?;
    context.output.say(
        "the backup holds the service's keys and the administrator's token: keep it as safe as the service \
         itself",
    );
    Ok(0)
}

pub(super) fn restore(args: &RestoreArgs, context: &Context<'_>) -> Result<u8, Failure> {
    let dir = data_dir(context)?;
    let restored = backup::restore(&args.file, dir).map_err(|error| Failure::of(&error))?;
    let told = |manifest: &Manifest| {
        let (made, program) = (&manifest.made, &manifest.program);
        format!("restored what lockstep {program} had at {made}\n")
    };
    context.output.data(&restored.manifest, told)?;
    if let Some(replaced) = restored.replaced {
        let told = format!("what was there before is in {}", replaced.display());
        context.output.say(&told);
    }
    Ok(0)
}

/// The key that seals the data leaves the service's machine with nobody's token: the folder it is.
fn data_dir<'a>(context: &'a Context<'_>) -> Result<&'a Path, Failure> {
    context.data_dir.as_deref().ok_or_else(|| {
        Failure::usage(
            "expected --data-dir DIR: backups are made and restored on the service's machine, as the user that \
             runs it",
        )
    })
}

fn now() -> Timestamp {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
