//! Answers, as a stream of events: whatever a message's size, only one value of it is held.

use super::ber::{
    Header, INTEGER, Malformed, OCTET_STRING, Reader, SEQUENCE, SET, header, read_integer,
};
use super::{LdapResult, ReceivedControl};

/// The largest single value. Active Directory itself stores no larger ones.
const LARGEST_VALUE: u64 = 32 << 20;
/// The largest message that is not an entry: results, referrals, with their controls.
const LARGEST_RESULT: u64 = 4 << 20;

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;
const CONTROLS: u8 = 0xa0;
const SERVER_SASL_CREDENTIALS: u8 = 0x87;

/// Something that was received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// An entry begins.
    Entry {
        /// Its distinguished name, extended if that was asked for.
        dn: String,
    },
    /// An attribute of the entry begins; perhaps there are no values behind it.
    Attribute {
        /// Its name, with options such as a range.
        name: String,
    },
    /// A value of the attribute.
    Value(Vec<u8>),
    /// The entry is complete.
    EntryEnd,
    /// The search has ended.
    Done {
        /// How.
        result: LdapResult,
        /// What came with it.
        controls: Vec<ReceivedControl>,
    },
    /// The answer to a bind.
    Bind {
        /// How it ended.
        result: LdapResult,
        /// What the other side's security context says.
        token: Option<Vec<u8>>,
    },
    /// The answer to an extended request, or a notice of disconnection (RFC 4511 4.4.1).
    Extended {
        /// How it ended.
        result: LdapResult,
        /// It was not asked for.
        unsolicited: bool,
    },
    /// Other servers have more. Active Directory names its other naming contexts here, which is no news.
    Referral,
}

/// Bytes that are no LDAP. The connection is of no use afterwards.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Lengths or tags that do not fit.
    #[error("received something that is not LDAP")]
    Malformed,
    /// Larger than anything that Active Directory sends.
    #[error("received a value of {size} bytes, more than a directory holds")]
    TooLarge {
        /// What it says its size is.
        size: u64,
    },
    /// Text that is not UTF-8.
    #[error("received a name that is not UTF-8")]
    NotUtf8,
}

impl From<Malformed> for DecodeError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Turns received bytes into [`Event`]s.
///
/// [`Decoder::push`] what was read, then take events with [`Decoder::next`] until there is none.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// How many bytes of the buffer have been taken.
    taken: usize,
    /// How many bytes have been taken since the connection began.
    position: u64,
    /// The number of the message that the last event belongs to.
    id: i64,
    state: State,
}

/// Where in a message the decoder stands. Ends are positions in the stream.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Before a message.
    #[default]
    Between,
    /// In the list of an entry's attributes, before the next one.
    InEntry { message: u64, list: u64 },
    /// In the set of an attribute's values, before the next one.
    InAttribute { message: u64, list: u64, set: u64 },
    /// Behind an entry, before its controls.
    BehindEntry { message: u64 },
}

impl Decoder {
    /// Takes up bytes that were received.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event; `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], after which the connection is of no use.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot fail")]
    pub fn next(&mut self) -> Result<Option<Event>, DecodeError> {
        loop {
            let step = match self.state {
                State::Between => self.message()?,
                State::InEntry { message, list } => self.attribute(message, list)?,
                State::InAttribute { message, list, set } => self.value(message, list, set)?,
                State::BehindEntry { message } => self.skip(message)?,
            };
            match step {
                Step::Event(event) => return Ok(Some(event)),
                Step::Nothing => {}
                Step::MoreBytes => return Ok(None),
            }
        }
    }

    /// The number of the request that the last event answers.
    #[must_use]
    pub const fn message_id(&self) -> i64 {
        self.id
    }

