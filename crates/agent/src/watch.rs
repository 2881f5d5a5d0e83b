//! Being told by a domain controller that something changed ([MS-ADTS] 3.1.1.3.4.1.9). Only that it did:
//! what it was, the next reading tells.

use crate::channel::{Backoff, Channel};
use crate::controller::Controller;
use crate::ldap::{Connector, LdapError, Search};
use crate::state::StateDir;
use lockstep_ad_proto::ldap::{Control, Event, Filter, SearchScope};
use lockstep_api::channel::{Ack, ChangeNotice};
use std::sync::Arc;
use std::time::Duration;

/// Changes that come together are one notice.
const TOGETHER: Duration = Duration::from_millis(150);
/// A connection on which nothing happens for so long is opened anew: controllers and firewalls drop such
/// connections without a word.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// Objects of these classes never take part; domain controllers change their own accounts every few
/// seconds.
const NOISE: [&str; 6] = [
    "computer",
    "dnsNode",
    "dnsZone",
    "rIDSet",
    "rIDManager",
    "secret",
];

/// Watches one domain until the task is aborted.
pub async fn watch(channel: Arc<Channel>, state: StateDir, domain: String) {
    let mut backoff = Backoff::default();
    loop {
        match watch_once(&channel, &state, &domain, &mut backoff).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                let reason = crate::channel::chain(&error);
                tracing::debug!(domain, reason, "changes are not announced at present");
                backoff.pause().await;
            }
        }
    }
}

async fn watch_once(
    channel: &Channel,
    state: &StateDir,
    domain: &str,
    backoff: &mut Backoff,
) -> Result<(), LdapError> {
    let settings = state.domain(domain).ok().flatten();
    let settings = settings.ok_or_else(|| LdapError::Secret {
        reason: format!("{domain} is not among this agent's domains"),
    })?;
    let connector = Connector::new(state, settings)?;
    let mut controller = Controller::open(&connector, None).await?;
    let base = controller.root_dse.naming_context.clone();
    let mut search = controller
        .connection
        .search(
            &base,
            SearchScope::Subtree,
            &Filter::everything(),
            &["objectClass"],
            &[Control::Notification],
        )
        .await?;
    search.wait_for_ever();
    tracing::info!(domain, "changes are announced by the domain controller");
    backoff.reset();
    loop {
        match tokio::time::timeout(LONGEST_SILENCE, one_change(&mut search)).await {
            Ok(matters) => {
                if !matters? {
                    continue;
                }
            }
            Err(_) => return Ok(()),
        }
        // More may come at once; whatever they are, one reading brings them all.
        while let Ok(more) = tokio::time::timeout(TOGETHER, one_change(&mut search)).await {
            more?;
        }
        let notice = ChangeNotice {
            domain: domain.to_owned(),
        };
        if let Err(error) = channel
            .deliver::<_, Ack>("/agent/v1/changes", &notice)
            .await
        {
            tracing::debug!(domain, reason = error.chain(), "a change was not announced");
        }
    }
}

/// Waits for one changed object; tells whether it can matter.
async fn one_change(search: &mut Search<'_>) -> Result<bool, LdapError> {
    let mut matters = true;
    loop {
        match search.next().await? {
            Event::Value(class) => {
                let is = |noise: &str| noise.as_bytes().eq_ignore_ascii_case(&class);
                matters &= !NOISE.iter().any(|noise| is(noise));
            }
            Event::EntryEnd => return Ok(matters),
            Event::Done { result, .. } => {
                return Err(LdapError::Search {
                    server: "the domain controller".into(),
                    action: "announce changes",
                    result,
                });
            }
            _ => {}
        }
    }
}
