//! A record of all that leaves this machine for the service: each request's body as one line of JSON.
//!
//! Of a credential it says only that there was one.

use serde::Serialize;
use serde_json::Value;
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
        let shown = path
            .ends_with("/credentials")
            .then(|| without_secrets(body))
            .flatten();
        let body = shown.as_deref().unwrap_or(body);
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

/// The body without credentials, if it has any.
fn without_secrets(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let objects = body.get_mut("objects")?.as_array_mut()?;
    let mut found = false;
    for object in objects {
        if let Some(credential) = object.get_mut("credential") {
            *credential = "[secret]".into();
            found = true;
        }
    }
    if !found {
        return None;
    }
    serde_json::to_vec(&body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_credential_the_record_says_only_that_there_was_one() {
        let body =
            br#"{"lease":1,"objects":[{"guid":"a","credential":"v1;PPH1_MD4,x"},{"guid":"b"}]}"#;
        let shown = String::from_utf8(without_secrets(body).unwrap()).unwrap();
        assert!(
            shown.contains("[secret]") && !shown.contains("PPH1"),
            "{shown}"
        );
        assert_eq!(without_secrets(br#"{"objects":[{"guid":"a"}]}"#), None);
        assert_eq!(without_secrets(b"[]"), None);
    }
}
