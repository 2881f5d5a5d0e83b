//! Random histories from a seed.

use crate::agent::Habits;
use crate::directory::{Change, Class, Label, WELL_KNOWN};
use crate::network::NetworkFault;
use crate::random::Random;
use crate::script::{Admin, Filter, Mapping, RightsChange, Script, Setup, Step, Wishes};
use crate::store::StoreFault;
use lockstep_server::job::Wake;

/// Labels of objects begin here.
const FIRST: u32 = 10;
/// Attributes that are set, with values that some objects share.
const ATTRIBUTES: [(&str, &[&str]); 10] = [
    ("roomnumber", &["12", "34"]),
    ("title", &["Dr", "Head", "Clerk"]),
    ("department", &["Sales", "Works"]),
    ("displayname", &["Ada", "Zoë", "a, b"]),
    ("mail", &["shared@corp.test", "x@corp.test"]),
    (
        "proxyaddresses",
        &[
            "SMTP:shared@corp.test",
            "SMTP:y@corp.test",
            "smtp:z@corp.test",
        ],
    ),
    ("userprincipalname", &["shared@corp.test", "b@corp.test"]),
    ("useraccountcontrol", &["512", "514"]),
    ("description", &["one", "two"]),
    ("admindescription", &["User_1", "nothing"]),
];

/// Makes a history.
pub(crate) fn script(seed: u64) -> Script {
    let mut random = Random::new(seed);
    let setup = setup(&mut random);
    let mut maker = Maker {
        random,
        controllers: setup.controllers,
        units: vec![WELL_KNOWN.users],
        persons: Vec::new(),
        groups: Vec::new(),
        others: Vec::new(),
        next: FIRST,
        steps: Vec::new(),
    };
    let wishes = maker.populate();
    let count = 3 + maker.random.below(12);
    for _ in 0..count {
        maker.step();
    }
    Script {
        setup,
        wishes,
        steps: maker.steps,
    }
}

fn setup(random: &mut Random) -> Setup {
    let sizes = [1, 2, 3, 5, 100];
    let mut size = || random.pick(&sizes).copied().unwrap_or(1);
    let habits = Habits {
        batch: size(),
        link_batch: size(),
        reads: size(),
        at_a_time: size().min(3),
        slices: u32::try_from(size().min(3)).unwrap_or(1),
    };
    Setup {
        controllers: 1 + usize::from(random.chance(40)),
        recycle_bin: random.chance(30),
        page: random
            .pick(&[1, 2, 3, 5, 8, usize::MAX, usize::MAX])
            .copied()
            .unwrap_or(usize::MAX),
        incremental_values: random.chance(85),
        habits,
        threshold: match random.below(4) {
            0 => None,
            1 => Some(1 + u64::from(random.below(3))),
            _ => Some(500),
        },
    }
}

/// Makes step after step, with a rough idea of what is there.
struct Maker {
    random: Random,
    controllers: usize,
    units: Vec<Label>,
    persons: Vec<Label>,
    groups: Vec<Label>,
    others: Vec<Label>,
    next: u32,
    steps: Vec<Step>,
}

impl Maker {
    /// The first objects, the scope, and often a first cycle.
    fn populate(&mut self) -> Wishes {
        for _ in 0..1 + self.random.below(3) {
            let parent = match self.random.chance(30) {
                true => self.unit(),
                false => WELL_KNOWN.head,
            };
            self.create(Class::Unit, parent);
        }
        for _ in 0..1 + self.random.below(4) {
            self.create_something();
        }
        let wishes = self.wishes();
        self.wake();
        if self.random.chance(80) {
            self.settle();
        }
        wishes
    }

    fn wishes(&mut self) -> Wishes {
        let some = |random: &mut Random, from: &[Label], chance: u32| -> Vec<Label> {
            let chosen = from.iter().filter(|_| random.chance(chance));
            chosen.copied().collect()
        };
        let units: Vec<Label> = self.units.iter().skip(1).copied().collect();
        let mut wishes = Wishes {
            excluded: some(&mut self.random, &units, 15),
            ..Wishes::default()
        };
        let kind = self.random.below(10);
        if matches!(kind, 3..7 | 9) {
            wishes.units = some(&mut self.random, &units, 50);
            wishes.units.retain(|unit| !wishes.excluded.contains(unit));
        }
        if kind >= 6 {
            wishes.groups = some(&mut self.random, &self.groups, 40);
            wishes.nested = self.random.chance(60);
        }
        if self.random.chance(20) {
            let filter = self.random.pick(&[Filter::Sales, Filter::TitleOrWorks]);
            wishes.filter = filter.copied();
        }
        if self.random.chance(20) {
            let all = [
                Mapping::Room,
                Mapping::Company,
                Mapping::TitleOnce,
                Mapping::NoTitle,
            ];
            wishes.mappings = self.random.pick(&all).into_iter().copied().collect();
        }
        wishes
    }

