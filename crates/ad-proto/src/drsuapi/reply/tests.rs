//! Replies as a server would write them, whole, torn and lying.

use super::*;
use crate::ndr::Writer;
use lockstep_model::Sid;
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything that a reply says.
#[derive(Clone, Debug)]
struct Reply {
    version: u32,
    invocation_id: Guid,
    position: UsnVector,
    cursors: Option<Vec<(Guid, u64)>>,
    objects: Vec<ReplyObject>,
    links: Vec<Option<Vec<u8>>>,
    more: bool,
    error: u32,
    status: u32,
}

#[derive(Clone, Debug)]
struct ReplyObject {
    guid: Guid,
    rid: Option<u32>,
    dn: String,
    attributes: Vec<ReplyAttribute>,
    stamped: bool,
    parent: Option<Guid>,
}

#[derive(Clone, Debug)]
struct ReplyAttribute {
    number: u32,
    values: Vec<Vec<u8>>,
    stamp: Stamp,
}

/// The server's table: not ours, so that numbers have to be translated.
const PREFIXES: [(u32, &[u8]); 3] = [
    (0, &[0x55, 0x04]),
    (3, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x14, 0x01, 0x04]),
    (7, &[0x2a, 0x03]),
];

impl Reply {
    fn empty() -> Self {
        Self {
            version: 6,
            invocation_id: Guid::from_bytes([1; 16]),
            position: UsnVector::default(),
            cursors: None,
            objects: vec![],
            links: vec![],
            more: false,
            error: 0,
            status: 0,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u32(self.version);
        w.u32(self.version);
        w.align(8);
        w.guid(Guid::from_bytes([2; 16]));
        w.guid(self.invocation_id);
        w.pointer(true);
        UsnVector::default().write(&mut w);
        self.position.write(&mut w);
        w.pointer(self.cursors.is_some());
        w.count(PREFIXES.len());
        w.pointer(true);
        w.u32(0);
        w.count(self.objects.len());
        w.u32(12_345);
        w.pointer(!self.objects.is_empty());
        w.u32(u32::from(self.more));
        w.u32(0);
        w.u32(0);
        w.count(self.links.len());
        w.pointer(!self.links.is_empty());
        w.u32(self.error);
        write_name(&mut w, Guid::from_bytes([3; 16]), None, "DC=x");
        if let Some(cursors) = &self.cursors {
            write_vector(&mut w, cursors);
        }
        write_prefixes(&mut w);
        for (index, object) in self.objects.iter().enumerate() {
            object.write_head(&mut w, index + 1 < self.objects.len());
        }
        for object in self.objects.iter().rev() {
            object.write_rest(&mut w);
        }
        write_links(&mut w, &self.links);
        w.u32(self.status);
        w.into_bytes()
    }

    /// What is to be read of it.
    fn expected(&self) -> Vec<(Guid, Option<u32>, String, Vec<ReplyAttribute>)> {
        let attributes = |object: &ReplyObject| {
            let ours = |attribute: &ReplyAttribute| {
                let prefix = match attribute.number >> 16 {
                    0 => 0,
                    3 => 9 << 16,
                    _ => return None,
                };
                Some(ReplyAttribute {
                    number: prefix | (attribute.number & 0xffff),
                    ..attribute.clone()
                })
            };
            object.attributes.iter().filter_map(ours).collect()
        };
        self.objects
            .iter()
            .map(|object| {
                let attributes = attributes(object);
                (object.guid, object.rid, object.dn.clone(), attributes)
            })
            .collect()
    }
}

impl ReplyObject {
    fn write_head(&self, w: &mut Writer, next: bool) {
        w.pointer(next);
        w.pointer(true);
        w.u32(1);
        w.count(self.attributes.len());
        w.pointer(!self.attributes.is_empty());
        w.u32(0);
        w.pointer(self.parent.is_some());
        w.pointer(self.stamped);
    }

