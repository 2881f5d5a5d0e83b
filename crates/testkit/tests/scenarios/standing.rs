//! What a scenario expects of a job: how it stands, what is listed for an administrator to decide on, whom it told.

use crate::expect::{equal, holds, lines, shown, texts};
use crate::script::{Step, Wrong};
use crate::stage::Stage;
use lockstep_server::job;
use serde_json::Value;
use std::collections::BTreeSet;

impl Stage {
    /// Holds how a configuration stands against the lines of a step.
    pub(crate) async fn expect_job(&self, name: &str, step: &Step) -> Result<(), Wrong> {
        let path = format!("/api/v1/configurations/{name}");
        let found = self.get(&path).await.map_err(Wrong::at(step.line))?;
        for (number, words) in lines(step)? {
            let at = Wrong::at(number);
            match texts(&words).as_slice() {
                ["status", status] => {
                    equal(number, "the status", status, &shown(&found["status"]))?;
                }
                ["quarantine", reason, rest @ ..] => {
                    let quarantine = &found["quarantine"];
                    equal(number, "reason", reason, &shown(&quarantine["reason"]))?;
                    for text in rest {
                        holds(&quarantine.to_string(), text).map_err(&at)?;
                    }
                }
                ["no", "quarantine"] => {
                    equal(number, "quarantine", "", &shown(&found["quarantine"]))?;
                }
                ["held", count] => {
                    equal(number, "held", count, &shown(&found["job"]["held"]))?;
                }
                ["failing", count] => {
                    equal(number, "failing", count, &shown(&found["job"]["escrowed"]))?;
                }
                ["next", rest @ ..] => {
                    let next = self.next_cycle(name).await.map_err(&at)?;
                    equal(number, "the next cycle", &rest.join(" "), &next)?;
                }
                _ => return Err(at(format!("`{}` is nothing of a job", words.join(" ")))),
            }
        }
        Ok(())
    }

    /// When the clock runs the next cycle, as a scenario writes it.
    async fn next_cycle(&self, name: &str) -> Result<String, String> {
        let id = self.configuration(name).await?;
        let next = job::next_cycle(&self.service, id).await;
        let next = next.map_err(|error| error.to_string())?;
        let now = self.service.clock.now();
        Ok(next.map_or_else(
            || "by hand".to_owned(),
            |next| format!("{} minutes", next.since(now).as_secs() / 60),
        ))
    }

    /// Holds what is listed for an administrator to decide on against the lines of a step: everything must be
    /// named there, unless it is only counted.
    pub(crate) async fn expect_listed(
        &self,
        name: &str,
        list: &str,
        step: &Step,
    ) -> Result<(), Wrong> {
        let path = format!("/api/v1/configurations/{name}/{list}");
        let listed = self.get(&path).await.map_err(Wrong::at(step.line))?;
        let all: Vec<&Value> = listed.as_array().into_iter().flatten().collect();
        let (mut expected, mut counted) = (BTreeSet::new(), false);
        for (number, words) in lines(step)? {
            let at = Wrong::at(number);
            match texts(&words).as_slice() {
                ["count", count] => {
                    equal(number, list, count, &all.len().to_string())?;
                    counted = true;
                }
                ["none"] => equal(number, list, "0", &all.len().to_string())?,
                [dn, rest @ ..] => {
                    let dn = self.full_dn(dn).map_err(&at)?;
                    let found = all.iter().find(|one| one["dn"] == *dn);
                    let found = found.ok_or_else(|| at(format!("{dn} is not listed: {listed}")))?;
                    for text in rest {
                        holds(&found.to_string(), text).map_err(&at)?;
                    }
                    expected.insert(dn);
                }
                [] => {}
            }
        }
        let found: BTreeSet<String> = all.iter().map(|one| shown(&one["dn"])).collect();
        match counted || expected == found {
            true => Ok(()),
            false => Err(Wrong::at(step.line)(format!(
                "expected {expected:?}, listed are {found:?}"
            ))),
        }
    }

    /// Holds the mails that have come since they were last looked at against the lines of a step.
    pub(crate) fn expect_mails(&self, step: &Step) -> Result<(), Wrong> {
        let at = Wrong::at(step.line);
        let (sink, seen) = self
            .mail
            .as_ref()
            .ok_or_else(|| at("no mail is kept".to_owned()))?;
        let all = sink.received();
        let new = all.get(seen.replace(all.len())..).unwrap_or_default();
        let mut expected = 0_usize;
        for (number, words) in lines(step)? {
            if words == ["none"] {
                continue;
            }
            let mail = new.get(expected);
            let mail = mail
                .ok_or_else(|| Wrong::at(number)(format!("only {} mails have come", new.len())))?;
            for text in texts(&words) {
                holds(mail, text).map_err(Wrong::at(number))?;
            }
            expected += 1;
        }
        equal(
            step.line,
            "mails",
            &expected.to_string(),
            &new.len().to_string(),
        )
    }
}

/// Holds the number of cycles that the clock has run against the lines of a step.
pub(crate) fn expect_cycles(step: &Step, cycles: u32) -> Result<(), Wrong> {
    for (number, words) in lines(step)? {
        match texts(&words).as_slice() {
            ["cycles", expected] => equal(number, "cycles", expected, &cycles.to_string())?,
            _ => return Err(Wrong::at(number)("expected `cycles NUMBER`".to_owned())),
        }
    }
    Ok(())
}
