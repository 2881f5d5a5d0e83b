//! What is remembered of cycles that are over: what the status tells, and lag is measured by.

use lockstep_engine::quarantine::failures;
use lockstep_model::CycleState;
use lockstep_store::records::job::{Cycle, Job};

/// Takes up how a cycle ended.
pub(super) fn ended(job: &mut Job, cycle: &Cycle) {
    let exported = cycle.created + cycle.updated + cycle.deleted + cycle.restored;
    let history = &mut job.history;
    history.exported += exported;
    if cycle.state == CycleState::Failed {
        let code = cycle.error.as_ref().map_or("", |error| &error.code);
        history.failures = failures(code, history.failures);
        return;
    }
    history.failures = 0;
    history.last_success = Some(cycle.id);
    history.last_success_started = Some(cycle.started);
    if exported > 0 {
        history.last_export = Some(cycle.id);
    } else if cycle.failed == 0 && cycle.held == 0 {
        history.steady_first = history.steady_first.or(cycle.ended);
        history.steady_last = cycle.ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_model::Guid;
    use lockstep_model::ids::{ConfigurationId, CycleId};

    fn cycle(n: u8, state: CycleState, created: u64) -> Cycle {
        let id = CycleId::new(Guid::from_bytes([n; 16]));
        let started = i64::from(n) * 1_000;
        Cycle {
            state,
            created,
            ended: Some(started + 10),
            ..Cycle::begun(id, ConfigurationId::new(Guid::NIL), started)
        }
    }

    #[test]
    fn failures_are_counted_from_the_last_success_and_a_quiet_cycle_is_the_steady_state() {
        let mut job = Job::new(ConfigurationId::new(Guid::NIL));
        for cycle in [
            cycle(1, CycleState::Succeeded, 7),
            cycle(2, CycleState::Succeeded, 0),
            cycle(3, CycleState::Succeeded, 0),
            cycle(4, CycleState::Failed, 1),
            cycle(5, CycleState::Failed, 0),
        ] {
            ended(&mut job, &cycle);
        }
        let history = &job.history;
        assert_eq!((history.failures, history.exported), (2, 8));
        assert_eq!(
            history.last_success,
            Some(cycle(3, CycleState::Succeeded, 0).id)
        );
        assert_eq!(history.last_success_started, Some(3_000));
        assert_eq!(
            history.last_export,
            Some(cycle(1, CycleState::Succeeded, 0).id)
        );
        assert_eq!(history.steady_first, Some(2_010));
        assert_eq!(history.steady_last, Some(3_010));
        ended(&mut job, &cycle(6, CycleState::Quarantined, 0));
        assert_eq!(job.history.failures, 0);
    }
}
