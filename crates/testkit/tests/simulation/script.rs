//! Histories as data: what happens, step by step, in words.

use crate::agent::Habits;
use crate::directory::{Change, Class, Label, WELL_KNOWN};
use crate::network::NetworkFault;
use crate::store::StoreFault;
use lockstep_server::job::Wake;
use std::collections::BTreeMap;
use std::fmt;

/// What a history begins with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setup {
    pub(crate) controllers: usize,
    pub(crate) recycle_bin: bool,
    /// Objects of a page of changes.
    pub(crate) page: usize,
    /// Link values of an object that is read by itself, at once.
    pub(crate) range: usize,
    pub(crate) incremental_values: bool,
    pub(crate) habits: Habits,
    /// So many deletes are held; none: the guard is off.
    pub(crate) threshold: Option<u64>,
}

/// What the administrator wants: who takes part, and what of them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wishes {
    /// With neither units nor groups it is the whole domain.
    pub(crate) units: Vec<Label>,
    pub(crate) groups: Vec<Label>,
    /// Members of member groups too.
    pub(crate) nested: bool,
    pub(crate) excluded: Vec<Label>,
    pub(crate) filter: Option<Filter>,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) passwords: Passwords,
    pub(crate) limits: Limits,
    /// Everything is planned, nothing is done.
    pub(crate) staging: bool,
}

/// So many changes of a kind in one cycle are held; none: as many as there are leave.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Limits {
    pub(crate) updates: Option<u64>,
    /// Members that leave one group.
    pub(crate) members: Option<u64>,
}

/// Which passwords are taken over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Passwords {
    #[default]
    Off,
    /// But for those that must be changed first.
    Lasting,
    AlsoTemporary,
}

/// Filters, for users only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filter {
    /// `department` is Sales.
    Sales,
    /// There is a title, or `department` is Works.
    TitleOrWorks,
}

/// Mappings beside the standard one, for users only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mapping {
    /// `extensionAttribute5` from `roomNumber`, which is read for nothing else.
    Room,
    /// `companyName` is always Corp.
    Company,
    /// `jobTitle` from `title`, when the user is made and never again.
    TitleOnce,
    /// `jobTitle` is left alone.
    NoTitle,
    /// `extensionAttribute6` from `whenChanged`, whose changes nobody reports: such a wish is refused.
    Changed,
}

/// One step of a history. What is impossible at its time does nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// An administrator changes the domain.
    Ad(Change),
    /// Changes arrive on another controller, at most so many objects.
    Replicate {
        from: usize,
        to: usize,
        objects: usize,
    },
    /// Changes are made on this controller from now on.
    WriteAt(usize),
    ControllerDown(usize),
    ControllerUp(usize),
    Snapshot(usize),
    Restore {
        controller: usize,
        new_invocation: bool,
    },
    Expunge,
    /// The account's rights change.
    Rights(RightsChange),
    /// The address leads to another domain's controller, or no longer.
    Foreign(bool),
    /// A cycle begins, if none runs.
    Wake(Wake),
    /// The same for the second configuration.
    WakeSecond(Wake),
    /// Service and agents take so many turns, in an order that the number gives.
    Turns {
        count: u32,
        order: u64,
    },
    /// All that is under way comes to its end.
    Settle {
        order: u64,
    },
    /// Time passes, in minutes.
    Time(u32),
    /// The clock of the service's machine is set on, or back, by so many minutes, and time goes on from there.
    Clock(i32),
    /// The administrator of the service.
    Admin(Admin),
    /// The same for the second configuration, of the same domain.
    AdminOfSecond(Admin),
    ServiceDies,
    AgentDies(usize),
    AgentFreezes(usize),
    AgentGoesOn(usize),
    Network(NetworkFault),
    /// Requests that were under way arrive.
    LateArrive,
    Store(StoreFault),
    /// Somebody types the password and is found right; what follows from that is kept with the next
    /// [`SignedIn`](Self::SignedIn).
    SignIn(Label),
    SignedIn,
    /// Somebody gets another password in the cloud.
    ResetInCloud(Label),
}

/// What becomes of the account's rights.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RightsChange {
    TombstonesHidden(bool),
    /// Its children can be listed no more, or again.
    Closed(Label, bool),
    Unreadable(Label, bool),
    AttributeHidden(&'static str, bool),
}

