//! What has to be looked at again.

use lockstep_engine::RowState;
use lockstep_model::Guid;
use lockstep_model::ids::ConfigurationId;
use lockstep_store::records::connector_space::{Dirty, Staged, Subject, SubjectKind};
use lockstep_store::records::job::Job;
use lockstep_store::{ReadRecords as _, StoreError, Write, WriteRecords as _};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How many subjects stand in one mark.
const MARK: usize = 1_000;

/// Marks one subject. The caller stores the job.
///
/// # Errors
///
/// Those of the store.
pub fn mark(tx: &mut dyn Write, job: &mut Job, subject: Subject) -> Result<(), StoreError> {
    mark_all(tx, job, [subject])
}

/// Marks subjects, in one mark for each kind. The caller stores the job.
///
/// A subject that was marked before and not looked at yet then stands in two marks. That costs a second look,
/// and saves asking for each whether it was.
///
/// # Errors
///
/// Those of the store.
pub fn mark_all(
    tx: &mut dyn Write,
    job: &mut Job,
    subjects: impl IntoIterator<Item = Subject>,
) -> Result<(), StoreError> {
    let mut by_kind: BTreeMap<SubjectKind, Vec<Subject>> = BTreeMap::new();
    let mut known = HashSet::new();
    for subject in subjects {
        if known.insert(subject.clone()) {
            by_kind.entry(subject.kind()).or_default().push(subject);
        }
    }
    let mut marks = Vec::with_capacity(by_kind.len());
    for (kind, subjects) in by_kind {
        for subjects in subjects.chunks(MARK) {
            job.sequence += 1;
            marks.push(Dirty {
                configuration: job.configuration,
                kind,
                number: job.sequence,
                subjects: subjects.to_vec(),
                position: None,
            });
        }
    }
    tx.store(&marks)
}

/// Has these objects read by GUID at the end of the next page.
pub(crate) fn read_by_guid(
    tx: &mut dyn Write,
    configuration: ConfigurationId,
    guids: &BTreeSet<Guid>,
) -> Result<(), StoreError> {
    let ids: Vec<_> = guids.iter().map(|guid| (configuration, *guid)).collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut asked = Vec::new();
    for mut row in rows.into_iter().flatten() {
        if row.object.state != RowState::Unread {
            row.object.state = RowState::Unread;
            row.object.version += 1;
            asked.push(row);
        }
    }
    tx.store(&asked)
}
