//! What an administrator does beside the history: limits, staging, verdicts on one object or some, words on what is
//! missing, comparisons, removals. Its chances are its own: every history is else what it was.

use super::*;
use crate::script::Limits;

impl Maker {
    /// Limits from the beginning, or from some change of the configuration on; sometimes it is in staging for a time.
    pub(super) fn limits(&mut self, wishes: &mut Wishes) {
        let limits = Limits {
            updates: self.limit(),
            members: self.limit(),
        };
        let staging = self.random.chance(25);
        if self.random.chance(60) {
            wishes.limits = limits;
        }
        wishes.staging = staging && self.random.chance(50);
        let mut again = vec![wishes.clone()];
        for step in &mut self.steps {
            let (Step::Admin(Admin::Configure(wishes))
            | Step::AdminOfSecond(Admin::Configure(wishes))) = step
            else {
                continue;
            };
            if self.random.chance(70) {
                wishes.limits = limits;
            }
            wishes.staging = staging && self.random.chance(30);
            again.push(wishes.clone());
        }
        // The same once more, with other limits, or done at last.
        for _ in 0..self.random.below(3) {
            let mut wishes = self.random.pick(&again).cloned().unwrap_or_default();
            wishes.staging = staging && self.random.chance(30);
            wishes.limits = match self.random.below(3) {
                0 => Limits::default(),
                1 => limits,
                _ => Limits {
                    updates: self.limit(),
                    members: self.limit(),
                },
            };
            self.some_time(Step::Admin(Admin::Configure(wishes)));
        }
    }

    fn limit(&mut self) -> Option<u64> {
        let limited = self.random.chance(60);
        limited.then(|| 1 + u64::from(self.random.below(3)))
    }

    /// Here and there something is said, and a cycle follows or does not.
    pub(super) fn administered(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            let label = self.anybody().unwrap_or(WELL_KNOWN.users);
            let admin = match self.random.below(10) {
                0 => Admin::AllowOne(label),
                1 => Admin::RejectOne(label),
                2 => Admin::AllowUsers,
                3 => Admin::RejectUsers,
                4 => Admin::MissingIsGone,
                5 => Admin::MissingStays,
                6 => Admin::RestartEscrows,
                7 => Admin::AllowDeletes,
                _ => Admin::Reconcile,
            };
            let step = match self.second && self.random.chance(30) {
                true => Step::AdminOfSecond(admin),
                false => Step::Admin(admin),
            };
            self.some_time(step);
        }
        if self.second && self.random.chance(40) {
            let admin = match self.random.chance(50) {
                true => Admin::Remove,
                false => Admin::Release,
            };
            self.some_time(Step::AdminOfSecond(admin));
        }
    }

    /// At some time, and often with a cycle behind it.
    fn some_time(&mut self, step: Step) {
        let at = self.sometime(0);
        let order = u64::from(self.random.below(1_000));
        let mut steps = vec![step];
        if self.random.chance(50) {
            steps.push(Step::Settle { order });
        }
        if self.random.chance(50) {
            steps.push(Step::Wake(Wake::Clock));
            steps.push(Step::Settle { order });
        }
        self.steps.splice(at..at, steps);
    }
}
