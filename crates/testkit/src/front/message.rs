//! LDAP messages (RFC 4511 4.1.1) as trees: what the front has no opinion about passes through unchanged.

use lber::common::TagClass;
use lber::structure::{PL, StructureTag};
use std::io::{self, Read};

pub(super) const DIRSYNC: &str = "1.2.840.113556.1.4.841";
pub(super) const PAGED: &str = "1.2.840.113556.1.4.319";
pub(super) const NOTIFICATION: &str = "1.2.840.113556.1.4.528";

/// Result codes (RFC 4511 A.1).
const SUCCESS: i64 = 0;
const SIZE_LIMIT_EXCEEDED: i64 = 4;

const BOOLEAN: u64 = 1;
const INTEGER: u64 = 2;
const OCTET_STRING: u64 = 4;
const ENUMERATED: u64 = 10;
const SEQUENCE: u64 = 16;
const SET: u64 = 17;

const SEARCH_ENTRY: u64 = 4;
const SEARCH_DONE: u64 = 5;
const SEARCH_REFERENCE: u64 = 19;

/// A request that a client has made.
#[derive(Clone, Debug)]
pub struct Request {
    /// Over which connection, counted from zero.
    pub connection: usize,
    /// What kind of request.
    pub operation: Operation,
    /// Of a search, where it begins.
    pub base: String,
    /// Of a search, which attributes it wants.
    pub attributes: Vec<String>,
    /// Of a search for changes, the cookie from which on.
    pub cookie: Option<Vec<u8>>,
    /// Of a search for changes, how many bytes a page may have.
    pub max_bytes: usize,
    /// The object identifiers of its controls.
    pub controls: Vec<String>,
}

/// The kinds of requests (RFC 4511 4.2 to 4.14).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Operation {
    Bind,
    Unbind,
    Search,
    Modify,
    Add,
    Delete,
    Rename,
    Compare,
    Abandon,
    Extended,
    Other,
}

/// An object as an answer shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Its distinguished name, extended if that was asked for.
    pub dn: String,
    /// Attributes, by name with options, and their values.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// The values of an attribute, by its name without options.
    pub fn values_mut(&mut self, name: &str) -> Option<&mut Vec<Vec<u8>>> {
        let is = |full: &str| {
            let base = full.split(';').next().unwrap_or_default();
            base.eq_ignore_ascii_case(name)
        };
        let found = self.attributes.iter_mut().find(|(full, _)| is(full));
        found.map(|(_, values)| values)
    }

    /// Whether its name contains this text.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        self.dn.contains(text)
    }
}

impl Request {
    pub(super) fn of(message: &Message, connection: usize) -> Self {
        let mut request = Self {
            connection,
            operation: operation(message.operation.id),
            base: String::new(),
            attributes: Vec::new(),
            cookie: None,
            max_bytes: usize::MAX,
            controls: message.controls.iter().map(|c| c.oid.clone()).collect(),
        };
        if request.operation != Operation::Search {
            return request;
        }
        let parts = parts(&message.operation);
        request.base = parts.first().map(text).unwrap_or_default();
        let attributes = parts.get(7).map(self::parts).unwrap_or_default();
        request.attributes = attributes.iter().map(text).collect();
        if let Some([_, max_bytes, cookie]) = message.control_value(DIRSYNC).as_deref() {
            request.cookie = Some(bytes(cookie).to_vec());
            request.max_bytes = usize::try_from(integer(max_bytes)).unwrap_or(usize::MAX);
        }
        request
    }
}

const fn operation(tag: u64) -> Operation {
    match tag {
        0 => Operation::Bind,
        2 => Operation::Unbind,
        3 => Operation::Search,
        6 => Operation::Modify,
        8 => Operation::Add,
        10 => Operation::Delete,
        12 => Operation::Rename,
        14 => Operation::Compare,
        16 => Operation::Abandon,
        23 => Operation::Extended,
        _ => Operation::Other,
    }
}

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    id: i64,
    operation: StructureTag,
    controls: Vec<Control>,
}

#[derive(Clone, Debug)]
struct Control {
    oid: String,
    critical: bool,
    value: Vec<u8>,
}

/// What a message of an answer to a search is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Entry,
    Reference,
    Done,
    Other,
}

