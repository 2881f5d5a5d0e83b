//! What a domain controller replicated: reads the stub of a reply to `IDL_DRSGetNCChanges`, and tells what is in it.
//!
//! A page of a real one, recorded from a Samba domain that was made for it and thrown away:
//!
//! ```text
//! cargo run -p lockstep-ad-proto --example changes < fuzz/corpus/drs-changes/samba-page
//! ```
//!
//! Hashes stay what they are in a reply, encrypted: the session key went with the session.

#![expect(
    clippy::disallowed_methods,
    reason = "an example speaks with people, as the crate does not"
)]

use lockstep_ad_proto::drsuapi::{AttributeId, Changes, Object, Progress, Replication};
use std::error::Error;
use std::io::{self, Read as _, Write as _};

fn main() -> Result<(), Box<dyn Error>> {
    let mut stub = Vec::new();
    io::stdin().read_to_end(&mut stub)?;
    let changes = Changes::decode(&stub)?;
    let mut out = io::stdout().lock();
    writeln!(out, "database {}", changes.invocation_id)?;
    for object in &changes.objects {
        writeln!(out, "{}", line(object))?;
    }
    // The first page of a cycle says how to go on.
    let mut cycle = Replication::new("DC=corp,DC=test", None, changes.invocation_id);
    match cycle.page(&changes)? {
        Progress::More => writeln!(out, "more follows")?,
        Progress::Complete(watermark) => {
            let (usn, others) = (watermark.position.object_update, watermark.up_to_date);
            let known = others.cursors.len();
            writeln!(out, "complete up to {usn}; {known} databases are known")?;
        }
    }
    Ok(())
}

/// One object: its name, and of its password only when it was written.
fn line(object: &Object<'_>) -> String {
    let mut line = format!("{} {}", object.name.guid, object.name.dn());
    if object.deleted() {
        line.push_str(", deleted");
    }
    let password = object.attribute(AttributeId::UNICODE_PWD);
    if let Some(stamp) = password.and_then(|password| password.stamp) {
        let (version, time) = (stamp.version, stamp.time());
        line.push_str(&format!(", password {version} of {time}"));
    }
    line
}
