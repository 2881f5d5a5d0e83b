//! Names with GUID and SID ([MS-ADTS] 3.1.1.3.4.1.5): `<GUID=…>;<SID=…>;CN=Ada,DC=corp,DC=test`.

use lockstep_model::{Guid, Sid};

/// A name with the identity of the object that has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExtendedDn<'a> {
    /// objectGUID.
    pub guid: Guid,
    /// objectSid, for objects that have one.
    pub sid: Option<Sid>,
    /// The distinguished name.
    pub dn: &'a str,
}

/// A text that is no extended name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a name such as <GUID=…>;CN=Ada,DC=corp,DC=test")]
pub struct ExtendedDnError;

impl<'a> ExtendedDn<'a> {
    /// Reads a name in the text form. Components that are not known are passed over.
    ///
    /// # Errors
    ///
    /// [`ExtendedDnError`] when there is no GUID in it.
    pub fn parse(text: &'a str) -> Result<Self, ExtendedDnError> {
        let (mut guid, mut sid, mut rest) = (None, None, text);
        while let Some(inner) = rest.strip_prefix('<') {
            let (component, behind) = inner.split_once('>').ok_or(ExtendedDnError)?;
            if let Some(value) = component.strip_prefix("GUID=") {
                guid = value.parse().ok();
            } else if let Some(value) = component.strip_prefix("SID=") {
                sid = value.parse().ok();
            }
            rest = behind.strip_prefix(';').unwrap_or(behind);
        }
        Ok(Self {
            guid: guid.ok_or(ExtendedDnError)?,
            sid,
            dn: rest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_and_sid_are_taken_off_a_name() {
        let text =
            "<GUID=6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d>;<SID=S-1-5-21-1-2-3-1103>;CN=Ada,DC=x";
        let name = ExtendedDn::parse(text).unwrap();
        assert_eq!(
            name.guid.to_string(),
            "6a0ef7a4-39d1-4c75-a9a4-0b7c2e3c2e9d"
        );
        assert_eq!(name.sid.unwrap().to_string(), "S-1-5-21-1-2-3-1103");
        assert_eq!(name.dn, "CN=Ada,DC=x");
    }

    #[test]
    fn names_without_guid_are_refused() {
        for text in ["CN=Ada", "", "<GUID=no>;CN=Ada", "<GUID"] {
            assert_eq!(ExtendedDn::parse(text), Err(ExtendedDnError), "{text}");
        }
    }
}
