//! Passwords: what replication says of them, and of wanted ones the credential.
//!
//! A hash is opened only when the service has said that it wants the object's credential, and is erased as
//! soon as that is made. What leaves is the credential and never the hash.

use super::ReadError;
use super::replicated::{
    ATTRIBUTES, Reported, Said, Sealed, asked_for, from_wire, reported, to_wire,
};
use super::report::Reporter;
use crate::channel::ChannelError;
use crate::drs::{self, Replica, ReplicationError, Session};
use crate::ldap::Connector;
use lockstep_ad_proto::drsuapi::{
    ChangesRequest, DrsError, Extent, Progress, Replication, SecretError, SessionKeys, Watermark,
};
use lockstep_api::channel::{
    Found, MadeCredential, Presence, ReadCredentials, ReplicationBegin, ReplicationEnd, WireSecret,
};
use lockstep_model::credential::{Iterations, SyncedHash};
use lockstep_model::{Guid, Secret};
use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::mpsc;

/// About how many objects a controller gives at once.
const PAGE_OBJECTS: u32 = 1_000;
/// About how many bytes.
const PAGE_BYTES: u32 = 4 << 20;
/// How many pages may wait for the service while the controller is read on.
const AHEAD: usize = 2;

/// Sends what was read.
#[derive(Clone)]
struct Delivery {
    reporter: Reporter,
    keys: Arc<SessionKeys>,
    iterations: Iterations,
    batch: usize,
}

/// Reads everything since the watermark that the service names, then what it asks for by itself.
pub(super) async fn read_credentials(
    connector: &Connector,
    reporter: &Reporter,
    order: &ReadCredentials,
) -> Result<(), ReadError> {
    let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
    let Replica {
        mut controller,
        mut session,
    } = drs::open(connector, preferred).await?;
    let begin = ReplicationBegin {
        lease: reporter.lease,
        canary: controller
            .known_canary(&order.canaries)
            .await
            .map_err(ReplicationError::from)?,
        controller: controller.identity.clone(),
    };
    let from = reporter.replication(&begin).await?.from;
    let delivery = Delivery {
        reporter: reporter.clone(),
        keys: session.keys(),
        iterations: within_bounds(order.iterations),
        batch: order.batch.max(1),
    };
    let naming_context = controller.root_dse.naming_context.clone();
    let invocation_id = controller.identity.invocation_id;
    controller.connection.close().await;
    // From the beginning, everything that there is comes of each object; later only changes.
    let extent = match from {
        None => Said::Everything,
        Some(_) => Said::Changes,
    };
    let replication = Replication::new(&naming_context, from.map(from_wire), invocation_id);
    let end = pages(&mut session, replication, extent, &delivery).await?;
    let mut answer = reporter
        .replicated(&ReplicationEnd {
            lease: reporter.lease,
            watermark: Some(to_wire(end)),
            found: Vec::new(),
        })
        .await?;
    while !answer.read.is_empty() {
        let found = objects(&mut session, &answer.read, &delivery).await?;
        answer = reporter
            .replicated(&ReplicationEnd {
                lease: reporter.lease,
                watermark: None,
                found,
            })
            .await?;
    }
    session.close().await;
    Ok(())
}

/// The service checks what its administrator asks for; here it only must not do harm.
fn within_bounds(iterations: u32) -> Iterations {
    let (fewest, most) = (Iterations::FEWEST, Iterations::MOST);
    Iterations::new(iterations.clamp(fewest.get(), most.get())).unwrap_or(fewest)
}

/// Reads page after page, and delivers what came while the next one is read.
async fn pages(
    session: &mut Session,
    mut replication: Replication,
    said: Said,
    delivery: &Delivery,
) -> Result<Watermark, ReadError> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let delivering = tokio::spawn(delivery.clone().all(receiver));
    let read = read_pages(session, &mut replication, said, sender).await;
    // A failed delivery is the cause when both fail: it closes the reader's channel.
    let delivered = delivering.await.unwrap_or_else(|error| {
        Err(ChannelError::Lost {
            service: String::new(),
            source: error.into(),
        })
    });
    delivered?;
    Ok(read?)
}

async fn read_pages(
    session: &mut Session,
    replication: &mut Replication,
    said: Said,
    sender: mpsc::Sender<Vec<Reported>>,
) -> Result<Watermark, ReplicationError> {
    loop {
        let page = session.changes(&request(replication.next_page())).await?;
        let changes = page.changes()?;
        let reported = changes.objects.iter().filter_map(|o| reported(o, said));
        let reported = reported.collect();
        let progress = replication.page(&changes);
        let progress = progress.map_err(|source| refused(session, source))?;
        // When nobody takes it, the delivery has failed and says why.
        let taken = sender.send(reported).await.is_ok();
        match progress {
            Progress::Complete(watermark) => return Ok(watermark),
            Progress::More if taken => {}
            Progress::More => return Ok(Watermark::default()),
        }
    }
}

fn refused(session: &Session, source: DrsError) -> ReplicationError {
    ReplicationError::Refused {
        server: session.server().to_owned(),
        source,
    }
}

