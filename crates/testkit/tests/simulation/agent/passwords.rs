//! Reading passwords: what changed since a watermark, and who is asked for by itself. What replication brings the
//! real agent's reader understands.

use super::*;
use crate::directory::Page;
use lockstep_ad_proto::drsuapi::{Extent, Progress, Replication, Watermark};
use lockstep_agent::reader::replicated::{Reported, Said, asked_for, from_wire, reported, to_wire};
use lockstep_api::channel::{
    Accounts, Credentials, MadeCredential, ReadCredentials, ReplicationAnswer, ReplicationBegin,
    ReplicationEnd, Stamped, Stamps, WireSecret,
};
use lockstep_model::Secret;
use std::collections::VecDeque;

const NAMING_CONTEXT: &str = "DC=corp,DC=test";

/// The form in which a password leaves. It is not stirred here: what it is a hash of can be read from it.
fn credential(number: u32) -> String {
    format!("v1;PPH1_MD4,{:020},1000,{number:08x}{:056};", 0, 0)
}

/// The password that a credential was made of.
pub(crate) fn credential_number(text: &str) -> Option<u32> {
    let hash = text.rsplit(',').next()?;
    u32::from_str_radix(hash.get(..8)?, 16).ok()
}

impl Reader {
    pub(super) async fn read_credentials(&self, order: &ReadCredentials) -> Result<(), Failure> {
        let preferred = order.controller.as_ref().map(|c| c.dns_name.as_str());
        let connection = self.connect(preferred).await?;
        let begin = self
            .ask(connection, |directory| {
                let begin = ReplicationBegin {
                    lease: self.lease,
                    controller: identity(directory, connection.index),
                    canary: known_canary(directory, connection.index, &order.canaries),
                };
                self.shared.look_for_rollback(
                    directory,
                    self.witness(),
                    (&begin.controller, begin.canary.as_ref()),
                    (order.controller.as_ref(), &order.canaries),
                );
                begin
            })
            .await?;
        let invocation = begin.controller.invocation_id;
        let from = match self.sender.send(Request::Replication(begin)).await? {
            Reply::Replication(opening) => opening.from,
            _ => unreachable!("a replication is answered as one"),
        };
        let (said, kind) = match from {
            None => (Said::Everything, "of everything"),
            Some(_) => (Said::Changes, "of changes"),
        };
        self.shared.note(format!("readings of passwords: {kind}"));
        let replication = Replication::new(NAMING_CONTEXT, from.map(from_wire), invocation);
        let end = self.replicate(connection, replication, said).await?;
        let mut answer = self.replicated(Some(end), Vec::new()).await?;
        while !answer.read.is_empty() {
            let found = self.read_passwords_of(connection, &answer.read).await?;
            answer = self.replicated(None, found).await?;
        }
        Ok(())
    }

    /// Page after page; while one is delivered, others are read.
    async fn replicate(
        &self,
        connection: Connection,
        mut replication: Replication,
        said: Said,
    ) -> Result<Watermark, Failure> {
        let mut ahead: VecDeque<Vec<Reported>> = VecDeque::new();
        let mut end = None;
        while end.is_none() || !ahead.is_empty() {
            if end.is_none() && ahead.len() < self.habits.at_a_time {
                let page: Page = self
                    .ask(connection, |directory| {
                        directory.replicated(connection.index, &replication.next_page())
                    })
                    .await?;
                let changes = page.changes();
                let objects = changes.objects.iter();
                ahead.push_back(objects.filter_map(|o| reported(o, said)).collect());
                let progress = replication.page(&changes);
                if let Progress::Complete(watermark) = progress.expect("pages follow each other") {
                    end = Some(watermark);
                }
                continue;
            }
            let page = ahead.pop_front().unwrap_or_default();
            self.deliver_passwords(page).await?;
        }
        Ok(end.expect("the last page says how far it went"))
    }

