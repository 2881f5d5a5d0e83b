//! What a controller says of itself before anyone signs in ([MS-ADTS] 3.1.1.3.2).

use super::{Entry, LdapError};
use lockstep_model::{Dn, Timestamp};

use super::connection::Connection;

/// Of a controller's rootDSE, what a reader needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RootDse {
    /// Its DNS name.
    pub host: String,
    /// The distinguished name of its domain.
    pub naming_context: String,
    /// The distinguished name of the forest's configuration.
    pub configuration: String,
    /// The distinguished name of the schema.
    pub schema: String,
    /// DNS name of the forest.
    pub forest: String,
    /// Its time.
    pub time: Option<Timestamp>,
    /// The distinguished name of its own settings object.
    pub settings: String,
    /// The highest USN that it has committed.
    pub highest_usn: u64,
    /// It has finished its first replication.
    pub synchronized: bool,
    /// It is a read-only controller.
    pub read_only: bool,
    /// It is Samba, and not Active Directory by Microsoft: it leaves out of changes what the account must not
    /// read, which Active Directory gives to whoever may read changes.
    pub samba: bool,
}

/// The capability of read-only controllers ([MS-ADTS] 3.1.1.3.4.3.5).
const PARTIAL_SECRETS: &str = "1.2.840.113556.1.4.1920";

const ATTRIBUTES: [&str; 11] = [
    "dnsHostName",
    "defaultNamingContext",
    "configurationNamingContext",
    "schemaNamingContext",
    "rootDomainNamingContext",
    "currentTime",
    "dsServiceName",
    "highestCommittedUSN",
    "isSynchronized",
    "supportedCapabilities",
    "vendorName",
];

impl RootDse {
    /// Asks a controller what it is.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn read(connection: &mut Connection) -> Result<Self, LdapError> {
        let entry = connection
            .read("", &ATTRIBUTES, &[], "describe itself")
            .await?;
        let entry = entry.ok_or_else(|| LdapError::Lacking {
            server: connection.server().to_owned(),
            what: "the rootDSE".into(),
        })?;
        Self::from_entry(&entry).map_err(|what| LdapError::Lacking {
            server: connection.server().to_owned(),
            what: what.into(),
        })
    }

    fn from_entry(entry: &Entry) -> Result<Self, &'static str> {
        let text = |name: &'static str| entry.text(name).map(str::to_owned).ok_or(name);
        let root: Dn = text("rootDomainNamingContext")?
            .parse()
            .map_err(|_| "rootDomainNamingContext")?;
        Ok(Self {
            host: text("dnsHostName")?,
            naming_context: text("defaultNamingContext")?,
            configuration: text("configurationNamingContext")?,
            schema: text("schemaNamingContext")?,
            forest: dns_name(&root),
            time: entry.text("currentTime").and_then(generalized_time),
            settings: text("dsServiceName")?,
            highest_usn: text("highestCommittedUSN")?
                .parse()
                .map_err(|_| "highestCommittedUSN")?,
            synchronized: entry.text("isSynchronized") != Some("FALSE"),
            read_only: entry
                .values("supportedCapabilities")
                .iter()
                .any(|oid| oid == PARTIAL_SECRETS.as_bytes()),
            samba: entry
                .text("vendorName")
                .is_some_and(|vendor| vendor.starts_with("Samba")),
        })
    }
}

/// The DNS name that a domain's distinguished name stands for.
pub(super) fn dns_name(dn: &Dn) -> String {
    let labels = dn.steps().iter().map(|step| step.value.to_lowercase());
    labels.collect::<Vec<_>>().join(".")
}

/// Reads `20261124132609.0Z` (RFC 4517 3.3.13, as Active Directory writes it).
pub(super) fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14)?;
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]");
    let time = time::PrimitiveDateTime::parse(digits, format).ok()?;
    Some(Timestamp::from_millis(
        time.assume_utc().unix_timestamp() * 1_000,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_controllers_write_them() {
        let time = generalized_time("19700102000001.0Z").unwrap();
        assert_eq!(time.as_millis(), 86_401_000);
        assert_eq!(generalized_time("tomorrow"), None);
    }
}
