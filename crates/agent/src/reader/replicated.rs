//! From what replication brings of an object to what is reported of it. Knows neither session nor channel, and
//! opens no hash.

use lockstep_ad_proto::drsuapi::{
    AttributeId, Changes, Object, Stamp, UpToDateVector, UsnVector, Watermark,
};
use lockstep_api::channel::{
    PasswordStamp, Presence, ReplicationCursor, ReplicationWatermark, Stamped,
};
use lockstep_model::{Guid, Sid, Timestamp};
use std::fmt;

/// What is asked of each object.
pub const ATTRIBUTES: [AttributeId; 5] = [
    AttributeId::IS_DELETED,
    AttributeId::USER_ACCOUNT_CONTROL,
    AttributeId::UNICODE_PWD,
    AttributeId::PWD_LAST_SET,
    AttributeId::ACCOUNT_EXPIRES,
];
/// Accounts of machines and of trusts ([MS-ADTS] 2.2.16): nobody signs in with them.
const NO_PERSON: u32 = 0x0800 | 0x1000 | 0x2000;

/// How much an answer says of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// All that there is: what is missing is empty.
    Everything,
    /// What has changed: what is missing is as it was.
    Changes,
}

/// What was read of one object.
#[derive(Debug)]
pub struct Reported {
    /// What the service is told.
    pub stamped: Stamped,
    /// The encrypted hash.
    pub sealed: Option<Sealed>,
}

/// A hash as it came, and what opens it besides the session key.
pub struct Sealed {
    /// Unknown for an object without SID, which no account is.
    pub rid: Option<u32>,
    /// The encrypted hash.
    pub value: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed")
    }
}

/// What is to be said of an object; nothing of what nobody signs in with.
#[must_use]
pub fn reported(object: &Object<'_>, said: Said) -> Option<Reported> {
    let guid = object.name.guid;
    if object.deleted() {
        let stamped = Stamped {
            guid,
            deleted: true,
            ..Stamped::default()
        };
        return Some(Reported {
            stamped,
            sealed: None,
        });
    }
    let whole = said == Said::Everything;
    match object.integer(AttributeId::USER_ACCOUNT_CONTROL) {
        Some(control) if control & NO_PERSON != 0 => return None,
        // What is no account has none.
        None if whole => return None,
        _ => {}
    }
    let hash = object.attribute(AttributeId::UNICODE_PWD);
    let stamped = Stamped {
        guid,
        whole,
        deleted: false,
        password: hash.and_then(|hash| Some(stamp(hash.stamp?, !hash.values.is_empty()))),
        temporary: object
            .large_integer(AttributeId::PWD_LAST_SET)
            .map(|set| set == 0),
        expires: object
            .attribute(AttributeId::ACCOUNT_EXPIRES)
            .map(|_| expires(object.large_integer(AttributeId::ACCOUNT_EXPIRES))),
    };
    let sealed = object.value(AttributeId::UNICODE_PWD).map(|value| Sealed {
        rid: object.name.sid.as_ref().and_then(Sid::rid),
        value: value.to_vec(),
    });
    let says_something = whole
        || stamped.password.is_some()
        || stamped.temporary.is_some()
        || stamped.expires.is_some();
    says_something.then_some(Reported { stamped, sealed })
}

/// What became of an object that was asked for by itself, and what is to be said of it.
#[must_use]
pub fn asked_for(changes: &Changes<'_>, guid: Guid) -> (Presence, Option<Reported>) {
    let own = changes.objects.iter().find(|o| o.name.guid == guid);
    let reported = own.and_then(|object| reported(object, Said::Everything));
    let presence = match &reported {
        None => Presence::Silent,
        Some(reported) if reported.stamped.deleted => Presence::Tombstone,
        Some(_) => Presence::Alive,
    };
    (presence, reported)
}

fn stamp(stamp: Stamp, present: bool) -> PasswordStamp {
    PasswordStamp {
        version: stamp.version,
        time: stamp.time().as_millis(),
        originating: stamp.originating,
        present,
    }
}

/// Zero, the greatest number and nothing all mean never ([MS-ADTS] 2.2.12 accountExpires).
fn expires(filetime: Option<i64>) -> i64 {
    match filetime {
        None | Some(0 | i64::MAX) => i64::MAX,
        Some(filetime) => Timestamp::from_filetime(filetime).as_millis(),
    }
}

/// A watermark as the service keeps it, for replication to go on from.
#[must_use]
pub fn from_wire(wire: ReplicationWatermark) -> Watermark {
    let cursor = |cursor: ReplicationCursor| (cursor.database, cursor.usn);
    Watermark {
        invocation_id: wire.invocation_id,
        position: UsnVector {
            object_update: wire.object_update,
            reserved: wire.reserved,
            property_update: wire.property_update,
        },
        up_to_date: UpToDateVector {
            cursors: wire.cursors.into_iter().map(cursor).collect(),
        },
    }
}

/// A watermark for the service to keep.
#[must_use]
pub fn to_wire(watermark: Watermark) -> ReplicationWatermark {
    let cursor = |(database, usn)| ReplicationCursor { database, usn };
    ReplicationWatermark {
        invocation_id: watermark.invocation_id,
        object_update: watermark.position.object_update,
        reserved: watermark.position.reserved,
        property_update: watermark.position.property_update,
        cursors: watermark
            .up_to_date
            .cursors
            .into_iter()
            .map(cursor)
            .collect(),
    }
}
