//! The part of the Basic Encoding Rules (X.690) that LDAP uses: definite lengths, one-byte tags.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BOOLEAN.
pub(super) const BOOLEAN: u8 = 0x01;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// ENUMERATED.
pub(super) const ENUMERATED: u8 = 0x0a;
/// SEQUENCE and SEQUENCE OF.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET OF.
pub(super) const SET: u8 = 0x31;

/// Writes a tag, a length and contents.
pub(super) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(contents.len() + 6);
    out.push(tag);
    match u8::try_from(contents.len()) {
        Ok(short @ 0..=127) => out.push(short),
        _ => {
            let bytes = contents.len().to_be_bytes();
            let skip = bytes.iter().take_while(|byte| **byte == 0).count();
            let significant = &bytes[skip..];
            // Eight bytes of length at most, so the sum stays below 0x89.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// Writes an INTEGER, or an ENUMERATED under its tag, in as few bytes as it needs.
pub(super) fn integer(tag: u8, value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let superfluous = |pair: &[u8]| {
        matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xff, next] if *next >= 0x80)
    };
    let skip = bytes
        .windows(2)
        .take_while(|pair| superfluous(pair))
        .count();
    tlv(tag, &bytes[skip..])
}

/// Writes a BOOLEAN.
pub(super) fn boolean(value: bool) -> Vec<u8> {
    tlv(BOOLEAN, &[if value { 0xff } else { 0 }])
}

/// A tag and a length, and how many bytes they took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) tag: u8,
    pub(super) length: u64,
    pub(super) size: usize,
}

/// Bytes that are no BER as LDAP uses it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

/// Reads a header; `None` when more bytes are needed.
pub(super) fn header(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let [tag, first, rest @ ..] = bytes else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        // Tags of several bytes do not occur in LDAP.
        return Err(Malformed);
    }
    if *first < 0x80 {
        return Ok(Some(Header {
            tag: *tag,
            length: u64::from(*first),
            size: 2,
        }));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 8 {
        return Err(Malformed);
    }
    let Some(digits) = rest.get(..count) else {
        return Ok(None);
    };
    let length = digits
        .iter()
        .fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
    Ok(Some(Header {
        tag: *tag,
        length,
        size: 2 + count,
    }))
}

/// Reads values one after the other from a whole message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value, with its tag.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let header = header(self.0)?.ok_or(Malformed)?;
        let length = usize::try_from(header.length).map_err(|_| Malformed)?;
        let end = header.size.checked_add(length).ok_or(Malformed)?;
        let contents = self.0.get(header.size..end).ok_or(Malformed)?;
        self.0 = &self.0[end..];
        Ok((header.tag, contents))
    }

    /// The contents of the next value, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let (found, contents) = self.any()?;
        if found == tag {
            Ok(contents)
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn integer(&mut self, tag: u8) -> Result<i64, Malformed> {
        read_integer(self.expect(tag)?)
    }
}

/// Reads the contents of an INTEGER.
pub(super) fn read_integer(contents: &[u8]) -> Result<i64, Malformed> {
    if contents.is_empty() || contents.len() > 8 {
        return Err(Malformed);
    }
    let start = if contents[0] & 0x80 == 0 { 0 } else { -1 };
    Ok(contents
        .iter()
        .fold(start, |value, byte| value << 8 | i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_read_back_in_as_few_bytes_as_they_need() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (-1, &[2, 1, 0xff]),
            (-0x8000_0000, &[2, 4, 0x80, 0, 0, 0]),
        ] {
            assert_eq!(integer(INTEGER, value), bytes);
            assert_eq!(Reader(bytes).integer(INTEGER), Ok(value));
        }
    }

    #[test]
    fn lengths_above_127_take_their_long_form() {
        let long = tlv(OCTET_STRING, &[7; 300]);
        assert_eq!(long[..4], [4, 0x82, 1, 44]);
        assert_eq!(Reader(&long).expect(OCTET_STRING), Ok(&[7; 300][..]));
    }

    #[test]
    fn lengths_that_reach_beyond_the_message_are_refused() {
        assert_eq!(Reader(&[4, 5, 1]).any(), Err(Malformed));
        assert_eq!(
            Reader(&[4, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]).any(),
            Err(Malformed)
        );
        assert_eq!(header(&[0x30, 0x80]), Err(Malformed));
        assert_eq!(header(&[0x30]), Ok(None));
    }
}
