//! Password hashes of a whole domain, read as the agent reads them, and how long that takes.
//!
//! ```text
//! cargo run --release -p lockstep-agent --example replicate -- STATE_DIR DOMAIN [RECORDING]
//! ```
//!
//! `STATE_DIR` is an agent's, with the domain in it (`lockstep-agent domain add`). Everything is read once and
//! each hash decrypted and counted; then, for each line on standard input, what has changed since. Each time
//! one line of JSON tells how many there were and how long it took: `cargo xtask bench` compares that with
//! others. With a folder for a `RECORDING` the pages are small, and written down as they came, in which
//! secrets are encrypted with a key that is written nowhere.

use anyhow::{Context as _, bail};
use lockstep_ad_proto::drsuapi::{
    AttributeId, Changes, ChangesRequest, Progress, Replication, SessionKeys, Watermark,
};
use lockstep_agent::drs::{self, Replica, Session};
use lockstep_agent::ldap::Connector;
use lockstep_agent::state::StateDir;
use lockstep_model::Sid;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

const ATTRIBUTES: [AttributeId; 5] = [
    AttributeId::IS_DELETED,
    AttributeId::USER_ACCOUNT_CONTROL,
    AttributeId::UNICODE_PWD,
    AttributeId::PWD_LAST_SET,
    AttributeId::ACCOUNT_EXPIRES,
];
const PAGE: u32 = 1_000;
const RECORDED_PAGE: u32 = 16;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (state, domain, recording) = match arguments.as_slice() {
        [state, domain] => (state, domain, None),
        [state, domain, recording] => (state, domain, Some(Path::new(recording))),
        _ => bail!("usage: replicate STATE_DIR DOMAIN [RECORDING]"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(replicate(Path::new(state), domain, recording))
}

async fn replicate(state: &Path, domain: &str, recording: Option<&Path>) -> anyhow::Result<()> {
    let state = StateDir::new(state);
    let domain = state
        .domain(domain)?
        .with_context(|| format!("{} has no domain {domain}", state.path().display()))?;
    let connector = Connector::new(&state, domain)?;
    let Replica {
        controller,
        mut session,
    } = drs::open(&connector, None).await?;
    let naming_context = controller.root_dse.naming_context.clone();
    let database = controller.identity.invocation_id;
    controller.connection.close().await;
    let mut from = None;
    for line in std::iter::once(Ok(String::new())).chain(io::stdin().lines()) {
        line?;
        let replication = Replication::new(&naming_context, from, database);
        let begun = Instant::now();
        let (watermark, hashes) = pull(&mut session, replication, recording).await?;
        let micros = begun.elapsed().as_micros();
        writeln!(
            io::stdout(),
            "{{\"hashes\": {hashes}, \"micros\": {micros}}}"
        )?;
        from = Some(watermark);
    }
    session.close().await;
    Ok(())
}

/// Reads page after page; gives where they end, and how many hashes were in them.
async fn pull(
    session: &mut Session,
    mut replication: Replication,
    recording: Option<&Path>,
) -> anyhow::Result<(Watermark, usize)> {
    let keys = session.keys();
    let mut hashes = 0;
    for number in 0.. {
        let request = ChangesRequest {
            extent: replication.next_page(),
            attributes: &ATTRIBUTES,
            secrets: true,
            objects: recording.map_or(PAGE, |_| RECORDED_PAGE),
            bytes: 4 << 20,
        };
        let page = session.changes(&request).await?;
        if let Some(folder) = recording {
            fs::write(folder.join(format!("page-{number}")), page.stub())?;
        }
        let changes = page.changes()?;
        hashes += opened(&changes, &keys)?;
        if let Progress::Complete(watermark) = replication.page(&changes)? {
            return Ok((watermark, hashes));
        }
    }
    bail!("there are more pages than numbers")
}

/// Decrypts every hash of a page; gives how many there were.
fn opened(changes: &Changes<'_>, keys: &SessionKeys) -> anyhow::Result<usize> {
    let mut count = 0;
    for object in &changes.objects {
        let rid = object.name.sid.as_ref().and_then(Sid::rid);
        if let (Some(rid), Some(value)) = (rid, object.value(AttributeId::UNICODE_PWD)) {
            keys.open_nt_hash(rid, value)?;
            count += 1;
        }
    }
    Ok(count)
}
