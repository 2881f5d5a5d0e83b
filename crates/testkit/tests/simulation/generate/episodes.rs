//! Several steps that make a story together; by chance alone they rarely would.

use super::*;

impl Maker {
    /// Somebody moves into a unit that moves too; which is told first, is chance.
    pub(super) fn restructured(&mut self) {
        let (unit, parent) = (self.unit(), self.unit());
        let Some(label) = self.anybody() else { return };
        let mut moves = vec![
            Change::Move {
                label: unit,
                parent,
            },
            Change::Move {
                label,
                parent: unit,
            },
            Change::Rename {
                label: unit,
                name: format!("unit-{}", self.random.below(1_000)),
            },
        ];
        if self.random.chance(30) {
            moves.swap(0, 1);
        }
        for change in moves {
            self.ad(change);
        }
        self.cycle();
    }

    /// Somebody is deleted, or leaves, and comes back.
    pub(super) fn gone_and_back(&mut self) {
        let Some(label) = self.anybody() else { return };
        let parent = self.unit();
        let (leave, come) = match self.random.chance(60) {
            true => (Change::Delete { label }, Change::Undelete { label, parent }),
            false => (
                Change::Move {
                    label,
                    parent: WELL_KNOWN.head,
                },
                Change::Move { label, parent },
            ),
        };
        if let Some(group) = self.group().filter(|_| self.random.chance(60)) {
            self.ad(Change::Link {
                source: group,
                attribute: "member",
                target: label,
            });
            self.cycle();
        }
        self.ad(leave);
        if self.random.chance(70) {
            self.cycle();
        }
        self.changes(2);
        self.ad(come);
        self.cycle();
    }

    /// A controller's database is set back. Often somebody changes before and after it, who is then its canary.
    pub(super) fn set_back(&mut self) {
        let controller = self.random.below(2) as usize % self.controllers;
        let label = self.anybody().filter(|_| self.random.chance(50));
        self.steps.push(Step::Snapshot(controller));
        match label {
            Some(label) => {
                let change = self.set_of(label);
                self.ad(change);
            }
            None => self.changes(4),
        }
        self.cycle();
        self.steps.push(Step::Restore {
            controller,
            new_invocation: self.random.chance(50),
        });
        if let Some(label) = label {
            let change = self.set_of(label);
            self.ad(change);
        } else if self.random.chance(50) {
            self.changes(6);
        }
        self.cycle();
    }

    /// The controller that was read from goes down; another one has not heard of everything.
    pub(super) fn failed_over(&mut self) {
        if self.controllers < 2 {
            return;
        }
        self.changes(3);
        self.replicate();
        self.changes(3);
        self.cycle();
        let down = self.random.below(2) as usize;
        self.steps.push(Step::ControllerDown(down));
        if self.random.chance(40) {
            self.restart();
        }
        self.cycle();
        if self.random.chance(50) {
            self.steps.push(Step::WriteAt(1 - down));
            self.changes(2);
            self.cycle();
        }
        self.steps.push(Step::ControllerUp(down));
        self.replicate();
        self.cycle();
    }

    /// Changes while a cycle runs.
    pub(super) fn changed_meanwhile(&mut self) {
        self.changes(3);
        self.wake();
        for _ in 0..1 + self.random.below(3) {
            self.turns();
            self.changes(2);
        }
        self.settle();
    }

    /// An agent stands still until another has taken its place, and then goes on. Often the same attribute changes
    /// before and after, so that what it still has to say is old.
    pub(super) fn overtaken(&mut self) {
        let (first, second) = match self.random.chance(50) {
            true => (0, 1),
            false => (1, 0),
        };
        let (attribute, values) = self.random.pick(&ATTRIBUTES).copied().unwrap_or_default();
        let label = self.anybody().filter(|_| self.random.chance(70));
        let changes = |maker: &mut Self, value: usize| {
            if let Some((label, value)) = label.zip(values.get(value)) {
                maker.ad(Change::Set {
                    label,
                    attribute,
                    values: vec![(*value).to_owned()],
                });
            }
            maker.changes(2);
        };
        changes(self, 0);
        if self.random.chance(70) {
            // Whatever there is to do, the first one does.
            self.steps.push(Step::AgentFreezes(second));
        }
        self.wake();
        self.turns();
        self.steps.push(Step::AgentFreezes(first));
        self.steps.push(Step::AgentGoesOn(second));
        changes(self, 1);
        self.steps.push(Step::Time(1 + self.random.below(3)));
        match self.random.chance(60) {
            true => self.settle(),
            false => self.turns(),
        }
        self.steps.push(Step::AgentGoesOn(first));
        if self.random.chance(40) {
            self.wake();
        }
        self.settle();
    }

