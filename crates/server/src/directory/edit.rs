//! What may be done to objects by others than synchronisation: people and programs, by API or command.
//!
//! Everything is checked here, whoever asks and in whatever form; everything leaves an entry in the audit
//! log, in the transaction of the change.

use super::{Refused, link, targets, unlink, write_strictly};
use crate::audit;
use crate::log::readable;
use crate::policy::policy;
use lockstep_directory::cloud::{Invalid, check_change, check_new, completed};
use lockstep_directory::{Change, Conflict, Given, Kind, Object, Property, PropertyChange, Role};
use lockstep_directory::{Refusal, TenantRules};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, SourceAnchor, Timestamp};
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::{ReadRecords as _, StoreError, Write};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What the audit log says was done to an object that was there before, and is there still.
const CHANGED: &str = "Changed";

/// Why something was not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EditError {
    /// A value is wrong.
    Invalid(Invalid),
    /// Somebody else has a value that only one may have.
    Conflict(Conflict),
    /// Another object has the anchor.
    AnchorTaken(SourceAnchor),
    /// There is no such object, or it is in the recycle bin, or it is not.
    NotFound(ObjectId),
    /// The object is mastered on premises: what was asked for is done there.
    Mastered(&'static str),
    /// Objects of this kind are not changed by anybody.
    Protected(Kind),
    /// A reference cannot be: what was expected.
    Reference(&'static str),
    /// The reference is there already.
    ReferenceExists(ObjectId),
}

/// The result of an edit: what was done, or why nothing was. The outer error is that of the store.
pub type Edited<T> = Result<Result<T, EditError>, StoreError>;

/// Edits objects in one transaction, in the name of somebody.
pub struct Editor<'a> {
    /// The transaction.
    pub tx: &'a mut dyn Write,
    /// The suffixes that the tenant owns.
    pub tenant: &'a TenantRules,
    /// Now.
    pub now: Timestamp,
    /// How the audit log names who asked.
    pub actor: &'a str,
}

/// Gives back an edit error as the answer.
macro_rules! answered {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}

impl std::fmt::Debug for Editor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor")
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

