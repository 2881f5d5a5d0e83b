//! The endpoint mapper (C706 appendix L, [MS-RPCE] 2.2.1.2): on which port an interface answers.
//!
//! [`MapRequest::encode`] is the stub of a call to operation [`MAP`] of [`INTERFACE`] on port [`PORT`];
//! [`port`] reads the answer. Nothing here is protected: whoever forges an answer leads the client to a
//! port where no security context will hold.

use crate::ndr::{NdrError, Reader, Writer};
use crate::rpc::Syntax;
use lockstep_model::Guid;

/// Where endpoint mappers answer.
pub const PORT: u16 = 135;

/// The interface of endpoint mappers.
pub const INTERFACE: Syntax = Syntax {
    uuid: Guid::from_bytes([
        0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0,
        0xfa,
    ]),
    version: 3,
};

/// `ept_map`.
pub const MAP: u16 = 3;

/// Floors of a tower (C706 appendix I): an identifier, and what belongs to it.
const UUID_FLOOR: u8 = 0x0d;
const CONNECTION_ORIENTED: u8 = 0x0b;
const TCP: u8 = 0x07;
const IP: u8 = 0x09;

/// How many towers are asked for, and taken at most.
const TOWERS: u32 = 4;
/// More floors than any tower has.
const LARGEST_FLOORS: u16 = 16;

/// An endpoint mapper that does not know the interface, or does not make sense.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MapError {
    /// It cannot be read.
    #[error("the answer of the endpoint mapper cannot be read")]
    Unreadable(#[from] NdrError),
    /// It knows no port of the interface.
    #[error("the endpoint mapper does not know the interface (status {status:#010x})")]
    NotRegistered {
        /// What it says; zero when it just names none.
        status: u32,
    },
}

/// Asks on which TCP port an interface answers.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// The interface.
    pub interface: Syntax,
}

impl MapRequest {
    /// The stub of the request.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let tower = self.tower();
        let mut writer = Writer::default();
        writer.pointer(true);
        writer.guid(Guid::NIL); // Any object.
        writer.pointer(true);
        writer.count(tower.len());
        writer.count(tower.len());
        writer.bytes(&tower);
        writer.align(4);
        writer.bytes(&[0; 20]); // No list to be continued.
        writer.u32(TOWERS);
        writer.into_bytes()
    }

    /// A tower with everything but port and address: numbers here are little-endian but for those two.
    fn tower(self) -> Vec<u8> {
        let ndr = crate::rpc::NDR20;
        let mut tower = 5_u16.to_le_bytes().to_vec();
        for syntax in [self.interface, ndr] {
            let mut identifier = vec![UUID_FLOOR];
            identifier.extend(syntax.uuid.to_wire());
            identifier.extend(syntax.version.to_le_bytes());
            floor(&mut tower, &identifier, &[0, 0]);
        }
        floor(&mut tower, &[CONNECTION_ORIENTED], &[0, 0]);
        floor(&mut tower, &[TCP], &PORT.to_be_bytes());
        floor(&mut tower, &[IP], &[0; 4]);
        tower
    }
}

fn floor(tower: &mut Vec<u8>, identifier: &[u8], contents: &[u8]) {
    for part in [identifier, contents] {
        // Nineteen bytes at most.
        let length = u16::try_from(part.len()).unwrap_or_default();
        tower.extend(length.to_le_bytes());
        tower.extend_from_slice(part);
    }
}

/// The first TCP port that an answer names.
///
/// # Errors
///
/// [`MapError`].
pub fn port(stub: &[u8]) -> Result<u16, MapError> {
    let mut reader = Reader::new(stub);
    reader.bytes(20)?;
    reader.u32()?;
    // A conformant and varying array (C706 14.3.3.4) of pointers.
    reader.count("towers", 1000, 0)?;
    reader.same("offset of the towers", 0)?;
    let count = reader.count("towers", TOWERS, 4)?;
    let mut present = 0;
    for _ in 0..count {
        present += usize::from(reader.pointer()?);
    }
    let mut port = None;
    for _ in 0..present {
        let length = reader.u32()?;
        reader.same("length of a tower", length)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let tower = reader.bytes(length)?;
        port = port.or(tcp_port(tower)?);
    }
    let status = reader.u32()?;
    port.filter(|_| status == 0)
        .ok_or(MapError::NotRegistered { status })
}

