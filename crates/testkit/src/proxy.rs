//! An HTTP proxy on the way to the service: tinyproxy, as Debian has it.

use crate::testbed;
use anyhow::{Context as _, bail};
use std::fs::{self, File};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PORT: u16 = 8_888;
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running proxy. Dropped, it is killed.
#[derive(Debug)]
pub struct Proxy {
    dir: tempfile::TempDir,
    address: String,
    process: Child,
    _address_lock: File,
}

impl Proxy {
    /// A proxy that lets everything through.
    ///
    /// # Errors
    ///
    /// When it is not installed, or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with("")
    }

    /// A proxy that lets nothing through but what goes to port 443.
    ///
    /// # Errors
    ///
    /// When it is not installed, or does not start.
    pub fn start_strict() -> anyhow::Result<Self> {
        Self::start_with("ConnectPort 443\n")
    }

    fn start_with(settings: &str) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("proxy-").tempdir()?;
        let (address, lock) = testbed::take_address()?;
        let path = dir.path().join("tinyproxy.conf");
        let log = dir.path().join("tinyproxy.log");
        let config = format!(
            "Port {PORT}\nListen {address}\nAllow 127.0.0.0/8\nLogLevel Connect\nLogFile \"{}\"\n{settings}",
            log.display()
        );
        fs::write(&path, config)?;
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "tinyproxy", "-d", "-c"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start tinyproxy; run `cargo xtask setup`")?;
        let mut proxy = Self {
            dir,
            address,
            process,
            _address_lock: lock,
        };
        proxy.wait()?;
        Ok(proxy)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect((self.address.as_str(), PORT)).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("tinyproxy ended with {status}: {}", self.log());
            }
            if begun.elapsed() > PATIENCE {
                bail!("tinyproxy did not answer in time: {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Its address, as `--proxy` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }

    /// What it has logged: a line for each request among others.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("tinyproxy.log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
