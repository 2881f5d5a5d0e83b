//! Answers of a domain controller.

use lockstep_ad_proto::ldap::{
    DecodeError, Decoder, Event, ExtendedDn, ProxiedObjectName, attribute_range,
};
use lockstep_model::Dn;

/// How many bytes arrive at once, in one run after the other.
const PIECES: [usize; 3] = [usize::MAX, 7, 1];

/// However the network cuts an answer into pieces, the decoder tells the same.
pub(crate) fn check(bytes: &[u8]) {
    let [whole, rest @ ..] = PIECES.map(|size| decode(bytes, size));
    for pieces in rest {
        assert_eq!(whole, pieces, "pieces made a difference");
    }
    for event in &whole.0 {
        look_into(event);
    }
}

fn decode(bytes: &[u8], size: usize) -> (Vec<Event>, Option<DecodeError>) {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

/// Whoever receives an event reads on in it.
fn look_into(event: &Event) {
    match event {
        Event::Entry { dn } => {
            let name = ExtendedDn::parse(dn).map_or(dn.as_str(), |extended| extended.dn);
            let _ = name.parse::<Dn>();
        }
        Event::Attribute { name } => {
            let (base, _) = attribute_range(name);
            assert!(name.starts_with(base));
        }
        Event::Value(value) => {
            if let Ok(text) = std::str::from_utf8(value) {
                let _ = ExtendedDn::parse(text);
                if let Ok(proxied) = ProxiedObjectName::parse(text) {
                    let name = text.splitn(4, ':').nth(3).map(ExtendedDn::parse);
                    assert_eq!(
                        name.map(|name| name.map(|name| name.guid)),
                        Some(Ok(proxied.guid))
                    );
                }
            }
        }
        Event::Done { controls, .. } => {
            for control in controls {
                let _ = (control.dir_sync(), control.paged());
            }
        }
        _ => {}
    }
}
