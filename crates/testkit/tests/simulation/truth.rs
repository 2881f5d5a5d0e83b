//! What Active Directory says of who takes part: the harness's own opinion, made of nothing that the product
//! thinks.

use crate::directory::{Class, Entry, SimulatedController, SimulatedDirectory};
use lockstep_api::configuration::{Clause, Spec};
use lockstep_model::Guid;
use lockstep_store::records::job::{Configuration, ScopeRoot};
use std::collections::{BTreeMap, BTreeSet};

/// Who is to take part, as the stored configuration says at a moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ScopeNow {
    pub(crate) roots: Option<BTreeSet<Guid>>,
    pub(crate) groups: BTreeSet<Guid>,
    pub(crate) nested: bool,
    pub(crate) excluded: BTreeSet<Guid>,
    /// Of the outer list one, of each inner list all: an attribute, and the value it must have, or any.
    pub(crate) filters: Vec<Vec<(String, Option<String>)>>,
}

/// Who takes no part.
#[derive(Debug, Default)]
struct Outside {
    all: BTreeSet<Guid>,
    elsewhere: BTreeSet<Guid>,
    /// Groups of the scope, of which it has to be known who is in them.
    read_anyway: BTreeSet<Guid>,
}

impl Outside {
    /// Adds all others to those who ever were in place, and those who ever took part.
    fn note(
        &self,
        controller: &SimulatedController,
        in_place: &mut BTreeSet<Guid>,
        inside: &mut BTreeSet<Guid>,
    ) {
        let known = controller.entries.keys();
        in_place.extend(known.clone().filter(|guid| !self.elsewhere.contains(guid)));
        inside.extend(known.filter(|guid| !self.all.contains(guid)));
        inside.extend(&self.read_anyway);
    }
}

/// Where an object lies with regard to the units of a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lies {
    Inside,
    Outside,
    Excluded,
}

impl ScopeNow {
    /// What a configuration says.
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let guids = |roots: &[ScopeRoot]| roots.iter().map(|root| root.guid).collect();
        let spec: Spec =
            serde_json::from_str(&configuration.spec).expect("a stored file reads back");
        let value = |clause: &Clause| clause.value.as_ref().map(ToString::to_string);
        let clause = |clause: &Clause| (clause.attribute.to_lowercase(), value(clause));
        let filters = spec.scope.filters.iter();
        Self {
            roots: configuration.roots.as_deref().map(guids),
            groups: guids(&configuration.groups),
            nested: spec.scope.nested_groups,
            excluded: guids(&configuration.excluded),
            filters: filters
                .map(|clauses| clauses.iter().map(clause).collect())
                .collect(),
        }
    }

    /// What the configuration names is there, all of it, on this controller.
    fn is_resolved(&self, controller: &SimulatedController) -> bool {
        let named = self.roots.iter().flatten().chain(&self.groups);
        named
            .chain(&self.excluded)
            .all(|guid| controller.is_alive(*guid))
    }

    /// Who belongs to the scope by way of its groups: groups and members, as this controller has them.
    fn members(&self, controller: &SimulatedController) -> BTreeSet<Guid> {
        let mut inside = self.groups.clone();
        let mut open: Vec<Guid> = self.groups.iter().copied().collect();
        let mut seen: BTreeSet<Guid> = self.groups.clone();
        while let Some(group) = open.pop() {
            let Some(holder) = controller.entries.get(&group) else {
                continue;
            };
            let rid = holder.label.rid().to_string();
            for entry in controller.entries.values().filter(|e| !e.is_deleted()) {
                let primary = entry.class.is_person() && entry.text("primarygroupid") == Some(&rid);
                if !primary && !holder.links_to("member", entry.guid) {
                    continue;
                }
                inside.insert(entry.guid);
                if self.nested && entry.class.is_group() && seen.insert(entry.guid) {
                    open.push(entry.guid);
                }
            }
        }
        inside
    }

    /// Objects of a controller that take no part, whoever may see them; of these, who lies elsewhere. Where
    /// something that the configuration names is not there, nobody leaves for that.
    fn outside(&self, controller: &SimulatedController) -> Outside {
        let (members, resolved) = (self.members(controller), self.is_resolved(controller));
        let mut outside = Outside::default();
        for entry in controller.entries.values() {
            let lies = self.lies(controller, entry);
            let member = members.contains(&entry.guid);
            let placed = lies == Lies::Inside || lies == Lies::Outside && member;
            let elsewhere = lies == Lies::Excluded || resolved && !placed;
            // Who is in a group of the scope has to be known, whether or not the group takes part.
            if elsewhere && !(member && entry.class.is_group()) {
                outside.elsewhere.insert(entry.guid);
            }
            if elsewhere || !self.is_fit(entry) {
                outside.all.insert(entry.guid);
            }
            if member && entry.class.is_group() {
                outside.read_anyway.insert(entry.guid);
            }
        }
        outside
    }

    /// Whether an object is one that takes part wherever it lies.
    fn is_fit(&self, entry: &Entry) -> bool {
        !entry.is_deleted()
            && may_take_part(entry)
            && !is_never_synced(entry)
            && (!entry.class.is_person() || self.passes(entry))
    }

    fn passes(&self, entry: &Entry) -> bool {
        let fits = |(attribute, value): &(String, Option<String>)| {
            let found = entry.text(attribute);
            found.is_some() && (value.is_none() || found == value.as_deref())
        };
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.iter().all(fits))
    }

    fn lies(&self, controller: &SimulatedController, entry: &Entry) -> Lies {
        // A unit lies within itself: what decides is read of it too.
        let mut next = Some(entry.guid);
        while let Some(guid) = next {
            if self.excluded.contains(&guid) {
                return Lies::Excluded;
            }
            if self
                .roots
                .as_ref()
                .is_some_and(|roots| roots.contains(&guid))
            {
                return Lies::Inside;
            }
            next = controller.entries.get(&guid).and_then(Entry::parent);
        }
        match self.roots.is_none() && self.groups.is_empty() {
            true => Lies::Inside,
            false => Lies::Outside,
        }
    }
}

