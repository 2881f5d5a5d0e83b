//! Who signs in, and what tokens say of them.

use crate::directory;
use crate::http::auth::Role;
use lockstep_api::signin::{ClaimSource, Person};
use lockstep_directory::{Kind, Object, Property, UniqueValue};
use lockstep_model::PropertyValue;
use lockstep_model::ids::{ObjectId, TenantId};
use lockstep_store::records::directory::{DirectoryObject, UniqueOwner};
use lockstep_store::{Read, ReadRecords as _, StoreError};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// So many groups fit into a token; with more the token says where they are told.
const MOST_GROUPS: usize = 200;
/// So many memberships are followed to find out.
const MOST_STEPS: usize = 1_000;

/// What somebody may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Sign in.
    Good,
    /// Nothing: the account is disabled.
    Disabled,
}

/// The live user with this name.
///
/// # Errors
///
/// Those of the store.
pub fn by_name(tx: &mut dyn Read, name: &str) -> Result<Option<Object>, StoreError> {
    let owner: Option<UniqueOwner> = tx.fetch_one(&UniqueValue::user_principal_name(name))?;
    match owner {
        Some(owner) => by_id(tx, owner.owner),
        None => Ok(None),
    }
}

/// The live user with this id.
///
/// # Errors
///
/// Those of the store.
pub fn by_id(tx: &mut dyn Read, id: ObjectId) -> Result<Option<Object>, StoreError> {
    let object: Option<DirectoryObject> = tx.fetch_one(&id)?;
    let object = object.map(|row| row.object);
    Ok(object.filter(|object| object.kind == Kind::User && object.deleted.is_none()))
}

/// The user with this id, if nothing keeps them from using what they have.
///
/// # Errors
///
/// Those of the store.
pub fn in_good_standing(tx: &mut dyn Read, id: ObjectId) -> Result<Option<Object>, StoreError> {
    let user = by_id(tx, id)?;
    Ok(user.filter(|user| standing(user) == Standing::Good))
}

/// What a live user may do.
#[must_use]
pub fn standing(user: &Object) -> Standing {
    match boolean(user, "accountEnabled") {
        Some(false) => Standing::Disabled,
        _ => Standing::Good,
    }
}

/// The user principal name, or the id of a user without one.
#[must_use]
pub fn name(user: &Object) -> String {
    let name = user.text("userPrincipalName").map(str::to_owned);
    name.unwrap_or_else(|| user.id.to_string())
}

/// What the user may do with the service: the greatest of its roles.
#[must_use]
pub fn role(user: &Object) -> Option<Role> {
    user.roles.last().copied()
}

/// What these scopes let an application know.
///
/// # Errors
///
/// Those of the store.
pub fn claims(
    tx: &mut dyn Read,
    user: &Object,
    tenant: TenantId,
    scopes: super::request::Scopes,
    public_url: &str,
) -> Result<Person, StoreError> {
    let text = |property: &str| user.text(property).map(str::to_owned);
    let mut person = Person {
        sub: user.id.to_string(),
        oid: user.id.to_string(),
        tid: tenant.to_string(),
        ..Person::default()
    };
    if scopes.profile {
        person.preferred_username = text("userPrincipalName");
        person.name = text("displayName");
        person.given_name = text("givenName");
        person.family_name = text("surname");
    }
    if scopes.email {
        person.email = text("mail");
    }
    match groups(tx, user.id)? {
        Some(groups) => {
            person.groups = Some(groups.iter().map(ObjectId::to_string).collect());
        }
        None => {
            let endpoint = format!("{public_url}/v1.0/users/{}/memberOf", user.id);
            let source = ClaimSource { endpoint };
            person.claim_names = Some(BTreeMap::from([("groups".into(), "src1".into())]));
            person.claim_sources = Some(BTreeMap::from([("src1".into(), source)]));
        }
    }
    Ok(person)
}

/// The security groups that somebody is in, directly or through other groups; `None`: too many.
fn groups(tx: &mut dyn Read, user: ObjectId) -> Result<Option<Vec<ObjectId>>, StoreError> {
    let mut seen = BTreeSet::from([user]);
    let mut ahead = VecDeque::from([user]);
    let mut found = BTreeSet::new();
    while let Some(member) = ahead.pop_front() {
        let holders = directory::sources(tx, member, "members", None, MOST_STEPS)?;
        let fresh: Vec<ObjectId> = holders.into_iter().filter(|id| seen.insert(*id)).collect();
        if seen.len() > MOST_STEPS {
            return Ok(None);
        }
        let objects: Vec<Option<DirectoryObject>> = tx.fetch(&fresh)?;
        let security = |object: &&Object| boolean(object, "securityEnabled") == Some(true);
        let objects: Vec<Object> = objects
            .into_iter()
            .flatten()
            .map(|row| row.object)
            .collect();
        found.extend(objects.iter().filter(security).map(|group| group.id));
        if found.len() > MOST_GROUPS {
            return Ok(None);
        }
        ahead.extend(fresh);
    }
    Ok(Some(found.into_iter().collect()))
}

fn boolean(object: &Object, property: &str) -> Option<bool> {
    let property = Property::find(object.kind, property)?;
    match object.values.get(&property) {
        Some(PropertyValue::Boolean(value)) => Some(*value),
        _ => None,
    }
}
