//! A controller on which the account has signed in, and everything that tells one controller from another.

use crate::ldap::{Connection, Connector, Entry, LdapError, Opened, RootDse};
use crate::security::Account;
use lockstep_ad_proto::ldap::{Control, Filter, SearchScope};
use lockstep_api::channel::{Canary, ControllerIdentity, KnownCanary};
use lockstep_model::{Guid, Sid};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The well-known GUID of CN=Deleted Objects ([MS-ADTS] 6.1.1.4).
const DELETED_OBJECTS: &str = "18E2EA80684F11D2B9AA00C04F79F805";
/// What the lifetime of tombstones is where nothing is set ([MS-ADTS] 6.1.1.2.4.1.1).
const DEFAULT_TOMBSTONE_LIFETIME: u32 = 60;
/// How far back the last changes are looked for.
const RECENT: u64 = 200;

/// A controller that can be read.
#[derive(Debug)]
pub struct Controller {
    /// The connection.
    pub connection: Connection,
    /// What it says of itself.
    pub root_dse: RootDse,
    /// Where it is.
    pub address: SocketAddr,
    /// Which one it is.
    pub identity: ControllerIdentity,
    /// Who has signed in.
    account: Account,
    /// `Kerberos`, `NTLM` or `TLS`.
    pub signed_in_by: &'static str,
    /// What should be looked at although it works.
    pub warning: Option<String>,
}

impl Controller {
    /// Connects, signs in, and learns which controller it is.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn open(connector: &Connector, preferred: Option<&str>) -> Result<Self, LdapError> {
        Self::open_other_than(connector, &[], preferred).await
    }

    /// The same, without controllers that have refused something, by their DNS names.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn open_other_than(
        connector: &Connector,
        refused: &[String],
        preferred: Option<&str>,
    ) -> Result<Self, LdapError> {
        let Opened {
            mut connection,
            root_dse,
            address,
            signed_in_by,
            warning,
        } = connector.open_other_than(refused, preferred).await?;
        let account = Account::new(connector.account());
        let identity = identity(&mut connection, &root_dse).await?;
        Ok(Self {
            connection,
            root_dse,
            address,
            identity,
            account,
            signed_in_by,
            warning,
        })
    }

    /// Finds the account that has signed in.
    #[must_use]
    pub fn own_account(&self) -> Filter {
        let (user, _) = self.account.user_and_domain("");
        Filter::equal("sAMAccountName", &user)
    }

    /// Whether the account can see deleted objects.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn tombstones_visible(&mut self) -> Result<bool, LdapError> {
        let base = format!(
            "<WKGUID={DELETED_OBJECTS},{}>",
            self.root_dse.naming_context
        );
        let controls = [Control::ShowDeleted];
        let container = self
            .connection
            .read(&base, &["name"], &controls, "look at deleted objects")
            .await;
        match container {
            Ok(container) => Ok(container.is_some_and(|entry| entry.text("name").is_some())),
            Err(LdapError::Search { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// For how many days tombstones are kept.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn tombstone_lifetime_days(&mut self) -> Result<u32, LdapError> {
        let base = format!(
            "CN=Directory Service,CN=Windows NT,CN=Services,{}",
            self.root_dse.configuration
        );
        let (names, action) = (["tombstoneLifetime"], "read the forest's settings");
        let entry = self.connection.read(&base, &names, &[], action).await?;
        let days = entry
            .as_ref()
            .and_then(|entry| entry.text("tombstoneLifetime"));
        Ok(days
            .and_then(|days| days.parse().ok())
            .unwrap_or(DEFAULT_TOMBSTONE_LIFETIME))
    }

    /// The domain's NetBIOS name.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn netbios_name(&mut self) -> Result<String, LdapError> {
        let base = format!("CN=Partitions,{}", self.root_dse.configuration);
        let filter = Filter::And(vec![
            Filter::equal("objectClass", "crossRef"),
            Filter::equal("nCName", &self.root_dse.naming_context),
        ]);
        let entries = self
            .connection
            .find(
                &base,
                SearchScope::Subtree,
                &filter,
                &["nETBIOSName"],
                &[],
                "read the domain's name",
            )
            .await?;
        let name = entries.first().and_then(|entry| entry.text("nETBIOSName"));
        Ok(name.unwrap_or_default().to_owned())
    }

    /// Of these attributes, in lower case, those that the forest's schema has, and whether they name objects.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn known_attributes(
        &mut self,
        names: &[&str],
    ) -> Result<BTreeMap<String, bool>, LdapError> {
        let filter = Filter::And(vec![
            Filter::equal("objectClass", "attributeSchema"),
            Filter::any_of("lDAPDisplayName", names),
        ]);
        let entries = self
            .connection
            .find(
                &self.root_dse.schema,
                SearchScope::Subtree,
                &filter,
                &["lDAPDisplayName", "attributeSyntax"],
                &[],
                "read the schema",
            )
            .await?;
        let known = |entry: &Entry| {
            let name = entry.text("lDAPDisplayName")?.to_ascii_lowercase();
            Some((name, names_objects(entry.text("attributeSyntax")?)))
        };
        Ok(entries.iter().filter_map(known).collect())
    }

    /// The canary as this controller has it now.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn canary(&mut self, guid: Guid) -> Result<Option<Canary>, LdapError> {
        let base = format!("<GUID={guid}>");
        let controls = [Control::ShowDeleted];
        let entry = self
            .connection
            .read(&base, &["uSNChanged"], &controls, "look at a known object")
            .await?;
        let usn = entry.as_ref().and_then(|entry| entry.text("uSNChanged"));
        Ok(usn
            .and_then(|usn| usn.parse().ok())
            .map(|usn_changed| Canary { guid, usn_changed }))
    }

    /// Of these canaries, this controller's as it has it now.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn known_canary(
        &mut self,
        known: &[KnownCanary],
    ) -> Result<Option<Canary>, LdapError> {
        let own = &self.identity.dns_name;
        let known = known
            .iter()
            .find(|known| known.dns_name.eq_ignore_ascii_case(own));
        match known {
            Some(known) => self.canary(known.canary.guid).await,
            None => Ok(None),
        }
    }

    /// The highest USN, and an object that was changed shortly before it: a database that is set back has
    /// that object with an older uSNChanged, or not at all. Computers and the own account do not count: the
    /// controller changes them by itself, after it was set back too.
    ///
    /// # Errors
    ///
    /// [`LdapError`].
    pub async fn position(&mut self) -> Result<(u64, Option<Canary>), LdapError> {
        let highest = RootDse::read(&mut self.connection).await?.highest_usn;
        let since = highest.saturating_sub(RECENT);
        let filter = Filter::And(vec![
            Filter::AtLeast("uSNChanged".into(), since.to_string().into_bytes()),
            Filter::Not(Box::new(Filter::equal("objectClass", "computer"))),
            Filter::Not(Box::new(self.own_account())),
        ]);
        let base = self.root_dse.naming_context.clone();
        let entries = self
            .connection
            .find(
                &base,
                SearchScope::Subtree,
                &filter,
                &["objectGUID", "uSNChanged"],
                &[],
                "find the last change",
            )
            .await?;
        let canaries = entries.iter().filter_map(canary_of);
        Ok((highest, canaries.max_by_key(|canary| canary.usn_changed)))
    }
}