impl Editor<'_> {
    /// Makes an object that the cloud owns.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn create(
        &mut self,
        kind: Kind,
        given: Given,
        anchor: Option<SourceAnchor>,
    ) -> Edited<ObjectId> {
        answered!(check_new(kind, &given, self.tenant).map_err(EditError::Invalid));
        let id = ObjectId::new(crate::ids::random_guid());
        let values = completed(kind, None, given);
        let mut changes = vec![Change::Create {
            id,
            kind,
            mastery: None,
            values,
        }];
        if let Some(anchor) = anchor {
            answered!(self.anchor_is_free(&anchor, id)?);
            let anchor = Some(anchor);
            changes.push(Change::SetImmutableId { id, anchor });
        }
        answered!(self.write("Created", kind, id, changes)?);
        Ok(Ok(id))
    }

    /// Changes values. `anchor` is set when it is given, and cleared when nothing is given for it.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn update(
        &mut self,
        id: ObjectId,
        given: Given,
        anchor: Option<Option<SourceAnchor>>,
    ) -> Edited<()> {
        let object = answered!(self.live(id)?);
        if object.kind == Kind::ServicePrincipal {
            return Ok(Err(EditError::Protected(object.kind)));
        }
        let mut changes = Vec::new();
        let owned = self.owned(&object)?;
        let object = match owned {
            Some(_) => object,
            None => released(object, &mut changes),
        };
        let owns = |property: Property| {
            owned
                .as_ref()
                .is_some_and(|owned| owned.contains(property.name()))
        };
        answered!(check_change(&object, &given, self.tenant, owns).map_err(EditError::Invalid));
        let kind = object.kind;
        let values = match object.mastery {
            Some(_) => given,
            None => completed(kind, Some(&object), given),
        };
        changes.push(Change::Update { id, values });
        if let Some(anchor) = anchor {
            if object.mastery.is_some() {
                return Ok(Err(EditError::Mastered("the source anchor")));
            }
            if let Some(anchor) = &anchor {
                answered!(self.anchor_is_free(anchor, id)?);
            }
            changes.push(Change::SetImmutableId { id, anchor });
        }
        self.write(CHANGED, kind, id, changes)
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn delete(&mut self, id: ObjectId) -> Edited<()> {
        let object = answered!(self.live(id)?);
        if object.kind == Kind::ServicePrincipal {
            return Ok(Err(EditError::Protected(object.kind)));
        }
        if self.owned(&object)?.is_some() {
            return Ok(Err(EditError::Mastered("the object")));
        }
        self.write("Deleted", object.kind, id, vec![Change::Delete { id }])
    }

    /// Brings a user back from the recycle bin.
    ///
    /// A name or address that another has meanwhile is held back, and comes when it is free.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn restore(&mut self, id: ObjectId) -> Edited<()> {
        let object = answered!(self.deleted(id)?);
        if self.owned(&object)?.is_some() {
            return Ok(Err(EditError::Mastered(
                "the deletion: restore the user in Active Directory, and the next cycle restores this same object, which",
            )));
        }
        let values = BTreeMap::new();
        let outcomes = super::write(
            self.tx,
            self.tenant,
            vec![Change::Restore { id, values }],
            self.now,
        )?;
        if outcomes.iter().any(|outcome| outcome.result.is_err()) {
            return Ok(Err(EditError::NotFound(id)));
        }
        self.record("UserRestored", &object, None)?;
        Ok(Ok(()))
    }

    /// Removes a user from the recycle bin for good.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn purge(&mut self, id: ObjectId) -> Edited<()> {
        let object = answered!(self.deleted(id)?);
        self.write("Purged", object.kind, id, vec![Change::Purge { id }])
    }

    /// Says what a user may do with the service.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn set_roles(&mut self, id: ObjectId, roles: BTreeSet<Role>) -> Edited<()> {
        let object = answered!(self.live(id)?);
        if object.kind != Kind::User {
            return Ok(Err(EditError::NotFound(id)));
        }
        if object.roles == roles {
            return Ok(Ok(()));
        }
        let names = |roles: &BTreeSet<Role>| {
            Some(Value::from_iter(roles.iter().map(|role| role.name())).to_string())
        };
        let (old, new) = (names(&object.roles), names(&roles));
        let changes = vec![Change::SetRoles { id, roles }];
        answered!(write_strictly(self.tx, self.tenant, changes, self.now)?.map_err(refused));
        let target = shown_name(&object);
        audit::record(
            self.tx,
            self.now,
            self.actor,
            "RolesChanged",
            &target,
            old,
            new,
        )?;
        Ok(Ok(()))
    }

    /// Makes objects members or owners of a group.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn add_references(
        &mut self,
        group: ObjectId,
        property: &'static str,
        ids: &[ObjectId],
    ) -> Edited<()> {
        let object = answered!(self.editable_group(group)?);
        for id in ids {
            let target = answered!(self.live(*id)?);
            let fits = match (property, target.kind) {
                (_, Kind::User) | ("members", Kind::Group | Kind::Contact) => *id != group,
                _ => false,
            };
            if !fits {
                return Ok(Err(EditError::Reference(match property {
                    "owners" => "a user",
                    _ => "a user, another group or a contact",
                })));
            }
        }
        if let [id] = ids
            && targets_contain(self.tx, group, property, *id)?
        {
            return Ok(Err(EditError::ReferenceExists(*id)));
        }
        link(self.tx, group, property, ids)?;
        self.record(added(property), &object, Some(ids))?;
        Ok(Ok(()))
    }

    /// Removes a member or owner from a group.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn remove_reference(
        &mut self,
        group: ObjectId,
        property: &'static str,
        id: ObjectId,
    ) -> Edited<()> {
        let object = answered!(self.editable_group(group)?);
        if unlink(self.tx, group, property, &[id])? == 0 {
            return Ok(Err(EditError::NotFound(id)));
        }
        self.record(removed(property), &object, Some(&[id]))?;
        Ok(Ok(()))
    }

    /// Sets or clears the manager of a user.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub fn set_manager(&mut self, user: ObjectId, manager: Option<ObjectId>) -> Edited<()> {
        let object = answered!(self.live(user)?);
        if object.kind != Kind::User {
            return Ok(Err(EditError::NotFound(user)));
        }
        if self.owned(&object)?.is_some() {
            return Ok(Err(EditError::Mastered("the manager")));
        }
        if let Some(manager) = manager {
            let target = answered!(self.live(manager)?);
            if !matches!(target.kind, Kind::User | Kind::Contact) || manager == user {
                return Ok(Err(EditError::Reference("another user or a contact")));
            }
        }
        let before = targets(self.tx, user, "manager", None, SEVERAL)?;
        let others: Vec<ObjectId> = before
            .into_iter()
            .filter(|id| Some(*id) != manager)
            .collect();
        let gone = unlink(self.tx, user, "manager", &others)?;
        let came = match manager {
            Some(manager) => link(self.tx, user, "manager", &[manager])?,
            None if gone == 0 => return Ok(Err(EditError::NotFound(user))),
            None => 0,
        };
        if gone + came > 0 {
            self.record(
                "ManagerChanged",
                &object,
                manager.as_ref().map(std::slice::from_ref),
            )?;
        }
        Ok(Ok(()))
    }

    fn find(&mut self, id: ObjectId) -> Result<Option<Object>, StoreError> {
        let row: Option<DirectoryObject> = self.tx.fetch_one(&id)?;
        Ok(row.map(|row| row.object))
    }

    fn live(&mut self, id: ObjectId) -> Edited<Object> {
        let object = self.find(id)?.filter(|object| object.deleted.is_none());
        Ok(object.ok_or(EditError::NotFound(id)))
    }

    fn deleted(&mut self, id: ObjectId) -> Edited<Object> {
        let object = self.find(id)?.filter(|object| object.deleted.is_some());
        Ok(object.ok_or(EditError::NotFound(id)))
    }

    fn editable_group(&mut self, id: ObjectId) -> Edited<Object> {
        let object = answered!(self.live(id)?);
        if object.kind != Kind::Group {
            return Ok(Err(EditError::NotFound(id)));
        }
        if self.owned(&object)?.is_some() {
            return Ok(Err(EditError::Mastered(
                "the group with its members and owners",
            )));
        }
        Ok(Ok(object))
    }

    /// The properties that synchronisation writes; none: the cloud owns the object, because it was made
    /// there, or because its configuration is no more.
    fn owned(&mut self, object: &Object) -> Result<Option<BTreeSet<String>>, StoreError> {
        let Some(mastery) = &object.mastery else {
            return Ok(None);
        };
        let configuration: Option<Configuration> = self.tx.fetch_one(&mastery.configuration)?;
        let job: Option<Job> = self.tx.fetch_one(&mastery.configuration)?;
        let (Some(configuration), Some(job)) = (configuration, job) else {
            return Ok(None);
        };
        let Some(kind) = object.kind.mapped() else {
            return Ok(Some(BTreeSet::new()));
        };
        let policy = policy(&configuration, &job);
        let entries = policy.mapping.entries.get(&kind);
        let targets = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.target.clone());
        Ok(Some(targets.collect()))
    }

    fn anchor_is_free(&mut self, anchor: &SourceAnchor, id: ObjectId) -> Edited<()> {
        let found = super::objects_by_anchor(self.tx, std::slice::from_ref(anchor))?;
        let taken = found.into_iter().flatten().any(|object| object.id != id);
        Ok(match taken {
            true => Err(EditError::AnchorTaken(anchor.clone())),
            false => Ok(()),
        })
    }

    /// Carries changes of one object out, and notes it.
    fn write(&mut self, done: &str, kind: Kind, id: ObjectId, changes: Vec<Change>) -> Edited<()> {
        let before = self.find(id)?;
        let outcomes =
            answered!(write_strictly(self.tx, self.tenant, changes, self.now)?.map_err(refused));
        let after = self.find(id)?;
        let Some(object) = after.as_ref().or(before.as_ref()) else {
            return Ok(Ok(()));
        };
        let applied = outcomes
            .iter()
            .filter_map(|outcome| outcome.result.as_ref().ok());
        let changes: Vec<&PropertyChange> = applied.flat_map(|a| &a.changes).collect();
        if done == CHANGED && before == after {
            return Ok(Ok(()));
        }
        let side = |value: fn(&PropertyChange) -> &Option<PropertyValue>| {
            let values: Map<String, Value> = changes
                .iter()
                .filter_map(|change| {
                    let value = value(change).as_ref()?;
                    Some((change.property.name().to_owned(), readable(value)))
                })
                .collect();
            (!values.is_empty()).then(|| Value::Object(values).to_string())
        };
        let (old, new) = (side(|change| &change.old), side(|change| &change.new));
        let activity = format!("{}{done}", noun(kind));
        let target = shown_name(object);
        audit::record(self.tx, self.now, self.actor, &activity, &target, old, new)?;
        Ok(Ok(()))
    }

    /// Notes what was done besides values.
    fn record(
        &mut self,
        activity: &str,
        object: &Object,
        ids: Option<&[ObjectId]>,
    ) -> Result<(), StoreError> {
        let new = ids.map(|ids| Value::from_iter(ids.iter().map(ToString::to_string)).to_string());
        let target = shown_name(object);
        audit::record(self.tx, self.now, self.actor, activity, &target, None, new)
    }
}

