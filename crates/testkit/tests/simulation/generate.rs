//! Random histories from a seed.

mod administration;
mod changes;
mod episodes;
mod passwords;
mod second;

use crate::agent::Habits;
use crate::directory::{Change, Class, Label, WELL_KNOWN};
use crate::network::NetworkFault;
use crate::random::Random;
use crate::script::{Admin, Filter, Mapping, Passwords, RightsChange, Script, Setup, Step, Wishes};
use crate::store::StoreFault;
use lockstep_server::job::Wake;

/// How many histories of a hundred have two configurations.
const TWO_CONFIGURATIONS: u32 = 12;
/// How many of a hundred end with somebody who moves to another domain.
const MOVES: u32 = 12;
/// Tells their chances from those of everything before.
const OTHER_DOMAIN: u64 = 0x6f74_6865_7200;
/// In how many of a hundred the clock of the service is set wrong.
const WRONG_CLOCKS: u32 = 20;
const CLOCK: u64 = 0x636c_6f63_6b00;
/// In how many of a hundred there are limits, or a time of staging; in how many the administrator is busy.
const LIMITS: u32 = 15;
const BUSY_ADMINISTRATORS: u32 = 30;
const ADMINISTRATION: u64 = 0x6164_6d69_6e00;
/// By how many minutes.
const OFF: [i32; 8] = [1, 7, 90, 400, 1_500, 4_000, 20_000, 45_000];
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
        threshold: setup.threshold,
        passwords: false,
        second: false,
        units: vec![WELL_KNOWN.users],
        persons: Vec::new(),
        groups: Vec::new(),
        others: Vec::new(),
        next: FIRST,
        steps: Vec::new(),
    };
    maker.passwords = maker.random.chance(30);
    maker.second = maker.random.chance(TWO_CONFIGURATIONS);
    let wishes = maker.populate();
    let count = 3 + maker.random.below(12);
    for _ in 0..count {
        maker.step();
    }
    // Chances of their own: every other history stays what it was.
    maker.random = Random::new(seed ^ OTHER_DOMAIN);
    if maker.random.chance(MOVES) {
        maker.in_another_domain();
        maker.changes(3);
    }
    maker.random = Random::new(seed ^ CLOCK);
    if maker.random.chance(WRONG_CLOCKS) {
        maker.clock_goes_wrong();
    }
    maker.random = Random::new(seed ^ ADMINISTRATION);
    let mut wishes = wishes;
    if maker.random.chance(LIMITS) {
        maker.limits(&mut wishes);
    }
    if maker.random.chance(BUSY_ADMINISTRATORS) {
        maker.administered();
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
        range: random
            .pick(&[1, 2, usize::MAX, usize::MAX])
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
    threshold: Option<u64>,
    /// Passwords are taken over.
    passwords: bool,
    /// There is a second configuration.
    second: bool,
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
        wishes.passwords = self.wanted_passwords();
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
        if self.second && self.random.chance(60) {
            self.cycle_of_second();
        }
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
        if self.passwords && self.random.chance(40) {
            self.password_episode();
            return;
        }
        if self.second && self.random.chance(40) {
            self.episode_of_two();
            return;
        }
        match self.random.below(19) {
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
            15 => self.more_is_wanted(),
            16 => self.drained(),
            17 => self.paused(),
            _ => self.late(),
        }
    }

    fn replicate(&mut self) {
        let from = self.random.below(2) as usize % self.controllers;
        let to = (from + 1) % self.controllers;
        let objects = self.random.pick(&[1, 2, 5, usize::MAX]);
        let objects = objects.copied().unwrap_or(1);
        self.steps.push(Step::Replicate { from, to, objects });
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
            0..5 => {
                let mut wishes = self.wishes();
                if self.random.chance(10) {
                    wishes.mappings.push(Mapping::Changed);
                }
                Admin::Configure(wishes)
            }
            5 => match self.random.below(4) {
                0 | 1 => Admin::RestartFull,
                2 => Admin::Plan,
                _ => Admin::PlanOf(self.wishes()),
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

    /// The administrator lets everything be read anew. A cycle that begins before that has been noted is broken off
    /// by it.
    fn restart(&mut self) {
        self.steps.push(Step::Admin(Admin::RestartFull));
        if self.random.chance(80) {
            self.settle();
        }
    }

    /// The clock of the service's machine is set wrong at some time, on or back, and often right again.
    fn clock_goes_wrong(&mut self) {
        let minutes = self.random.pick(&OFF).copied().unwrap_or(1);
        let minutes = match self.random.chance(50) {
            true => minutes,
            false => -minutes,
        };
        let at = self.sometime(0);
        self.steps.insert(at, Step::Clock(minutes));
        if self.random.chance(60) {
            let at = self.sometime(at + 1);
            self.steps.insert(at, Step::Clock(-minutes));
        }
    }

    /// A place among the steps that were made, not before this one, nor before the first objects are there.
    fn sometime(&mut self, earliest: usize) -> usize {
        let is_first = |step: &&Step| matches!(step, Step::Ad(_));
        let first = self.steps.iter().take_while(is_first).count();
        let earliest = earliest.max(first).min(self.steps.len());
        let room = self.steps.len() - earliest + 1;
        earliest + self.random.below(u32::try_from(room).unwrap_or(1)) as usize
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
