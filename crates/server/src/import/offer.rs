//! Which of the offered objects are wanted.

use super::contents::{Contents, check_names};
use super::{ImportError, Places};
use crate::lane::Lane;
use crate::scope_groups::{marks_for_edge, primary_edge};
use crate::{passwords, policy};
use lockstep_api::channel::{
    Content, ObjectUpdate, Offer, OfferAnswer, Offered, Verdict, WireAttributes,
};
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::scope::{Chain, Placement};
use lockstep_engine::{Membership, ObjectClass, Presence, RowState, StagedObject, kept_out};
use lockstep_model::{AttributeName, Attributes, Guid};
use lockstep_store::records::connector_space::{
    ForeignPrincipal, Staged, StagedReference, Subject,
};
use lockstep_store::records::job::ReadSet;
use lockstep_store::{ReadRecords as _, Scan, Write, WriteRecords as _};
use std::collections::HashMap;

/// How many references are dropped in one go.
const SLICE: usize = 1_000;

/// Takes up identity and place of a batch of objects, with the content of those that came with it, and says
/// which of the others are wanted.
///
/// Idempotent: the same offer gets the same answer.
///
/// # Errors
///
/// [`ImportError::Refused`] with code `BadRequest` for a name that is none.
pub fn offer(tx: &mut dyn Write, mut lane: Lane, offer: Offer) -> Result<OfferAnswer, ImportError> {
    let contents = offer.objects.iter().map(|offered| {
        let rdn = offered.content.as_ref().and_then(|c| c.rdn.as_ref());
        (offered.guid, rdn)
    });
    check_names(contents)?;
    let configuration = lane.configuration.id;
    let own = offer.objects.iter().map(|object| object.guid);
    let moved = offer.objects.iter().filter_map(|object| object.moved);
    let ids: Vec<_> = own.chain(moved).map(|guid| (configuration, guid)).collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut desk = Desk {
        read_set: policy::read_set_of(tx, configuration)?,
        places: Places::new(configuration, lane.policy.naming_context),
        ancestors: None,
        contents: Contents::default(),
        joined: Vec::new(),
        parted: Vec::new(),
        returned: Vec::new(),
        revived: Vec::new(),
        moved_back: Vec::new(),
        foreign: Vec::new(),
    };
    let mut known: HashMap<Guid, StagedObject> = rows
        .into_iter()
        .flatten()
        .map(|row| (row.object.guid, row.object))
        .collect();
    let mut verdicts = Vec::with_capacity(offer.objects.len());
    // Parents may stand behind their children: first all places, then all verdicts.
    let mut named = Vec::new();
    for offered in &offer.objects {
        let before = known.get(&offered.guid);
        named.extend(offered.moved.map(|moved| (moved, is_news(before))));
        let object = desk.place(&lane, before, offered);
        desk.places.changed(&object);
        known.insert(offered.guid, object);
    }
    // What groups say of an object has to be known before it is judged.
    desk.links_to_returned(tx, &lane)?;
    passwords::read_anew(tx, configuration, &desk.revived)?;
    passwords::moved_back(tx, configuration, &desk.moved_back)?;
    desk.incoming(tx, &lane, &offer.objects)?;
    let mut accepted = 0;
    for mut offered in offer.objects {
        let Some(object) = known.get_mut(&offered.guid) else {
            continue;
        };
        let content = offered.content.take();
        let mut verdict = desk.judge(tx, &lane, object, &offered, content.as_ref())?;
        if let (Verdict::Want | Verdict::Name, Some(content)) = (verdict, content) {
            let update = update_of(&offered, content);
            desk.contents.take(&lane, object, &update)?;
            verdict = Verdict::Stay;
            accepted += 1;
        }
        verdicts.push(verdict);
    }
    desk.ask_again(tx, &lane, &known)?;
    for (guid, news) in named {
        if let Some(object) = known.get_mut(&guid) {
            ask_whether_it_left(object, news);
        }
    }
    let rows: Vec<Staged> = known
        .into_values()
        .map(|object| Staged {
            configuration,
            object,
        })
        .collect();
    tx.store(&rows)?;
    tx.remove::<StagedReference>(&desk.parted)?;
    tx.store(&desk.joined)?;
    tx.store(&desk.foreign)?;
    desk.contents.finish(tx, &mut lane, accepted)?;
    tx.store(&[lane.job])?;
    Ok(OfferAnswer { verdicts })
}