/// More managers than a user ever has.
const SEVERAL: usize = 100;

fn targets_contain(
    tx: &mut dyn Write,
    source: ObjectId,
    property: &str,
    target: ObjectId,
) -> Result<bool, StoreError> {
    use lockstep_store::records::directory::DirectoryReference;
    let id = (source, property.to_owned(), target);
    Ok(tx.fetch_one::<DirectoryReference>(&id)?.is_some())
}

/// An object whose configuration is no more belongs to the cloud, from its first change on.
fn released(mut object: Object, changes: &mut Vec<Change>) -> Object {
    if let Some(mastery) = object.mastery.take() {
        changes.push(Change::Release {
            id: object.id,
            from: mastery.configuration,
        });
        object.immutable_id = Some(mastery.anchor);
    }
    object
}

fn refused(refused: Refused) -> EditError {
    match refused {
        Refused::Conflict(conflict) => EditError::Conflict(conflict),
        Refused::Rule(
            Refusal::NotFound(id)
            | Refusal::Deleted(id)
            | Refusal::NotDeleted(id)
            | Refusal::Exists(id)
            | Refusal::OtherKind(id)
            | Refusal::OtherOwner(id)
            | Refusal::HasRole(id),
        ) => EditError::NotFound(id),
    }
}

/// How the audit log names an object.
fn shown_name(object: &Object) -> String {
    let name = object
        .text("userPrincipalName")
        .or_else(|| object.text("displayName"));
    match name {
        Some(name) => format!("{name} ({})", object.id),
        None => object.id.to_string(),
    }
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "User",
        Kind::Group => "Group",
        Kind::Contact => "Contact",
        Kind::ServicePrincipal => "ServicePrincipal",
    }
}

fn added(property: &str) -> &'static str {
    match property {
        "owners" => "OwnerAdded",
        _ => "MemberAdded",
    }
}

fn removed(property: &str) -> &'static str {
    match property {
        "owners" => "OwnerRemoved",
        _ => "MemberRemoved",
    }
}