fn may_take_part(entry: &Entry) -> bool {
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
    /// There is, or was, such a configuration.
    pub(crate) is_there: bool,
    /// Scopes that were only planned.
    pub(crate) planned: Vec<ScopeNow>,
    /// Scopes of before under which somebody still reads.
    pub(crate) superseded: Vec<ScopeNow>,
    /// What the scope names and was renamed or moved while somebody reads: an agent looks for the names once.
    pub(crate) restless: BTreeSet<Guid>,
    /// The names that it had, by controller.
    names: BTreeMap<(usize, Guid), String>,
    /// Counts what happened to the domain, to rights and to the configuration.
    moment: u64,
    last_out: BTreeMap<Guid, u64>,
    last_in: BTreeMap<Guid, u64>,
    confirmed: BTreeMap<Guid, u64>,
    /// Of whom the service was told, and who could be seen in every reading since: an object that was hidden and is
    /// not any more is told again only when it changes.
    heard: BTreeSet<Guid>,
    /// Of whom the service was told that they have moved to another domain, and who have not come back.
    told_moved: BTreeSet<Guid>,
    /// Who was ever where objects take part, as any controller had it,
    in_place: BTreeSet<Guid>,
    /// and who ever took part.
    inside: BTreeSet<Guid>,
}

/// What a controller had in scope when it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    moment: u64,
    seen: BTreeSet<Guid>,
    inside: BTreeSet<Guid>,
}

impl Witness {
    /// Something changed: looks at every controller anew.
    pub(crate) fn look(&mut self, directory: &SimulatedDirectory) {
        self.moment += 1;
        self.forget_returned(directory);
        if !self.is_there {
            return;
        }
        for (index, controller) in directory.controllers.iter().enumerate() {
            for guid in self
                .scope
                .roots
                .iter()
                .flatten()
                .chain(&self.scope.excluded)
            {
                let name = controller.entries.get(guid).map(|e| controller.dn(e));
                let name = name.map(|name| name.to_string()).unwrap_or_default();
                let before = self.names.insert((index, *guid), name.clone());
                if before.is_some_and(|before| before != name) {
                    self.restless.insert(*guid);
                }
            }
            for scope in self.planned.iter().chain(&self.superseded) {
                let outside = scope.outside(controller);
                outside.note(controller, &mut self.in_place, &mut self.inside);
            }
            let outside = self.scope.outside(controller);
            outside.note(controller, &mut self.in_place, &mut self.inside);
            let moment = self.moment;
            let inside = controller.entries.keys();
            let inside = inside.filter(|guid| !outside.all.contains(guid));
            self.last_in.extend(inside.map(|guid| (*guid, moment)));
            let out = outside.all.into_iter().map(|guid| (guid, moment));
            self.last_out.extend(out);
            // Who has moved to another domain is not here, and may go.
            let moved = controller.entries.values().filter_map(Entry::moved);
            let gone = moved.filter(|guid| !controller.entries.contains_key(guid));
            self.last_out.extend(gone.map(|guid| (guid, moment)));
        }
    }

