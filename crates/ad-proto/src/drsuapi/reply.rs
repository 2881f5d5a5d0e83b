//! Changes as they come ([MS-DRSR] 4.1.10.2.15 DRS_MSG_GETCHGREPLY_V6).
//!
//! Objects are a linked list whose first member points at the next: by the deferral rules of NDR
//! (C706 14.3.12.3) the fixed parts of all objects come first, in their order, and what they point at
//! follows from the last object back to the first. Both directions are loops here, so that no list is long
//! enough to exhaust the stack.

use super::attribute::Translation;
use super::stamp;
use super::{AttributeId, DrsError, ObjectName, Stamp, Status, UpToDateVector, UsnVector};
use crate::ndr::{NdrError, Reader};
use lockstep_model::Guid;

/// What the interface allows ([MS-DRSR] 5.9, 5.12, 5.13).
const LARGEST_LIST: u32 = 1 << 20;
const LARGEST_VALUES: u32 = 10_485_760;
const LARGEST_VALUE: u32 = 26_214_400;

/// A page of changes, or a single object. It borrows from the stub of the response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changes<'a> {
    /// The invocation id of the database that it comes from.
    pub invocation_id: Guid,
    /// Where it ends.
    pub position: UsnVector,
    /// What the database has of all others. Servers send it with the last page.
    pub up_to_date: Option<UpToDateVector>,
    /// More pages follow.
    pub more: bool,
    /// The objects. The head of the naming context may come again with every page.
    pub objects: Vec<Object<'a>>,
    /// How many values of links came along; they are not read.
    pub links: usize,
}

/// What has changed of an object; of a new one, or one that was asked for by itself, everything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object<'a> {
    /// Which object.
    pub name: ObjectName<'a>,
    /// The attributes that were asked for, as far as they have changed.
    pub attributes: Vec<Attribute<'a>>,
}

/// An attribute that has changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attribute<'a> {
    /// Which one.
    pub id: AttributeId,
    /// Its values; none when it was cleared, and of secrets also in a tombstone.
    pub values: Vec<&'a [u8]>,
    /// When and where they were written.
    pub stamp: Option<Stamp>,
}

impl<'a> Object<'a> {
    /// An attribute, if it has changed.
    #[must_use]
    pub fn attribute(&self, id: AttributeId) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|attribute| attribute.id == id)
    }

    /// The first value of an attribute.
    #[must_use]
    pub fn value(&self, id: AttributeId) -> Option<&'a [u8]> {
        self.attribute(id)?.values.first().copied()
    }

    /// The value of an attribute of four bytes.
    #[must_use]
    pub fn integer(&self, id: AttributeId) -> Option<u32> {
        let value = self.value(id)?;
        value.try_into().ok().map(u32::from_le_bytes)
    }

    /// The value of an attribute of eight bytes, such as times.
    #[must_use]
    pub fn large_integer(&self, id: AttributeId) -> Option<i64> {
        let value = self.value(id)?;
        value.try_into().ok().map(i64::from_le_bytes)
    }

    /// Whether it is a tombstone.
    #[must_use]
    pub fn deleted(&self) -> bool {
        self.integer(AttributeId::IS_DELETED)
            .is_some_and(|value| value != 0)
    }
}

impl<'a> Changes<'a> {
    /// Reads the stub of a response.
    ///
    /// # Errors
    ///
    /// [`DrsError`]; [`DrsError::Status`] when the server refuses, whatever else the stub holds.
    pub fn decode(stub: &'a [u8]) -> Result<Self, DrsError> {
        // The operation's result is its last parameter.
        let status = stub
            .last_chunk()
            .map_or(0, |last| u32::from_le_bytes(*last));
        if status != 0 {
            return Err(DrsError::Status(Status(status)));
        }
        let mut reader = Reader::new(stub);
        let version = reader.u32()?;
        if version != 6 {
            return Err(DrsError::Version { version });
        }
        reader.same("version of the reply", version)?;
        reader.align(8)?;
        let head = Head::read(&mut reader)?;
        let changes = head.follow(&mut reader)?;
        reader.u32()?; // The result, which was looked at already.
        reader.finish()?;
        Ok(changes)
    }
}