/// What the administrator of the service does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Admin {
    Configure(Wishes),
    /// Asks what the next cycle would do.
    Plan,
    /// Asks what another configuration would do, without applying it.
    PlanOf(Wishes),
    Pause(bool),
    RestartFull,
    RestartQuarantine,
    RestartLinks,
    RestartEscrows,
    /// Says it of all that is held, deletes and what the limits hold,
    AllowDeletes,
    RejectDeletes,
    /// of one held delete, by its id, or of those of a type, by a filter.
    AllowOne(Label),
    RejectOne(Label),
    AllowUsers,
    RejectUsers,
    /// Everything that is missing is gone, or stays.
    MissingIsGone,
    MissingStays,
    /// The directory is compared with what should be there.
    Reconcile,
    /// The configuration is removed: what it had goes to the first,
    HandOver,
    /// to nobody, or to the cloud.
    Remove,
    Release,
}

/// A history.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) setup: Setup,
    pub(crate) wishes: Wishes,
    pub(crate) steps: Vec<Step>,
}

/// Tells a script in words.
pub(crate) struct Told<'a>(pub(crate) &'a Script);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Script {
            setup,
            wishes,
            steps,
        } = self.0;
        let names = Names::of(steps);
        let links = match setup.incremental_values {
            true => "links change value by value",
            false => "a changed link tells all",
        };
        let bin = match setup.recycle_bin {
            true => "a recycle bin",
            false => "no recycle bin",
        };
        let page = match setup.page {
            usize::MAX => "all in one page".to_owned(),
            page => format!("{page} objects a page"),
        };
        let range = match setup.range {
            usize::MAX => "all links at once".to_owned(),
            range => format!("{range} links at once"),
        };
        let guard = match setup.threshold {
            Some(threshold) => format!("{threshold} deletes are held"),
            None => "the guard is off".to_owned(),
        };
        writeln!(
            f,
            "  0. {} domain controller(s), {bin}, {page}, {range}, {links}; agents send {} objects at once, {} links, \
             read {} by GUID, have {} batches under way, read everything in {} searches; {guard}; {}",
            setup.controllers,
            setup.habits.batch,
            setup.habits.link_batch,
            setup.habits.reads,
            setup.habits.at_a_time,
            setup.habits.slices,
            names.wishes(wishes)
        )?;
        for (index, step) in steps.iter().enumerate() {
            writeln!(f, "{:>3}. {}", index + 1, names.step(step))?;
        }
        Ok(())
    }
}

/// What the script calls its objects.
struct Names(BTreeMap<Label, Class>);

impl Names {
    fn of(steps: &[Step]) -> Self {
        let created = steps.iter().filter_map(|step| match step {
            Step::Ad(Change::Create { label, class, .. }) => Some((*label, *class)),
            _ => None,
        });
        let mut classes: BTreeMap<Label, Class> = created.collect();
        classes.insert(WELL_KNOWN.head, Class::Head);
        classes.insert(WELL_KNOWN.users, Class::Container);
        Self(classes)
    }

    fn name(&self, label: Label) -> String {
        match self.0.get(&label) {
            Some(class) => class.word(label),
            None => format!("object{}", label.0),
        }
    }

    fn list(&self, labels: &[Label]) -> String {
        let names: Vec<String> = labels.iter().map(|label| self.name(*label)).collect();
        names.join(", ")
    }

    fn wishes(&self, wishes: &Wishes) -> String {
        let mut text = match (wishes.units.is_empty(), wishes.groups.is_empty()) {
            (true, true) => "the whole domain".to_owned(),
            (false, true) => self.list(&wishes.units),
            (true, false) => format!("members of {}", self.list(&wishes.groups)),
            (false, false) => format!(
                "{} and members of {}",
                self.list(&wishes.units),
                self.list(&wishes.groups)
            ),
        };
        if wishes.nested {
            text.push_str(", nested");
        }
        if !wishes.excluded.is_empty() {
            text.push_str(&format!(", without {}", self.list(&wishes.excluded)));
        }
        if let Some(filter) = wishes.filter {
            text.push_str(match filter {
                Filter::Sales => "; users of Sales only",
                Filter::TitleOrWorks => "; users with a title or of Works only",
            });
        }
        for mapping in &wishes.mappings {
            text.push_str(match mapping {
                Mapping::Room => "; extensionAttribute5 from roomNumber",
                Mapping::Company => "; companyName is Corp",
                Mapping::TitleOnce => "; jobTitle once",
                Mapping::NoTitle => "; jobTitle left alone",
                Mapping::Changed => "; extensionAttribute6 from whenChanged",
            });
        }
        text.push_str(match wishes.passwords {
            Passwords::Off => "",
            Passwords::Lasting => "; with passwords",
            Passwords::AlsoTemporary => "; with passwords, also those that must be changed",
        });
        if let Some(most) = wishes.limits.updates {
            text.push_str(&format!("; {most} updates are held"));
        }
        if let Some(most) = wishes.limits.members {
            text.push_str(&format!("; {most} members who leave a group are held"));
        }
        if wishes.staging {
            text.push_str("; in staging");
        }
        format!("scope: {text}")
    }