    /// Whether an object was ever where objects take part.
    pub(crate) fn was_in_place(&self, guid: Guid) -> bool {
        self.in_place.contains(&guid)
    }

    /// Whether an object lies in something that was where objects take part. Where places alone do not tell the agent
    /// who takes part, it may come before the move of what it lies in. It is the same with what lies in something that
    /// the scope names, and that is renamed or moved while the agent reads by the name of before.
    pub(crate) fn lies_in_what_was(&self, directory: &SimulatedDirectory, guid: Guid) -> bool {
        let places_tell = self.scope.roots.is_some() && self.scope.groups.is_empty();
        if self.restless.contains(&guid) {
            return true;
        }
        let was = |controller: &SimulatedController| {
            let parent = |guid: &Guid| controller.entries.get(guid).and_then(Entry::parent);
            let mut above = std::iter::successors(parent(&guid), parent);
            above.any(|guid| {
                // Everything lies in the domain itself.
                let was = guid != SimulatedDirectory::head() && self.in_place.contains(&guid);
                self.restless.contains(&guid) || was && !places_tell
            })
        };
        directory.controllers.iter().any(was)
    }

    /// Whether an object ever took part.
    pub(crate) fn took_part(&self, guid: Guid) -> bool {
        self.inside.contains(&guid)
    }

    /// Who takes part, as a controller has it.
    pub(crate) fn inside(&self, controller: &SimulatedController) -> BTreeSet<Guid> {
        let outside = self.scope.outside(controller).all;
        let known = controller.entries.keys().copied();
        known.filter(|guid| !outside.contains(guid)).collect()
    }

    /// Who lies elsewhere on a controller at this moment.
    pub(crate) fn elsewhere(&self, controller: &SimulatedController) -> BTreeSet<Guid> {
        self.scope.outside(controller).elsewhere
    }

    /// What a controller has in scope at this moment and the account can see.
    pub(crate) fn view(&self, directory: &SimulatedDirectory, index: usize) -> View {
        let controller = &directory.controllers[index];
        let entries = controller.entries.values();
        let seen = entries.filter(|entry| directory.sees(controller, entry));
        let seen: BTreeSet<Guid> = seen.map(|entry| entry.guid).collect();
        let inside = match self.scope.is_resolved(controller) {
            true => &seen - &self.scope.outside(controller).all,
            false => BTreeSet::new(),
        };
        View {
            moment: self.moment,
            seen,
            inside,
        }
    }

    /// The service has stored what a page told of these.
    pub(crate) fn hear(&mut self, directory: &SimulatedDirectory, told: &[Guid]) {
        self.heard.extend(told);
        let is_told = |entry: &&Entry| told.contains(&entry.guid);
        for controller in &directory.controllers {
            let markers = controller.entries.values().filter(is_told);
            self.told_moved.extend(markers.filter_map(Entry::moved));
        }
        self.forget_returned(directory);
    }

    fn forget_returned(&mut self, directory: &SimulatedDirectory) {
        let is_here = |guid: &Guid| {
            let mut controllers = directory.controllers.iter();
            controllers.any(|controller| controller.entries.contains_key(guid))
        };
        self.told_moved.retain(|guid| !is_here(guid));
    }

    /// Whether the service knows that this one has moved to another domain.
    pub(crate) fn is_told_to_have_moved(&self, guid: Guid) -> bool {
        self.told_moved.contains(&guid)
    }

    /// The service has stored all that a controller had to say at the moment of that view.
    pub(crate) fn confirm(&mut self, view: &View) {
        self.heard = &self.heard & &view.seen;
        for guid in &view.inside & &self.heard {
            let confirmed = self.confirmed.entry(guid).or_default();
            *confirmed = (*confirmed).max(view.moment);
        }
    }

    /// What has happened so far.
    pub(crate) const fn moment(&self) -> u64 {
        self.moment
    }

    /// Whether an object was in scope on any controller after that moment.
    pub(crate) fn was_in_scope_since(&self, guid: Guid, moment: u64) -> bool {
        self.last_in.get(&guid).is_some_and(|last| *last >= moment)
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