/// The fixed part of a reply.
struct Head {
    invocation_id: Guid,
    naming_context: bool,
    position: UsnVector,
    vector: bool,
    prefixes: Option<u32>,
    object_count: usize,
    objects: bool,
    more: bool,
    links: Option<usize>,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DrsError> {
        reader.guid()?; // The server's settings object.
        let invocation_id = reader.guid()?;
        let naming_context = reader.pointer()?;
        UsnVector::read(reader)?; // Where the page begins: what was asked for.
        let position = UsnVector::read(reader)?;
        let vector = reader.pointer()?;
        let prefix_count = reader.u32()?;
        let prefixes = reader.pointer()?.then_some(prefix_count);
        reader.u32()?; // The result of an extended operation; an object that is not there says enough.
        let object_count = reader.count("objects", LARGEST_LIST, OBJECT)?;
        reader.u32()?; // Their size in memory.
        let objects = reader.pointer()?;
        let more = reader.u32()? != 0;
        reader.u32()?; // Estimates of how many objects
        reader.u32()?; // and links there are in all.
        let link_count = reader.count("links", LARGEST_LIST, LINK)?;
        let links = reader.pointer()?.then_some(link_count);
        match reader.u32()? {
            0 => {}
            status => return Err(DrsError::Status(Status(status))),
        }
        Ok(Self {
            invocation_id,
            naming_context,
            position,
            vector,
            prefixes,
            object_count,
            objects,
            more,
            links,
        })
    }

    /// Reads what the fixed part points at, in the order of its pointers.
    fn follow<'a>(self, reader: &mut Reader<'a>) -> Result<Changes<'a>, NdrError> {
        if self.naming_context {
            ObjectName::read(reader)?;
        }
        let up_to_date = match self.vector {
            true => Some(UpToDateVector::read(reader)?),
            false => None,
        };
        let prefixes = match self.prefixes {
            Some(count) => Translation::read(reader, count)?,
            None => Translation::default(),
        };
        let objects = match self.objects {
            true => read_objects(reader, self.object_count, &prefixes)?,
            false => Vec::new(),
        };
        if let Some(count) = self.links {
            skip_links(reader, count)?;
        }
        Ok(Changes {
            invocation_id: self.invocation_id,
            position: self.position,
            up_to_date,
            more: self.more,
            objects,
            links: self.links.unwrap_or_default(),
        })
    }
}

/// The size of the fixed part of a `REPLENTINFLIST` ([MS-DRSR] 5.162), and where it points.
const OBJECT: usize = 32;

struct ObjectHead {
    name: bool,
    attribute_count: u32,
    attributes: bool,
    parent: bool,
    stamps: bool,
}

fn read_objects<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    prefixes: &Translation,
) -> Result<Vec<Object<'a>>, NdrError> {
    let mut heads = Vec::with_capacity(count);
    loop {
        let offset = reader.position();
        let next = reader.pointer()?;
        heads.push(ObjectHead::read(reader)?);
        if next && heads.len() < count {
            continue;
        }
        if next || heads.len() < count {
            return Err(NdrError::Unequal {
                what: "objects",
                offset,
                expected: u32::try_from(count).unwrap_or(u32::MAX),
                received: u32::try_from(heads.len() + usize::from(next)).unwrap_or(u32::MAX),
            });
        }
        break;
    }
    let mut objects = Vec::with_capacity(count);
    for head in heads.iter().rev() {
        objects.extend(head.follow(reader, prefixes)?);
    }
    objects.reverse();
    Ok(objects)
}

impl ObjectHead {
    /// What stands behind the pointer to the next object.
    fn read(reader: &mut Reader<'_>) -> Result<Self, NdrError> {
        let name = reader.pointer()?;
        reader.u32()?; // Flags.
        let attribute_count = reader.u32()?;
        let attributes = reader.pointer()?;
        reader.u32()?; // Whether it is the head of the naming context.
        Ok(Self {
            name,
            attribute_count,
            attributes,
            parent: reader.pointer()?,
            stamps: reader.pointer()?,
        })
    }

    fn follow<'a>(
        &self,
        reader: &mut Reader<'a>,
        prefixes: &Translation,
    ) -> Result<Option<Object<'a>>, NdrError> {
        let name = match self.name {
            true => Some(ObjectName::read(reader)?),
            false => None,
        };
        let attributes = match self.attributes {
            true => read_attributes(reader, self.attribute_count)?,
            false => Vec::new(),
        };
        if self.parent {
            reader.guid()?;
        }
        let stamps = match self.stamps {
            true => read_stamps(reader, attributes.len())?,
            false => Vec::new(),
        };
        // Stamps stand in the order of the attributes ([MS-DRSR] 5.162).
        let mut stamps = stamps.into_iter();
        let attributes = attributes.into_iter().filter_map(|(number, values)| {
            let stamp = stamps.next();
            let id = prefixes.ours(number)?;
            Some(Attribute { id, values, stamp })
        });
        let attributes = attributes.collect();
        Ok(name.map(|name| Object { name, attributes }))
    }
}

