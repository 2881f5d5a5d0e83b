//! What a controller replicates to who reads passwords: attributes with their stamps. The rights over LDAP mean
//! nothing here.

use super::entry::{Entry, Stamp};
use super::{SimulatedController, SimulatedDirectory};
use lockstep_ad_proto::drsuapi::{
    Attribute, AttributeId, Changes, Extent, Object, ObjectName, Stamp as ReplicationStamp,
    UpToDateVector, UsnVector, Watermark,
};
use lockstep_model::{Guid, Sid};
use std::collections::BTreeMap;

/// Seconds between 1601-01-01 and 1970-01-01.
const DSTIME_EPOCH: i64 = 11_644_473_600;

/// A page of changes, or one object.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    invocation: Guid,
    position: UsnVector,
    up_to_date: Option<UpToDateVector>,
    more: bool,
    objects: Vec<Replicated>,
}

#[derive(Clone, Debug)]
struct Replicated {
    guid: Guid,
    sid: Option<Sid>,
    attributes: Vec<(AttributeId, Option<Vec<u8>>, ReplicationStamp)>,
}

impl Page {
    /// The same as the agent reads it.
    pub(crate) fn changes(&self) -> Changes<'_> {
        Changes {
            invocation_id: self.invocation,
            position: self.position,
            up_to_date: self.up_to_date.clone(),
            more: self.more,
            objects: self.objects.iter().map(Replicated::read).collect(),
            links: 0,
        }
    }
}

impl Replicated {
    fn read(&self) -> Object<'_> {
        let attributes = self.attributes.iter();
        Object {
            name: ObjectName::of(self.guid, self.sid.clone()),
            attributes: attributes
                .map(|(id, value, stamp)| Attribute {
                    id: *id,
                    values: value.iter().map(Vec::as_slice).collect(),
                    stamp: Some(*stamp),
                })
                .collect(),
        }
    }
}

/// What is left out of an answer because the reader has it already.
struct Known {
    /// Up to this number here,
    usn: u64,
    /// and up to these in the databases where it was set.
    vector: BTreeMap<Guid, u64>,
}

impl Known {
    fn covers(&self, stamp: &Stamp) -> bool {
        let known = self.vector.get(&stamp.origin).copied().unwrap_or(0);
        stamp.usn <= self.usn || stamp.origin_usn <= known
    }
}

impl SimulatedDirectory {
    /// Answers a request for changes of passwords.
    pub(crate) fn replicated(&self, index: usize, extent: &Extent<'_>) -> Page {
        let controller = &self.controllers[index];
        match extent {
            Extent::NamingContext { from, .. } => page(controller, *from),
            Extent::Object { guid } => {
                let nothing = Known {
                    usn: 0,
                    vector: BTreeMap::new(),
                };
                let entry = controller.entries.get(guid);
                let own = entry.and_then(|entry| replicated(entry, &nothing));
                Page {
                    invocation: controller.invocation(),
                    position: UsnVector::default(),
                    up_to_date: None,
                    more: false,
                    objects: own.into_iter().collect(),
                }
            }
        }
    }
}

fn page(controller: &SimulatedController, from: Option<&Watermark>) -> Page {
    let from = from.cloned().unwrap_or_default();
    let known = Known {
        usn: from.position.property_update,
        vector: from.up_to_date.cursors.iter().copied().collect(),
    };
    let entries = controller.entries.values();
    let mut changed: Vec<(u64, &Entry)> = entries
        .map(|entry| (entry.usn_changed(), entry))
        .filter(|(usn, _)| *usn > from.position.object_update)
        .collect();
    changed.sort_unstable_by_key(|(usn, _)| *usn);
    let more = changed.len() > controller.page;
    changed.truncate(controller.page);
    let last = changed.last().map_or(0, |(usn, _)| *usn);
    let highest = controller.highest_usn();
    let (object_update, property_update) = match more {
        true => (last, from.position.property_update),
        false => (highest, highest),
    };
    let vector = || UpToDateVector {
        cursors: controller.database.vector.clone().into_iter().collect(),
    };
    Page {
        invocation: controller.invocation(),
        position: UsnVector {
            object_update,
            reserved: 0,
            property_update,
        },
        up_to_date: (!more).then(vector),
        more,
        objects: changed
            .into_iter()
            .filter_map(|(_, entry)| replicated(entry, &known))
            .collect(),
    }
}

/// What of an object the reader lacks; nothing when that is nothing that it asks for.
fn replicated(entry: &Entry, known: &Known) -> Option<Replicated> {
    let mut attributes = Vec::new();
    if let Some(deleted) = entry.deleted.as_ref().filter(|d| !known.covers(&d.stamp)) {
        let value = deleted.value.then(|| 1_u32.to_le_bytes().to_vec());
        attributes.push((AttributeId::IS_DELETED, value, told(&deleted.stamp)));
    }
    for (name, id) in [
        ("useraccountcontrol", AttributeId::USER_ACCOUNT_CONTROL),
        ("unicodepwd", AttributeId::UNICODE_PWD),
        ("pwdlastset", AttributeId::PWD_LAST_SET),
        ("accountexpires", AttributeId::ACCOUNT_EXPIRES),
    ] {
        let Some(stamped) = entry.attributes.get(name) else {
            continue;
        };
        if known.covers(&stamped.stamp) {
            continue;
        }
        let number = || entry.text(name).and_then(|text| text.parse::<i64>().ok());
        let value = match name {
            // A tombstone has no secrets.
            "unicodepwd" if entry.is_deleted() => None,
            "unicodepwd" => entry.values(name).first().cloned(),
            "useraccountcontrol" => number()
                .and_then(|number| u32::try_from(number).ok())
                .map(|number| number.to_le_bytes().to_vec()),
            _ => number().map(|number| number.to_le_bytes().to_vec()),
        };
        attributes.push((id, value, told(&stamped.stamp)));
    }
    (!attributes.is_empty()).then(|| Replicated {
        guid: entry.guid,
        sid: entry.sid(),
        attributes,
    })
}

fn told(stamp: &Stamp) -> ReplicationStamp {
    ReplicationStamp {
        version: stamp.version,
        seconds: u64::try_from(stamp.time + DSTIME_EPOCH).unwrap_or(0),
        originating: stamp.origin,
        usn: stamp.origin_usn,
    }
}