    /// Whether it stands between two messages with nothing left over.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Between) && self.taken == self.buffer.len()
    }

    /// The beginning of a message; all of it, unless it is an entry.
    fn message(&mut self) -> Result<Step, DecodeError> {
        let mut ahead = Ahead::new(self);
        let Some(message) = ahead.open(SEQUENCE, u64::MAX)? else {
            return Ok(Step::MoreBytes);
        };
        let Some(id) = ahead.primitive(INTEGER, message)? else {
            return Ok(Step::MoreBytes);
        };
        let id = read_integer(id)?;
        let Some(operation) = ahead.header(message)? else {
            return Ok(Step::MoreBytes);
        };
        if operation.tag == SEARCH_ENTRY {
            let end = ahead.within(operation, message)?;
            let Some(dn) = ahead.primitive(OCTET_STRING, end)? else {
                return Ok(Step::MoreBytes);
            };
            let dn = text(dn)?;
            let Some(list) = ahead.open(SEQUENCE, end)? else {
                return Ok(Step::MoreBytes);
            };
            if list != end {
                return Err(DecodeError::Malformed);
            }
            ahead.accept();
            self.id = id;
            self.state = State::InEntry { message, list };
            return Ok(Step::Event(Event::Entry { dn }));
        }
        self.whole(id)
    }

    /// A message that is not an entry, as a whole.
    fn whole(&mut self, id: i64) -> Result<Step, DecodeError> {
        let bytes = &self.buffer[self.taken..];
        let Some(outer) = header(bytes)? else {
            return Ok(Step::MoreBytes);
        };
        if outer.length > LARGEST_RESULT {
            return Err(DecodeError::TooLarge { size: outer.length });
        }
        let end = outer.size + usize::try_from(outer.length).map_err(|_| Malformed)?;
        let Some(contents) = bytes.get(outer.size..end) else {
            return Ok(Step::MoreBytes);
        };
        let event = whole_message(contents, id)?;
        self.id = id;
        self.take(end);
        Ok(Step::Event(event))
    }

    fn attribute(&mut self, message: u64, list: u64) -> Result<Step, DecodeError> {
        if self.position == list {
            self.state = State::BehindEntry { message };
            return Ok(Step::Event(Event::EntryEnd));
        }
        let mut ahead = Ahead::new(self);
        let Some(end) = ahead.open(SEQUENCE, list)? else {
            return Ok(Step::MoreBytes);
        };
        let Some(name) = ahead.primitive(OCTET_STRING, end)? else {
            return Ok(Step::MoreBytes);
        };
        let name = text(name)?;
        let Some(set) = ahead.open(SET, end)? else {
            return Ok(Step::MoreBytes);
        };
        if set != end {
            return Err(DecodeError::Malformed);
        }
        ahead.accept();
        self.state = State::InAttribute { message, list, set };
        Ok(Step::Event(Event::Attribute { name }))
    }

    fn value(&mut self, message: u64, list: u64, set: u64) -> Result<Step, DecodeError> {
        if self.position == set {
            self.state = State::InEntry { message, list };
            return Ok(Step::Nothing);
        }
        let mut ahead = Ahead::new(self);
        let Some(value) = ahead.primitive(OCTET_STRING, set)? else {
            return Ok(Step::MoreBytes);
        };
        let value = value.to_vec();
        ahead.accept();
        Ok(Step::Event(Event::Value(value)))
    }

    /// Passes over what stands behind an entry.
    fn skip(&mut self, message: u64) -> Result<Step, DecodeError> {
        let left = message.checked_sub(self.position).ok_or(Malformed)?;
        if left == 0 {
            self.state = State::Between;
            return Ok(Step::Nothing);
        }
        let here =
            (self.buffer.len() - self.taken).min(usize::try_from(left).unwrap_or(usize::MAX));
        if here == 0 {
            return Ok(Step::MoreBytes);
        }
        self.take(here);
        Ok(Step::Nothing)
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
        self.position += u64::try_from(count).unwrap_or(u64::MAX);
    }
}

/// What one step brought.
enum Step {
    Event(Event),
    Nothing,
    MoreBytes,
}