    /// Two have the same name or address; then one lets go of it.
    pub(super) fn named_alike(&mut self) {
        let (Some(one), Some(other)) = (self.person(), self.anybody()) else {
            return;
        };
        let (attribute, value) = match self.random.chance(50) {
            true => ("userprincipalname", "shared@corp.test"),
            false => ("proxyaddresses", "SMTP:shared@corp.test"),
        };
        let set = |maker: &mut Self, label, values: Vec<String>| {
            maker.ad(Change::Set {
                label,
                attribute,
                values,
            });
        };
        set(self, one, vec![value.to_owned()]);
        if self.random.chance(60) {
            self.cycle();
        }
        set(self, other, vec![value.to_owned()]);
        self.cycle();
        match self.random.below(3) {
            0 => self.ad(Change::Delete { label: one }),
            1 => set(self, one, Vec::new()),
            _ => self.ad(Change::Move {
                label: one,
                parent: WELL_KNOWN.head,
            }),
        }
        self.cycle();
    }

    /// Many are deleted; some come back before anybody decides about it.
    pub(super) fn held(&mut self) {
        let victims: Vec<Label> = (0..1 + self.random.below(4))
            .filter_map(|_| self.anybody())
            .collect();
        for label in &victims {
            let change = match self.random.chance(60) {
                true => Change::Delete { label: *label },
                false => Change::Move {
                    label: *label,
                    parent: WELL_KNOWN.head,
                },
            };
            self.ad(change);
        }
        self.cycle();
        for label in victims {
            let parent = self.unit();
            match self.random.below(4) {
                0 => self.ad(Change::Undelete { label, parent }),
                1 => self.ad(Change::Move { label, parent }),
                _ => {}
            }
        }
        if self.random.chance(50) {
            self.cycle();
        }
        let admin = match self.random.below(4) {
            0 => Admin::RejectDeletes,
            1 => Admin::RestartQuarantine,
            _ => Admin::AllowDeletes,
        };
        self.steps.push(Step::Admin(admin));
        self.cycle();
    }

    /// So long without a cycle that tombstones are collected unseen.
    pub(super) fn too_old(&mut self) {
        self.changes(2);
        self.cycle();
        if let Some(label) = self.anybody() {
            self.ad(Change::Delete { label });
        }
        let days = 20 + self.random.below(60);
        self.steps.push(Step::Time(1_440 * days));
        self.steps.push(Step::Expunge);
        self.cycle();
    }

    /// The account loses a right, and gets it back.
    pub(super) fn blinded(&mut self) {
        let unit = self.unit();
        let right = |on| match self.kind_of_blindness(unit) {
            0 => RightsChange::TombstonesHidden(on),
            1 => RightsChange::Closed(unit, on),
            2 => RightsChange::Unreadable(unit, on),
            _ => RightsChange::AttributeHidden("description", on),
        };
        let (off, on) = (right(true), right(false));
        self.steps.push(Step::Rights(off));
        self.changes(3);
        if self.random.chance(40) {
            self.restart();
        }
        self.cycle();
        self.steps.push(Step::Rights(on));
        self.cycle();
    }

    /// The same for both ends of it: a number made of what is there already.
    pub(super) fn kind_of_blindness(&self, unit: Label) -> u32 {
        let steps = u32::try_from(self.steps.len()).unwrap_or(0);
        (unit.0 + steps) % 4
    }

    /// Edges between groups come and go, some of them of the scope.
    pub(super) fn grouped(&mut self) {
        let (Some(outer), Some(inner)) = (self.group(), self.group()) else {
            return;
        };
        if self.random.chance(30) {
            let mut wishes = self.wishes();
            wishes.groups = vec![outer];
            wishes.nested = true;
            self.steps.push(Step::Admin(Admin::Configure(wishes)));
            self.settle();
        }
        let pairs = [(outer, inner), (inner, outer)];
        for (source, target) in pairs {
            if self.random.chance(60) {
                self.member(source, target, true);
            }
        }
        if let Some(label) = self.anybody() {
            self.member(inner, label, true);
        }
        self.cycle();
        match self.random.below(4) {
            0 => self.ad(Change::Delete { label: inner }),
            1 => {
                if let Some(user) = self.person() {
                    self.member(outer, user, true);
                    self.ad(Change::MakePrimary { user, group: outer });
                }
            }
            _ => self.member(outer, inner, false),
        }
        self.cycle();
    }