/// What says that an object has left is believed once: each full import shows it again, and who moved back must not
/// be lost for it on the day on which the account cannot see him.
fn is_news(proxy: Option<&StagedObject>) -> bool {
    proxy.is_none_or(|proxy| proxy.presence != Presence::Deleted)
}

/// Something says that an object has moved to another domain. It may be older than the object's way back, so the
/// controller is asked for it at the end of the page. Where that is no news, its silence makes the object missing, as
/// any silence does: a controller that lagged may have shown it again meanwhile.
fn ask_whether_it_left(object: &mut StagedObject, news: bool) {
    if object.presence == Presence::Deleted || object.moved_away {
        return;
    }
    if news {
        object.moved_away = true;
    } else if matches!(object.presence, Presence::Alive { .. }) {
        object.state = RowState::Unread;
    }
    object.version += 1;
}

/// Content that came with an offer, as it comes by itself.
fn update_of(offered: &Offered, content: Content) -> ObjectUpdate {
    ObjectUpdate {
        guid: offered.guid,
        rdn: content.rdn,
        whole: offered.whole,
        partial: false,
        reading: content.reading,
        attributes: content.attributes,
        links: content.links,
    }
}

/// Works through one offer.
struct Desk {
    read_set: ReadSet,
    places: Places,
    /// The containers on the way from the roots of the scope to the top, once looked up.
    ancestors: Option<Vec<Guid>>,
    /// What came with it, and what has to be looked at again.
    contents: Contents,
    /// Primary groups that are another now, as edges.
    joined: Vec<StagedReference>,
    parted: Vec<(lockstep_model::ids::ConfigurationId, Guid, String, Guid)>,
    /// Objects that came back from deletion and have to be read whole,
    returned: Vec<Guid>,
    /// and those with them that come whole.
    revived: Vec<Guid>,
    /// Those of them that had moved to another domain.
    moved_back: Vec<Guid>,
    /// Objects that stand for principals of other forests.
    foreign: Vec<ForeignPrincipal>,
}

