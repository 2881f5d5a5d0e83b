//! Being told by a domain controller that something changed ([MS-ADTS] 3.1.1.3.4.1.9). Only that it did:
//! what it was, the next reading tells.
//!
//! Samba looks for what it has to announce every five seconds only, unless the change came over the same
//! process. There the highest USN is asked for instead, which it has at hand.

use crate::channel::{Backoff, Channel};
use crate::controller::Controller;
use crate::ldap::{Connector, Entry, LdapError, RootDse, Search};
use crate::state::StateDir;
use lockstep_ad_proto::ldap::{Control, Event, Filter, SearchScope};
use lockstep_api::channel::{Ack, ChangeNotice};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// The first change is announced at once; those that follow within this time are one notice.
const TOGETHER: Duration = Duration::from_millis(150);
/// How often Samba is asked whether something changed.
const LOOK: Duration = Duration::from_millis(200);
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
    let controller = Controller::open(&connector, None).await?;
    let announce = Announcer { channel, domain };
    if controller.root_dse.samba {
        announce.watching();
        backoff.reset();
        return look(controller, &announce).await;
    }
    listen(controller, &announce, backoff).await
}

/// Tells the service.
struct Announcer<'a> {
    channel: &'a Channel,
    domain: &'a str,
}

impl Announcer<'_> {
    fn watching(&self) {
        tracing::info!(
            domain = self.domain,
            "changes are announced by the domain controller"
        );
    }

    async fn change(&self) {
        let domain = self.domain.to_owned();
        let notice = ChangeNotice { domain };
        let told = self.channel.deliver::<_, Ack>("/agent/v1/changes", &notice);
        if let Err(error) = told.await {
            let reason = error.chain();
            tracing::debug!(domain = self.domain, reason, "a change was not announced");
        }
    }
}

/// Lets the controller say when something changes, until it has been silent for too long.
async fn listen(
    mut controller: Controller,
    announce: &Announcer<'_>,
    backoff: &mut Backoff,
) -> Result<(), LdapError> {
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
    announce.watching();
    backoff.reset();
    loop {
        let Ok(matters) = timeout(LONGEST_SILENCE, one_change(&mut search)).await else {
            return Ok(());
        };
        if !matters? {
            continue;
        }
        announce.change().await;
        // More may come at once; whatever they are, one reading brings them all.
        let until = Instant::now() + TOGETHER;
        let mut more = false;
        while let Ok(matters) = timeout_at(until, one_change(&mut search)).await {
            more |= matters?;
        }
        if more {
            announce.change().await;
        }
    }
}

/// Asks a controller again and again whether something has changed.
async fn look(mut controller: Controller, announce: &Announcer<'_>) -> Result<(), LdapError> {
    let mut seen = controller.root_dse.highest_usn;
    loop {
        tokio::time::sleep(LOOK).await;
        let highest = RootDse::read(&mut controller.connection).await?.highest_usn;
        if highest <= seen {
            continue;
        }
        if changed_since(&mut controller, seen).await? {
            announce.change().await;
        }
        seen = highest;
    }
}

/// Whether something that can matter has changed since a USN.
async fn changed_since(controller: &mut Controller, usn: u64) -> Result<bool, LdapError> {
    let base = controller.root_dse.naming_context.clone();
    let since = usn.saturating_add(1).to_string();
    let changed = controller
        .connection
        .find(
            &base,
            SearchScope::Subtree,
            &Filter::AtLeast("uSNChanged".to_owned(), since.into_bytes()),
            &["objectClass"],
            &[Control::ShowDeleted],
            "look for changes",
        )
        .await?;
    let is_noise = |entry: &Entry| entry.values("objectClass").iter().any(|c| is_noise(c));
    Ok(changed.iter().any(|entry| !is_noise(entry)))
}

fn is_noise(class: &[u8]) -> bool {
    NOISE
        .iter()
        .any(|noise| noise.as_bytes().eq_ignore_ascii_case(class))
}

/// Waits for one changed object; tells whether it can matter.
async fn one_change(search: &mut Search<'_>) -> Result<bool, LdapError> {
    let mut matters = true;
    loop {
        match search.next().await? {
            Event::Value(class) => matters &= !is_noise(&class),
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
