//! Instructions to agents, as rows: whoever gives one and whoever hands it out may be two replicas.

use lockstep_api::channel::{Action, Instruction, Outcome};
use lockstep_model::Timestamp;
use lockstep_model::ids::{AgentId, ConfigurationId, InstructionId};
use lockstep_store::records::job::{InstructionRow, InstructionState, Job, Order};
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// Lays an instruction out for the agents of a domain.
///
/// # Errors
///
/// Those of the store.
pub fn give(
    tx: &mut dyn Write,
    domain: &str,
    owner: Option<(ConfigurationId, u64)>,
    action: Action,
    now: Timestamp,
) -> Result<InstructionId, StoreError> {
    let id = InstructionId::new(crate::ids::random_guid());
    let lease = owner.map_or(0, |(_, lease)| lease);
    let instruction = Instruction {
        id,
        lease,
        domain: domain.to_owned(),
        action,
    };
    let body = serde_json::to_string(&instruction).map_err(|source| StoreError::Abandoned {
        source: source.into(),
    })?;
    tx.store(&[Order {
        instruction: id,
        body,
    }])?;
    tx.store(&[InstructionRow {
        id,
        domain: domain.to_owned(),
        configuration: owner.map(|(configuration, _)| configuration),
        lease,
        state: InstructionState::Waiting,
        run: String::new(),
        given: now.as_millis(),
        heard: now.as_millis(),
        heard_number: 0,
        heard_open: Vec::new(),
    }])?;
    Ok(id)
}

/// The oldest instruction that waits for an agent of these domains; it is the agent's from now on.
///
/// # Errors
///
/// Those of the store.
pub fn take(
    tx: &mut dyn Write,
    agent: AgentId,
    run: &str,
    domains: &[String],
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let mut waiting: Vec<InstructionRow> = Vec::new();
    for domain in domains {
        let prefix = Key::empty().with(domain.as_str());
        waiting.extend(tx.list::<InstructionRow>(&Scan::along(
            InstructionRow::BY_DOMAIN,
            prefix,
            100,
        ))?);
    }
    let Some(mut row) = waiting.into_iter().min_by_key(|row| row.given) else {
        return Ok(None);
    };
    row.state = InstructionState::Taken(agent);
    run.clone_into(&mut row.run);
    row.heard = now.as_millis();
    let order: Option<Order> = tx.fetch_one(&row.id)?;
    tx.store(&[row])?;
    Ok(order.map(|order| order.body))
}

/// What an instruction says, as long as it is not withdrawn.
///
/// # Errors
///
/// Those of the store, and for a row that is not what [`give`] writes.
pub fn given(
    tx: &mut (impl Read + ?Sized),
    id: InstructionId,
) -> Result<Option<Instruction>, StoreError> {
    let order: Option<Order> = tx.fetch_one(&id)?;
    let read = order.map(|order| serde_json::from_str(&order.body));
    read.transpose().map_err(|source| StoreError::Abandoned {
        source: source.into(),
    })
}

/// What earlier runs of an agent had taken is carried out by nobody any more: it need not be waited for.
/// Says whether there was any.
///
/// # Errors
///
/// Those of the store.
pub fn forsake(tx: &mut dyn Write, agent: AgentId, run: &str) -> Result<bool, StoreError> {
    let all: Vec<InstructionRow> = tx.list(&Scan::of(Key::empty(), usize::MAX))?;
    let forsaken = |row: &InstructionRow| {
        row.state == InstructionState::Taken(agent) && row.run != run && row.heard != 0
    };
    let mut rows: Vec<InstructionRow> = all.into_iter().filter(forsaken).collect();
    for row in &mut rows {
        row.heard = 0;
    }
    tx.store(&rows)?;
    Ok(!rows.is_empty())
}

/// Notes the outcome, unless the instruction has been withdrawn. Says whether it was noted.
///
/// # Errors
///
/// Those of the store.
pub fn finish(
    tx: &mut dyn Write,
    id: InstructionId,
    lease: u64,
    outcome: &Outcome,
) -> Result<bool, StoreError> {
    let Some(mut row) = tx.fetch_one::<InstructionRow>(&id)? else {
        return Ok(false);
    };
    if row.lease != lease || !matches!(row.state, InstructionState::Taken(_)) {
        return Ok(false);
    }
    let body = serde_json::to_string(outcome).map_err(|source| StoreError::Abandoned {
        source: source.into(),
    })?;
    row.state = InstructionState::Finished(body);
    tx.store(&[row])?;
    Ok(true)
}

/// Takes an instruction back; an agent that still works on it is refused from now on.
///
/// # Errors
///
/// Those of the store.
pub fn withdraw(tx: &mut dyn Write, id: InstructionId) -> Result<(), StoreError> {
    tx.remove::<InstructionRow>(&[id])?;
    tx.remove::<Order>(&[id])
}

/// Takes back whatever agents are to do for a job, of objects and of passwords.
///
/// # Errors
///
/// Those of the store.
pub fn withdraw_all(tx: &mut dyn Write, job: &Job) -> Result<(), StoreError> {
    let given = [job.instruction, job.passwords.instruction];
    for instruction in given.into_iter().flatten() {
        withdraw(tx, instruction)?;
    }
    Ok(())
}