/// Looks ahead; nothing is taken before [`Ahead::accept`], so that a step can be tried again with more
/// bytes.
struct Ahead<'a> {
    decoder: &'a mut Decoder,
    offset: usize,
}

impl<'a> Ahead<'a> {
    fn new(decoder: &'a mut Decoder) -> Self {
        Self { decoder, offset: 0 }
    }

    fn rest(&self) -> &[u8] {
        let from = self.decoder.taken + self.offset;
        self.decoder.buffer.get(from..).unwrap_or_default()
    }

    fn position(&self) -> u64 {
        self.decoder.position + u64::try_from(self.offset).unwrap_or(u64::MAX)
    }

    /// The next header, which lies before `end`.
    fn header(&mut self, end: u64) -> Result<Option<Header>, DecodeError> {
        let Some(found) = header(self.rest())? else {
            return Ok(None);
        };
        self.offset += found.size;
        self.within(found, end)?;
        Ok(Some(found))
    }

    /// Where the value ends whose header was just read; it must not be behind `end`.
    fn within(&self, header: Header, end: u64) -> Result<u64, DecodeError> {
        self.position()
            .checked_add(header.length)
            .filter(|own| *own <= end)
            .ok_or(DecodeError::Malformed)
    }

    /// Enters a constructed value; says where it ends.
    fn open(&mut self, tag: u8, end: u64) -> Result<Option<u64>, DecodeError> {
        let Some(header) = self.header(end)? else {
            return Ok(None);
        };
        if header.tag != tag {
            return Err(DecodeError::Malformed);
        }
        self.within(header, end).map(Some)
    }

    /// Reads a primitive value.
    fn primitive(&mut self, tag: u8, end: u64) -> Result<Option<&[u8]>, DecodeError> {
        let Some(header) = self.header(end)? else {
            return Ok(None);
        };
        if header.tag != tag {
            return Err(DecodeError::Malformed);
        }
        if header.length > LARGEST_VALUE {
            let size = header.length;
            return Err(DecodeError::TooLarge { size });
        }
        let length = usize::try_from(header.length).map_err(|_| Malformed)?;
        let from = self.decoder.taken + self.offset;
        let Some(contents) = self.decoder.buffer.get(from..from + length) else {
            return Ok(None);
        };
        self.offset += length;
        Ok(Some(contents))
    }

    fn accept(self) {
        self.decoder.take(self.offset);
    }
}