    fn change(&self, change: &Change) -> String {
        match change {
            Change::Create { label, parent, .. } => {
                format!("create {} in {}", self.name(*label), self.name(*parent))
            }
            Change::Set {
                label,
                attribute,
                values,
            } if values.is_empty() => format!("clear {attribute} of {}", self.name(*label)),
            Change::Set {
                label,
                attribute,
                values,
            } => format!("set {attribute} of {} to {values:?}", self.name(*label)),
            Change::SetAnchor { label, of } => format!(
                "set ms-DS-ConsistencyGuid of {} to the GUID of {}",
                self.name(*label),
                self.name(*of)
            ),
            Change::Rename { label, name } => format!("rename {} to {name:?}", self.name(*label)),
            Change::Move { label, parent } => {
                format!("move {} to {}", self.name(*label), self.name(*parent))
            }
            Change::Link {
                source,
                attribute,
                target,
            } => format!(
                "add {} to {attribute} of {}",
                self.name(*target),
                self.name(*source)
            ),
            Change::Unlink {
                source,
                attribute,
                target,
            } => format!(
                "remove {} from {attribute} of {}",
                self.name(*target),
                self.name(*source)
            ),
            Change::MakePrimary { user, group } => format!(
                "make {} the primary group of {}",
                self.name(*group),
                self.name(*user)
            ),
            Change::Delete { label } => format!("delete {}", self.name(*label)),
            Change::Undelete { label, parent } => {
                format!("undelete {} into {}", self.name(*label), self.name(*parent))
            }
            Change::Leave { label } => format!("move {} to another domain", self.name(*label)),
            Change::Return { label, parent } => {
                format!(
                    "move {} back into {}",
                    self.name(*label),
                    self.name(*parent)
                )
            }
            Change::SwapNames { one, other } => format!(
                "swap userPrincipalNames of {} and {}",
                self.name(*one),
                self.name(*other)
            ),
            Change::Password { label, temporary } => format!(
                "{} gets another password{}",
                self.name(*label),
                if *temporary {
                    ", to be changed at the next sign-in"
                } else {
                    ""
                }
            ),
            Change::Demand { label, must } => format!(
                "{} {} change the password at the next sign-in",
                self.name(*label),
                if *must { "must" } else { "need not" }
            ),
        }
    }