type RawAttribute<'a> = (u32, Vec<&'a [u8]>);

/// Reads an `ATTRBLOCK` ([MS-DRSR] 5.9).
fn read_attributes<'a>(
    reader: &mut Reader<'a>,
    expected: u32,
) -> Result<Vec<RawAttribute<'a>>, NdrError> {
    const HEAD: usize = 12;
    let count = counted(reader, "attributes", LARGEST_LIST, HEAD, expected)?;
    let mut heads = Vec::with_capacity(count);
    for _ in 0..count {
        let number = reader.u32()?;
        let values = reader.u32()?;
        heads.push((number, values, reader.pointer()?));
    }
    let mut attributes = Vec::with_capacity(count);
    for (number, expected, present) in heads {
        let values = match present {
            true => read_values(reader, expected)?,
            false => Vec::new(),
        };
        attributes.push((number, values));
    }
    Ok(attributes)
}

/// Reads the values of an `ATTRVALBLOCK` ([MS-DRSR] 5.17).
fn read_values<'a>(reader: &mut Reader<'a>, expected: u32) -> Result<Vec<&'a [u8]>, NdrError> {
    const HEAD: usize = 8;
    let count = counted(reader, "values", LARGEST_VALUES, HEAD, expected)?;
    let mut heads = Vec::with_capacity(count);
    for _ in 0..count {
        let length = reader.u32()?;
        heads.push((length, reader.pointer()?));
    }
    let mut values = Vec::with_capacity(count);
    for (length, present) in heads {
        values.push(read_value(reader, length, present)?);
    }
    Ok(values)
}

fn read_value<'a>(
    reader: &mut Reader<'a>,
    length: u32,
    present: bool,
) -> Result<&'a [u8], NdrError> {
    if !present {
        return Ok(&[]);
    }
    let count = counted(reader, "bytes of a value", LARGEST_VALUE, 1, length)?;
    reader.bytes(count)
}

/// Reads a `PROPERTY_META_DATA_EXT_VECTOR` ([MS-DRSR] 5.155).
fn read_stamps(reader: &mut Reader<'_>, attributes: usize) -> Result<Vec<Stamp>, NdrError> {
    let count = reader.count("stamps", LARGEST_LIST, stamp::SIZE)?;
    let offset = reader.position();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    if count != attributes {
        return Err(NdrError::Unequal {
            what: "stamps",
            offset: offset - 4,
            expected: number(attributes),
            received: number(count),
        });
    }
    reader.align(8)?;
    reader.same("stamps", number(count))?;
    reader.align(8)?;
    (0..count).map(|_| Stamp::read(reader)).collect()
}

/// The size of a `REPLVALINF_V1` ([MS-DRSR] 5.167).
const LINK: usize = 72;

/// Passes over values of links.
fn skip_links(reader: &mut Reader<'_>, count: usize) -> Result<(), NdrError> {
    reader.same("links", u32::try_from(count).unwrap_or(u32::MAX))?;
    let mut heads = Vec::with_capacity(count);
    for _ in 0..count {
        reader.align(8)?;
        let object = reader.pointer()?;
        reader.u32()?; // The attribute.
        let length = reader.u32()?;
        let value = reader.pointer()?;
        heads.push((object, length, value));
        reader.u32()?; // Whether the link is there or gone.
        reader.u64()?; // When it was made.
        Stamp::read(reader)?;
    }
    for (object, length, value) in heads {
        if object {
            ObjectName::read(reader)?;
        }
        read_value(reader, length, value)?;
    }
    Ok(())
}

/// The size of a conformant array, which must be what was said before.
fn counted(
    reader: &mut Reader<'_>,
    what: &'static str,
    limit: u32,
    size: usize,
    expected: u32,
) -> Result<usize, NdrError> {
    let count = reader.count(what, limit, size)?;
    let received = u32::try_from(count).unwrap_or(u32::MAX);
    if received == expected {
        return Ok(count);
    }
    Err(NdrError::Unequal {
        what,
        offset: reader.position() - 4,
        expected,
        received,
    })
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
