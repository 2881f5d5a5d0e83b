//! What Active Directory says of who takes part: the harness's own opinion, made of nothing that the product
//! thinks.

use crate::directory::{Class, Entry, SimulatedController, SimulatedDirectory};
use lockstep_model::Guid;
use std::collections::{BTreeMap, BTreeSet};

/// Who is to take part, as the stored configuration says at a moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ScopeNow {
    pub(crate) roots: Option<BTreeSet<Guid>>,
    pub(crate) excluded: BTreeSet<Guid>,
}

impl ScopeNow {
    /// Whether an object of a controller takes part, whoever may see it.
    pub(crate) fn holds(&self, controller: &SimulatedController, entry: &Entry) -> bool {
        !entry.is_deleted()
            && may_take_part(controller, entry)
            && !is_never_synced(entry)
            && self.is_inside(controller, entry)
    }

    fn is_inside(&self, controller: &SimulatedController, entry: &Entry) -> bool {
        let mut parent = entry.parent();
        while let Some(guid) = parent {
            if self.excluded.contains(&guid) {
                return false;
            }
            if self
                .roots
                .as_ref()
                .is_some_and(|roots| roots.contains(&guid))
            {
                return true;
            }
            parent = controller.entries.get(&guid).and_then(Entry::parent);
        }
        self.roots.is_none()
    }
}

fn may_take_part(_: &SimulatedController, entry: &Entry) -> bool {
    matches!(
        entry.class,
        Class::User
            | Class::InetOrgPerson
            | Class::SecurityGroup
            | Class::DistributionGroup
            | Class::Contact
    )
}

fn is_never_synced(entry: &Entry) -> bool {
    let text = |attribute| entry.text(attribute).unwrap_or_default();
    let has_mail = text("mail").contains('@')
        || entry
            .values("proxyaddresses")
            .iter()
            .any(|address| address.starts_with(b"SMTP:") && address.contains(&b'@'));
    text("iscriticalsystemobject") == "TRUE"
        || text("admindescription").starts_with("User_")
        || text("admindescription").starts_with("Group_")
        || entry.name().contains("\nCNF:")
        || match entry.class {
            Class::User | Class::InetOrgPerson => text("samaccountname").is_empty(),
            Class::DistributionGroup | Class::Contact => !has_mail,
            _ => false,
        }
}

/// When each object was last seen out of scope, and last known to the service as in scope.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    pub(crate) scope: ScopeNow,
    /// Counts what happened to the domain, to rights and to the configuration.
    moment: u64,
    last_out: BTreeMap<Guid, u64>,
    confirmed: BTreeMap<Guid, u64>,
}

/// What a controller had in scope when it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    moment: u64,
    inside: BTreeSet<Guid>,
}

impl Witness {
    /// Something changed: looks at every controller anew.
    pub(crate) fn look(&mut self, directory: &SimulatedDirectory) {
        self.moment += 1;
        for controller in &directory.controllers {
            for entry in controller.entries.values() {
                if !self.scope.holds(controller, entry) {
                    self.last_out.insert(entry.guid, self.moment);
                }
            }
        }
    }

    /// What a controller has in scope at this moment and the account can see.
    pub(crate) fn view(&self, directory: &SimulatedDirectory, index: usize) -> View {
        let controller = &directory.controllers[index];
        let inside = controller.entries.values().filter(|entry| {
            self.scope.holds(controller, entry) && directory.sees(controller, entry)
        });
        View {
            moment: self.moment,
            inside: inside.map(|entry| entry.guid).collect(),
        }
    }

    /// The service has stored all that a controller had to say at the moment of that view.
    pub(crate) fn confirm(&mut self, view: &View) {
        for guid in &view.inside {
            let confirmed = self.confirmed.entry(*guid).or_default();
            *confirmed = (*confirmed).max(view.moment);
        }
    }

    /// Whether an object may be deleted: somewhere it was out of scope, or deleted, after the service last
    /// heard that it is in scope. That it cannot be found anywhere is no reason.
    pub(crate) fn may_go(&self, guid: Guid) -> bool {
        let Some(out) = self.last_out.get(&guid) else {
            return false;
        };
        self.confirmed
            .get(&guid)
            .is_none_or(|confirmed| out >= confirmed)
    }
}