    fn unit(&mut self) -> Label {
        let units = &self.units;
        self.random.pick(units).copied().unwrap_or(WELL_KNOWN.users)
    }

    fn person(&mut self) -> Option<Label> {
        self.random.pick(&self.persons).copied()
    }

    fn group(&mut self) -> Option<Label> {
        self.random.pick(&self.groups).copied()
    }

    fn anybody(&mut self) -> Option<Label> {
        let all = [&self.persons[..], &self.groups, &self.others].concat();
        self.random.pick(&all).copied()
    }

    fn create(&mut self, class: Class, parent: Label) -> Label {
        let label = Label(self.next);
        self.next += 1;
        let change = Change::Create {
            label,
            class,
            parent,
        };
        self.ad(change);
        match class {
            Class::Unit => self.units.push(label),
            class if class.is_person() => self.persons.push(label),
            class if class.is_group() => self.groups.push(label),
            _ => self.others.push(label),
        }
        label
    }

    fn create_something(&mut self) {
        let class = match self.random.below(20) {
            0..10 => Class::User,
            10 => Class::InetOrgPerson,
            11 => Class::Computer,
            12..17 => Class::SecurityGroup,
            17 => Class::DistributionGroup,
            18 => Class::Contact,
            _ => Class::Unit,
        };
        let parent = self.unit();
        self.create(class, parent);
    }

    fn ad(&mut self, change: Change) {
        self.steps.push(Step::Ad(change));
    }

    fn settle(&mut self) {
        let order = u64::from(self.random.below(1_000));
        self.steps.push(Step::Settle { order });
    }

