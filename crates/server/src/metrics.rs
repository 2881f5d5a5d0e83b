//! What Prometheus is told.

mod jobs;

use crate::service::Service;
use lockstep_store::records::job::Cycle;
use lockstep_store::records::service::Agent;
use lockstep_store::{Key, ReadRecords as _, Scan};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// For how long a gauge is shown that nobody sets.
const IDLE: Duration = Duration::from_secs(5);

/// The process has one set of metrics, however many services a test starts in it.
static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The metrics of this process.
#[derive(Clone, Debug)]
pub struct Metrics(Option<PrometheusHandle>);

impl Metrics {
    /// Begins to count.
    #[must_use]
    pub fn install() -> Self {
        let handle = HANDLE.get_or_init(|| {
            let builder = PrometheusBuilder::new();
            // What is not shown again belongs to a configuration that is gone.
            let builder = builder.idle_timeout(MetricKindMask::GAUGE, Some(IDLE));
            let handle = builder.install_recorder().ok()?;
            describe();
            Some(handle)
        });
        Self(handle.clone())
    }

    /// The text that Prometheus reads.
    pub async fn render(&self, service: &Arc<Service>) -> String {
        let at = service.clock.now();
        let now = at.as_millis();
        let known = service.read(move |tx| {
            let agents: Vec<Agent> = tx.list(&Scan::of(Key::empty(), usize::MAX))?;
            Ok((jobs::standings(tx, at)?, agents))
        });
        match known.await {
            Ok((standings, agents)) => {
                jobs::show(&standings);
                let active = agents.iter().filter(|agent| agent.is_active(now)).count();
                gauge!("lockstep_agents").set(count(agents.len()));
                gauge!("lockstep_agents_active").set(count(active));
                gauge!("lockstep_database_unreadable").set(0.0);
            }
            // Nothing is known of what the database would tell, and nothing is shown of it.
            Err(error) => {
                tracing::warn!(%error, "the database could not be read for metrics");
                gauge!("lockstep_database_unreadable").set(1.0);
            }
        }
        counter!("lockstep_store_statements_total").absolute(service.store.statements());
        self.0
            .as_ref()
            .map(PrometheusHandle::render)
            .unwrap_or_default()
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn describe() {
    jobs::describe();
    describe_counter!(
        "lockstep_cycles_total",
        "Cycles that ended, by kind and state"
    );
    describe_counter!(
        "lockstep_objects_total",
        "What cycles did to objects, by action"
    );
    describe_counter!(
        "lockstep_passwords_total",
        "Passwords of Active Directory, by outcome"
    );
    describe_counter!("lockstep_sign_ins_total", "Attempts to sign in, by outcome");
    describe_counter!(
        "lockstep_store_statements_total",
        "Statements to the store since the service started"
    );
    describe_histogram!("lockstep_cycle_seconds", "How long cycles took");
    describe_gauge!(
        "lockstep_database_unreadable",
        "1: the database could not be read, and nothing is told of configurations and agents"
    );
    describe_gauge!("lockstep_agents", "Agents that are enrolled");
    describe_gauge!("lockstep_agents_active", "Agents that were heard of lately");
}

/// Counts a cycle that ended.
pub fn cycle_ended(cycle: &Cycle) {
    let labels = [
        ("kind", cycle.kind.as_str()),
        ("state", cycle.state.as_str()),
    ];
    counter!("lockstep_cycles_total", &labels).increment(1);
    for (action, number) in [
        ("import", cycle.imported),
        ("create", cycle.created),
        ("update", cycle.updated),
        ("delete", cycle.deleted),
        ("restore", cycle.restored),
        ("fail", cycle.failed),
        ("hold", cycle.held),
    ] {
        counter!("lockstep_objects_total", "action" => action).increment(number);
    }
    for (outcome, number) in [
        ("set", cycle.passwords.set),
        ("failed", cycle.passwords.failed),
    ] {
        counter!("lockstep_passwords_total", "outcome" => outcome).increment(number);
    }
    let millis = cycle.ended.unwrap_or(cycle.started) - cycle.started;
    let millis = u32::try_from(millis.max(0)).unwrap_or(u32::MAX);
    histogram!("lockstep_cycle_seconds").record(f64::from(millis) / 1_000.0);
}

#[cfg(test)]
mod tests {
    /// What is told is of use to nobody if no rule asks for it.
    #[test]
    fn alerts_ask_for_everything_that_is_wrong_with_a_configuration() {
        let rules = include_str!("../../../packaging/prometheus-rules.yml");
        for metric in [
            "lockstep_lag_seconds",
            "lockstep_interval_seconds",
            "lockstep_never_succeeded",
            "lockstep_database_unreadable",
            "lockstep_objects_missing",
            "lockstep_passwords_failing",
            "lockstep_successive_password_failures",
        ] {
            assert!(rules.contains(metric), "{metric}");
        }
    }

    /// A pause is told after a day of it, not after the first look at a configuration that is young.
    #[test]
    fn what_is_to_last_before_it_is_told_is_counted_by_the_rule_and_not_by_the_age_of_the_series() {
        let rules = include_str!("../../../packaging/prometheus-rules.yml");
        assert!(!rules.contains("_over_time"));
        let paused = rules
            .split("- alert: ")
            .find(|rule| rule.starts_with("LockstepPausedLong"));
        assert!(paused.unwrap().contains("for: 1d"));
    }

    /// What stands in the rules for alerts are metrics that there are.
    #[test]
    fn alerts_ask_for_metrics_that_are_shown() {
        let own = include_str!("metrics.rs").split("#[cfg(test)]").next();
        let shown = [own.unwrap(), include_str!("metrics/jobs.rs")].concat();
        let rules = include_str!("../../../packaging/prometheus-rules.yml");
        let words = rules.split(|c: char| !c.is_alphanumeric() && c != '_');
        let asked: Vec<&str> = words.filter(|word| word.starts_with("lockstep_")).collect();
        assert!(asked.len() > 8, "{asked:?}");
        for metric in asked {
            assert!(shown.contains(&format!("\"{metric}\"")), "{metric}");
        }
    }
}