fn whole_message(contents: &[u8], id: i64) -> Result<Event, DecodeError> {
    let mut message = Reader(contents);
    message.expect(INTEGER)?;
    let (tag, operation) = message.any()?;
    let mut operation = Reader(operation);
    let event = match tag {
        BIND_RESPONSE => {
            let result = LdapResult::read(&mut operation)?;
            let mut token = None;
            while !operation.is_empty() {
                if let (SERVER_SASL_CREDENTIALS, contents) = operation.any()? {
                    token = Some(contents.to_vec());
                }
            }
            Event::Bind { result, token }
        }
        SEARCH_DONE => {
            let result = LdapResult::read(&mut operation)?;
            let mut controls = Vec::new();
            while !message.is_empty() {
                if let (CONTROLS, contents) = message.any()? {
                    controls = ReceivedControl::read_all(contents)?;
                }
            }
            Event::Done { result, controls }
        }
        SEARCH_REFERENCE => Event::Referral,
        EXTENDED_RESPONSE => Event::Extended {
            result: LdapResult::read(&mut operation)?,
            unsolicited: id == 0,
        },
        _ => return Err(DecodeError::Malformed),
    };
    Ok(event)
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::super::ResultCode;
    use super::super::ber::{integer, tlv};
    use super::*;

    fn entry(dn: &str, attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
        let list: Vec<u8> = attributes
            .iter()
            .flat_map(|(name, values)| {
                let set: Vec<u8> = values.iter().flat_map(|v| tlv(OCTET_STRING, v)).collect();
                let pair = [tlv(OCTET_STRING, name.as_bytes()), tlv(SET, &set)].concat();
                tlv(SEQUENCE, &pair)
            })
            .collect();
        let body = [tlv(OCTET_STRING, dn.as_bytes()), tlv(SEQUENCE, &list)].concat();
        message(&tlv(SEARCH_ENTRY, &body))
    }

    fn message(operation: &[u8]) -> Vec<u8> {
        tlv(SEQUENCE, &[&integer(INTEGER, 5), operation].concat())
    }

    fn done() -> Vec<u8> {
        message(&tlv(SEARCH_DONE, &[0x0a, 1, 0, 4, 0, 4, 0]))
    }

    fn events(decoder: &mut Decoder) -> Vec<Event> {
        std::iter::from_fn(|| decoder.next().unwrap()).collect()
    }

    fn stream() -> (Vec<u8>, Vec<Event>) {
        let bytes = [
            entry(
                "CN=a",
                &[("name", &[b"a"]), ("member", &[b"x", b"y"]), ("mail", &[])],
            ),
            message(&tlv(SEARCH_REFERENCE, &tlv(OCTET_STRING, b"ldap://x"))),
            done(),
        ]
        .concat();
        let value = |v: &str| Event::Value(v.into());
        let attribute = |name: &str| Event::Attribute { name: name.into() };
        let expected = vec![
            Event::Entry { dn: "CN=a".into() },
            attribute("name"),
            value("a"),
            attribute("member"),
            value("x"),
            value("y"),
            attribute("mail"),
            Event::EntryEnd,
            Event::Referral,
            Event::Done {
                result: LdapResult {
                    code: ResultCode::SUCCESS,
                    message: String::new(),
                },
                controls: vec![],
            },
        ];
        (bytes, expected)
    }

    #[test]
    fn an_event_tells_which_request_it_answers() {
        let mut decoder = Decoder::default();
        decoder.push(&stream().0);
        while decoder.next().unwrap().is_some() {
            assert_eq!(decoder.message_id(), 5);
        }
    }

    #[test]
    fn an_answer_is_the_same_in_whatever_pieces_it_comes() {
        let (bytes, expected) = stream();
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                found.extend(events(&mut decoder));
            }
            assert_eq!(found, expected, "pieces of {size} bytes");
            assert!(decoder.is_idle());
        }
    }

    #[test]
    fn a_large_entry_is_not_held_as_a_whole() {
        let values: Vec<Vec<u8>> = (0..50_000).map(|n| vec![b'x'; 100 + n % 7]).collect();
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let bytes = entry("CN=g", &[("member", &values)]);
        let mut decoder = Decoder::default();
        let mut count = 0;
        for piece in bytes.chunks(4096) {
            decoder.push(piece);
            assert!(decoder.buffer.len() < 8192);
            let found = events(&mut decoder);
            count += found
                .iter()
                .filter(|e| matches!(e, Event::Value(_)))
                .count();
        }
        assert_eq!(count, 50_000);
    }

    #[test]
    fn a_torn_or_lying_answer_is_an_error_and_never_an_end() {
        let (bytes, _) = stream();
        let mut decoder = Decoder::default();
        decoder.push(&bytes[..bytes.len() - 3]);
        events(&mut decoder);
        assert!(!decoder.is_idle());

        for lie in [
            &[0x31, 2, 1, 1][..],
            &[0x30, 5, 2, 1, 1, 0x64, 9],
            &[0x30, 0x80],
        ] {
            let mut decoder = Decoder::default();
            decoder.push(lie);
            assert_eq!(decoder.next(), Err(DecodeError::Malformed));
        }
        let mut decoder = Decoder::default();
        decoder.push(&[
            0x30, 0x84, 0x7f, 0, 0, 0, 2, 1, 1, 0x65, 0x84, 0x6f, 0, 0, 0,
        ]);
        assert!(matches!(decoder.next(), Err(DecodeError::TooLarge { .. })));
    }
}
