//! What is seen of the service while a history runs, and held against Active Directory.

use super::ledger::refers;
use super::*;
use lockstep_directory::Kind;
use lockstep_model::CycleState;
use lockstep_model::log::{Action, Status};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::job::HeldDelete;

impl World {
    /// The witness looks at the domain as it is now.
    pub(super) fn look(&self) {
        let directory = self.shared.directory.borrow();
        let nobody_reads = self.admin.is_none()
            && self.sides.iter().all(|side| side.cycle.is_none())
            && self.agents.iter().all(|agent| agent.works.is_empty());
        for witness in self.shared.witnesses.borrow_mut().iter_mut() {
            if nobody_reads {
                witness.superseded.clear();
            }
            witness.look(&directory);
            if nobody_reads {
                witness.restless.clear();
            }
        }
    }

    /// Objects that have a description, in the cloud and on every controller.
    pub(super) fn with_description(&self) -> BTreeSet<ObjectId> {
        let directory = self.shared.directory.borrow();
        let on_all = |guid: &Guid| {
            let mut controllers = directory.controllers.iter();
            controllers.all(|controller| {
                let entry = controller.entries.get(guid).filter(|e| !e.is_deleted());
                entry.is_some_and(|entry| entry.text(DESCRIPTION).is_some())
            })
        };
        let joined = self.joined.iter().filter(|(_, guid)| on_all(guid));
        joined
            .map(|(id, _)| *id)
            .filter(|id| self.is_described(*id) == Some(true))
            .collect()
    }

    /// Whether a live object of the directory has a description.
    pub(super) fn is_described(&self, id: ObjectId) -> Option<bool> {
        let found: DirectoryObject = self.record(&id)?;
        let live = found.object.deleted.is_none();
        live.then(|| found.object.text(DESCRIPTION).is_some())
    }

    /// Whoever loses the description in Active Directory may lose it in the cloud.
    pub(super) fn no_longer_described(&mut self, change: &Change) {
        let changed = match change {
            Change::Set {
                label, attribute, ..
            } => (*attribute == DESCRIPTION).then_some(label),
            Change::Delete { label } | Change::Leave { label } => Some(label),
            _ => None,
        };
        if let Some(label) = changed {
            let guid = label.guid();
            let joined = &self.joined;
            self.described.retain(|id| joined.get(id) != Some(&guid));
        }
    }

    /// A cycle has ended: what of it can be checked at once.
    pub(super) fn cycle_ended(&mut self, which: Which) {
        let Some(cycle) = self.last_cycle(which) else {
            return;
        };
        self.shared.trace(|| format!("    {cycle:?}"));
        let code = cycle.error.as_ref().map_or("", |error| &error.code);
        self.shared.note(format!("cycles: {} {code}", cycle.state));
        // Replication shows them too.
        let replicated = self.passwords.were_wanted && cycle.error.is_none();
        let hidden = self.job(which).is_some_and(|job| !job.tombstones_visible);
        if hidden && !replicated && cycle.state != CycleState::Failed {
            self.violate("a cycle that could not see tombstones ended as a success".to_owned());
        }
        let held = self.held(which);
        let is_deciding = self.deciding == Some(which);
        let guard = &mut self.side(which).guard;
        let since = |guid| *guard.held.get(&guid).unwrap_or(&guard.began);
        guard.held = held.into_iter().map(|guid| (guid, since(guid))).collect();
        // What was allowed leaves with the next cycle that comes so far.
        guard.decided &= cycle.state == CycleState::Failed || is_deciding;
    }

    /// Whose deletes wait for an administrator because the guard has tripped.
    fn held(&self, which: Which) -> BTreeSet<Guid> {
        let Some(id) = self.configuration(which) else {
            return BTreeSet::new();
        };
        let mut held = Vec::new();
        self.store
            .read(&mut |tx| {
                held = tx.list::<HeldDelete>(&Scan::of(Key::empty().with(id), 100_000))?;
                Ok(())
            })
            .expect("the store can be read");
        let closed = held.into_iter().filter(HeldDelete::keeps_closed);
        closed.map(|row| row.guid).collect()
    }

