//! The guards that hold changes, as people are told of them.

use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::job::{HeldDelete, HeldVerdict, Job};
use lockstep_store::records::safety::{HeldChange, Notice};
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};

/// How many changes are looked at in one go.
const SLICE: usize = 1_000;

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
    /// All that there are, the gravest first.
    pub(crate) const ALL: [Self; 3] = [Self::Deletes, Self::Updates, Self::Removals];

    /// Those of a job that have tripped, the gravest first.
    pub(crate) fn tripped(job: &Job) -> impl Iterator<Item = Self> {
        let has_tripped = |guard: &Self| match guard {
            Self::Deletes => job.guard_tripped,
            Self::Updates => job.updates_tripped,
            Self::Removals => job.removals_tripped,
        };
        Self::ALL.into_iter().filter(has_tripped)
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
            Self::Updates => {
                let prefix = HeldChange::with(id, open, false);
                first_of::<T, HeldChange>(tx, HeldChange::BY_VERDICT, prefix, |row| row.since)
            }
            Self::Removals => removals(tx, id),
        }
    }

    /// Opens it again when an administrator has decided about everything that it held, or nothing of it is decided so
    /// any more. When it trips another time, that is told anew. A preview's job holds what is its owner's.
    pub(crate) fn settle(
        self,
        tx: &mut dyn Write,
        job: &mut Job,
        owner: ConfigurationId,
    ) -> Result<(), StoreError> {
        let tripped = match self {
            Self::Deletes => &mut job.guard_tripped,
            Self::Updates => &mut job.updates_tripped,
            Self::Removals => &mut job.removals_tripped,
        };
        if !*tripped || self.holds(tx, owner)? {
            return Ok(());
        }
        *tripped = false;
        tx.remove::<Notice>(&[(owner, self.code().to_owned())])
    }

    /// Whether something of what it tripped over waits for a decision.
    fn holds(self, tx: &mut dyn Read, id: ConfigurationId) -> Result<bool, StoreError> {
        let open = HeldVerdict::Open;
        let changes = |tx, members| {
            let prefix = HeldChange::with(id, open, members);
            is_any(tx, HeldChange::BY_VERDICT, prefix, HeldChange::keeps_closed)
        };
        match self {
            Self::Deletes => {
                let prefix = HeldDelete::with(id, open);
                is_any(tx, HeldDelete::BY_VERDICT, prefix, HeldDelete::keeps_closed)
            }
            Self::Updates => changes(tx, false),
            Self::Removals => changes(tx, true),
        }
    }

    /// What happened, where so many are held.
    pub(crate) fn message(self, count: u64) -> String {
        let what = match self {
            Self::Deletes => "deletes",
            Self::Updates => "updates",
            Self::Removals => "members that would leave groups",
        };
        format!("{count} {what} are held, because as many as the limit or more had come together")
    }

    /// What to do about it in the configuration of this name.
    pub(crate) fn remedy(self, name: &str) -> String {
        format!(
            "`lockstep deletes list {name}` shows them; put the cause right, or allow or reject them with \
             `lockstep deletes allow {name}` and `reject`"
        )
    }
}

/// Changes that guards which have tripped hold. What only waits for the next cycle by clock is not among them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct HeldCount {
    /// Deletes of objects.
    pub(crate) deletes: u64,
    /// Updates of objects, and members that would leave groups.
    pub(crate) changes: u64,
}

impl HeldCount {
    /// What the guards of a job hold.
    pub(crate) fn of<T: Read + ?Sized>(tx: &mut T, job: &Job) -> Result<Self, StoreError> {
        let mut count = Self::default();
        for guard in Guard::tripped(job) {
            let (held, _) = guard.held(tx, job.configuration)?;
            match guard {
                Guard::Deletes => count.deletes += held,
                Guard::Updates | Guard::Removals => count.changes += held,
            }
        }
        Ok(count)
    }
}

/// Members of groups that have reached the limit: those of other groups wait for the next cycle by clock only.
fn removals<T: Read + ?Sized>(
    tx: &mut T,
    id: ConfigurationId,
) -> Result<(u64, Option<i64>), StoreError> {
    let prefix = HeldChange::with(id, HeldVerdict::Open, true);
    let mut scan = Scan::along(HeldChange::BY_VERDICT, prefix, SLICE);
    let (mut count, mut since) = (0, None);
    loop {
        let rows: Vec<HeldChange> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok((count, since));
        };
        scan = scan.behind(last);
        for row in rows.iter().filter(|row| row.told) {
            count += 1;
            since = since.or(Some(row.since));
        }
    }
}

/// Whether this is true of one of those along an index.
fn is_any<R: Record>(
    tx: &mut dyn Read,
    index: usize,
    prefix: Key,
    is: fn(&R) -> bool,
) -> Result<bool, StoreError> {
    let mut scan = Scan::along(index, prefix, SLICE);
    loop {
        let rows: Vec<R> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(false);
        };
        scan = scan.behind(last);
        if rows.iter().any(is) {
            return Ok(true);
        }
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
