//! Storage that fails under a real process: a disk of its own that is full or read-only, and system calls that
//! the kernel answers with errors.
//!
//! An SQLite VFS that fails would have to be written with `unsafe`, which this workspace forbids, and would test
//! a process that is not the one that runs. `strace` answers any call of the real one as a broken disk does.

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Debian packages that this needs.
pub const PACKAGES: &[&str] = &["strace"];

/// A disk in memory, mounted at a folder. Dropped, it is gone. Mounting takes root.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts an empty one.
    ///
    /// # Errors
    ///
    /// When it cannot be mounted.
    pub fn mount(path: &Path, megabytes: u32) -> anyhow::Result<Self> {
        let options = format!("size={megabytes}m,mode=700");
        mount(&["-t", "tmpfs", "-o", &options, "lockstep-test"], path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Fills it up but for so many kilobytes.
    ///
    /// # Errors
    ///
    /// When it cannot be written for another reason than that it is full.
    pub fn fill(&self, but_for: u64) -> anyhow::Result<()> {
        let filler = self.filler();
        let mut file = File::create(&filler)?;
        let block = vec![1; 4_096];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error.into()),
            }
        }
        let length = file.metadata()?.len();
        file.set_len(length.saturating_sub(but_for * 1_024))?;
        Ok(())
    }

    /// Makes room again.
    ///
    /// # Errors
    ///
    /// When it was not filled.
    pub fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    /// Lets nobody write to it, or lets them again. Nobody may have a file open for writing.
    ///
    /// # Errors
    ///
    /// When somebody has.
    pub fn set_read_only(&self, read_only: bool) -> anyhow::Result<()> {
        let options = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        mount(&["-o", options], &self.path)
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> anyhow::Result<()> {
    let output = Command::new("mount").args(arguments).arg(path).output()?;
    ensure!(
        output.status.success(),
        "could not mount {}, which takes root: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// System calls of a process that fail until this is dropped.
#[derive(Debug)]
pub struct FailingCalls {
    strace: Child,
}

impl FailingCalls {
    /// Has calls fail, as `strace` writes it: `fsync,pwrite64:error=EIO:when=3+5`.
    ///
    /// # Errors
    ///
    /// When the process cannot be traced, which takes root.
    pub fn of(process: u32, calls: &str) -> anyhow::Result<Self> {
        let names = calls.split(':').next().unwrap_or_default();
        let mut strace = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "TERM",
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
            ])
            .args(["-e", &format!("trace={names}"), "-e"])
            .arg(format!("inject={calls}"))
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if let Some(status) = strace.try_wait()? {
                bail!("strace ended with {status}: process {process} cannot be traced");
            }
            if is_traced(process)? {
                return Ok(Self { strace });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = strace.kill();
        let _ = strace.wait();
        bail!("process {process} is not traced")
    }
}

/// Whether every thread of a process is traced.
fn is_traced(process: u32) -> anyhow::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
        if status.contains("TracerPid:\t0\n") {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Drop for FailingCalls {
    fn drop(&mut self) {
        // Told to end, it lets the process go; killed, it might not.
        let id = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw);
        let told = id
            .context("no process")
            .map(|id| kill_process(id, Signal::TERM));
        if told.is_ok() {
            let _ = self.strace.wait();
        }
    }
}
