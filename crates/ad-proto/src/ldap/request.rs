//! What a reader sends.

use super::ber::{ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, boolean, integer, tlv};
use super::{Control, Filter};
use lockstep_model::Secret;

/// How deep a search reaches.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SearchScope {
    /// The base alone.
    Base,
    /// The base and everything below it.
    Subtree,
}

/// A request (RFC 4511 4.2 to 4.14).
#[derive(Debug)]
pub enum Request<'a> {
    /// Sign in with name and password. For connections under TLS only.
    SimpleBind {
        /// A distinguished name, a UPN, or `DOMAIN\name`.
        name: &'a str,
        /// The password.
        password: &'a Secret<String>,
    },
    /// One step of a SASL exchange (RFC 4513 5.2).
    SaslBind {
        /// The mechanism, such as `GSS-SPNEGO`.
        mechanism: &'a str,
        /// What the security context wants to tell the other side.
        token: &'a [u8],
    },
    /// Go over to TLS (RFC 4511 4.14).
    StartTls,
    /// Search.
    Search {
        /// Where to begin. Also `<GUID=…>` and `<WKGUID=…>` ([MS-ADTS] 3.1.1.3.1.2.4).
        base: &'a str,
        /// How deep.
        scope: SearchScope,
        /// For what.
        filter: &'a Filter,
        /// Which attributes; empty: all of them.
        attributes: &'a [&'a str],
        /// What else.
        controls: &'a [Control],
    },
    /// Give a search up.
    Abandon {
        /// Its message number.
        message: i32,
    },
    /// Good-bye.
    Unbind,
}

impl Request<'_> {
    /// The bytes of this request under a message number.
    #[must_use]
    pub fn encode(&self, message: i32) -> Vec<u8> {
        let mut contents = integer(INTEGER, i64::from(message));
        contents.extend(self.operation());
        let controls: Vec<u8> = self.controls().iter().flat_map(Control::encode).collect();
        if !controls.is_empty() {
            contents.extend(tlv(0xa0, &controls));
        }
        tlv(SEQUENCE, &contents)
    }

    fn controls(&self) -> &[Control] {
        match self {
            Self::Search { controls, .. } => controls,
            _ => &[],
        }
    }

    fn operation(&self) -> Vec<u8> {
        match self {
            Self::SimpleBind { name, password } => {
                bind(name, &tlv(0x80, password.expose().as_bytes()))
            }
            Self::SaslBind { mechanism, token } => {
                let mut sasl = tlv(OCTET_STRING, mechanism.as_bytes());
                sasl.extend(tlv(OCTET_STRING, token));
                bind("", &tlv(0xa3, &sasl))
            }
            Self::StartTls => tlv(0x77, &tlv(0x80, b"1.3.6.1.4.1.1466.20037")),
            Self::Search {
                base,
                scope,
                filter,
                attributes,
                ..
            } => search(base, *scope, filter, attributes),
            Self::Abandon { message } => integer(0x50, i64::from(*message)),
            Self::Unbind => tlv(0x42, &[]),
        }
    }
}

fn bind(name: &str, authentication: &[u8]) -> Vec<u8> {
    let version = integer(INTEGER, 3);
    let name = tlv(OCTET_STRING, name.as_bytes());
    tlv(0x60, &[&version, &name, authentication].concat())
}

fn search(base: &str, scope: SearchScope, filter: &Filter, attributes: &[&str]) -> Vec<u8> {
    let scope = match scope {
        SearchScope::Base => 0,
        SearchScope::Subtree => 2,
    };
    let names: Vec<u8> = attributes
        .iter()
        .flat_map(|name| tlv(OCTET_STRING, name.as_bytes()))
        .collect();
    let contents = [
        tlv(OCTET_STRING, base.as_bytes()),
        integer(ENUMERATED, scope),
        // Aliases are never followed; Active Directory has none.
        integer(ENUMERATED, 0),
        // No limit on entries or seconds but the server's.
        integer(INTEGER, 0),
        integer(INTEGER, 0),
        boolean(false),
        filter.encode(),
        tlv(SEQUENCE, &names),
    ];
    tlv(0x63, &contents.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_encoded_as_the_rfc_says() {
        let filter = Filter::equal("cn", "a");
        let request = Request::Search {
            base: "DC=x",
            scope: SearchScope::Subtree,
            filter: &filter,
            attributes: &["cn"],
            controls: &[Control::ShowDeleted],
        };
        let bytes = request.encode(3);
        let expected = [
            &[0x30, 72, 2, 1, 3, 0x63, 36, 4, 4][..],
            b"DC=x",
            &[10, 1, 2, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0],
            &[
                0xa3, 7, 4, 2, b'c', b'n', 4, 1, b'a', 0x30, 4, 4, 2, b'c', b'n',
            ],
            &[0xa0, 29, 0x30, 27, 4, 22],
            b"1.2.840.113556.1.4.417",
            &[1, 1, 0xff],
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_password_does_not_show() {
        let password = Secret::new("hunter2".to_owned());
        let request = Request::SimpleBind {
            name: "svc",
            password: &password,
        };
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
