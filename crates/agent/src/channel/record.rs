//! A record of all that leaves this machine for the service: each request's body as one line of JSON.

use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;

/// Writes the record.
#[derive(Debug)]
pub struct Recorder {
    file: Mutex<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    method: &'a str,
    path: &'a str,
    body: Option<&'a RawValue>,
}

impl Recorder {
    /// Appends to a file that only its owner may read.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file: Mutex::new(file),
        })
    }

    /// Writes one request down. A record that cannot be written does not stop the agent.
    pub(super) fn request(&self, method: &str, path: &str, body: &[u8]) {
        let body = serde_json::from_slice::<&RawValue>(body).ok();
        let line = Line { method, path, body };
        let Ok(mut text) = serde_json::to_vec(&line) else {
            return;
        };
        text.push(b'\n');
        let mut file = match self.file.lock() {
            Ok(file) => file,
            Err(poisoned) => poisoned.into_inner(),
        };
        if let Err(error) = file.write_all(&text) {
            tracing::warn!(%error, "the record of the channel could not be written");
        }
    }
}
