//! What the directory's rules change of objects that nobody asked about: it has no reason in AD, so it is told apart.

use super::{name_of, outside_of_cycles, shown};
use crate::configuration;
use crate::cycle::Item;
use crate::links;
use lockstep_directory::Inherited;
use lockstep_model::log::{Action, Status};
use lockstep_model::{Timestamp, codes};
use lockstep_store::records::job::Configuration;
use lockstep_store::{Read, ReadRecords as _, StoreError, Write, WriteRecords as _};

/// Why an object has other values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Because {
    /// Another had them, and has given them up.
    GivenUp,
    /// The directory owns other domains than before.
    DomainsChanged,
}

impl Because {
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::GivenUp => (
                "another object had this and has given it up",
                codes::VALUE_INHERITED,
            ),
            Self::DomainsChanged => (
                "the domains of the directory have changed, and names are made of them",
                codes::NAME_MADE_ANEW,
            ),
        }
    }
}

/// Tells it where no cycle did it.
pub(crate) fn tell_outside_of_cycles(
    tx: &mut dyn Write,
    changed: Vec<Inherited>,
    because: Because,
    now: Timestamp,
) -> Result<(), StoreError> {
    let items = items_of(tx, changed, because)?.into_iter();
    let entries = items.map(|item| outside_of_cycles(item, Status::Success, now));
    tx.store(&entries.collect::<Vec<_>>())
}

/// Of those that a configuration provisions: of what the cloud owns this log says nothing.
pub(crate) fn items_of(
    tx: &mut dyn Read,
    changed: Vec<Inherited>,
    because: Because,
) -> Result<Vec<Item>, StoreError> {
    let (reason, code) = because.told();
    let mut items = Vec::new();
    for Inherited { object, changes } in changed {
        let Some((mastery, kind)) = object.mastery.as_ref().zip(object.kind.mapped()) else {
            continue;
        };
        let owner = mastery.configuration;
        let own = links::own(tx, object.id, owner)?;
        let row: Option<Configuration> = tx.fetch_one(&owner)?;
        let Some((own, row)) = own.zip(row) else {
            continue;
        };
        let mapping = &configuration::known(&row).compiled.mapping;
        let changes = changes.into_iter().map(|change| {
            let values = (change.old, change.new);
            shown(mapping, kind, change.property.name(), values)
        });
        let dn = object.text("onPremisesDistinguishedName");
        items.push(Item {
            guid: own.guid,
            configuration: owner,
            target: Some(object.id),
            action: Action::Update,
            anchor: mastery.anchor.to_string(),
            kind: Some(kind),
            name: name_of(tx, &object)?,
            dn: dn.map(str::to_owned),
            reason: reason.to_owned(),
            code,
            changes: changes.collect(),
        });
    }
    Ok(items)
}