/// Reads the bytes of one message; `None` where the stream ends before one.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; 2];
    match stream.read(message.get_mut(..1).unwrap_or_default())? {
        0 => return Ok(None),
        _ => stream.read_exact(message.get_mut(1..).unwrap_or_default())?,
    }
    let first = usize::from(message.last().copied().unwrap_or_default());
    let mut length = first;
    if first >= 0x80 {
        let mut long = vec![0; first - 0x80];
        stream.read_exact(&mut long)?;
        length = long
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        message.extend(long);
    }
    let begin = message.len();
    message.resize(begin + length, 0);
    stream.read_exact(message.get_mut(begin..).unwrap_or_default())?;
    Ok(Some(message))
}

impl Message {
    pub(super) fn parse(raw: &[u8]) -> io::Result<Self> {
        let tree = tree(raw)?;
        let (id, operation) = match parts(&tree) {
            [id, operation, ..] => (integer(id), operation.clone()),
            _ => return Err(io::Error::other("a message without a request or answer")),
        };
        let controls = parts(&tree).get(2).map(parts).unwrap_or_default();
        Ok(Self {
            id,
            operation,
            controls: controls.iter().map(Control::of).collect(),
        })
    }

    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut all = vec![number(INTEGER, self.id), self.operation.clone()];
        if !self.controls.is_empty() {
            all.push(StructureTag {
                class: TagClass::Context,
                id: 0,
                payload: PL::C(self.controls.iter().map(Control::tree).collect()),
            });
        }
        encode(universal(SEQUENCE, PL::C(all)))
    }

    pub(super) fn kind(&self) -> Kind {
        match self.operation.id {
            SEARCH_ENTRY => Kind::Entry,
            SEARCH_REFERENCE => Kind::Reference,
            SEARCH_DONE => Kind::Done,
            _ => Kind::Other,
        }
    }

    /// An entry under the number of this message.
    pub(super) fn with_entry(&self, entry: &Entry) -> Self {
        let attribute = |(name, values): &(String, Vec<Vec<u8>>)| {
            let values = values.iter().map(|value| octets(value.clone())).collect();
            let set = universal(SET, PL::C(values));
            universal(SEQUENCE, PL::C(vec![octets(name.as_str()), set]))
        };
        let attributes = entry.attributes.iter().map(attribute).collect();
        let all = vec![
            octets(entry.dn.as_str()),
            universal(SEQUENCE, PL::C(attributes)),
        ];
        Self {
            id: self.id,
            operation: StructureTag {
                class: TagClass::Application,
                id: SEARCH_ENTRY,
                payload: PL::C(all),
            },
            controls: Vec::new(),
        }
    }

    pub(super) fn entry(&self) -> Entry {
        let (dn, attributes) = match parts(&self.operation) {
            [dn, attributes, ..] => (text(dn), parts(attributes)),
            _ => Default::default(),
        };
        let attribute = |tree: &StructureTag| match parts(tree) {
            [name, values, ..] => {
                let values = parts(values).iter().map(|value| bytes(value).to_vec());
                (text(name), values.collect())
            }
            _ => Default::default(),
        };
        Entry {
            dn,
            attributes: attributes.iter().map(attribute).collect(),
        }
    }

    /// Of an answer, whether it tells of success.
    pub(super) fn is_success(&self) -> bool {
        parts(&self.operation).first().map(integer) == Some(SUCCESS)
    }

    /// Turns an answer into one that says that there would be more.
    pub(super) fn exceed_size_limit(&mut self) {
        if let PL::C(all) = &mut self.operation.payload
            && let Some(code) = all.first_mut()
        {
            *code = number(ENUMERATED, SIZE_LIMIT_EXCEEDED);
        }
    }

    /// The components of a control's value.
    pub(super) fn control_value(&self, oid: &str) -> Option<Vec<StructureTag>> {
        let control = self.controls.iter().find(|control| control.oid == oid)?;
        Some(parts(&tree(&control.value).ok()?).to_vec())
    }

    /// Asks for no more than `limit` entries a page, if it asks for pages.
    pub(super) fn limit_page(&mut self, limit: usize) -> io::Result<()> {
        if let Some([size, cookie]) = self.control_value(PAGED).as_deref() {
            let size = integer(size).min(i64::try_from(limit).unwrap_or(i64::MAX));
            let value = vec![number(INTEGER, size), cookie.clone()];
            let value = encode(universal(SEQUENCE, PL::C(value)))?;
            for control in self.controls.iter_mut().filter(|c| c.oid == PAGED) {
                control.value.clone_from(&value);
            }
        }
        Ok(())
    }

    /// Of an answer with changes, the cookie.
    pub(super) fn change_cookie(&self) -> Option<Vec<u8>> {
        let value = self.control_value(DIRSYNC)?;
        value.get(2).map(|cookie| bytes(cookie).to_vec())
    }

    /// The answer to this request for changes that ends a page.
    pub(super) fn end_of_page(&self, more: bool, cookie: &[u8]) -> io::Result<Self> {
        let value = vec![
            number(INTEGER, i64::from(more)),
            number(INTEGER, 0),
            octets(cookie),
        ];
        Ok(Self {
            id: self.id,
            operation: StructureTag {
                class: TagClass::Application,
                id: SEARCH_DONE,
                payload: PL::C(vec![number(ENUMERATED, SUCCESS), octets(""), octets("")]),
            },
            controls: vec![Control {
                oid: DIRSYNC.to_owned(),
                critical: false,
                value: encode(universal(SEQUENCE, PL::C(value)))?,
            }],
        })
    }
}