fn canary_of(entry: &Entry) -> Option<Canary> {
    Some(Canary {
        guid: Guid::from_wire(entry.first("objectGUID")?).ok()?,
        usn_changed: entry.text("uSNChanged")?.parse().ok()?,
    })
}

async fn identity(
    connection: &mut Connection,
    root_dse: &RootDse,
) -> Result<ControllerIdentity, LdapError> {
    let server = connection.server().to_owned();
    let lacking = |what: &str| LdapError::Lacking {
        server: server.clone(),
        what: what.to_owned(),
    };
    let (name, names) = (&root_dse.naming_context, ["objectGUID", "objectSid"]);
    let head = connection
        .read(name, &names, &[], "look at the domain")
        .await?;
    let head = head.ok_or_else(|| lacking("the domain's head"))?;
    let (name, names) = (&root_dse.settings, ["invocationId"]);
    let settings = connection
        .read(name, &names, &[], "say which database it has")
        .await?;
    let guid = |entry: Option<&Entry>, name: &str| {
        entry
            .and_then(|entry| entry.first(name))
            .and_then(|bytes| Guid::from_wire(bytes).ok())
            .ok_or_else(|| lacking(name))
    };
    let sid = head
        .first("objectSid")
        .and_then(|bytes| Sid::from_wire(bytes).ok());
    Ok(ControllerIdentity {
        dns_name: root_dse.host.clone(),
        naming_context: guid(Some(&head), "objectGUID")?,
        domain_sid: sid.ok_or_else(|| lacking("objectSid"))?,
        invocation_id: guid(settings.as_ref(), "invocationId")?,
        highest_usn: root_dse.highest_usn,
    })
}
/// Whether values of this syntax are names of objects ([MS-ADTS] 3.1.1.2.2.2).
pub(crate) fn names_objects(syntax: &str) -> bool {
    matches!(syntax, "2.5.5.1" | "2.5.5.7" | "2.5.5.14")
}
