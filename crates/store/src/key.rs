//! Keys that sort as their parts do.

use lockstep_model::Guid;
use std::fmt;

/// The key of a row: parts in order, encoded so that comparing bytes compares the parts one after the
/// other, and so that the key of some parts is a prefix of every key that begins with the same parts.
#[derive(Clone, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(Vec<u8>);

/// Room for the parts of most keys: three GUIDs and a short text.
const USUAL: usize = 64;

/// What a key can be made of.
pub trait KeyPart {
    /// Appends the part to a key.
    fn append(&self, key: &mut Vec<u8>);
}

impl Key {
    /// The key of nothing: the prefix of all.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Takes bytes that were a key before.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends a part.
    #[must_use]
    pub fn with(mut self, part: impl KeyPart) -> Self {
        if self.0.capacity() == 0 {
            self.0.reserve(USUAL);
        }
        part.append(&mut self.0);
        self
    }

    /// Whether this key begins with the parts of `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// The smallest key behind all that begin with this one; `None` when there is no such key.
    #[must_use]
    pub fn successor(&self) -> Option<Self> {
        let mut bytes = self.0.clone();
        while let Some(last) = bytes.last_mut() {
            if *last < u8::MAX {
                *last += 1;
                return Some(Self(bytes));
            }
            bytes.pop();
        }
        None
    }

    /// Reads the parts back, first part first.
    #[must_use]
    pub fn reader(&self) -> KeyReader<'_> {
        KeyReader(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads the parts of a key back. Each method gives `None` when the key has no such part there.
#[derive(Clone, Debug)]
pub struct KeyReader<'a>(&'a [u8]);

impl KeyReader<'_> {
    /// A GUID.
    pub fn guid(&mut self) -> Option<Guid> {
        let (part, rest) = self.0.split_first_chunk::<16>()?;
        self.0 = rest;
        Some(Guid::from_bytes(*part))
    }

    /// A byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (&part, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(part)
    }

    /// A number.
    pub fn number(&mut self) -> Option<u64> {
        let (part, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*part))
    }

    /// A text.
    pub fn text(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        loop {
            let zero = self.0.iter().position(|byte| *byte == 0)?;
            let (stretch, rest) = self.0.split_at_checked(zero)?;
            bytes.extend_from_slice(stretch);
            let (&next, rest) = rest.get(1..)?.split_first()?;
            self.0 = rest;
            match next {
                0 => return String::from_utf8(bytes).ok(),
                _ => bytes.push(0),
            }
        }
    }
}

impl KeyPart for Guid {
    fn append(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(self.as_bytes());
    }
}

impl KeyPart for u64 {
    fn append(&self, key: &mut Vec<u8>) {
        key.extend_from_slice(&self.to_be_bytes());
    }
}

impl KeyPart for u8 {
    fn append(&self, key: &mut Vec<u8>) {
        key.push(*self);
    }
}

/// Ends with two zero bytes, so that `a` sorts before `ab`; a zero inside is followed by a one. Two, because
/// the next part may begin with any byte.
impl KeyPart for &str {
    fn append(&self, key: &mut Vec<u8>) {
        Beginning(self).append(key);
        key.extend_from_slice(&[0, 0]);
    }
}

/// The beginning of a text, as the last part of a prefix: of every key whose text there begins so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning<'a>(pub &'a str);

impl KeyPart for Beginning<'_> {
    fn append(&self, key: &mut Vec<u8>) {
        for (number, stretch) in self.0.as_bytes().split(|byte| *byte == 0).enumerate() {
            if number > 0 {
                key.extend_from_slice(&[0, 1]);
            }
            key.extend_from_slice(stretch);
        }
    }
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl KeyPart for lockstep_model::ids::$name {
            fn append(&self, key: &mut Vec<u8>) {
                self.guid().append(key);
            }
        }
    )*};
}

ids!(
    AgentId,
    ConfigurationId,
    CycleId,
    InstructionId,
    ObjectId,
    TenantId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_parts_do() {
        let key = |text: &str, number: u64| Key::empty().with(text).with(number);
        let mut keys = [
            key("b", 0),
            key("ab", 2),
            key("a", 300),
            key("a", 2),
            key("", 9),
            key("a\0", 1),
        ];
        keys.sort();
        let expected = [
            key("", 9),
            key("a", 2),
            key("a", 300),
            key("a\0", 1),
            key("ab", 2),
            key("b", 0),
        ];
        assert_eq!(keys, expected);
    }

    #[test]
    fn parts_read_back_as_they_were_put_in() {
        let guid = Guid::from_random([7; 16]);
        let key = Key::empty().with(guid).with("me\0mber").with(42_u64);
        let mut reader = key.reader();
        assert_eq!(reader.guid(), Some(guid));
        assert_eq!(reader.text().as_deref(), Some("me\0mber"));
        assert_eq!(reader.number(), Some(42));
        assert_eq!(reader.number(), None);
    }

    #[test]
    fn a_text_ends_where_it_ends_whatever_follows() {
        for first in 0..=u8::MAX {
            let key = Key::empty().with("member").with(first);
            let mut reader = key.reader();
            assert_eq!(reader.text().as_deref(), Some("member"));
            assert_eq!(reader.byte(), Some(first));
        }
    }

    #[test]
    fn the_beginning_of_a_text_is_a_prefix_of_those_that_begin_so() {
        let prefix = Key::empty().with(Beginning("ad\0"));
        for (text, begins) in [
            ("ad\0", true),
            ("ad\0a", true),
            ("ad", false),
            ("ada", false),
        ] {
            let key = Key::empty().with(text).with(7_u64);
            assert_eq!(key.starts_with(&prefix), begins, "{text:?}");
        }
    }

    #[test]
    fn a_successor_lies_behind_all_that_begin_with_the_key() {
        let key = Key::from_bytes(vec![1, 0xff]);
        assert_eq!(key.successor(), Some(Key::from_bytes(vec![2])));
        assert_eq!(Key::from_bytes(vec![0xff]).successor(), None);
        assert_eq!(Key::empty().successor(), None);
    }
}
