//! What administrators are told without asking: once for each reason, for as long as it lasts. Of what waits for a
//! word of theirs they are reminded once a week.
//!
//! A cycle that ends says what is wrong ([`settle`], in its own transaction); a [`Notice`] stands in the store
//! until it has been told everywhere, and then until the reason ends, so that it is not told again. Telling
//! happens beside the jobs ([`run`]): that a mail server is away stops nobody.
//!
//! A notice holds what happened and what to do about it, and no value of an attribute.

mod mail;
mod webhook;

pub use mail::{MailError, Mailer};
pub use webhook::Webhooks;

use crate::job::Guard;
use crate::service::Service;
use lockstep_engine::quarantine::{Gravity, gravity, many_missing, quarantines};
use lockstep_model::ids::ConfigurationId;
use lockstep_model::{CycleState, Timestamp};
use lockstep_store::records::job::{Configuration, Cycle, Job};
use lockstep_store::records::safety::{Channel, Delivery, Notice};
use lockstep_store::{Key, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How long the teller sleeps at most before it looks again.
const LOOK: Duration = Duration::from_secs(15);
/// What waits for an administrator is told again after so long.
const REMINDED_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How many notices are told in one go.
const SLICE: usize = 100;
/// After so long a delivery that failed is tried again, twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The pauses grow to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3_600);

/// The ways of telling that this service has.
#[derive(Debug)]
pub struct Outlets {
    /// Sends mail, if the service was told how.
    pub mailer: Option<Mailer>,
    /// Calls addresses on the web.
    pub webhooks: Webhooks,
}

/// A notice as it is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The configuration's name.
    pub configuration: String,
    /// Its domain.
    pub domain: String,
    /// The stable name of the reason.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Since when.
    pub since: String,
    /// Where the service is.
    pub service: String,
}

/// A reason to tell somebody.
struct Reason {
    code: String,
    message: String,
    remedy: String,
    /// It does not end by itself: an administrator has to say what is to be done.
    waits: bool,
}

/// Takes up what is wrong after a cycle: a new reason is told, one that is told stays quiet but for a reminder if it
/// waits for somebody, one that has ended is forgotten.
///
/// # Errors
///
/// Those of the store.
pub fn settle(
    tx: &mut dyn Write,
    configuration: &Configuration,
    job: &Job,
    cycle: &Cycle,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known: Vec<Notice> = tx.list(&Scan::of(Key::empty().with(configuration.id), SLICE))?;
    let mut reasons = reasons(tx, configuration, job, now)?;
    reasons.extend(blind(job, cycle, &known));
    let ended = known
        .iter()
        .filter(|notice| !reasons.iter().any(|reason| reason.code == notice.code));
    let ended: Vec<_> = ended
        .map(|notice| (notice.configuration, notice.code.clone()))
        .collect();
    tx.remove::<Notice>(&ended)?;
    let channels = channels(configuration);
    let due = |notice: &&Notice| {
        let told = match notice.reminded {
            0 => notice.since,
            reminded => reminded,
        };
        let next = Timestamp::from_millis(told).again(REMINDED_AFTER, now);
        notice.open.is_empty() && next <= now
    };
    let reminders = known.iter().filter(due).filter_map(|notice| {
        let mut waiting = reasons.iter().filter(|reason| reason.waits);
        let reason = waiting.find(|reason| reason.code == notice.code)?;
        Some(Notice {
            message: format!("a reminder: {}", reason.message),
            remedy: reason.remedy.clone(),
            reminded: now.as_millis(),
            open: channels
                .iter()
                .map(|channel| first(*channel, now))
                .collect(),
            ..notice.clone()
        })
    });
    tx.store(&reminders.collect::<Vec<_>>())?;
    let new = reasons
        .into_iter()
        .filter(|reason| !known.iter().any(|notice| notice.code == reason.code));
    let new: Vec<Notice> = new
        .map(|reason| Notice {
            configuration: configuration.id,
            code: reason.code,
            message: reason.message,
            remedy: reason.remedy,
            since: now.as_millis(),
            reminded: 0,
            open: channels
                .iter()
                .map(|channel| first(*channel, now))
                .collect(),
        })
        .collect();
    tx.store(&new)
}

fn first(channel: Channel, now: Timestamp) -> Delivery {
    Delivery {
        channel,
        attempts: 0,
        next: now.as_millis(),
        error: None,
    }
}

