//! Attributes that were reported without values: empty, or hidden from the account.
//!
//! Samba leaves out of changes what the account must not read, and names the attribute all the same. The
//! object's security descriptor tells the two apart.

use crate::controller::Controller;
use crate::ldap::{Entry, LdapError};
use lockstep_ad_proto::access::{GuardedAttribute, SecurityDescriptor};
use lockstep_ad_proto::ldap::{Control, Filter, SearchScope};
use lockstep_api::channel::{Doubt, Settled};
use lockstep_model::{Guid, Sid};
use std::collections::{BTreeMap, BTreeSet};

/// How many objects are asked for in one search.
const AT_ONCE: usize = 50;
/// Whom every account belongs to without being a member ([MS-DTYP] 2.4.2.4): everyone, and who has signed in.
const EVERYBODY: [&str; 2] = ["S-1-1-0", "S-1-5-11"];
/// fCONFIDENTIAL ([MS-ADTS] 2.2.9).
const CONFIDENTIAL: u32 = 0x80;

/// Looks at each of these attributes: what has no value and may be read is empty.
pub(super) async fn settle(
    controller: &mut Controller,
    doubts: &[Doubt],
) -> Result<Vec<Settled>, LdapError> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let names: BTreeSet<&str> = doubts
        .iter()
        .flat_map(|doubt| doubt.attributes.iter().map(String::as_str))
        .collect();
    let guarded = guarded(controller, &names).await?;
    let token = token(controller).await?;
    let mut settled = Vec::with_capacity(doubts.len());
    for some in doubts.chunks(AT_ONCE) {
        let entries = read(controller, some, &names).await?;
        settled.extend(some.iter().map(|doubt| match entries.get(&doubt.guid) {
            Some(entry) => judge(doubt, entry, &guarded, &token),
            // It is not there, or must not be seen: nothing is known of it.
            None => Settled {
                guid: doubt.guid,
                ..Settled::default()
            },
        }));
    }
    Ok(settled)
}

fn judge(
    doubt: &Doubt,
    entry: &Entry,
    guarded: &BTreeMap<String, GuardedAttribute>,
    token: &BTreeSet<Sid>,
) -> Settled {
    let descriptor = entry
        .first("nTSecurityDescriptor")
        .and_then(|bytes| SecurityDescriptor::parse(bytes).ok());
    let may_read = |name: &str| {
        let both = descriptor.as_ref().zip(guarded.get(name));
        both.is_some_and(|(descriptor, attribute)| descriptor.may_read(token, attribute))
    };
    // A value that is there by now comes with the next changes.
    let without = doubt.attributes.iter();
    let without = without.filter(|name| entry.values(name).is_empty());
    let (empty, hidden) = without.cloned().partition(|name| may_read(name));
    Settled {
        guid: doubt.guid,
        empty,
        hidden,
    }
}

async fn read(
    controller: &mut Controller,
    doubts: &[Doubt],
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<Guid, Entry>, LdapError> {
    let guids = doubts.iter().map(|doubt| doubt.guid.to_wire());
    let filter = Filter::any_of("objectGUID", guids);
    let mut attributes = vec!["objectGUID", "nTSecurityDescriptor"];
    attributes.extend(names);
    let base = controller.root_dse.naming_context.clone();
    let entries = controller
        .connection
        .find(
            &base,
            SearchScope::Subtree,
            &filter,
            &attributes,
            &[Control::AccessList],
            "look at who may read what",
        )
        .await?;
    let own = |entry: Entry| {
        let guid = Guid::from_wire(entry.first("objectGUID")?).ok()?;
        Some((guid, entry))
    };
    Ok(entries.into_iter().filter_map(own).collect())
}

/// Attributes as access control lists name them.
async fn guarded(
    controller: &mut Controller,
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<String, GuardedAttribute>, LdapError> {
    let filter = Filter::And(vec![
        Filter::equal("objectClass", "attributeSchema"),
        Filter::any_of("lDAPDisplayName", names),
    ]);
    let schema = controller.root_dse.schema.clone();
    let entries = controller
        .connection
        .find(
            &schema,
            SearchScope::Subtree,
            &filter,
            &[
                "lDAPDisplayName",
                "schemaIDGUID",
                "attributeSecurityGUID",
                "searchFlags",
            ],
            &[],
            "read the schema",
        )
        .await?;
    let guid = |entry: &Entry, name: &str| Guid::from_wire(entry.first(name)?).ok();
    let attribute = |entry: &Entry| {
        let flags = entry.text("searchFlags").and_then(|text| text.parse().ok());
        let guarded = GuardedAttribute {
            id: guid(entry, "schemaIDGUID")?,
            set: guid(entry, "attributeSecurityGUID"),
            confidential: flags.unwrap_or(0_u32) & CONFIDENTIAL != 0,
        };
        Some((entry.text("lDAPDisplayName")?.to_ascii_lowercase(), guarded))
    };
    Ok(entries.iter().filter_map(attribute).collect())
}

/// Everything that the account is to an access control list.
async fn token(controller: &mut Controller) -> Result<BTreeSet<Sid>, LdapError> {
    let base = controller.root_dse.naming_context.clone();
    let own = controller.own_account();
    let connection = &mut controller.connection;
    let action = "look at the account's groups";
    // Groups that have everybody as a member, such as the one for compatibility with older systems.
    let principals = EVERYBODY.map(|sid| format!("CN={sid},CN=ForeignSecurityPrincipals,{base}"));
    let filter = Filter::any_of("member", &principals);
    let subtree = SearchScope::Subtree;
    let mut entries = connection
        .find(&base, subtree, &filter, &["objectSid"], &[], action)
        .await?;
    let account = connection
        .find(&base, subtree, &own, &["objectSid"], &[], action)
        .await?;
    if let Some(account) = account.first() {
        let groups = connection
            .read(&account.dn, &["tokenGroups"], &[], action)
            .await?;
        entries.extend(groups);
    }
    entries.extend(account);
    let values = entries
        .iter()
        .flat_map(|entry| ["objectSid", "tokenGroups"].map(|name| entry.values(name)));
    let sids = values
        .flatten()
        .filter_map(|bytes| Sid::from_wire(bytes).ok());
    let everybody = EVERYBODY.iter().filter_map(|sid| sid.parse().ok());
    Ok(sids.chain(everybody).collect())
}
