//! What objects of Active Directory became: how many are in the directory, and what is left of those that are gone for
//! good.

use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_store::records::connector_space::LinkRow;
use lockstep_store::records::safety::Escrow;
use lockstep_store::{Key, Read, ReadRecords as _, Scan, StoreError, Write, WriteRecords as _};

/// How many objects of Active Directory may have become the same object; usually it is one.
const SLICE: usize = 100;
/// How many rows are looked at in one go.
const ROWS: usize = 5_000;

/// How many objects of a configuration are in the directory. Of users who were deleted the links stay, so that they can
/// come back; these do not count.
///
/// # Errors
///
/// Those of the store.
pub fn live<T: Read + ?Sized>(tx: &mut T, id: ConfigurationId) -> Result<u64, StoreError> {
    let of = Key::empty().with(id);
    let all = tx.how_many::<LinkRow>(None, &of)?;
    let deleted = tx.how_many::<LinkRow>(Some(LinkRow::BY_DELETED), &of)?;
    Ok(all.saturating_sub(deleted))
}

/// How many objects of a configuration take part: those that are in the directory, and those that fail and are not.
///
/// # Errors
///
/// Those of the store.
pub fn entitled<T: Read + ?Sized>(tx: &mut T, id: ConfigurationId) -> Result<u64, StoreError> {
    let mut count = live(tx, id)?;
    let mut scan = Scan::of(Key::empty().with(id), ROWS);
    loop {
        let failing: Vec<Escrow> = tx.list(&scan)?;
        let Some(last) = failing.last() else {
            return Ok(count);
        };
        scan = scan.behind(last);
        let ids: Vec<_> = failing.iter().map(|row| (id, row.guid)).collect();
        let links: Vec<Option<LinkRow>> = tx.fetch(&ids)?;
        let outside = links
            .iter()
            .filter(|link| link.as_ref().is_none_or(|link| link.deleted));
        count += outside.count() as u64;
    }
}

/// The object of Active Directory that an object of the directory became of, for this configuration.
///
/// # Errors
///
/// Those of the store.
pub fn own<T: Read + ?Sized>(
    tx: &mut T,
    object: ObjectId,
    owner: ConfigurationId,
) -> Result<Option<LinkRow>, StoreError> {
    let links = to(tx, object)?;
    Ok(links.into_iter().find(|link| link.configuration == owner))
}

/// All objects of Active Directory that an object of the directory became of, for any configuration.
///
/// # Errors
///
/// Those of the store.
pub fn to<T: Read + ?Sized>(tx: &mut T, object: ObjectId) -> Result<Vec<LinkRow>, StoreError> {
    tx.list(&Scan::along(
        LinkRow::BY_OBJECT,
        Key::empty().with(object),
        SLICE,
    ))
}

/// Forgets what led to these objects, which are gone for good: whoever comes back is made anew.
///
/// # Errors
///
/// Those of the store.
pub fn forget(tx: &mut dyn Write, gone: &[ObjectId]) -> Result<(), StoreError> {
    for id in gone {
        let links: Vec<_> = to(tx, *id)?
            .iter()
            .map(|link| (link.configuration, link.guid))
            .collect();
        tx.remove::<LinkRow>(&links)?;
    }
    Ok(())
}