    pub(super) fn member(&mut self, source: Label, target: Label, present: bool) {
        let attribute = "member";
        self.ad(match present {
            true => Change::Link {
                source,
                attribute,
                target,
            },
            false => Change::Unlink {
                source,
                attribute,
                target,
            },
        });
    }

    /// The administrator changes the configuration while objects change.
    pub(super) fn wanted_otherwise(&mut self) {
        self.changes(3);
        if self.random.chance(40) {
            self.wake();
            self.turns();
        }
        let wishes = self.wishes();
        self.steps.push(Step::Admin(Admin::Configure(wishes)));
        if self.random.chance(60) {
            self.settle();
        }
        self.changes(3);
        self.cycle();
    }

    /// An attribute is mapped that was not read before, whatever is under way.
    pub(super) fn more_is_wanted(&mut self) {
        let Some(label) = self.person() else { return };
        self.ad(Change::Set {
            label,
            attribute: "roomnumber",
            values: vec!["56".to_owned()],
        });
        self.cycle();
        if self.random.chance(30) {
            self.wake();
            self.turns();
        }
        let wishes = Wishes {
            mappings: vec![Mapping::Room],
            ..self.wishes()
        };
        self.steps.push(Step::Admin(Admin::Configure(wishes)));
        if self.random.chance(30) {
            self.changes(2);
        }
        self.cycle();
    }

    /// As many are deleted as the guard holds, and some come back before anybody decides about the others.
    pub(super) fn drained(&mut self) {
        let many = self.threshold.filter(|many| *many < 10).unwrap_or(2);
        let parent = self.unit();
        let victims: Vec<Label> = (0..many)
            .map(|_| self.create(Class::User, parent))
            .collect();
        self.cycle();
        self.settle();
        for label in &victims {
            self.ad(Change::Delete { label: *label });
        }
        self.cycle();
        self.settle();
        let label = victims[0];
        self.ad(Change::Undelete { label, parent });
        self.cycle();
        self.settle();
        if self.random.chance(50) {
            self.cycle();
        }
    }

    /// A configuration is paused while a cycle runs, and resumed.
    pub(super) fn paused(&mut self) {
        self.changes(4);
        self.wake();
        self.turns();
        self.steps.push(Step::Admin(Admin::Pause(true)));
        match self.random.chance(60) {
            true => self.settle(),
            false => self.turns(),
        }
        self.changes(2);
        self.steps.push(Step::Admin(Admin::Pause(false)));
        self.cycle();
    }

    /// A reading of everything ends half-way.
    pub(super) fn interrupted(&mut self) {
        self.restart();
        self.wake();
        self.turns();
        self.turns();
        let agent = self.random.below(2) as usize;
        self.steps.push(match self.random.below(3) {
            0 => Step::ServiceDies,
            1 => Step::AgentDies(agent),
            _ => Step::ControllerDown(0),
        });
        self.changes(3);
        self.steps.push(Step::ControllerUp(0));
        self.cycle();
    }

    /// Somebody changes while out of scope, or marked as one of those that never take part, and comes back.
    pub(super) fn changed_outside(&mut self) {
        let Some(label) = self.anybody() else { return };
        let parent = self.unit();
        let marked = |values: &[&str]| Change::Set {
            label,
            attribute: "admindescription",
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let (leave, come) = match self.random.chance(60) {
            true => (
                Change::Move {
                    label,
                    parent: WELL_KNOWN.users,
                },
                Change::Move { label, parent },
            ),
            false => (marked(&["User_1"]), marked(&[])),
        };
        self.ad(leave);
        self.cycle();
        let change = self.set_of(label);
        self.ad(change);
        if self.random.chance(60) {
            self.cycle();
        }
        self.ad(come);
        if self.random.chance(50) {
            let change = self.set_of(label);
            self.ad(change);
        }
        self.cycle();
    }

    /// Requests come late while an object changes again and again.
    pub(super) fn late(&mut self) {
        let Some(label) = self.anybody() else { return };
        self.changes(3);
        self.wake();
        self.turns();
        let after = 1 + self.random.below(12);
        self.steps.push(Step::Network(NetworkFault::Late { after }));
        for _ in 0..1 + self.random.below(3) {
            let change = self.set_of(label);
            self.ad(change);
            self.turns();
        }
        self.cycle();
        self.steps.push(Step::LateArrive);
        self.settle();
    }
}
