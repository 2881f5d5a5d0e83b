//! Stories of two configurations of one domain.

use super::*;

impl Maker {
    pub(super) fn cycle_of_second(&mut self) {
        let wake = match self.random.chance(20) {
            true => Wake::Change,
            false => Wake::Clock,
        };
        self.steps.push(Step::WakeSecond(wake));
    }

    pub(super) fn episode_of_two(&mut self) {
        match self.random.below(6) {
            0 | 1 => self.second_is_wanted(),
            2 => self.crosses_over(),
            3 => self.claims_an_anchor(),
            4 => self.owner_goes(),
            _ => self.handed_over(),
        }
    }

    /// Both cycles, one after the other.
    fn both(&mut self) {
        self.wake();
        self.settle();
        self.cycle_of_second();
        self.settle();
    }

    fn second_is_wanted(&mut self) {
        let mut wishes = self.wishes();
        wishes.mappings.clear();
        self.steps
            .push(Step::AdminOfSecond(Admin::Configure(wishes)));
        self.settle();
        self.both();
    }

    /// One unit each, and somebody moves from one to the other.
    fn crosses_over(&mut self) {
        let Some(label) = self.person() else {
            return;
        };
        let (from, to) = (self.unit(), self.unit());
        if from == to || from == WELL_KNOWN.users || to == WELL_KNOWN.users {
            return;
        }
        for (unit, second) in [(from, false), (to, true)] {
            let wishes = Wishes {
                units: vec![unit],
                passwords: self.wanted_passwords(),
                ..Wishes::default()
            };
            let admin = Admin::Configure(wishes);
            self.steps.push(match second {
                true => Step::AdminOfSecond(admin),
                false => Step::Admin(admin),
            });
            self.settle();
        }
        for parent in [from, to, from] {
            self.ad(Change::Move { label, parent });
            match self.random.chance(60) {
                true => self.both(),
                false => {
                    self.cycle_of_second();
                    self.settle();
                    self.cycle();
                }
            }
        }
    }

    /// As in a migration: another object gets the anchor of one that is there.
    fn claims_an_anchor(&mut self) {
        let (Some(label), Some(of)) = (self.person(), self.person()) else {
            return;
        };
        self.both();
        self.ad(Change::SetAnchor { label, of });
        self.both();
        let change = match self.random.below(3) {
            0 => Change::Delete { label: of },
            1 => Change::Move {
                label: of,
                parent: WELL_KNOWN.head,
            },
            _ => Change::SetAnchor { label, of: label },
        };
        self.ad(change);
        self.both();
    }

    /// Both want everybody; who has somebody lets go.
    fn owner_goes(&mut self) {
        let everybody = Wishes {
            passwords: self.wanted_passwords(),
            ..Wishes::default()
        };
        self.steps
            .push(Step::AdminOfSecond(Admin::Configure(everybody)));
        self.settle();
        self.both();
        let wishes = self.wishes();
        self.steps.push(Step::Admin(Admin::Configure(wishes)));
        self.settle();
        self.both();
        if self.random.chance(50) {
            self.both();
        }
    }

    fn handed_over(&mut self) {
        if self.random.chance(50) {
            self.second_is_wanted();
        }
        self.changes(2);
        self.steps.push(Step::AdminOfSecond(Admin::HandOver));
        self.settle();
        self.both();
    }
}