const fn request(extent: Extent<'_>) -> ChangesRequest<'_> {
    ChangesRequest {
        extent,
        attributes: &ATTRIBUTES,
        secrets: true,
        objects: PAGE_OBJECTS,
        bytes: PAGE_BYTES,
    }
}

/// Reads objects by themselves, delivers what came, and says what became of each.
async fn objects(
    session: &mut Session,
    guids: &[Guid],
    delivery: &Delivery,
) -> Result<Vec<Found>, ReadError> {
    let mut found = Vec::with_capacity(guids.len());
    let mut read = Vec::with_capacity(guids.len());
    for guid in guids {
        let page = session
            .changes(&request(Extent::Object { guid: *guid }))
            .await?;
        let presence = match page.changes() {
            Ok(changes) => {
                let (presence, reported) = asked_for(&changes, *guid);
                read.extend(reported);
                presence
            }
            Err(ReplicationError::Refused {
                source: DrsError::Status(status),
                ..
            }) if status.is_not_found() => Presence::Silent,
            Err(error) => return Err(error.into()),
        };
        found.push(Found {
            guid: *guid,
            presence,
        });
    }
    // Whoever is asked for takes part.
    delivery.report(read).await?;
    Ok(found)
}

impl Delivery {
    async fn all(self, mut pages: mpsc::Receiver<Vec<Reported>>) -> Result<(), ChannelError> {
        while let Some(page) = pages.recv().await {
            self.deliver(page).await?;
        }
        Ok(())
    }

    /// Asks of each batch who takes part, and reports these and who was deleted.
    async fn deliver(&self, mut reported: Vec<Reported>) -> Result<(), ChannelError> {
        while !reported.is_empty() {
            let rest = reported.split_off(reported.len().min(self.batch));
            let alive = reported.iter().filter(|r| !r.stamped.deleted);
            let accounts: Vec<Guid> = alive.map(|r| r.stamped.guid).collect();
            if !accounts.is_empty() {
                let provisioned = self.reporter.accounts(accounts).await?;
                let provisioned: BTreeSet<Guid> = provisioned.into_iter().collect();
                reported.retain(|r| r.stamped.deleted || provisioned.contains(&r.stamped.guid));
            }
            self.report(reported).await?;
            reported = rest;
        }
        Ok(())
    }

    /// Reports stamps in batches, and sends the credentials that are wanted.
    async fn report(&self, mut reported: Vec<Reported>) -> Result<(), ChannelError> {
        while !reported.is_empty() {
            let rest = reported.split_off(reported.len().min(self.batch));
            let stamps = reported.iter().map(|r| r.stamped.clone()).collect();
            let wanted = self.reporter.stamps(stamps).await?;
            let wanted: BTreeSet<Guid> = wanted.into_iter().collect();
            reported.retain(|reported| wanted.contains(&reported.stamped.guid));
            if !reported.is_empty() {
                let made = self.make(reported).await?;
                self.reporter.credentials(made).await?;
            }
            reported = rest;
        }
        Ok(())
    }

    /// Makes credentials, on as many threads as there are cores.
    async fn make(&self, mut reported: Vec<Reported>) -> Result<Vec<MadeCredential>, ChannelError> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = reported.len().div_ceil(threads).max(1);
        let mut working = Vec::with_capacity(threads);
        while !reported.is_empty() {
            let rest = reported.split_off(reported.len().min(share));
            let (keys, iterations) = (Arc::clone(&self.keys), self.iterations);
            working.push(tokio::task::spawn_blocking(
                move || -> Vec<MadeCredential> {
                    let made = reported
                        .into_iter()
                        .filter_map(|r| made(&keys, r, iterations));
                    made.collect()
                },
            ));
            reported = rest;
        }
        let mut made = Vec::new();
        for worker in working {
            let part = worker.await.map_err(|error| ChannelError::Lost {
                service: String::new(),
                source: error.into(),
            });
            made.extend(part?);
        }
        Ok(made)
    }
}

fn made(keys: &SessionKeys, reported: Reported, iterations: Iterations) -> Option<MadeCredential> {
    let stamp = reported.stamped.password?;
    let credential = match reported.sealed {
        Some(sealed) => credential(keys, &sealed, iterations),
        None => Err("the password was cleared".to_owned()),
    };
    let (credential, failure) = match credential {
        Ok(credential) => (Some(WireSecret(credential)), None),
        Err(failure) => (None, Some(failure)),
    };
    Some(MadeCredential {
        guid: reported.stamped.guid,
        stamp,
        credential,
        failure,
    })
}

/// From the encrypted hash to the credential. The hash lives no longer than this.
fn credential(
    keys: &SessionKeys,
    sealed: &Sealed,
    iterations: Iterations,
) -> Result<Secret<String>, String> {
    let rid = sealed.rid.ok_or("the object has no SID")?;
    let explained = |error: SecretError| error.to_string();
    let hash = keys.open_nt_hash(rid, &sealed.value).map_err(explained)?;
    let mut salt = [0; SyncedHash::SALT_LENGTH];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    Ok(SyncedHash::derive(&hash, salt, iterations).to_text())
}
