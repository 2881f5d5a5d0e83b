//! Random histories from a seed.

use crate::agent::Habits;
use crate::directory::{Change, Class, Label, WELL_KNOWN};
use crate::network::NetworkFault;
use crate::random::Random;
use crate::script::{Admin, RightsChange, Scope, Script, Setup, Step};
use crate::store::StoreFault;
use lockstep_server::job::Wake;

/// Labels of objects begin here.
const FIRST: u32 = 10;
/// Attributes that are set, with values that some objects share.
const ATTRIBUTES: [(&str, &[&str]); 9] = [
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
    let scope = maker.populate();
    let count = 6 + maker.random.below(22);
    for _ in 0..count {
        maker.step();
    }
    Script {
        setup,
        scope,
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
    fn populate(&mut self) -> Scope {
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
        let scope = self.scope();
        self.wake();
        if self.random.chance(80) {
            self.settle();
        }
        scope
    }

    fn scope(&mut self) -> Scope {
        let units: Vec<Label> = self.units.iter().skip(1).copied().collect();
        let mut some = |chance: u32| -> Vec<Label> {
            let chosen = units.iter().filter(|_| self.random.chance(chance));
            chosen.copied().collect()
        };
        let (mut roots, excluded) = (some(50), some(15));
        roots.retain(|root| !excluded.contains(root));
        match self.random.below(3) {
            0 => Scope::Everything,
            1 => Scope::Units {
                roots: Vec::new(),
                excluded,
            },
            _ => Scope::Units { roots, excluded },
        }
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
            0..46 => self.change(),
            46..62 => {
                self.wake();
                if self.random.chance(70) {
                    self.settle();
                }
            }
            62..74 => {
                let count = 1 + self.random.below(60);
                let order = u64::from(self.random.below(1_000));
                self.steps.push(Step::Turns { count, order });
            }
            74..86 => self.fault(),
            86..91 => self.controller(),
            91..96 => self.administer(),
            _ => self.unusual(),
        }
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
                let of = Label(1_000 + self.random.below(50));
                self.anybody().map(|label| Change::SetAnchor { label, of })
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
        let (attribute, values) = self.random.pick(&ATTRIBUTES).copied()?;
        let value = self.random.pick(values).copied()?;
        let values = match self.random.chance(25) {
            true => Vec::new(),
            false => vec![value.to_owned()],
        };
        Some(Change::Set {
            label,
            attribute,
            values,
        })
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
            8 => Step::Network(NetworkFault::Late),
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
        let other = (index + 1) % self.controllers;
        let step = match self.random.below(10) {
            0..5 => Step::Replicate {
                from: index,
                to: other,
                objects: self
                    .random
                    .pick(&[1, 2, 5, usize::MAX])
                    .copied()
                    .unwrap_or(1),
            },
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
            0..5 => Admin::Scope(self.scope()),
            5 => Admin::RestartFull,
            6 => Admin::RestartQuarantine,
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