    /// Each by itself, whatever has changed of it.
    async fn read_passwords_of(
        &self,
        connection: Connection,
        guids: &[Guid],
    ) -> Result<Vec<Found>, Failure> {
        let (mut found, mut read) = (Vec::new(), Vec::new());
        for guid in guids {
            let extent = Extent::Object { guid: *guid };
            let page: Page = self
                .ask(connection, |directory| {
                    directory.replicated(connection.index, &extent)
                })
                .await?;
            let (presence, reported) = asked_for(&page.changes(), *guid);
            self.shared
                .note(format!("passwords asked for: {presence:?}"));
            read.extend(reported);
            found.push(Found {
                guid: *guid,
                presence,
            });
        }
        self.report(read).await?;
        Ok(found)
    }

    async fn replicated(
        &self,
        end: Option<Watermark>,
        found: Vec<Found>,
    ) -> Result<ReplicationAnswer, Failure> {
        let end = ReplicationEnd {
            lease: self.lease,
            watermark: end.map(to_wire),
            found,
        };
        match self.sender.send(Request::Replicated(end)).await? {
            Reply::Replicated(answer) => Ok(answer),
            _ => unreachable!("the end of a replication is answered as one"),
        }
    }

    /// Asks of each batch who takes part, and reports these and who was deleted.
    async fn deliver_passwords(&self, mut reported: Vec<Reported>) -> Result<(), Failure> {
        while !reported.is_empty() {
            let rest = reported.split_off(reported.len().min(self.habits.batch.max(1)));
            let alive = reported.iter().filter(|r| !r.stamped.deleted);
            let accounts: Vec<Guid> = alive.map(|r| r.stamped.guid).collect();
            if !accounts.is_empty() {
                let lease = self.lease;
                let request = Request::Accounts(Accounts { lease, accounts });
                let Reply::Accounts(answer) = self.sender.send(request).await? else {
                    unreachable!("accounts are answered as such");
                };
                let provisioned: BTreeSet<Guid> = answer.provisioned.into_iter().collect();
                reported.retain(|r| r.stamped.deleted || provisioned.contains(&r.stamped.guid));
            }
            self.report(reported).await?;
            reported = rest;
        }
        Ok(())
    }

    /// Reports stamps in batches, and sends the credentials that are wanted.
    async fn report(&self, mut reported: Vec<Reported>) -> Result<(), Failure> {
        while !reported.is_empty() {
            let rest = reported.split_off(reported.len().min(self.habits.batch.max(1)));
            let objects: Vec<Stamped> = reported.iter().map(|r| r.stamped.clone()).collect();
            let lease = self.lease;
            let request = Request::Stamps(Stamps { lease, objects });
            let Reply::Stamps(answer) = self.sender.send(request).await? else {
                unreachable!("stamps are answered as such");
            };
            self.shared.wanted.borrow_mut().extend(&answer.wanted);
            for (guid, number) in reported.iter().filter_map(told) {
                let mut all = self.shared.told_passwords.borrow_mut();
                let greatest = all.entry(guid).or_default();
                *greatest = number.max(*greatest);
            }
            let wanted: BTreeSet<Guid> = answer.wanted.into_iter().collect();
            let wanted = reported
                .into_iter()
                .filter(|r| wanted.contains(&r.stamped.guid));
            let objects: Vec<MadeCredential> = wanted.filter_map(made).collect();
            if !objects.is_empty() {
                let lease = self.lease;
                let request = Request::Credentials(Credentials { lease, objects });
                self.sender.send(request).await?;
            }
            reported = rest;
        }
        Ok(())
    }
}

/// Whose password this tells of, and which it is.
fn told(reported: &Reported) -> Option<(Guid, u32)> {
    let sealed = reported.sealed.as_ref()?;
    let bytes = sealed.value.as_slice().try_into().ok()?;
    Some((reported.stamped.guid, u32::from_be_bytes(bytes)))
}

/// What the real agent makes of the hash.
fn made(reported: Reported) -> Option<MadeCredential> {
    let number = told(&reported).map(|(_, number)| number);
    let stamp = reported.stamped.password?;
    let cleared = || "the password was cleared".to_owned();
    Some(MadeCredential {
        guid: reported.stamped.guid,
        stamp,
        credential: number.map(|number| WireSecret(Secret::new(credential(number)))),
        failure: number.is_none().then(cleared),
    })
}
