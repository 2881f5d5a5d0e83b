//! Objects read one by one, by GUID, deleted ones included.

use super::ReadError;
use super::attributes::{Wanted, absent};
use super::entry::{Assembled, EntryReader, InPlace, ReadEntry, Reading};
use super::ranges;
use super::report::{Manner, Reporter};
use crate::controller::Controller;
use crate::ldap::LdapError;
use lockstep_ad_proto::ldap::{Control, Event, Filter, ResultCode, SearchScope};
use lockstep_api::channel::{Found, PageEnd, Presence, ReadObjects};
use lockstep_model::Guid;
use std::collections::BTreeSet;

/// How many objects are asked for in one search.
const AT_ONCE: usize = 50;
/// How many link values one request carries when the service says nothing.
const LINK_BATCH: usize = 5_000;

/// Reads objects by GUID on this controller, and sends what is wanted; says what became of each.
pub(super) async fn read_and_deliver(
    controller: &mut Controller,
    reporter: &Reporter,
    wanted: &Wanted,
    place: &InPlace,
    guids: &[Guid],
    manner: Manner,
) -> Result<Vec<Found>, ReadError> {
    let mut found = Vec::with_capacity(guids.len());
    for some in guids.chunks(AT_ONCE) {
        let entries = read(controller, wanted, place, some).await?;
        let mut missing: BTreeSet<Guid> = some.iter().copied().collect();
        for entry in &entries {
            let guid = entry.offered.guid;
            missing.remove(&guid);
            let presence = if entry.offered.deleted {
                Presence::Tombstone
            } else {
                Presence::Alive
            };
            found.push(Found { guid, presence });
        }
        let silent = |guid| Found {
            guid,
            presence: Presence::Silent,
        };
        found.extend(missing.into_iter().map(silent));
        let alive = entries.into_iter().filter(|entry| !entry.offered.deleted);
        reporter.deliver(alive.collect(), manner).await?;
    }
    Ok(found)
}

async fn read(
    controller: &mut Controller,
    wanted: &Wanted,
    place: &InPlace,
    guids: &[Guid],
) -> Result<Vec<ReadEntry>, LdapError> {
    let filter = Filter::any_of("objectGUID", guids.iter().map(|guid| guid.to_wire()));
    let base = controller.root_dse.naming_context.clone();
    let server = controller.connection.server().to_owned();
    let mut reader = EntryReader::new(wanted, place, Reading::ByGuid);
    let mut read: Vec<Assembled> = Vec::new();
    let mut search = controller
        .connection
        .search(
            &base,
            SearchScope::Subtree,
            &filter,
            &wanted.asked_by_guid(),
            &[Control::ShowDeleted, Control::ExtendedDn],
        )
        .await?;
    loop {
        let event = search.next().await?;
        if let Event::Done { result, .. } = &event {
            if result.code == ResultCode::SUCCESS {
                break;
            }
            return Err(LdapError::Search {
                server,
                action: "read objects",
                result: result.clone(),
            });
        }
        let assembled = reader.take(event).map_err(|what| LdapError::Lacking {
            server: server.clone(),
            what: what.to_owned(),
        })?;
        read.extend(assembled);
    }
    let mut entries = Vec::with_capacity(read.len());
    for Assembled { mut entry, cut } in read {
        for attribute in cut {
            let targets = ranges::read_whole(controller, entry.offered.guid, &attribute).await?;
            entry.put_whole(wanted, &attribute, targets);
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Carries out an instruction to read some objects.
pub(super) async fn read_objects(
    mut controller: Controller,
    reporter: &Reporter,
    order: &ReadObjects,
) -> Result<(), ReadError> {
    let absent = absent(&mut controller, &order.read_set).await?;
    let wanted = Wanted::new(&order.read_set, &absent);
    let found = read_and_deliver(
        &mut controller,
        reporter,
        &wanted,
        &InPlace::Unknown,
        &order.guids,
        Manner {
            link_batch: LINK_BATCH,
            eager: false,
        },
    )
    .await?;
    let page = PageEnd {
        lease: reporter.lease,
        read_set: order.read_set.version,
        cookie_before: None,
        cookie: None,
        more: false,
        found,
        settled: Vec::new(),
        canary: None,
        highest_usn: None,
    };
    reporter.page(&page).await?;
    controller.connection.close().await;
    Ok(())
}