    fn write_rest(&self, w: &mut Writer) {
        write_name(w, self.guid, self.rid, &self.dn);
        if !self.attributes.is_empty() {
            w.count(self.attributes.len());
            for attribute in &self.attributes {
                w.u32(attribute.number);
                w.count(attribute.values.len());
                w.pointer(!attribute.values.is_empty());
            }
            for attribute in &self.attributes {
                write_values(w, &attribute.values);
            }
        }
        if let Some(parent) = self.parent {
            w.guid(parent);
        }
        if self.stamped {
            w.count(self.attributes.len());
            w.align(8);
            w.count(self.attributes.len());
            w.align(8);
            for attribute in &self.attributes {
                write_stamp(w, &attribute.stamp);
            }
        }
    }
}

fn write_values(w: &mut Writer, values: &[Vec<u8>]) {
    if values.is_empty() {
        return;
    }
    w.count(values.len());
    for value in values {
        w.count(value.len());
        w.pointer(!value.is_empty());
    }
    for value in values.iter().filter(|value| !value.is_empty()) {
        w.count(value.len());
        w.bytes(value);
    }
}

fn write_stamp(w: &mut Writer, stamp: &Stamp) {
    w.align(8);
    w.u32(stamp.version);
    w.u64(stamp.seconds);
    w.guid(stamp.originating);
    w.u64(stamp.usn);
}

fn sid(rid: u32) -> Sid {
    "S-1-5-21-1-2-3".parse::<Sid>().unwrap().with_rid(rid)
}

fn write_name(w: &mut Writer, guid: Guid, rid: Option<u32>, dn: &str) {
    let sid = rid.map_or_else(Vec::new, |rid| sid(rid).to_wire());
    let units: Vec<u16> = dn.encode_utf16().collect();
    w.count(units.len() + 1);
    w.count(58 + 2 * units.len());
    w.count(sid.len());
    w.guid(guid);
    w.bytes(&sid);
    w.bytes(&vec![0; 28 - sid.len()]);
    w.count(units.len());
    for unit in units {
        w.u16(unit);
    }
    w.u16(0);
}

fn write_vector(w: &mut Writer, cursors: &[(Guid, u64)]) {
    w.count(cursors.len());
    w.align(8);
    w.u32(2);
    w.u32(0);
    w.count(cursors.len());
    w.u32(0);
    for (database, usn) in cursors {
        w.guid(*database);
        w.u64(*usn);
        w.u64(13_000_000_000);
    }
}

fn write_prefixes(w: &mut Writer) {
    w.count(PREFIXES.len());
    for (index, prefix) in PREFIXES {
        w.u32(index);
        w.count(prefix.len());
        w.pointer(true);
    }
    for (_, prefix) in PREFIXES {
        w.count(prefix.len());
        w.bytes(prefix);
    }
}

fn write_links(w: &mut Writer, links: &[Option<Vec<u8>>]) {
    if links.is_empty() {
        return;
    }
    w.count(links.len());
    for link in links {
        w.align(8);
        w.pointer(true);
        w.u32(0x0002_001f);
        w.count(link.as_ref().map_or(0, Vec::len));
        w.pointer(link.is_some());
        w.u32(1);
        w.u64(13_000_000_000);
        let originating = Guid::from_bytes([4; 16]);
        write_stamp(
            w,
            &Stamp {
                version: 1,
                seconds: 1,
                originating,
                usn: 1,
            },
        );
    }
    for link in links {
        write_name(w, Guid::from_bytes([5; 16]), None, "CN=g,DC=x");
        if let Some(value) = link {
            w.count(value.len());
            w.bytes(value);
        }
    }
}

fn guids() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_bytes)
}

fn attributes() -> impl Strategy<Value = ReplyAttribute> {
    let number = (prop_oneof![Just(0_u32), Just(3), Just(7)], any::<u16>());
    let stamp = (any::<u32>(), any::<u64>(), guids(), any::<u64>());
    (number, vec(vec(any::<u8>(), 0..40), 0..4), stamp).prop_map(|(number, values, stamp)| {
        ReplyAttribute {
            number: number.0 << 16 | u32::from(number.1),
            values,
            stamp: Stamp {
                version: stamp.0,
                seconds: stamp.1,
                originating: stamp.2,
                usn: stamp.3,
            },
        }
    })
}

fn objects() -> impl Strategy<Value = ReplyObject> {
    (
        guids(),
        any::<Option<u32>>(),
        "[a-zé🦀,=]{0,12}",
        vec(attributes(), 0..5),
        any::<bool>(),
        proptest::option::of(guids()),
    )
        .prop_map(|(guid, rid, dn, attributes, stamped, parent)| ReplyObject {
            guid,
            rid,
            dn,
            attributes,
            stamped,
            parent,
        })
}

prop_compose! {
    fn replies()(
        invocation_id in guids(),
        numbers: [u64; 3],
        cursors in proptest::option::of(vec((guids(), any::<u64>()), 0..4)),
        objects in vec(objects(), 0..6),
        links in vec(proptest::option::of(vec(any::<u8>(), 0..40)), 0..4),
        more: bool,
    ) -> Reply {
        Reply {
            invocation_id,
            position: UsnVector {
                object_update: numbers[0],
                reserved: numbers[1],
                property_update: numbers[2],
            },
            cursors,
            objects,
            links,
            more,
            ..Reply::empty()
        }
    }
}

