//! Who has each unique value in the end.
//!
//! INVARIANT: a value that somebody claims has one owner: who has it and still wants it, else who has
//! waited longest, else who came first in the batch. Everybody else shows the object without the value,
//! with a [`Conflict`] that says so, and waits.

use super::desk::Desk;
use super::{Object, View};
use crate::object::{Conflict, Kind, MadeName};
use crate::schema::{Property, Values};
use crate::unique::{UniqueValue, claims, owned};
use crate::upn::{TenantRules, name_user};
use lockstep_model::ids::ObjectId;
use lockstep_model::{PropertyValue, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What an object would show if nobody else had any of its values.
struct Wish {
    values: Values,
    made_name: Option<MadeName>,
    claims: Vec<(Property, UniqueValue)>,
}

type Wishes = BTreeMap<ObjectId, Wish>;
type Owners = BTreeMap<UniqueValue, ObjectId>;

impl Desk {
    /// Gives every object on the desk its visible values. Who waited for something that is given up comes
    /// onto the desk, and may give up something in turn; it ends when nobody new comes.
    pub(super) fn settle<V: View>(
        &mut self,
        view: &mut V,
        tenant: &TenantRules,
    ) -> Result<(), V::Error> {
        let mut asked = BTreeSet::new();
        loop {
            let wishes = self.wishes(tenant);
            let owners = self.owners(view, &wishes)?;
            let placeholders = self.placeholders(view, tenant, &wishes, &owners)?;
            self.show(wishes, &owners, &placeholders);
            let mut free = self.given_up();
            free.retain(|value| asked.insert(value.clone()));
            if !self.call_in(view, &free)? {
                return Ok(());
            }
        }
    }

    fn wishes(&self, tenant: &TenantRules) -> Wishes {
        let live = self
            .after
            .values()
            .filter(|object| object.deleted.is_none());
        live.map(|object| {
            let mut values = object.wanted.clone();
            for (property, value) in &object.kept {
                values.entry(*property).or_insert_with(|| value.clone());
            }
            let made_name = match object.kind {
                Kind::User => name_user(&mut values, self.before.get(&object.id), tenant),
                _ => None,
            };
            let claims = claims(object.kind, &values);
            let wish = Wish {
                values,
                made_name,
                claims,
            };
            (object.id, wish)
        })
        .collect()
    }

    /// The owner of each value that somebody on the desk claims.
    fn owners<V: View>(&self, view: &mut V, wishes: &Wishes) -> Result<Owners, V::Error> {
        let mut claimants: BTreeMap<&UniqueValue, Vec<ObjectId>> = BTreeMap::new();
        for (id, wish) in wishes {
            for (_, value) in &wish.claims {
                claimants.entry(value).or_default().push(*id);
            }
        }
        let values: Vec<UniqueValue> = claimants.keys().map(|value| (*value).clone()).collect();
        let known = view.owners(&values)?;
        let mut owners = Owners::new();
        for ((value, ids), known) in claimants.into_iter().zip(known) {
            let keeps = known.filter(|owner| {
                let on_desk = self.after.contains_key(owner) || self.removed.contains(owner);
                !on_desk || ids.contains(owner)
            });
            let first = || ids.iter().copied().min_by_key(|id| self.turn(*id, value));
            if let Some(owner) = keeps.or_else(first) {
                owners.insert(value.clone(), owner);
            }
        }
        Ok(owners)
    }

    /// Since when somebody waits for a value, and in which order they came.
    fn turn(&self, id: ObjectId, value: &UniqueValue) -> (Timestamp, usize, ObjectId) {
        let conflicts = self
            .before
            .get(&id)
            .map_or(&[][..], |object| &object.conflicts);
        let waits = conflicts.iter().find(|conflict| conflict.value == *value);
        let order = self.order.get(&id).copied().unwrap_or(usize::MAX);
        (waits.map_or(self.now, |conflict| conflict.since), order, id)
    }

    /// A name of its own for each user whose name is another's. It keeps the one it has, if it has one.
    fn placeholders<V: View>(
        &self,
        view: &mut V,
        tenant: &TenantRules,
        wishes: &Wishes,
        owners: &Owners,
    ) -> Result<BTreeMap<ObjectId, String>, V::Error> {
        let mut placeholders = BTreeMap::new();
        let mut taken: BTreeSet<UniqueValue> = BTreeSet::new();
        for (id, wish) in wishes {
            let Some(name) = held_back_name(*id, wish, owners) else {
                continue;
            };
            let present = self
                .before
                .get(id)
                .and_then(|object| object.text("userPrincipalName"));
            let mut names: Vec<String> = tenant.placeholders(name, *id).collect();
            if let Some(at) = names.iter().position(|name| Some(name.as_str()) == present) {
                names.swap(0, at);
            }
            for name in names {
                let value = UniqueValue::user_principal_name(&name);
                if taken.contains(&value) || owners.contains_key(&value) {
                    continue;
                }
                let owner = view.owners(std::slice::from_ref(&value))?.pop().flatten();
                if owner.is_none_or(|owner| owner == *id) {
                    taken.insert(value);
                    placeholders.insert(*id, name);
                    break;
                }
            }
        }
        Ok(placeholders)
    }

    /// Gives objects their visible values: what they want, less what another has.
    fn show(&mut self, wishes: Wishes, owners: &Owners, placeholders: &BTreeMap<ObjectId, String>) {
        for (id, wish) in wishes {
            let Some(object) = self.after.get_mut(&id) else {
                continue;
            };
            let mut values = wish.values;
            let mut conflicts = Vec::new();
            for (property, value) in wish.claims {
                let owner = owners.get(&value).copied().unwrap_or(id);
                if owner == id {
                    continue;
                }
                hold_back(&mut values, property, &value, placeholders.get(&id));
                let waits = self.before.get(&id).and_then(|before| {
                    let mut known = before.conflicts.iter();
                    known.find(|conflict| conflict.value == value)
                });
                conflicts.push(Conflict {
                    property,
                    since: waits.map_or(self.now, |conflict| conflict.since),
                    value,
                    owner,
                });
            }
            object.values = values;
            object.made_name = wish.made_name;
            object.conflicts = conflicts;
        }
    }

    /// Values that objects on the desk had and show no more.
    fn given_up(&self) -> Vec<UniqueValue> {
        let mut values = Vec::new();
        for (id, before) in &self.before {
            let kept: BTreeSet<UniqueValue> = self
                .after
                .get(id)
                .map_or_else(BTreeSet::new, |object| owned(object).into_iter().collect());
            let had = owned(before).into_iter();
            values.extend(had.filter(|value| !kept.contains(value)));
        }
        values
    }

    /// Puts everybody who waits for one of these values on the desk. Returns whether somebody came.
    fn call_in<V: View>(&mut self, view: &mut V, free: &[UniqueValue]) -> Result<bool, V::Error> {
        if free.is_empty() {
            return Ok(false);
        }
        let mut waiters: BTreeSet<ObjectId> = view.waiting(free)?.into_iter().flatten().collect();
        waiters.retain(|id| !self.after.contains_key(id) && !self.removed.contains(id));
        let waiters: Vec<ObjectId> = waiters.into_iter().collect();
        let objects: Vec<Object> = view.objects(&waiters)?.into_iter().flatten().collect();
        let came = !objects.is_empty();
        for object in objects {
            self.before.insert(object.id, object.clone());
            self.after.insert(object.id, object);
        }
        Ok(came)
    }
}

/// The name that a user wants and another has.
fn held_back_name<'a>(id: ObjectId, wish: &'a Wish, owners: &Owners) -> Option<&'a str> {
    let (property, _) = wish.claims.iter().find(|(property, value)| {
        property.name() == "userPrincipalName"
            && owners.get(value).is_some_and(|owner| *owner != id)
    })?;
    wish.values.get(property).and_then(PropertyValue::as_text)
}

/// Takes a value away that another object has; a user gets the placeholder for a name instead.
fn hold_back(
    values: &mut Values,
    property: Property,
    value: &UniqueValue,
    placeholder: Option<&String>,
) {
    match values.get_mut(&property) {
        Some(PropertyValue::TextList(list)) => {
            list.retain(|address| UniqueValue::proxy_address(address) != *value);
            if list.is_empty() {
                values.remove(&property);
            }
        }
        Some(PropertyValue::Text(name)) => match placeholder {
            Some(placeholder) => name.clone_from(placeholder),
            None => {
                values.remove(&property);
            }
        },
        _ => {}
    }
}
