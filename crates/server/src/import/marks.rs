//! What has to be looked at again.

use lockstep_store::records::connector_space::{Dirty, Subject};
use lockstep_store::records::job::Job;
use lockstep_store::{StoreError, Write, WriteRecords as _};

/// Marks one subject. The caller stores the job.
///
/// # Errors
///
/// Those of the store.
pub fn mark(tx: &mut dyn Write, job: &mut Job, subject: Subject) -> Result<(), StoreError> {
    mark_all(tx, job, [subject])
}

/// Marks subjects, each with the next number. A subject that was marked before gets the new number, so
/// that a recomputation that has already read it does not clear the mark. The caller stores the job.
///
/// # Errors
///
/// Those of the store.
pub fn mark_all(
    tx: &mut dyn Write,
    job: &mut Job,
    subjects: impl IntoIterator<Item = Subject>,
) -> Result<(), StoreError> {
    let configuration = job.configuration;
    let marks: Vec<Dirty> = subjects
        .into_iter()
        .map(|subject| {
            job.sequence += 1;
            Dirty {
                configuration,
                subject,
                sequence: job.sequence,
                position: None,
            }
        })
        .collect();
    tx.store(&marks)
}