    /// Deletes that the guard should not have let go.
    pub(super) fn guarded(&mut self, which: Which, guid: Guid) {
        let still = self.held(which);
        let guard = &mut self.side(which).guard;
        guard.deleted += 1;
        // One of those that were held leaves, or another one while they are.
        let held = &guard.held;
        let tripped = held.contains_key(&guid) || still.iter().any(|guid| held.contains_key(guid));
        let Guard {
            wake,
            deleted,
            decided,
            ..
        } = *guard;
        let over = |threshold| deleted >= threshold && !decided;
        if wake == Some(Wake::Change) && !decided {
            self.violate("an object was deleted in a cycle that a change woke".to_owned());
        } else if self.setup.threshold.is_some_and(over) {
            self.violate(format!(
                "{deleted} deletes left in one cycle and were not held"
            ));
        } else if self.setup.threshold.is_some() && tripped && !decided {
            self.violate("a guard that had tripped opened by itself".to_owned());
        }
    }

    /// An update that the limit should have held. What is made, taken up or restored is none, and neither is what
    /// somebody else has given up.
    fn updated(&mut self, entry: &LogEntry) {
        let is_update = entry.action == Action::Update && entry.status == Status::Success;
        let of_cycle = entry.cycle.is_some() && entry.code != "ValueInherited";
        let is_new = entry.target.is_some_and(|id| self.taken_up.contains(&id));
        let refers_only = !entry.changes.is_empty() && entry.changes.iter().all(refers);
        if !is_update || !of_cycle || is_new || refers_only {
            return;
        }
        let mut both = Which::BOTH.into_iter();
        let of = both.find(|which| self.configuration(*which) == Some(entry.configuration));
        let Some(which) = of else { return };
        let side = self.side(which);
        side.guard.updated += 1;
        let (updated, decided) = (side.guard.updated, side.guard.decided);
        if side
            .wishes
            .limits
            .updates
            .is_some_and(|most| updated >= most)
            && !decided
        {
            self.violate(format!(
                "{updated} updates left in one cycle and were not held"
            ));
        }
    }

    /// A member left a group, which the limit should have held. What leads to somebody who is gone for good goes with
    /// them.
    fn member_left(&mut self, group: ObjectId, member: ObjectId) {
        let there = |id| self.objects.contains_key(&id);
        if !there(group) || !there(member) {
            return;
        }
        if self.belongs(group, member) {
            let name = |id| {
                self.joined
                    .get(&id)
                    .map(|guid| self.shared.directory.borrow().name_of(*guid))
            };
            let (group, member) = (name(group), name(member));
            self.violate(format!(
                "{member:?} left {group:?}, although Active Directory has had them in it ever since"
            ));
            return;
        }
        let which = self.owners.get(&group).copied().unwrap_or_default();
        let side = self.side(which);
        let removed = side.guard.removed.entry(group).or_default();
        *removed += 1;
        let (removed, decided) = (*removed, side.guard.decided);
        if side
            .wishes
            .limits
            .members
            .is_some_and(|most| removed >= most)
            && !decided
        {
            self.violate(format!(
                "{removed} members left a group in one cycle and were not held"
            ));
        }
    }

    /// Links that end, and objects that are not there for a time.
    pub(super) fn note_parted(&mut self, change: &Change) {
        match change {
            Change::Unlink { source, target, .. } => {
                self.parted.insert((source.guid(), target.guid()));
            }
            Change::Delete { label }
            | Change::Undelete { label, .. }
            | Change::Leave { label }
            | Change::Return { label, .. } => {
                self.absent.insert(label.guid());
                if matches!(change, Change::Return { .. }) {
                    self.returned.insert(label.guid());
                }
            }
            _ => {}
        }
    }

    /// Whether a group and its member both take part, and have belonged together ever since somebody made them: nothing
    /// may part them. Where controllers lag behind one another, or were set back, nobody can tell.
    fn belongs(&self, group: ObjectId, member: ObjectId) -> bool {
        if self.setup.controllers > 1 || self.was_set_back {
            return false;
        }
        let pair = self.joined.get(&group).zip(self.joined.get(&member));
        let Some((group_guid, member_guid)) = pair else {
            return false;
        };
        let takes_part = |id: &ObjectId, guid: &Guid| {
            let which = self.owners.get(id).copied().unwrap_or_default();
            let witnesses = self.shared.witnesses.borrow();
            let is_there = self.configuration(which).is_some();
            is_there && !self.absent.contains(guid) && !witnesses[which.index()].may_go(*guid)
        };
        let directory = self.shared.directory.borrow();
        let holder = directory.writer().entries.get(group_guid);
        !self.parted.contains(&(*group_guid, *member_guid))
            && holder.is_some_and(|holder| holder.links_to("member", *member_guid))
            && takes_part(&group, group_guid)
            && takes_part(&member, member_guid)
    }