fn tcp_port(tower: &[u8]) -> Result<Option<u16>, NdrError> {
    let mut rest = Reader::new(tower);
    let floors = u16::from_le_bytes(pair(&mut rest)?);
    for _ in 0..floors.min(LARGEST_FLOORS) {
        let identifier = part(&mut rest)?;
        let contents = part(&mut rest)?;
        if let ([TCP], [high, low]) = (identifier, contents) {
            return Ok(Some(u16::from_be_bytes([*high, *low])).filter(|port| *port != 0));
        }
    }
    Ok(None)
}

/// Two bytes; towers are not aligned.
fn pair(reader: &mut Reader<'_>) -> Result<[u8; 2], NdrError> {
    Ok([reader.u8()?, reader.u8()?])
}

fn part<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], NdrError> {
    let length = u16::from_le_bytes(pair(reader)?);
    reader.bytes(usize::from(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drsuapi;

    fn answer(towers: &[Vec<u8>], status: u32) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.bytes(&[0; 20]);
        writer.count(towers.len());
        writer.u32(TOWERS);
        writer.u32(0);
        writer.count(towers.len());
        for _ in towers {
            writer.pointer(true);
        }
        for tower in towers {
            writer.count(tower.len());
            writer.count(tower.len());
            writer.bytes(tower);
        }
        writer.u32(status);
        writer.into_bytes()
    }

    fn tower(port: u16) -> Vec<u8> {
        let request = MapRequest {
            interface: drsuapi::INTERFACE,
        };
        let mut tower = request.tower();
        let place = tower.len() - 11;
        tower[place..place + 2].copy_from_slice(&port.to_be_bytes());
        tower
    }

    #[test]
    fn the_request_has_five_floors_and_the_port_in_network_order() {
        let request = MapRequest {
            interface: drsuapi::INTERFACE,
        };
        let tower = request.tower();
        assert_eq!(tower.len(), 75);
        assert_eq!(
            tower[..6],
            [5, 0, 19, 0, 0x0d, 0x35],
            "e3514235 begins with 35"
        );
        assert_eq!(
            tower[59..],
            [1, 0, 7, 2, 0, 0, 135, 1, 0, 9, 4, 0, 0, 0, 0, 0]
        );
        assert_eq!(request.encode().len(), 24 + 8 + 76 + 20 + 4);
    }

    #[test]
    fn the_first_tcp_port_is_taken() {
        let named_pipe = [&[1, 0, 1, 0, 0x0f, 2, 0][..], b"\\x"].concat();
        let stub = answer(&[named_pipe, tower(49_664), tower(135)], 0);
        assert_eq!(port(&stub), Ok(49_664));
    }

    #[test]
    fn an_interface_that_is_not_registered_has_no_port() {
        const NOT_REGISTERED: u32 = 0x16c9_a0d6;
        for (stub, status) in [
            (answer(&[], NOT_REGISTERED), NOT_REGISTERED),
            (answer(&[], 0), 0),
            (answer(&[tower(0)], 0), 0),
            (answer(&[tower(49_152)], 5), 5),
        ] {
            assert_eq!(port(&stub), Err(MapError::NotRegistered { status }));
        }
    }

    #[test]
    fn a_torn_answer_is_an_error() {
        let stub = answer(&[tower(49_152)], 0);
        for length in 0..stub.len() {
            assert!(
                matches!(port(&stub[..length]), Err(MapError::Unreadable(_))),
                "{length} bytes"
            );
        }
    }
}
