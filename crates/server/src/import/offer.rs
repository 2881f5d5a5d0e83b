//! Which of the offered objects are wanted.

use super::marks::mark_all;
use super::{ImportError, Lane, Places};
use lockstep_api::channel::{Offer, OfferAnswer, Offered, Verdict, WireAttributes};
use lockstep_engine::mapping::MappedKind;
use lockstep_engine::never_synced::never_synced;
use lockstep_engine::scope::{Chain, Placement};
use lockstep_engine::{ObjectClass, Presence, RowState, StagedObject};
use lockstep_model::{AttributeName, Attributes, Guid};
use lockstep_store::records::connector_space::{Staged, Subject};
use lockstep_store::{ReadRecords as _, Write, WriteRecords as _};
use std::collections::BTreeMap;

/// Takes up identity and place of a batch of objects, and says which of them are wanted.
///
/// Idempotent: the same offer gets the same answer.
///
/// # Errors
///
/// Those of the store.
pub fn offer(
    tx: &mut dyn Write,
    mut lane: Lane,
    offer: &Offer,
) -> Result<OfferAnswer, ImportError> {
    let configuration = lane.configuration.id;
    let ids: Vec<_> = offer
        .objects
        .iter()
        .map(|object| (configuration, object.guid))
        .collect();
    let rows: Vec<Option<Staged>> = tx.fetch(&ids)?;
    let mut desk = Desk {
        places: Places::new(configuration, lane.policy.naming_context),
        ancestors: None,
        marks: Vec::new(),
    };
    let mut known: BTreeMap<Guid, StagedObject> = rows
        .into_iter()
        .flatten()
        .map(|row| (row.object.guid, row.object))
        .collect();
    let mut verdicts = Vec::with_capacity(offer.objects.len());
    // Parents may stand behind their children: first all places, then all verdicts.
    for offered in &offer.objects {
        let before = known.get(&offered.guid).cloned();
        let object = desk.place(&lane, before, offered);
        desk.places.changed(&object);
        known.insert(offered.guid, object);
    }
    for offered in &offer.objects {
        let Some(object) = known.get_mut(&offered.guid) else {
            continue;
        };
        verdicts.push(desk.judge(tx, &lane, object, offered)?);
    }
    let rows: Vec<Staged> = known
        .into_values()
        .map(|object| Staged {
            configuration,
            object,
        })
        .collect();
    tx.store(&rows)?;
    mark_all(tx, &mut lane.job, desk.marks)?;
    tx.store(&[lane.job])?;
    Ok(OfferAnswer { verdicts })
}

/// Works through one offer.
struct Desk {
    places: Places,
    /// The containers on the way from the roots of the scope to the top, once looked up.
    ancestors: Option<Vec<Guid>>,
    marks: Vec<Subject>,
}

impl Desk {
    /// Takes up identity and place.
    fn place(
        &mut self,
        lane: &Lane,
        before: Option<StagedObject>,
        offered: &Offered,
    ) -> StagedObject {
        let is_new = before.is_none();
        let mut object = before
            .clone()
            .unwrap_or_else(|| StagedObject::new(offered.guid, lane.job.epoch));
        if offered.deleted {
            object.presence = Presence::Deleted;
            object.forget_content();
        } else {
            // Who comes back is read whole: its links returned unreported.
            let returned = object.presence == Presence::Deleted || offered.undeleted;
            object.presence = Presence::Alive {
                epoch: lane.job.epoch,
            };
            if returned && !offered.whole {
                object.state = RowState::Unread;
            }
        }
        if let Some(class) = &offered.class {
            object.class = Some(ObjectClass::from_name(class));
        }
        object.parent = offered.parent.or(object.parent);
        object.sid = offered.sid.clone().or(object.sid);
        object.primary_group = offered.primary_group.or(object.primary_group);
        if before.as_ref() != Some(&object) {
            object.version += 1;
            self.mark(&before, &object, is_new);
        }
        object
    }

    /// Marks what a change of place or presence touches.
    fn mark(&mut self, before: &Option<StagedObject>, object: &StagedObject, is_new: bool) {
        if object.presence == Presence::Deleted {
            // A tombstone drops every link to and from its object.
            self.marks
                .extend([Subject::From(object.guid), Subject::To(object.guid)]);
        }
        let moved = before
            .as_ref()
            .is_some_and(|before| before.parent != object.parent);
        if object.class == Some(ObjectClass::Container) {
            if moved && !is_new {
                self.marks.push(Subject::Subtree(object.guid));
            }
        } else {
            self.marks.push(Subject::Object(object.guid));
        }
    }

    fn judge(
        &mut self,
        tx: &mut dyn Write,
        lane: &Lane,
        object: &mut StagedObject,
        offered: &Offered,
    ) -> Result<Verdict, ImportError> {
        if object.presence == Presence::Deleted {
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
        let Some(kind) = MappedKind::of(class) else {
            return Ok(Verdict::Stay);
        };
        let chain = self.places.chain(tx, object)?;
        match lane.policy.scope.placement(&chain) {
            Placement::Inside => {
                let before = object.attributes.clone();
                let verdict = wanted(lane, object, offered, kind);
                if verdict == Verdict::Stay && object.attributes != before {
                    // Nothing else of it comes that would mark it.
                    self.marks.push(Subject::Object(object.guid));
                }
                Ok(verdict)
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
            || match lane.policy.scope.placement(&chain) {
                Placement::Inside | Placement::Undecided { .. } => true,
                Placement::Outside | Placement::Excluded { .. } => {
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
}

/// The verdict about an object in place.
fn wanted(lane: &Lane, object: &mut StagedObject, offered: &Offered, kind: MappedKind) -> Verdict {
    let complete = object.is_complete(lane.policy.read_set);
    let Some(decision) = &offered.decision else {
        // In place, but the agent did not see that.
        return if offered.whole || complete {
            Verdict::Decide
        } else {
            object.state = RowState::Unread;
            Verdict::Stay
        };
    };
    let mut judged = object.clone();
    judged.merge(core_attributes(decision), offered.whole);
    if never_synced(kind, &judged).is_some() && (offered.whole || complete) {
        // It never takes part, so nothing but what decides that is kept. What else this change says of it is
        // not sent, so the rest of the row is not complete any more.
        object.forget_content();
        let mut kept = judged.attributes;
        kept.retain(|name, _| lane.decides(name));
        object.merge(kept, true);
        object.version += 1;
        return Verdict::Stay;
    }
    if offered.whole || complete {
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