    /// Takes up what was committed since the last look, and holds it against what Active Directory says.
    pub(super) fn observe(&mut self) {
        let mut left = Vec::new();
        for written in self.store.take_written() {
            self.shared.trace(|| format!("    {written:?}"));
            match written {
                Written::Configuration(configuration) => self.accepted(&configuration),
                Written::Joined(configuration, guid, object) => {
                    self.joins(configuration, guid, object);
                }
                Written::Object(object) => {
                    self.directory_writes += 1;
                    let (id, in_recycle_bin) = (object.id, object.deleted.is_some());
                    let fault = self.ledger.object(*object);
                    self.violate_if(fault);
                    let before = self.objects.insert(id, in_recycle_bin);
                    if before.is_none() {
                        self.made(id);
                    }
                    if self.described.contains(&id) && self.is_described(id) == Some(false) {
                        self.violate(
                            "a description was cleared although Active Directory has one, which the \
                             account must not read"
                                .to_owned(),
                        );
                    }
                    if in_recycle_bin && before == Some(false) {
                        self.deleted(id);
                    }
                }
                Written::Removed(id) => {
                    self.directory_writes += 1;
                    let fault = self.ledger.removed(id);
                    self.violate_if(fault);
                    if self.objects.remove(&id) == Some(false) {
                        self.deleted(id);
                    }
                }
                Written::Reference { key, made } => {
                    self.directory_writes += u64::from(made);
                    if !made {
                        left.extend(membership(&key));
                    }
                    let fault = self.ledger.reference(key, made);
                    self.violate_if(fault);
                }
                Written::Log(entry) => {
                    let is_new = entry.target.is_some_and(|id| self.taken_up.contains(&id));
                    let fault = self.ledger.book(&entry, is_new);
                    self.violate_if(fault);
                    self.updated(&entry);
                }
                Written::Credential(id) => {
                    self.directory_writes += 1;
                    self.credential_written(id);
                }
            }
        }
        self.taken_up.clear();
        for (group, member) in left {
            self.member_left(group, member);
        }
        for which in Which::BOTH {
            if !self.side(which).guard.held.is_empty() {
                self.look_at_held(which);
            }
        }
        self.look_at_untold();
        self.look_at_wanted();
        self.look_at_what_left();
    }

    /// Who is decided otherwise, or decided about, is held no more; that nobody can tell any more is no decision.
    fn look_at_held(&mut self, which: Which) {
        let still = self.held(which);
        let id = self.configuration(which);
        let guard = &mut self.side(which).guard;
        let decided = guard.decided;
        let struck: Vec<(Guid, u64)> = guard
            .held
            .extract_if(.., |guid, _| !still.contains(guid))
            .collect();
        let Some(id) = id.filter(|_| !decided && !self.shared.rolled_back.get()) else {
            return;
        };
        for (guid, since) in struck {
            let joined: Option<LinkRow> = self.record(&(id, guid));
            let is_there = joined.is_some_and(|joined| !joined.deleted);
            let witnesses = self.shared.witnesses.borrow();
            let came_back = witnesses[which.index()].was_in_scope_since(guid, since);
            drop(witnesses);
            if is_there && !came_back {
                let name = self.shared.directory.borrow().name_of(guid);
                self.violate(format!(
                    "the delete of {name} was held and is held no more, although nothing else was decided"
                ));
            }
        }
    }

    /// Of who never took part nothing leaves but identity and place; of who was in place, what decides.
    fn look_at_what_left(&mut self) {
        for (guid, left) in self.shared.left.take() {
            let directory = self.shared.directory.borrow();
            let may_leave = self.has_witness(|witness| match left {
                _ if witness.lies_in_what_was(&directory, guid) => true,
                Left::Decision => witness.was_in_place(guid),
                Left::Content => witness.took_part(guid),
            });
            drop(directory);
            if !may_leave {
                let name = self.shared.directory.borrow().name_of(guid);
                self.violate(format!(
                    "{left:?} of {name} left Active Directory, and it never had a part in anything"
                ));
            }
        }
    }

    fn has_witness(&self, of: impl Fn(&Witness) -> bool) -> bool {
        self.shared.witnesses.borrow().iter().any(of)
    }

