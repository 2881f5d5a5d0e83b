//! One domain controller: a folder, an address, a process.

use super::template::{Role, copy, python, write_config};
use crate::testbed;
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a controller may take to answer. The first start makes TLS keys.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A domain controller. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Controller {
    dir: tempfile::TempDir,
    role: Role,
    address: String,
    process: Option<Child>,
    _address_lock: File,
}

/// A controller's folder as it was at one moment.
#[derive(Debug)]
pub struct Snapshot {
    dir: tempfile::TempDir,
}

impl Controller {
    /// A controller with a copy of this folder, not running yet.
    pub(super) fn copy_of(template: &Path, role: Role) -> anyhow::Result<Self> {
        let (address, lock) = testbed::take_address()?;
        let parent = testbed::dir().join("running");
        fs::create_dir_all(&parent)?;
        let dir = tempfile::Builder::new().prefix("dc-").tempdir_in(parent)?;
        copy(template, dir.path())?;
        write_config(dir.path(), role, &address)?;
        Ok(Self {
            dir,
            role,
            address,
            process: None,
            _address_lock: lock,
        })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its DNS name.
    #[must_use]
    pub fn dns_name(&self) -> String {
        self.role.dns_name()
    }

    /// The CA of its certificate for LDAPS and StartTLS, which bears its DNS name.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join("private/tls/ca.pem")
    }

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    ///
    /// When it ends, or does not answer in time; the message holds the end of its log.
    pub fn start(&mut self) -> anyhow::Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let log = File::create(self.dir.path().join("samba.log"))?;
        // A process namespace, so that all of its processes end with the first one; a mount namespace,
        // because the path of winbindd's socket is compiled in.
        let hosts = self.dir.path().join("hosts");
        let script = format!(
            "mkdir -p /run/samba && mount -t tmpfs none /run/samba && \
             if [ -e '{0}' ]; then mount --bind '{0}' /etc/hosts; fi && exec \"$@\"",
            hosts.display()
        );
        let mut command = Command::new("setpriv");
        command
            .args([
                "--pdeathsig",
                "KILL",
                "unshare",
                "--mount",
                "--pid",
                "--fork",
            ])
            .args(["--kill-child=KILL", "sh", "-c", &script, "samba"]);
        command
            .args([
                "samba",
                "--foreground",
                "--no-process-group",
                "--debug-stdout",
            ])
            .args(["-M", "prefork", "-s"])
            .arg(self.dir.path().join("etc/smb.conf"))
            .env("SMB_CONF_PATH", self.dir.path().join("empty.conf"))
            .env("KRB5_CONFIG", self.dir.path().join("krb5.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.process = Some(command.spawn().context("could not start samba")?);
        self.wait()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let ports = [389, 88, 636];
        loop {
            let ended = match &mut self.process {
                Some(process) => process.try_wait()?,
                None => None,
            };
            let log = || {
                let text =
                    fs::read_to_string(self.dir.path().join("samba.log")).unwrap_or_default();
                let lines: Vec<&str> = text.lines().rev().take(12).collect();
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            };
            if let Some(status) = ended {
                bail!("samba ended with {status}:\n{}", log());
            }
            let answers = |port: &u16| TcpStream::connect((self.address.as_str(), *port)).is_ok();
            if ports.iter().all(answers) {
                return Ok(());
            }
            if begun.elapsed() > START_PATIENCE {
                bail!("samba did not answer in time:\n{}", log());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        // The first process of the namespace is gone when all others are.
        let first = first_child(process.id());
        let _ = process.kill();
        let _ = process.wait();
        while first.as_ref().is_some_and(|first| first.exists()) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::start`].
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.start()
    }

    /// Whether it runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Its folder as it is; the controller must not run.
    ///
    /// # Errors
    ///
    /// When it runs, or the disk is full.
    pub fn snapshot(&self) -> anyhow::Result<Snapshot> {
        if self.is_running() {
            bail!("a running controller cannot be snapshot");
        }
        let dir = tempfile::Builder::new()
            .prefix("snapshot-")
            .tempdir_in(testbed::dir().join("running"))?;
        copy(self.dir.path(), dir.path())?;
        Ok(Snapshot { dir })
    }

    /// Sets the folder back; the controller must not run.
    ///
    /// # Errors
    ///
    /// When it runs, or the disk is full.
    pub fn restore(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        if self.is_running() {
            bail!("a running controller cannot be set back");
        }
        for entry in fs::read_dir(self.dir.path())? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        copy(snapshot.dir.path(), self.dir.path())?;
        write_config(self.dir.path(), self.role, &self.address)
    }

    /// Carries out an operation that a running controller would not allow; it must not run.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn offline(&self, operation: &Value) -> anyhow::Result<Value> {
        ensure!(!self.is_running(), "the controller runs");
        let answer = python(self.dir.path(), "offline", &format!("{operation}\n"))?;
        let answer: Value = serde_json::from_str(&answer)?;
        match answer.get("error") {
            Some(error) => bail!("{operation}: {error}"),
            None => Ok(answer["ok"].clone()),
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the kernel shows the first child of a process.
fn first_child(process: u32) -> Option<PathBuf> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).ok()?;
    let first = children.split_whitespace().next()?;
    Some(Path::new("/proc").join(first))
}