fn channels(configuration: &Configuration) -> Vec<Channel> {
    let known = crate::configuration::known(configuration);
    let notifications = &known.spec.notifications;
    let email = (!notifications.email.is_empty()).then_some(Channel::Email);
    let webhook = notifications.webhook.as_ref().map(|_| Channel::Webhook);
    email.into_iter().chain(webhook).collect()
}

fn reasons(
    tx: &mut dyn Write,
    configuration: &Configuration,
    job: &Job,
    now: Timestamp,
) -> Result<Vec<Reason>, StoreError> {
    let mut reasons = Vec::new();
    if let Some(row) = &job.quarantine {
        reasons.push(Reason {
            code: row.code.clone(),
            message: row.message.clone(),
            remedy: row.remedy.clone(),
            waits: false,
        });
        let interval = crate::job::interval(configuration);
        if crate::job::next_attempt(row, interval, now).is_none() {
            reasons.push(Reason {
                code: "JobDisabled".to_owned(),
                message: "no cycle has been clean for four weeks; none runs by itself any more"
                    .to_owned(),
                remedy: format!(
                    "put the cause right ({}) and run `lockstep cycle run {}`",
                    row.code, configuration.name
                ),
                waits: false,
            });
        }
    }
    for guard in Guard::tripped(job) {
        let (count, _) = guard.held(tx, configuration.id)?;
        reasons.push(Reason {
            code: guard.code().to_owned(),
            message: guard.message(count),
            remedy: guard.remedy(&configuration.name),
            waits: true,
        });
    }
    reasons.extend(missing(tx, configuration, job)?);
    reasons.extend(passwords(job));
    Ok(reasons)
}

/// Nobody can see deletions. A cycle that failed before it had looked says nothing about it: the reason lasts.
fn blind(job: &Job, cycle: &Cycle, known: &[Notice]) -> Option<Reason> {
    let is_it = |code: &str| gravity(code) == Gravity::Incomplete;
    if let Some(error) = cycle.error.as_ref().filter(|error| is_it(&error.code)) {
        return Some(Reason {
            code: error.code.clone(),
            message: error.message.clone(),
            remedy: error.remedy.clone(),
            waits: false,
        });
    }
    if cycle.state != CycleState::Failed || job.tombstones_visible {
        return None;
    }
    let notice = known.iter().find(|notice| is_it(&notice.code))?;
    Some(Reason {
        code: notice.code.clone(),
        message: notice.message.clone(),
        remedy: notice.remedy.clone(),
        waits: false,
    })
}

/// So many objects are missing that Active Directory seems to hide them.
fn missing(
    tx: &mut dyn Write,
    configuration: &Configuration,
    job: &Job,
) -> Result<Option<Reason>, StoreError> {
    let missing = job.history.missing;
    if missing == 0 {
        return Ok(None);
    }
    let guard = &crate::configuration::known(configuration)
        .spec
        .accidental_deletes;
    let threshold = guard.enabled.then_some(guard.threshold);
    let provisioned = crate::links::live(tx, configuration.id)?;
    if !many_missing(missing, provisioned, threshold) {
        return Ok(None);
    }
    let name = &configuration.name;
    Ok(Some(Reason {
        code: "ManyMissing".to_owned(),
        message: format!(
            "Active Directory does not show {missing} of {provisioned} objects any more, and does not say that \
             they were deleted; they are left as they are"
        ),
        remedy: format!(
            "see whether the agent's account may still read them; `lockstep missing list {name}` shows them, \
             `lockstep missing delete {name}` and `keep` say what is to become of them"
        ),
        waits: true,
    }))
}

/// Passwords cannot be read, while everything else is synchronised.
fn passwords(job: &Job) -> Option<Reason> {
    let failing = job.passwords.failing.as_ref()?;
    let cycles = u32::try_from(failing.cycles).unwrap_or(u32::MAX);
    quarantines(&failing.error.code, cycles).then(|| Reason {
        code: "PasswordsNotRead".to_owned(),
        message: format!(
            "passwords have not been read since {}: {} ({})",
            Timestamp::from_millis(failing.since),
            failing.error.message,
            failing.error.code
        ),
        remedy: failing.error.remedy.clone(),
        waits: false,
    })
}

