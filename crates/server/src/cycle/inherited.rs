//! Who gets what another gives up in a cycle: an update like others, of an object that nothing changed of in AD.

use super::Context;
use crate::lane::Lane;
use crate::log::{self, Because};
use lockstep_directory::Inherited;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::log::LogEntry;
use lockstep_store::{Read, StoreError};

/// Counts and tells them. Whose object another configuration provisions does not count here, and is in no plan.
pub(super) fn tell(
    tx: &mut dyn Read,
    lane: &Lane,
    context: &mut Context<'_>,
    inherited: Vec<Inherited>,
) -> Result<Vec<LogEntry>, StoreError> {
    let mut entries = Vec::new();
    for item in log::items_of(tx, inherited, Because::GivenUp)? {
        let report = &mut *context.report;
        let is_own = item.configuration == lane.owner();
        if let Some(id) = item.target.filter(|_| is_own) {
            let again = !report.counted.insert(id) || report.referring.contains(&id);
            report.tally.updated += u64::from(!again);
        }
        if let Some(items) = &mut report.items {
            let written =
                |action| matches!(action, Action::Create | Action::Update | Action::Restore);
            let mut known = items.iter_mut();
            let known = known.find(|known| known.target == item.target && written(known.action));
            if let Some(known) = known {
                // A preview shows each object once.
                for change in item.changes {
                    match known.changes.iter_mut().find(|before| before.0 == change.0) {
                        Some(before) => before.2 = change.2,
                        None => known.changes.push(change),
                    }
                }
                continue;
            }
            if !is_own {
                continue;
            }
            if let Some(id) = item.target {
                report.updates.insert(id, items.len());
            }
        }
        entries.push(log::entry(context, Status::Success, item));
    }
    Ok(entries)
}