proptest! {
    #[test]
    fn a_reply_is_read_as_it_was_written(reply in replies()) {
        let stub = reply.encode();
        let changes = Changes::decode(&stub).unwrap();
        prop_assert_eq!(changes.invocation_id, reply.invocation_id);
        prop_assert_eq!(changes.position, reply.position);
        prop_assert_eq!(changes.up_to_date.map(|vector| vector.cursors), reply.cursors.clone());
        prop_assert_eq!(changes.more, reply.more);
        prop_assert_eq!(changes.links, reply.links.len());
        prop_assert_eq!(changes.objects.len(), reply.objects.len());
        for ((found, written), (guid, rid, dn, attributes)) in
            changes.objects.iter().zip(&reply.objects).zip(reply.expected())
        {
            prop_assert_eq!(found.name.guid, guid);
            prop_assert_eq!(&found.name.sid, &rid.map(sid));
            prop_assert_eq!(found.name.dn(), dn);
            prop_assert_eq!(found.attributes.len(), attributes.len());
            for (found, expected) in found.attributes.iter().zip(attributes) {
                prop_assert_eq!(found.id, AttributeId::new(expected.number));
                prop_assert_eq!(&found.values, &expected.values);
                prop_assert_eq!(found.stamp, written.stamped.then_some(expected.stamp));
            }
        }
    }

    #[test]
    fn a_torn_reply_is_an_error_wherever_it_is_torn(reply in replies()) {
        let stub = reply.encode();
        for length in 0..stub.len() {
            prop_assert!(Changes::decode(&stub[..length]).is_err(), "{} bytes", length);
        }
    }

    #[test]
    fn a_reply_with_changed_bytes_is_read_or_refused_and_nothing_else(
        reply in replies(),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut stub = reply.encode();
        for (index, byte) in changes {
            let position = index.index(stub.len());
            stub[position] = byte;
        }
        let _ = Changes::decode(&stub);
    }

    #[test]
    fn noise_is_refused(noise in vec(any::<u8>(), 0..2000)) {
        prop_assert!(Changes::decode(&noise).is_err());
    }
}

#[test]
fn a_refusal_is_told_by_its_status_whatever_else_the_stub_holds() {
    let refused = |reply: Reply| Changes::decode(&reply.encode()).map(|_| ());
    let status = |status| Reply {
        status,
        ..Reply::empty()
    };
    assert_eq!(
        refused(status(8453)),
        Err(DrsError::Status(Status::ACCESS_DENIED))
    );
    let early = Reply {
        version: 1,
        ..status(8456)
    };
    assert_eq!(
        refused(early),
        Err(DrsError::Status(Status::SOURCE_DISABLED))
    );
    let inside = Reply {
        error: 8451,
        ..Reply::empty()
    };
    assert_eq!(refused(inside), Err(DrsError::Status(Status::DATABASE)));
}

#[test]
fn replies_of_other_versions_are_refused_by_name() {
    for (version, name) in [
        (1, "Windows 2000"),
        (2, "compressed"),
        (7, "compressed"),
        (9, "links with expiry"),
    ] {
        let reply = Reply {
            version,
            ..Reply::empty()
        };
        let error = Changes::decode(&reply.encode()).unwrap_err();
        assert_eq!(error, DrsError::Version { version });
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn lists_that_are_longer_or_shorter_than_they_say_are_refused() {
    let object = ReplyObject {
        guid: Guid::from_bytes([9; 16]),
        rid: None,
        dn: String::new(),
        attributes: vec![],
        stamped: false,
        parent: None,
    };
    let reply = Reply {
        objects: vec![object; 3],
        ..Reply::empty()
    };
    let stub = reply.encode();
    let place = 4 + 4 + 32 + 8 + 48 + 4 + 8 + 4;
    assert_eq!(stub[place..place + 4], [3, 0, 0, 0]);
    for count in [0, 2, 4] {
        let mut stub = stub.clone();
        stub[place] = count;
        assert!(Changes::decode(&stub).is_err(), "{count} objects");
    }
    let mut many = stub;
    many[place + 3] = 0x7f;
    assert!(matches!(
        Changes::decode(&many),
        Err(DrsError::Unreadable(NdrError::TooMany {
            what: "objects",
            ..
        }))
    ));
}

#[test]
fn values_are_read_as_what_they_are() {
    let attribute = |number, value: &[u8]| ReplyAttribute {
        number,
        values: vec![value.to_vec()],
        stamp: Stamp {
            version: 1,
            seconds: 0,
            originating: Guid::NIL,
            usn: 0,
        },
    };
    let reply = Reply {
        objects: vec![ReplyObject {
            guid: Guid::NIL,
            rid: Some(1103),
            dn: "CN=a".into(),
            attributes: vec![
                attribute(0x0003_0008, &[0x00, 0x02, 0, 0]),
                attribute(0x0003_0060, &[1, 0, 0, 0, 0, 0, 0, 0]),
                attribute(0x0003_005a, &[1, 2, 3]),
            ],
            stamped: true,
            parent: None,
        }],
        ..Reply::empty()
    };
    let stub = reply.encode();
    let changes = Changes::decode(&stub).unwrap();
    let object = &changes.objects[0];
    assert_eq!(object.integer(AttributeId::USER_ACCOUNT_CONTROL), Some(512));
    assert_eq!(object.large_integer(AttributeId::PWD_LAST_SET), Some(1));
    assert_eq!(object.value(AttributeId::UNICODE_PWD), Some(&[1, 2, 3][..]));
    assert_eq!(object.large_integer(AttributeId::UNICODE_PWD), None);
    assert!(!object.deleted());
}