impl Desk {
    /// Who comes back from deletion comes without references to it, or with other ones: which, tells the reading by
    /// GUID that follows.
    fn links_to_returned(&mut self, tx: &mut dyn Write, lane: &Lane) -> Result<(), ImportError> {
        for guid in self.returned.clone() {
            for attribute in self.read_set.links.clone() {
                let prefix = StagedReference::to(lane.configuration.id, guid);
                let prefix = prefix.with(attribute.as_str());
                let scan = Scan::along(StagedReference::BY_TARGET, prefix, SLICE);
                loop {
                    let rows: Vec<StagedReference> = tx.list(&scan)?;
                    let ids: Vec<_> = rows.iter().map(StagedReference::id).collect();
                    tx.remove::<StagedReference>(&ids)?;
                    rows.iter().for_each(|row| self.changed(lane, row));
                    if rows.len() < SLICE {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes up references that the object at their end shows, of those who are known in full; the references of
    /// others are read with them.
    fn incoming(
        &mut self,
        tx: &mut dyn Write,
        lane: &Lane,
        objects: &[Offered],
    ) -> Result<(), ImportError> {
        let configuration = lane.configuration.id;
        let mut references = Vec::new();
        for offered in objects {
            for incoming in &offered.incoming {
                references.extend(incoming.from.iter().map(|source| StagedReference {
                    configuration,
                    source: *source,
                    attribute: incoming.attribute.to_ascii_lowercase(),
                    target: offered.guid,
                    reading: 0,
                }));
            }
        }
        let sources: Vec<_> = references
            .iter()
            .map(|reference| (configuration, reference.source))
            .collect();
        let holders: Vec<Option<Staged>> = tx.fetch(&sources)?;
        let ids: Vec<_> = references.iter().map(StagedReference::id).collect();
        let known: Vec<Option<StagedReference>> = tx.fetch(&ids)?;
        let mut fresh = Vec::new();
        for (reference, (holder, known)) in
            references.into_iter().zip(holders.into_iter().zip(known))
        {
            let complete = holder.is_some_and(|row| row.object.is_complete(lane.policy.read_set));
            if complete && known.is_none() {
                self.changed(lane, &reference);
                fresh.push(reference);
            }
        }
        Ok(tx.store(&fresh)?)
    }

    /// A container for whose name nobody answered, and in which something is seen, may be seen again itself.
    fn ask_again(
        &self,
        tx: &mut dyn Write,
        lane: &Lane,
        offered: &HashMap<Guid, StagedObject>,
    ) -> Result<(), ImportError> {
        let silent = self.places.silent();
        let others = silent.filter(|guid| !offered.contains_key(guid));
        let ids: Vec<_> = others.map(|guid| (lane.configuration.id, guid)).collect();
        let mut rows: Vec<Staged> = tx.fetch(&ids)?.into_iter().flatten().collect();
        for row in &mut rows {
            row.object.presence = Presence::Alive {
                epoch: lane.job.epoch,
            };
            row.object.state = RowState::Unread;
            row.object.version += 1;
        }
        Ok(tx.store(&rows)?)
    }

    /// A reference came or went.
    fn changed(&mut self, lane: &Lane, row: &StagedReference) {
        let (source, attribute, target) = (row.source, &row.attribute, row.target);
        self.contents.references += 1;
        let edge = marks_for_edge(lane, source, attribute, target);
        self.contents.marks.extend(edge);
        let reference = Subject::Reference(source, attribute.clone(), target);
        self.contents.marks.push(reference);
    }
}

impl Desk {
    /// Takes up identity and place.
    fn place(
        &mut self,
        lane: &Lane,
        before: Option<&StagedObject>,
        offered: &Offered,
    ) -> StagedObject {
        let mut object = before
            .cloned()
            .unwrap_or_else(|| StagedObject::new(offered.guid, lane.job.epoch));
        if offered.deleted {
            // Whatever else was said of it: who moves away leaves no tombstone of its own.
            object.moved_away = false;
            object.presence = Presence::Deleted;
            object.forget_content();
        } else {
            // Who comes back is read whole: references come back with it unreported, or stay away.
            let returned = object.presence == Presence::Deleted || offered.undeleted;
            if object.presence == Presence::Deleted && std::mem::take(&mut object.moved_away) {
                self.moved_back.push(offered.guid);
            }
            object.presence = Presence::Alive {
                epoch: lane.job.epoch,
            };
            if returned {
                self.revived.push(offered.guid);
            }
            if returned && !offered.whole {
                object.state = RowState::Unread;
                self.returned.push(offered.guid);
            }
        }
        if let Some(class) = &offered.class {
            object.class = Some(ObjectClass::from_name(class));
        }
        object.parent = offered.parent.or(object.parent);
        object.sid = offered.sid.clone().or(object.sid);
        object.primary_group = offered.primary_group.or(object.primary_group);
        if before != Some(&object) {
            object.version += 1;
            self.mark(lane, before, &object);
        }
        object
    }

    /// Marks what a change of place or presence touches.
    fn mark(&mut self, lane: &Lane, before: Option<&StagedObject>, object: &StagedObject) {
        self.primary_group(lane, before, object);
        self.foreign_principal(lane, before, object);
        let class = before.and_then(|before| before.class);
        let alive = matches!(object.presence, Presence::Alive { .. });
        let returned =
            before.is_some_and(|before| alive != matches!(before.presence, Presence::Alive { .. }));
        if lane.policy.scope.nested
            && object.class == Some(ObjectClass::Group)
            && (class != object.class || returned)
        {
            // Its edges may have come before it.
            self.contents.marks.push(Subject::Group(object.guid));
        }
        if object.presence == Presence::Deleted {
            // A tombstone drops every reference to and from its object.
            self.contents.marks.push(Subject::Gone(object.guid));
        }
        let moved = before.is_some_and(|before| before.parent != object.parent);
        if object.class == Some(ObjectClass::Container) {
            if moved {
                self.contents.marks.push(Subject::Subtree(object.guid));
            }
        } else {
            self.contents.marks.push(Subject::Object(object.guid));
        }
    }

    fn primary_group(&mut self, lane: &Lane, before: Option<&StagedObject>, object: &StagedObject) {
        let person = matches!(
            object.class,
            Some(ObjectClass::User | ObjectClass::InetOrgPerson)
        );
        let known = before.and_then(|before| before.primary_group);
        if !person || known == object.primary_group {
            return;
        }
        let edge = |object: &StagedObject| primary_edge(lane.configuration.id, object);
        self.parted
            .extend(before.and_then(edge).map(|edge| edge.id()));
        self.joined.extend(edge(object));
    }

    /// Whoever is a member by way of it may have been told before it.
    fn foreign_principal(
        &mut self,
        lane: &Lane,
        before: Option<&StagedObject>,
        object: &StagedObject,
    ) {
        let known = before.and_then(|before| before.sid.as_ref());
        if let (Some(ObjectClass::ForeignPrincipal), Some(sid)) = (object.class, &object.sid)
            && known != Some(sid)
        {
            self.foreign.push(ForeignPrincipal {
                configuration: lane.configuration.id,
                guid: object.guid,
                sid: sid.clone(),
            });
            self.contents.marks.push(Subject::To(object.guid));
        }
    }

    fn judge(
        &mut self,
        tx: &mut dyn Write,
        lane: &Lane,
        object: &mut StagedObject,
        offered: &Offered,
        content: Option<&Content>,
    ) -> Result<Verdict, ImportError> {
        if object.presence == Presence::Deleted {
            return Ok(Verdict::Stay);
        }
        if self.returned.contains(&object.guid) {
            // Whether a group of the scope has it as a member is known when it has been read.
            return Ok(Verdict::Stay);
        }
        let Some(class) = object.class else {
            // A change of something of which we know nothing: read it.
            object.state = RowState::Unread;
            return Ok(Verdict::Stay);
        };
        if class == ObjectClass::Container {
            return self.container(tx, lane, object, offered);
        }
        let Some(kind) = class.kind() else {
            return Ok(Verdict::Stay);
        };
        let chain = self.places.chain(tx, object)?;
        if lane.groups.contains(&object.guid) {
            // Who is in it has to be known, whether or not it is provisioned itself.
            return Ok(wanted_in_full(lane, object, offered));
        }
        let membership = lane.groups.membership(tx, object)?;
        match lane.policy.scope.placement(&chain, membership) {
            Placement::Inside => {
                let version = object.version;
                // Who belongs to the scope whatever the place may lie anywhere.
                let elsewhere = offered.elsewhere && membership == Membership::None;
                let verdict = match elsewhere {
                    true => reread(object),
                    false => self.wanted(lane, object, offered, content, kind),
                };
                if object.version != version {
                    self.contents.marks.push(Subject::Object(object.guid));
                }
                Ok(verdict)
            }
            Placement::GroupUnread { .. } => {
                // A change is merged only into a complete row, and this one is not asked for.
                if matches!(object.state, RowState::Complete { .. }) {
                    object.state = RowState::Unread;
                }
                Ok(Verdict::Stay)
            }
            Placement::Outside | Placement::Excluded { .. } => {
                if object.state != RowState::PlaceOnly || !object.attributes.is_empty() {
                    object.forget_content();
                    object.version += 1;
                }
                Ok(Verdict::Stay)
            }
            Placement::Undecided { .. } => {
                object.state = RowState::Unread;
                Ok(Verdict::Stay)
            }
        }
    }

    /// A container is wanted by name if wanted objects can lie in it or below it.
    fn container(
        &mut self,
        tx: &mut dyn Write,
        lane: &Lane,
        object: &mut StagedObject,
        offered: &Offered,
    ) -> Result<Verdict, ImportError> {
        if object.guid == lane.policy.naming_context {
            return Ok(Verdict::Stay);
        }
        let chain = self.places.chain(tx, object)?;
        let is_root = |guid: &Guid| {
            lane.policy
                .scope
                .roots
                .as_ref()
                .is_some_and(|r| r.contains(guid))
        };
        let inside = is_root(&object.guid)
            // Somebody asked for its name, or knows it.
            || object.state == RowState::Unread
            || object.rdn.is_some()
            || match lane.policy.scope.placement(&chain, Membership::None) {
                Placement::Inside | Placement::Undecided { .. } => true,
                Placement::Outside | Placement::Excluded { .. } | Placement::GroupUnread { .. } => {
                    self.is_ancestor(tx, lane, object.guid)?
                }
            };
        if let Chain::Unknown { .. } = chain {
            object.state = RowState::Unread;
        }
        if !inside {
            return Ok(Verdict::Stay);
        }
        if offered.whole || offered.renamed {
            return Ok(Verdict::Name);
        }
        if object.rdn.is_none() {
            object.state = RowState::Unread;
        }
        Ok(Verdict::Stay)
    }

    /// Whether a container lies on the way from a root of the scope to the top.
    fn is_ancestor(
        &mut self,
        tx: &mut dyn Write,
        lane: &Lane,
        guid: Guid,
    ) -> Result<bool, ImportError> {
        if self.ancestors.is_none() {
            let mut ancestors = Vec::new();
            for root in lane.policy.scope.roots.iter().flatten() {
                let row: Option<Staged> = tx.fetch_one(&(lane.configuration.id, *root))?;
                let Some(row) = row else { continue };
                let chain = self.places.chain(tx, &row.object)?;
                ancestors.extend(chain.parents().iter().map(|parent| parent.guid));
            }
            self.ancestors = Some(ancestors);
        }
        Ok(self
            .ancestors
            .as_ref()
            .is_some_and(|ancestors| ancestors.contains(&guid)))
    }

    /// The verdict about an object in place.
    fn wanted(
        &self,
        lane: &Lane,
        object: &mut StagedObject,
        offered: &Offered,
        content: Option<&Content>,
        kind: MappedKind,
    ) -> Verdict {
        let complete = object.is_complete(lane.policy.read_set);
        let decision = offered.decision.as_ref();
        let Some(decision) = decision.or_else(|| content.map(|content| &content.attributes)) else {
            // In place, but the agent did not see that.
            return if offered.whole || complete {
                Verdict::Decide
            } else {
                object.state = RowState::Unread;
                Verdict::Stay
            };
        };
        let mut judged = object.clone();
        if offered.whole || offered.renamed {
            // The name that is stored is one of before, and the decision attributes tell the new one.
            judged.rdn = None;
        }
        if lane.job.hides_values && complete {
            // Whether what is in the directory has lost a value is found out when it has been sent.
            judged.merge_keeping(core_attributes(decision), offered.whole);
        } else {
            judged.merge(core_attributes(decision), offered.whole);
        }
        if kept_out(kind, &judged, &lane.policy).is_some() && (offered.whole || complete) {
            // It takes no part, so nothing but what decides that is kept; the rest would be out of date when it
            // comes back.
            judged.state = RowState::PlaceOnly;
            judged
                .attributes
                .retain(|name, _| self.read_set.decides(name));
            if judged != *object {
                *object = judged;
                object.version += 1;
            }
            return Verdict::Stay;
        }
        wanted_in_full(lane, object, offered)
    }
}

/// The agent does not see an object where it lies: what it lies in was moved, which is told later; or the names that
/// the agent goes by are old, and the next reading goes by new ones. What was known of it may be old by then.
fn reread(object: &mut StagedObject) -> Verdict {
    object.forget_content();
    object.state = RowState::Unread;
    object.version += 1;
    Verdict::Stay
}

fn wanted_in_full(lane: &Lane, object: &mut StagedObject, offered: &Offered) -> Verdict {
    if offered.whole || object.is_complete(lane.policy.read_set) {
        return Verdict::Want;
    }
    // A change is merged only into a complete row; else the row is read by GUID.
    object.state = RowState::Unread;
    Verdict::Stay
}

/// Attributes as they travelled, as the core has them.
pub(super) fn core_attributes(wire: &WireAttributes) -> Attributes {
    let values = |values: &[lockstep_api::channel::WireValue]| {
        values.iter().map(|value| value.0.clone()).collect()
    };
    wire.iter()
        .map(|(name, v)| (AttributeName::new(name), values(v)))
        .collect()
}
