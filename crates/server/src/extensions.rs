//! Directory extensions: a configuration that makes values for one declares it, and an administrator removes it.
//!
//! What is declared stands in the store; [`extension`] makes it a property of this process.

use crate::audit;
use crate::configuration::known;
use crate::configurations::{self, store_problem};
use crate::service::Service;
use lockstep_api::admin::{DirectoryExtension as Listed, ExtensionMapping};
use lockstep_api::configuration::{MappingEntry, Spec, SpecError};
use lockstep_api::problem::Problem;
use lockstep_directory::{Kind, Object, Property, extension};
use lockstep_model::Timestamp;
use lockstep_store::records::directory::DirectoryObject;
use lockstep_store::records::extension::DirectoryExtension;
use lockstep_store::records::job::Configuration;
use lockstep_store::{Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many objects are looked at in one go.
const SLICE: usize = 1_000;

/// The extensions that a configuration makes values for, each with the key that says so.
fn named(spec: &Spec) -> Vec<(String, &str)> {
    let mut named = Vec::new();
    for (kind, entries) in spec.mapping.all() {
        for (index, entry) in entries.iter().enumerate() {
            if extension::is_meant(&entry.target) && !entry.none {
                let key = format!("mapping.{}[{index}].target", kind.name());
                named.push((key, entry.target.as_str()));
            }
        }
    }
    named
}

/// The extensions that a configuration would declare besides those that are.
///
/// # Errors
///
/// Those of the store; the inner error when there would be too many, or a name differs from another in capital letters
/// only.
pub fn missing<T: Read + ?Sized>(
    tx: &mut T,
    spec: &Spec,
) -> Result<Result<BTreeSet<String>, SpecError>, StoreError> {
    let named = named(spec);
    if named.is_empty() {
        return Ok(Ok(BTreeSet::new()));
    }
    let declared: Vec<DirectoryExtension> = tx.list(&DirectoryExtension::all())?;
    let mut names: BTreeSet<String> = declared.into_iter().map(|row| row.name).collect();
    let mut missing = BTreeSet::new();
    for (key, name) in named {
        if names.contains(name) {
            continue;
        }
        let alike = names.iter().find(|known| known.eq_ignore_ascii_case(name));
        let expected = match alike {
            Some(alike) => format!(
                "a name that differs from others in more than capital letters; there is `{alike}`"
            ),
            None if names.len() >= extension::MOST => format!(
                "one of the {} extensions that are declared, which are all that a directory can have; `lockstep \
                 extension list` shows them",
                names.len()
            ),
            None => {
                names.insert(name.to_owned());
                missing.insert(name.to_owned());
                continue;
            }
        };
        let found = format!("`{name}`");
        return Ok(Err(SpecError {
            key,
            expected,
            found,
        }));
    }
    Ok(Ok(missing))
}

/// Declares what a configuration makes values for. The names are to be given to [`extension::declare`] once the
/// transaction has been kept; a cycle may use them before.
///
/// # Errors
///
/// Those of [`missing`].
pub fn declare(
    tx: &mut dyn Write,
    spec: &Spec,
    now: Timestamp,
) -> Result<Result<BTreeSet<String>, SpecError>, StoreError> {
    let missing = missing(tx, spec)?;
    if let Ok(names) = &missing {
        let row = |name: &String| DirectoryExtension {
            name: name.clone(),
            declared: now.as_millis(),
        };
        tx.store(&names.iter().map(row).collect::<Vec<_>>())?;
        names.iter().for_each(|name| extension::announce(name));
    }
    Ok(missing)
}

/// Makes known what a store has declared.
///
/// # Errors
///
/// Those of the store.
pub fn take_up<T: Read + ?Sized>(tx: &mut T) -> Result<(), StoreError> {
    let declared: Vec<DirectoryExtension> = tx.list(&DirectoryExtension::all())?;
    for row in declared {
        extension::declare(&row.name);
    }
    Ok(())
}

/// Makes it possible to plan with the extensions of a configuration that is not applied.
///
/// # Errors
///
/// A problem when too many other names have been planned with.
pub fn expect(spec: &Spec) -> Result<(), Problem> {
    match named(spec)
        .iter()
        .find(|(_, name)| !extension::expect(name))
    {
        None => Ok(()),
        Some((key, name)) => {
            let title = format!(
                "{key}: expected an extension that is declared, found `{name}`: since the service was started, plans \
                 have named as many others as are kept"
            );
            Err(Problem::new(400, "BadConfiguration", title)
                .key(key.clone())
                .remedy("apply the configuration without a plan, or restart the service"))
        }
    }
}

/// The extensions that are declared, with who makes values for them.
///
/// # Errors
///
/// Those of the store.
pub fn list(tx: &mut dyn Read) -> Result<Vec<Listed>, StoreError> {
    let declared: Vec<DirectoryExtension> = tx.list(&DirectoryExtension::all())?;
    let configurations = configurations::all(tx)?;
    let listed = declared.into_iter().map(|row| {
        let mut mappings = Vec::new();
        for configuration in configurations.iter().filter(|known| !known.scratch) {
            let known = known(configuration);
            for (kind, entries) in known.spec.mapping.all() {
                let of_name = |entry: &&MappingEntry| entry.target == row.name && !entry.none;
                mappings.extend(
                    entries
                        .iter()
                        .filter(of_name)
                        .map(|entry| ExtensionMapping {
                            configuration: configuration.name.clone(),
                            object: kind.name().to_owned(),
                            source: source(entry),
                        }),
                );
            }
        }
        Listed {
            name: row.name,
            declared: Timestamp::from_millis(row.declared).to_string(),
            mappings,
        }
    });
    Ok(listed.collect())
}

/// Gives up an extension that nobody makes values for and no object has a value of.
///
/// # Errors
///
/// A problem with status 404 when it is not declared, with 409 when it is used; those of the store.
pub async fn remove(service: &Arc<Service>, name: &str, actor: String) -> Result<(), Problem> {
    // Every object is looked at: nobody has to wait until that is done who writes. Where no mapping makes values, only
    // people could, one by one; what came in between stays with its object, unseen, until the name is declared again.
    let sought = name.to_owned();
    let unused = service
        .read(move |tx| match unmapped(tx, &sought)? {
            Ok(()) => without_values(tx, &sought),
            Err(problem) => Ok(Err(problem)),
        })
        .await;
    unused.map_err(store_problem)??;
    let (owned, now) = (name.to_owned(), service.clock.now());
    let removed = service
        .write(move |tx| {
            if let Err(problem) = unmapped(tx, &owned)? {
                return Ok(Err(problem));
            }
            let row: Option<DirectoryExtension> = tx.fetch_one(&owned)?;
            let old =
                row.map(|row| serde_json::json!({"declared": crate::clock::time(row.declared)}));
            let old = old.map(|old| old.to_string());
            tx.remove::<DirectoryExtension>(std::slice::from_ref(&owned))?;
            audit::record(tx, now, &actor, "ExtensionRemoved", &owned, old, None)?;
            extension::retract(&owned);
            Ok(Ok(()))
        })
        .await;
    if removed.is_err() {
        // It was not kept, so that it is declared as before.
        extension::declare(name);
    }
    removed.map_err(store_problem)?
}

/// Refuses what no directory has declared, or a configuration makes values for.
fn unmapped<T: Read + ?Sized>(tx: &mut T, name: &str) -> Result<Result<(), Problem>, StoreError> {
    if tx
        .fetch_one::<DirectoryExtension>(&name.to_owned())?
        .is_none()
    {
        let title = format!("{name} is no extension that is declared; nothing was changed");
        return Ok(Err(Problem::new(404, "ExtensionNotFound", title).remedy(
            "`lockstep extension list` shows those that are; capital letters count",
        )));
    }
    let configurations = configurations::all(tx)?;
    let configurations = configurations.iter().filter(|row| !row.scratch);
    let names = |row: &&Configuration| named(&known(row).spec).iter().any(|(_, of)| *of == name);
    let mapped: Vec<&str> = configurations
        .filter(names)
        .map(|row| row.name.as_str())
        .collect();
    if mapped.is_empty() {
        return Ok(Ok(()));
    }
    let title = format!(
        "{name} cannot be removed: the mapping of {} makes values for it",
        mapped.join(", ")
    );
    Ok(Err(Problem::new(409, "ExtensionInUse", title).remedy(
        "map it to `expression = '\"\"'`, which empties it, and run a cycle; then take it out of the mapping",
    )))
}

/// Refuses what objects have values of, in the recycle bin too.
fn without_values(tx: &mut dyn Read, name: &str) -> Result<Result<(), Problem>, StoreError> {
    let mut found = Vec::new();
    let (mut all, mut deleted) = (0, 0);
    for (kind, word) in [
        (Kind::User, "users"),
        (Kind::Group, "groups"),
        (Kind::Contact, "contacts"),
    ] {
        let Some(property) = Property::known(kind, name) else {
            continue;
        };
        let live = having(tx, kind, property, false)?;
        let gone = having(tx, kind, property, true)?;
        if live + gone > 0 {
            found.push(format!("{} {word}", live + gone));
        }
        (all, deleted) = (all + live + gone, deleted + gone);
    }
    if all == 0 {
        return Ok(Ok(()));
    }
    let mut title = format!(
        "{name} cannot be removed: objects have values of it, {}",
        found.join(", ")
    );
    if deleted > 0 {
        title.push_str(&format!(", {deleted} of them in the recycle bin"));
    }
    Ok(Err(Problem::new(409, "ExtensionInUse", title).remedy(format!(
        "take the value from objects of the cloud with `lockstep user update NAME --set {name}=`, and from \
         synchronised ones by a mapping with `expression = '\"\"'`; `lockstep deleted purge ID` removes somebody from the recycle bin",
    ))))
}

/// How many objects of a kind have a value.
fn having(
    tx: &mut dyn Read,
    kind: Kind,
    property: Property,
    deleted: bool,
) -> Result<u64, StoreError> {
    let prefix = DirectoryObject::of_kind(kind, deleted);
    let mut scan = Scan::along(DirectoryObject::BY_KIND, prefix, SLICE);
    let mut count = 0;
    loop {
        let rows: Vec<DirectoryObject> = tx.list(&scan)?;
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        scan = scan.behind(last);
        let has = |row: &&DirectoryObject| {
            let Object { values, wanted, .. } = &row.object;
            values.contains_key(&property) || wanted.contains_key(&property)
        };
        count += rows.iter().filter(has).count() as u64;
    }
}

/// Where the value comes from, as the configuration says it.
fn source(entry: &MappingEntry) -> String {
    let constant = entry.constant.as_ref().map(ToString::to_string);
    let ways = [entry.attribute.clone(), entry.expression.clone(), constant];
    ways.into_iter().flatten().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_store::{MemoryStore, Transact as _, records};
    use serde_json::json;

    fn spec(targets: &[&str]) -> Spec {
        let entries: Vec<_> = targets
            .iter()
            .map(|target| json!({"target": target, "attribute": "carLicense"}))
            .collect();
        serde_json::from_value(json!({
            "name": "corp", "domain": "corp.test", "mapping": {"user": entries},
        }))
        .unwrap()
    }

    fn declared(store: &MemoryStore, spec: &Spec) -> Result<BTreeSet<String>, SpecError> {
        let declared = store.writing(|tx| declare(tx, spec, Timestamp::from_millis(1)));
        declared.unwrap()
    }

    #[test]
    fn a_directory_has_a_hundred_extensions_and_no_two_that_look_alike() {
        let store = MemoryStore::new(&records::tables());
        let names: Vec<String> = (0..99).map(|n| format!("extension_few_n{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(declared(&store, &spec(&names)).unwrap().len(), 99);
        assert_eq!(declared(&store, &spec(&names)).unwrap().len(), 0);

        let alike = declared(&store, &spec(&["extension_few_N7"])).unwrap_err();
        assert_eq!(alike.key, "mapping.user[0].target");
        assert!(alike.expected.contains("`extension_few_n7`"), "{alike}");

        let last = ["extension_few_last", "extension_few_beyond"];
        let beyond = declared(&store, &spec(&last)).unwrap_err();
        assert_eq!(beyond.key, "mapping.user[1].target");
        assert!(
            beyond.expected.contains("lockstep extension list"),
            "{beyond}"
        );
        assert_eq!(declared(&store, &spec(&last[..1])).unwrap().len(), 1);
        assert!(declared(&store, &spec(&last[1..])).is_err());
        assert!(declared(&store, &spec(&names)).unwrap().is_empty());
    }
}