    fn step(&self, step: &Step) -> String {
        match step {
            Step::Ad(change) => format!("AD: {}", self.change(change)),
            Step::Replicate { from, to, objects } => format!(
                "dc{} receives {} from dc{}",
                to + 1,
                counted(*objects),
                from + 1
            ),
            Step::WriteAt(index) => format!("AD: changes are made on dc{} from now on", index + 1),
            Step::ControllerDown(index) => format!("dc{} goes down", index + 1),
            Step::ControllerUp(index) => format!("dc{} comes up", index + 1),
            Step::Snapshot(index) => format!("a snapshot is made of dc{}", index + 1),
            Step::Restore {
                controller,
                new_invocation,
            } => format!(
                "dc{} is set back to its snapshot, with {} invocation id",
                controller + 1,
                if *new_invocation { "a new" } else { "the same" }
            ),
            Step::Expunge => "old tombstones are collected".to_owned(),
            Step::Rights(rights) => self.rights(rights),
            Step::Foreign(true) => "the address leads to a controller of another domain".to_owned(),
            Step::Foreign(false) => "the address leads to the right domain".to_owned(),
            Step::Wake(Wake::Clock) => "a cycle begins, by the clock".to_owned(),
            Step::Wake(Wake::Change) => "a cycle begins, by a change".to_owned(),
            Step::Wake(Wake::Hand) => "a cycle begins, by hand".to_owned(),
            Step::WakeSecond(wake) => {
                format!("a cycle of the second configuration begins ({wake:?})")
            }
            Step::Turns { count, order } => {
                format!("{count} turns of service and agents ({order})")
            }
            Step::Settle { order } => format!("all comes to rest ({order})"),
            Step::Time(minutes) => format!("{minutes} minutes pass"),
            Step::Clock(minutes) => {
                format!("the clock of the service is set by {minutes:+} minutes")
            }
            Step::Admin(admin) => format!("administrator: {}", self.admin(admin)),
            Step::AdminOfSecond(admin) => {
                format!(
                    "administrator of the second configuration: {}",
                    self.admin(admin)
                )
            }
            Step::ServiceDies => "the service dies and starts again".to_owned(),
            Step::AgentDies(index) => format!("agent {} dies and starts again", letter(*index)),
            Step::AgentFreezes(index) => format!("agent {} stands still", letter(*index)),
            Step::AgentGoesOn(index) => format!("agent {} goes on", letter(*index)),
            Step::Network(NetworkFault::RequestLost) => "the next request is lost".to_owned(),
            Step::Network(NetworkFault::AnswerLost) => "the next answer is lost".to_owned(),
            Step::Network(NetworkFault::Repeated) => "the next request arrives twice".to_owned(),
            Step::Network(NetworkFault::Late { after }) => {
                format!("the next request arrives, and again after {after} others")
            }
            Step::LateArrive => "what was under way arrives".to_owned(),
            Step::Store(StoreFault::Full) => "the disk is full for one transaction".to_owned(),
            Step::Store(StoreFault::AnswerLost) => {
                "one transaction is kept and reported as failed".to_owned()
            }
            Step::SignIn(label) => format!("{} types the password", self.name(*label)),
            Step::SignedIn => "what follows from sign-ins is kept".to_owned(),
            Step::ResetInCloud(label) => {
                format!("{} gets another password in the cloud", self.name(*label))
            }
        }
    }

    fn rights(&self, rights: &RightsChange) -> String {
        let may = |may_not: bool| match may_not {
            true => "may not",
            false => "may again",
        };
        match rights {
            RightsChange::TombstonesHidden(hidden) => {
                format!("the account {} see tombstones", may(*hidden))
            }
            RightsChange::Closed(label, closed) => {
                format!("the account {} list {}", may(*closed), self.name(*label))
            }
            RightsChange::Unreadable(label, unreadable) => format!(
                "the account {} read {} and what is below",
                may(*unreadable),
                self.name(*label)
            ),
            RightsChange::AttributeHidden(attribute, hidden) => {
                format!("the account {} read {attribute}", may(*hidden))
            }
        }
    }

    fn admin(&self, admin: &Admin) -> String {
        match admin {
            Admin::Configure(wishes) => self.wishes(wishes),
            Admin::Plan => "plan".to_owned(),
            Admin::PlanOf(wishes) => format!("plan with another {}", self.wishes(wishes)),
            Admin::Pause(true) => "pause".to_owned(),
            Admin::Pause(false) => "resume".to_owned(),
            Admin::RestartFull => "restart from the beginning".to_owned(),
            Admin::RestartQuarantine => "forget held deletes".to_owned(),
            Admin::RestartLinks => "forget links".to_owned(),
            Admin::RestartEscrows => "forget what failed".to_owned(),
            Admin::AllowDeletes => "allow all that is held".to_owned(),
            Admin::RejectDeletes => "reject all that is held".to_owned(),
            Admin::AllowOne(label) => format!("allow the delete of {}", self.name(*label)),
            Admin::RejectOne(label) => format!("reject the delete of {}", self.name(*label)),
            Admin::AllowUsers => "allow what is held of users".to_owned(),
            Admin::RejectUsers => "reject what is held of users".to_owned(),
            Admin::MissingIsGone => "what is missing is gone".to_owned(),
            Admin::MissingStays => "what is missing stays".to_owned(),
            Admin::Reconcile => "compare the directory with what should be there".to_owned(),
            Admin::Remove => "remove the configuration".to_owned(),
            Admin::Release => {
                "remove the configuration, and give to the cloud what it had".to_owned()
            }
            Admin::HandOver => "hand over to the first configuration".to_owned(),
        }
    }
}

/// What agents are called.
pub(crate) fn letter(index: usize) -> char {
    if index == 0 { 'A' } else { 'B' }
}

fn counted(objects: usize) -> String {
    match objects {
        usize::MAX => "all changes".to_owned(),
        1 => "one object".to_owned(),
        objects => format!("{objects} objects"),
    }
}