    /// A configuration was stored.
    fn accepted(&mut self, configuration: &Configuration) {
        let Some(which) = Which::named(&configuration.name) else {
            return;
        };
        let scope = ScopeNow::of(configuration);
        if configuration.scratch {
            if self.configuration(which) == Some(configuration.id) {
                // It is being removed.
                let side = self.side(which);
                (side.id, side.version) = (None, 0);
            } else {
                // A plan of another configuration has a connector space of its own.
                let mut witnesses = self.shared.witnesses.borrow_mut();
                witnesses[which.index()].planned.push(scope);
            }
            self.look();
            return;
        }
        let side = self.side(which);
        side.id = Some(configuration.id);
        if configuration.version != side.version {
            side.version = configuration.version;
            side.stages = false;
            side.wishes.clone_from(&side.asked);
            self.passwords_configured(which);
        }
        let mut witnesses = self.shared.witnesses.borrow_mut();
        let witness = &mut witnesses[which.index()];
        if witness.scope != scope && witness.is_there {
            // An agent that reads, or is about to, hears of it with its next answer.
            witness.superseded.push(witness.scope.clone());
        }
        witness.scope = scope;
        witness.is_there = true;
        drop(witnesses);
        self.look();
    }

    /// An object of Active Directory is one of the directory.
    fn joins(&mut self, configuration: ConfigurationId, guid: Guid, object: ObjectId) {
        let mut both = Which::BOTH.into_iter();
        if let Some(which) = both.find(|which| self.configuration(*which) == Some(configuration)) {
            let guid_before = self.joined.insert(object, guid);
            self.owners.insert(object, which);
            let before = self.linked_for.insert(object, configuration);
            if (guid_before, before) != (Some(guid), Some(configuration)) {
                self.taken_up.insert(object);
            }
        }
    }

    /// An object of the directory was made: nobody has its anchor.
    fn made(&mut self, id: ObjectId) {
        let Some(found) = self.record::<DirectoryObject>(&id) else {
            return;
        };
        let anchor = found
            .object
            .mastery
            .filter(|_| found.object.kind == Kind::User);
        let Some(anchor) = anchor.map(|mastery| mastery.anchor.to_string()) else {
            return;
        };
        let before = self.anchors.insert(anchor.clone(), id);
        if before.is_some_and(|before| self.objects.contains_key(&before)) {
            self.violate(format!("{anchor} has become a second object"));
        }
    }

    /// An object of the directory was deleted: Active Directory must have given a reason.
    pub(super) fn deleted(&mut self, id: ObjectId) {
        let Some(guid) = self.joined.get(&id).copied() else {
            return;
        };
        self.shared.note("objects deleted".to_owned());
        self.shared.told_passwords.borrow_mut().remove(&guid);
        let which = self.owners.get(&id).copied().unwrap_or_default();
        self.guarded(which, guid);
        let said_gone = self.sides[which.index()].said_gone.contains(&guid);
        let may_go = said_gone || self.shared.witnesses.borrow()[which.index()].may_go(guid);
        // A database that was set back without anybody noticing contradicts what it said before.
        if !self.shared.rolled_back.get() && !may_go {
            let name = self.shared.directory.borrow().name_of(guid);
            self.violate(format!(
                "{name} was deleted in the cloud directory although Active Directory has had it in scope \
                 ever since that was last read"
            ));
        }
    }

    /// The directory was written to: not for a configuration that was paused before that.
    pub(super) fn look_at_paused(&mut self, actor: Actor) {
        let stopped = |which: &Which| {
            let side = &self.sides[which.index()];
            side.is_stopped && side.cycle.is_some()
        };
        let told = match actor {
            Actor::Cycle(which) => stopped(&which),
            // Where there are two, nothing tells for which of them an agent said what was written.
            Actor::Agent(_) => self.configured().iter().all(stopped),
            Actor::Admin => false,
        };
        if told {
            self.violate("a paused configuration went on writing to the directory".to_owned());
        }
        if let Actor::Cycle(which) = actor
            && self.sides[which.index()].stages
        {
            self.violate("a configuration in staging wrote to the directory".to_owned());
        }
    }

    /// How many rows of the directory were written since the last call.
    pub(crate) fn take_directory_writes(&mut self) -> u64 {
        self.observe();
        std::mem::take(&mut self.directory_writes)
    }
}

/// The group and the member that a reference stands for, if it stands for that.
fn membership(key: &Key) -> Option<(ObjectId, ObjectId)> {
    let mut parts = key.reader();
    let (group, property, member) = (parts.guid()?, parts.text()?, parts.guid()?);
    (property == "members").then_some((ObjectId::new(group), ObjectId::new(member)))
}