    fn wake(&mut self) {
        let wake = match self.random.below(5) {
            0 => Wake::Change,
            1 => Wake::Hand,
            _ => Wake::Clock,
        };
        self.steps.push(Step::Wake(wake));
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..38 => self.change(),
            38..50 => self.cycle(),
            50..58 => self.turns(),
            58..66 => self.fault(),
            66..70 => self.controller(),
            70..74 => self.administer(),
            74..77 => self.unusual(),
            _ => self.episode(),
        }
    }

    fn cycle(&mut self) {
        self.wake();
        if self.random.chance(75) {
            self.settle();
        }
    }

    fn turns(&mut self) {
        let count = 1 + self.random.below(60);
        let order = u64::from(self.random.below(1_000));
        self.steps.push(Step::Turns { count, order });
    }

    fn changes(&mut self, most: u32) {
        for _ in 0..1 + self.random.below(most) {
            self.change();
        }
    }

    /// Several steps that make a story together; by chance alone they rarely would.
    fn episode(&mut self) {
        match self.random.below(16) {
            0 => self.restructured(),
            1 => self.gone_and_back(),
            2 => self.set_back(),
            3 => self.failed_over(),
            4 => self.changed_meanwhile(),
            5 => self.overtaken(),
            6 => self.named_alike(),
            7 => self.held(),
            8 => self.too_old(),
            9 => self.blinded(),
            10 => self.changed_outside(),
            11 => self.interrupted(),
            12 | 13 => self.grouped(),
            14 => self.wanted_otherwise(),
            _ => self.late(),
        }
    }

    /// Somebody moves into a unit that moves too; which is told first, is chance.
    fn restructured(&mut self) {
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
    fn gone_and_back(&mut self) {
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

    /// A controller's database is set back.
    fn set_back(&mut self) {
        let controller = self.random.below(2) as usize % self.controllers;
        self.steps.push(Step::Snapshot(controller));
        self.changes(4);
        self.cycle();
        self.steps.push(Step::Restore {
            controller,
            new_invocation: self.random.chance(50),
        });
        if self.random.chance(50) {
            self.changes(6);
        }
        self.cycle();
    }

    /// The controller that was read from goes down; another one has not heard of everything.
    fn failed_over(&mut self) {
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
            self.steps.push(Step::Admin(Admin::RestartFull));
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
    fn changed_meanwhile(&mut self) {
        self.changes(3);
        self.wake();
        for _ in 0..1 + self.random.below(3) {
            self.turns();
            self.changes(2);
        }
        self.settle();
    }

    /// An agent stands still until another has taken its place, and then goes on.
    fn overtaken(&mut self) {
        let agent = self.random.below(2) as usize;
        self.changes(3);
        self.wake();
        self.turns();
        self.steps.push(Step::AgentFreezes(agent));
        self.changes(3);
        self.steps.push(Step::Time(1 + self.random.below(3)));
        match self.random.chance(60) {
            true => self.settle(),
            false => self.turns(),
        }
        self.steps.push(Step::AgentGoesOn(agent));
        if self.random.chance(40) {
            self.wake();
        }
        self.settle();
    }

    /// Two have the same name or address; then one lets go of it.
    fn named_alike(&mut self) {
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
    fn held(&mut self) {
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
    fn too_old(&mut self) {
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
    fn blinded(&mut self) {
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
            self.steps.push(Step::Admin(Admin::RestartFull));
        }
        self.cycle();
        self.steps.push(Step::Rights(on));
        self.cycle();
    }

    /// The same for both ends of it: a number made of what is there already.
    fn kind_of_blindness(&self, unit: Label) -> u32 {
        let steps = u32::try_from(self.steps.len()).unwrap_or(0);
        (unit.0 + steps) % 4
    }

    /// Edges between groups come and go, some of them of the scope.
    fn grouped(&mut self) {
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

    fn member(&mut self, source: Label, target: Label, present: bool) {
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
    fn wanted_otherwise(&mut self) {
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

    /// A reading of everything ends half-way.
    fn interrupted(&mut self) {
        self.steps.push(Step::Admin(Admin::RestartFull));
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

    /// Somebody changes while out of scope, and comes back.
    fn changed_outside(&mut self) {
        let Some(label) = self.anybody() else { return };
        let parent = self.unit();
        self.ad(Change::Move {
            label,
            parent: WELL_KNOWN.users,
        });
        self.cycle();
        let change = self.set_of(label);
        self.ad(change);
        if self.random.chance(60) {
            self.cycle();
        }
        self.ad(Change::Move { label, parent });
        if self.random.chance(50) {
            let change = self.set_of(label);
            self.ad(change);
        }
        self.cycle();
    }

    /// Requests come late while an object changes again and again.
    fn late(&mut self) {
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

    fn replicate(&mut self) {
        let from = self.random.below(2) as usize % self.controllers;
        let to = (from + 1) % self.controllers;
        let objects = self.random.pick(&[1, 2, 5, usize::MAX]);
        let objects = objects.copied().unwrap_or(1);
        self.steps.push(Step::Replicate { from, to, objects });
    }

    fn change(&mut self) {
        let change = match self.random.below(30) {
            0..6 => {
                self.create_something();
                return;
            }
            6..12 => self.set(),
            12..15 => self.place(),
            15..21 => self.link(),
            21..24 => self.anybody().map(|label| Change::Delete { label }),
            24 => {
                let parent = self.unit();
                let label = self.anybody();
                label.map(|label| Change::Undelete { label, parent })
            }
            25 => self.of_a_unit(),
            26 => self
                .person()
                .zip(self.group())
                .map(|(user, group)| Change::MakePrimary { user, group }),
            27 => {
                let (one, other) = (self.person(), self.person());
                one.zip(other)
                    .map(|(one, other)| Change::SwapNames { one, other })
            }
            28 => {
                let of = match self.random.chance(50) {
                    true => Some(Label(1_000 + self.random.below(50))),
                    false => self.anybody(),
                };
                let label = self.anybody();
                label
                    .zip(of)
                    .map(|(label, of)| Change::SetAnchor { label, of })
            }
            _ => self.anybody().map(|label| {
                let name = match self.random.chance(20) {
                    true => format!("x\nCNF:{}", label.0),
                    false => format!("name{}", self.random.below(1_000)),
                };
                Change::Rename { label, name }
            }),
        };
        if let Some(change) = change {
            self.ad(change);
        }
    }

    fn set(&mut self) -> Option<Change> {
        let label = self.anybody()?;
        Some(self.set_of(label))
    }

    fn set_of(&mut self, label: Label) -> Change {
        let chosen = self.random.pick(&ATTRIBUTES).copied();
        let (attribute, values) = chosen.unwrap_or(("title", &[]));
        let clear = self.random.chance(25);
        let values = self.random.pick(values).filter(|_| !clear);
        Change::Set {
            label,
            attribute,
            values: values
                .into_iter()
                .map(|value| (*value).to_owned())
                .collect(),
        }
    }

    fn place(&mut self) -> Option<Change> {
        let parent = match self.random.chance(20) {
            true => WELL_KNOWN.head,
            false => self.unit(),
        };
        Some(Change::Move {
            label: self.anybody()?,
            parent,
        })
    }

    fn link(&mut self) -> Option<Change> {
        let (source, attribute, target) = match self.random.below(6) {
            0 => (self.person()?, "manager", self.person()?),
            1 => (self.group()?, "managedby", self.person()?),
            _ => (self.group()?, "member", self.anybody()?),
        };
        Some(match self.random.chance(65) {
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
        })
    }

    fn of_a_unit(&mut self) -> Option<Change> {
        let label = self
            .units
            .get(1..)
            .and_then(|units| self.random.pick(units))
            .copied()?;
        Some(match self.random.below(5) {
            0 => Change::Delete { label },
            1 | 2 => Change::Rename {
                label,
                name: format!("unit-{}", self.random.below(1_000)),
            },
            3 => Change::Undelete {
                label,
                parent: WELL_KNOWN.head,
            },
            _ => Change::Move {
                label,
                parent: self.unit(),
            },
        })
    }

    fn fault(&mut self) {
        let agent = self.random.below(2) as usize;
        let step = match self.random.below(12) {
            0 | 1 => Step::ServiceDies,
            2 => Step::AgentDies(agent),
            3 | 4 => Step::AgentFreezes(agent),
            5 => Step::AgentGoesOn(agent),
            6 => Step::Network(NetworkFault::AnswerLost),
            7 => Step::Network(NetworkFault::Repeated),
            8 => Step::Network(NetworkFault::Late {
                after: 1 + self.random.below(20),
            }),
            9 => Step::LateArrive,
            10 => Step::Store(StoreFault::AnswerLost),
            _ => match self.random.chance(50) {
                true => Step::Store(StoreFault::Full),
                false => Step::Network(NetworkFault::RequestLost),
            },
        };
        self.steps.push(step);
    }

    fn controller(&mut self) {
        let index = self.random.below(2) as usize % self.controllers;
        let step = match self.random.below(10) {
            0..5 => {
                self.replicate();
                return;
            }
            5 => Step::WriteAt(index),
            6 => Step::ControllerDown(index),
            7 => Step::ControllerUp(index),
            8 => Step::Snapshot(index),
            _ => Step::Restore {
                controller: index,
                new_invocation: self.random.chance(50),
            },
        };
        self.steps.push(step);
    }

    fn administer(&mut self) {
        let admin = match self.random.below(10) {
            0..5 => Admin::Configure(self.wishes()),
            5 => match self.random.chance(50) {
                true => Admin::RestartFull,
                false => Admin::Plan,
            },
            6 => match self.random.chance(50) {
                true => Admin::RestartQuarantine,
                false => Admin::RestartLinks,
            },
            7 => Admin::AllowDeletes,
            8 => Admin::RejectDeletes,
            _ => Admin::Pause(self.random.chance(50)),
        };
        self.steps.push(Step::Admin(admin));
    }

    fn unusual(&mut self) {
        let on = self.random.chance(60);
        let step = match self.random.below(8) {
            0 => {
                self.steps
                    .push(Step::Time(1_440 * (1 + self.random.below(100))));
                Step::Expunge
            }
            1 => Step::Time(1 + self.random.below(1_000)),
            2 => Step::Rights(RightsChange::TombstonesHidden(on)),
            3 => Step::Rights(RightsChange::Closed(self.unit(), on)),
            4 => Step::Rights(RightsChange::Unreadable(self.unit(), on)),
            5 => Step::Foreign(on),
            _ => Step::Expunge,
        };
        self.steps.push(step);
    }
}