impl Control {
    fn of(tree: &StructureTag) -> Self {
        let mut control = Self {
            oid: String::new(),
            critical: false,
            value: Vec::new(),
        };
        for (index, part) in parts(tree).iter().enumerate() {
            match part.id {
                BOOLEAN => control.critical = integer(part) != 0,
                _ if index == 0 => control.oid = text(part),
                _ => control.value = bytes(part).to_vec(),
            }
        }
        control
    }

    fn tree(&self) -> StructureTag {
        let critical = universal(BOOLEAN, PL::P(vec![if self.critical { 0xff } else { 0 }]));
        let mut all = vec![octets(self.oid.as_str()), critical];
        if !self.value.is_empty() {
            all.push(octets(self.value.clone()));
        }
        universal(SEQUENCE, PL::C(all))
    }
}

fn universal(id: u64, payload: PL) -> StructureTag {
    StructureTag {
        class: TagClass::Universal,
        id,
        payload,
    }
}

fn octets(bytes: impl Into<Vec<u8>>) -> StructureTag {
    universal(OCTET_STRING, PL::P(bytes.into()))
}

fn number(id: u64, value: i64) -> StructureTag {
    let all = value.to_be_bytes();
    // As short as it can be without losing its sign (X.690 8.3.2).
    let spare = |pair: &&[u8]| matches!(**pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]);
    let skipped = all.windows(2).take_while(spare).count();
    universal(id, PL::P(all.into_iter().skip(skipped).collect()))
}

fn parts(tree: &StructureTag) -> &[StructureTag] {
    match &tree.payload {
        PL::C(parts) => parts,
        PL::P(_) => &[],
    }
}

fn bytes(tree: &StructureTag) -> &[u8] {
    match &tree.payload {
        PL::P(bytes) => bytes,
        PL::C(_) => &[],
    }
}

fn text(tree: &StructureTag) -> String {
    String::from_utf8_lossy(bytes(tree)).into_owned()
}

fn integer(tree: &StructureTag) -> i64 {
    let negative = bytes(tree).first().is_some_and(|byte| *byte >= 0x80);
    let begin = if negative { -1 } else { 0 };
    bytes(tree)
        .iter()
        .fold(begin, |sum, byte| sum << 8 | i64::from(*byte))
}

fn tree(raw: &[u8]) -> io::Result<StructureTag> {
    let (_, tree) =
        lber::parse::parse_tag(raw).map_err(|_| io::Error::other("this is not LDAP"))?;
    Ok(tree)
}

fn encode(tree: StructureTag) -> io::Result<Vec<u8>> {
    let mut buffer = bytes::BytesMut::new();
    lber::write::encode_into(&mut buffer, tree)?;
    Ok(buffer.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_nobody_changes_passes_through_as_it_is() {
        let entry = Entry {
            dn: "CN=Ada".into(),
            attributes: vec![("cn".into(), vec![b"Ada".to_vec(), vec![0xff; 300]])],
        };
        let request = Message {
            id: 70_000,
            operation: universal(SEQUENCE, PL::C(Vec::new())),
            controls: Vec::new(),
        };
        let raw = request.with_entry(&entry).to_bytes().unwrap();
        let mut two = io::Cursor::new([raw.clone(), raw.clone()].concat());
        for _ in 0..2 {
            let read = read(&mut two).unwrap().unwrap();
            assert_eq!(read, raw);
            let message = Message::parse(&read).unwrap();
            assert_eq!((message.id, message.kind()), (70_000, Kind::Entry));
            assert_eq!(message.entry(), entry);
        }
        assert!(read(&mut two).unwrap().is_none());
    }
}
