//! The guards that hold changes, as people are told of them.

use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{HeldDelete, HeldVerdict, Job};
use lockstep_store::records::safety::HeldChange;
use lockstep_store::{Key, Read, ReadRecords as _, Record, Scan, StoreError};

/// What a guard that has tripped holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guard {
    /// Objects that would be deleted.
    Deletes,
    /// Objects that would be changed.
    Updates,
    /// Members that would leave groups.
    Removals,
}

impl Guard {
    /// Those of a job that have tripped, the gravest first.
    pub(crate) fn tripped(job: &Job) -> impl Iterator<Item = Self> {
        let guards = [
            (job.guard_tripped, Self::Deletes),
            (job.updates_tripped, Self::Updates),
            (job.removals_tripped, Self::Removals),
        ];
        let tripped = guards.into_iter().filter(|(tripped, _)| *tripped);
        tripped.map(|(_, guard)| guard)
    }

    /// The stable name of the reason.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Deletes => "TooManyDeletes",
            Self::Updates => "TooManyUpdates",
            Self::Removals => "TooManyMemberRemovals",
        }
    }

    /// How many it holds that nobody has decided about, and since when the first of them.
    pub(crate) fn held<T: Read + ?Sized>(
        self,
        tx: &mut T,
        id: ConfigurationId,
    ) -> Result<(u64, Option<i64>), StoreError> {
        let open = HeldVerdict::Open;
        match self {
            Self::Deletes => {
                let prefix = HeldDelete::with(id, open);
                first_of::<T, HeldDelete>(tx, HeldDelete::BY_VERDICT, prefix, |row| row.since)
            }
            Self::Updates | Self::Removals => {
                let prefix = HeldChange::with(id, open, self == Self::Removals);
                first_of::<T, HeldChange>(tx, HeldChange::BY_VERDICT, prefix, |row| row.since)
            }
        }
    }

    /// What happened, where so many are held.
    pub(crate) fn message(self, count: u64) -> String {
        let what = match self {
            Self::Deletes => "deletes",
            Self::Updates => "updates",
            Self::Removals => "members that would leave groups",
        };
        format!("{count} {what} are held, which is the limit or more")
    }

    /// What to do about it in the configuration of this name.
    pub(crate) fn remedy(self, name: &str) -> String {
        format!(
            "`lockstep deletes list {name}` shows them; put the cause right, or allow or reject them with \
             `lockstep deletes allow {name}` and `reject`"
        )
    }
}

/// How many there are along an index, and since when the first is there.
fn first_of<T: Read + ?Sized, R: Record>(
    tx: &mut T,
    index: usize,
    prefix: Key,
    since: fn(&R) -> i64,
) -> Result<(u64, Option<i64>), StoreError> {
    let count = tx.how_many::<R>(Some(index), &prefix)?;
    let first: Vec<R> = tx.list(&Scan::along(index, prefix, 1))?;
    Ok((count, first.first().map(since)))
}