/// Tells what is to be told, until it is dropped.
pub async fn run(service: Arc<Service>) {
    let mut listener = service.progress.listen();
    loop {
        if let Err(error) = tell_due(&service).await {
            tracing::error!(%error, "notices could not be looked at");
        }
        listener.wait(LOOK).await;
    }
}

/// Tells everything that is due by now.
///
/// # Errors
///
/// Those of the store.
pub async fn tell_due(service: &Arc<Service>) -> Result<(), StoreError> {
    let now = service.clock.now();
    let due: Vec<(Notice, Option<Configuration>)> = service
        .read(move |tx| {
            let notices: Vec<Notice> =
                tx.list(&Scan::along(Notice::BY_DUE, Key::empty(), SLICE))?;
            let is_due = |notice: &Notice| notice.open.iter().any(|way| way_is_due(way, now));
            let due = notices.into_iter().filter(is_due);
            due.map(|notice| {
                let configuration = tx.fetch_one(&notice.configuration)?;
                Ok((notice, configuration))
            })
            .collect()
        })
        .await?;
    for (notice, configuration) in due {
        let Some(configuration) = configuration else {
            continue;
        };
        let ways: Vec<Channel> = notice
            .open
            .iter()
            .filter(|way| way_is_due(way, now))
            .map(|way| way.channel)
            .collect();
        for channel in ways {
            let told = tell(service, &configuration, &notice, channel).await;
            if let Err(reason) = &told {
                tracing::warn!(
                    configuration = configuration.name,
                    code = notice.code,
                    ?channel,
                    reason,
                    "a notice could not be delivered; it is tried again"
                );
            }
            let id = (notice.configuration, notice.code.clone());
            service
                .write(move |tx| keep(tx, id, channel, told.err(), now))
                .await?;
        }
    }
    Ok(())
}

async fn tell(
    service: &Service,
    configuration: &Configuration,
    notice: &Notice,
    channel: Channel,
) -> Result<(), String> {
    let Some(outlets) = service.outlets.get() else {
        return Err("the service has no way of telling yet".to_owned());
    };
    let known = crate::configuration::known(configuration);
    let message = Message {
        configuration: configuration.name.clone(),
        domain: configuration.domain.clone(),
        code: notice.code.clone(),
        message: notice.message.clone(),
        remedy: notice.remedy.clone(),
        since: Timestamp::from_millis(notice.since).to_string(),
        service: service.public_url.clone(),
    };
    match (channel, &known.spec.notifications.webhook, &outlets.mailer) {
        (Channel::Webhook, Some(address), _) => outlets.webhooks.call(address, &message).await,
        (Channel::Email, _, Some(mailer)) => {
            mailer.send(&known.spec.notifications.email, &message).await
        }
        (Channel::Email, _, None) => {
            Err("the service was started without --smtp-url and --smtp-from".to_owned())
        }
        // The address was taken out of the configuration meanwhile.
        (Channel::Webhook, None, _) => Ok(()),
    }
}

/// Notes how a delivery went, if its reason still lasts.
fn keep(
    tx: &mut dyn Write,
    id: (ConfigurationId, String),
    channel: Channel,
    error: Option<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut notice) = tx.fetch_one::<Notice>(&id)? else {
        return Ok(());
    };
    match error {
        None => notice.open.retain(|way| way.channel != channel),
        Some(error) => {
            for way in notice.open.iter_mut().filter(|way| way.channel == channel) {
                way.attempts = way.attempts.saturating_add(1);
                way.next = now.plus(pause(way.attempts)).as_millis();
                way.error = Some(error.clone());
            }
        }
    }
    tx.store(&[notice])
}

/// Whether it is to be told now. No pause is longer than the longest one, unless the clock was put right meanwhile.
fn way_is_due(way: &Delivery, now: Timestamp) -> bool {
    let next = Timestamp::from_millis(way.next);
    next <= now || next.since(now) > LONGEST_PAUSE
}

/// How long to wait after so many attempts in vain.
fn pause(attempts: u32) -> Duration {
    let factor = 2_u32
        .checked_pow(attempts.saturating_sub(1))
        .unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_minute_to_six_hours() {
        let minutes: Vec<u64> = [1, 2, 3, 9, 10, 40].map(|n| pause(n).as_secs() / 60).into();
        assert_eq!(minutes, [1, 2, 4, 256, 360, 360]);
    }
}
