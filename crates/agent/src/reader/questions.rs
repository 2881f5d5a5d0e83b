//! Questions of an administrator: which organizational units, groups and attributes are there, where is
//! this object.

use crate::controller::{Controller, names_objects};
use crate::ldap::{Entry, LdapError};
use lockstep_ad_proto::ldap::{Control, Filter, ReceivedControl, ResultCode, SearchScope};
use lockstep_api::channel::{Outcome, Resolve, ResolveBy, Resolved, SchemaAttribute};
use lockstep_model::Guid;

const PAGE: u32 = 500;
const ATTRIBUTES: [&str; 2] = ["objectGUID", "objectClass"];

/// All organizational units and containers.
pub(super) async fn organizational_units(controller: Controller) -> Result<Outcome, LdapError> {
    named_objects(controller, &["organizationalUnit", "container"]).await
}

/// All groups.
pub(super) async fn groups(controller: Controller) -> Result<Outcome, LdapError> {
    named_objects(controller, &["group"]).await
}

async fn named_objects(mut controller: Controller, classes: &[&str]) -> Result<Outcome, LdapError> {
    let base = controller.root_dse.naming_context.clone();
    let filter = Filter::any_of("objectClass", classes.iter().copied());
    let mut objects = Vec::new();
    let action = "list what a scope can name";
    pages(
        &mut controller,
        &base,
        &filter,
        &ATTRIBUTES,
        action,
        |entry| {
            objects.extend(resolved(entry));
        },
    )
    .await?;
    controller.connection.close().await;
    Ok(Outcome::Resolved { objects })
}

/// All attributes of the schema.
pub(super) async fn schema(mut controller: Controller) -> Result<Outcome, LdapError> {
    let base = controller.root_dse.schema.clone();
    let filter = Filter::equal("objectClass", "attributeSchema");
    let asked = [
        "lDAPDisplayName",
        "isSingleValued",
        "systemFlags",
        "linkID",
        "attributeSyntax",
    ];
    let mut attributes = Vec::new();
    let action = "read the schema";
    pages(&mut controller, &base, &filter, &asked, action, |entry| {
        attributes.extend(schema_attribute(entry));
    })
    .await?;
    controller.connection.close().await;
    Ok(Outcome::Schema { attributes })
}

/// [MS-ADTS] 2.2.10 and 3.1.1.2.3.
fn schema_attribute(entry: &Entry) -> Option<SchemaAttribute> {
    const NOT_REPLICATED: i64 = 0x1;
    const CONSTRUCTED: i64 = 0x4;
    let number = |name: &str| entry.text(name).and_then(|text| text.parse::<i64>().ok());
    let flags = number("systemFlags").unwrap_or(0);
    let syntax = entry.text("attributeSyntax").unwrap_or_default();
    Some(SchemaAttribute {
        name: entry.text("lDAPDisplayName")?.to_owned(),
        single: entry.text("isSingleValued") == Some("TRUE"),
        not_replicated: flags & NOT_REPLICATED != 0,
        constructed: flags & CONSTRUCTED != 0,
        back_link: number("linkID").is_some_and(|id| id % 2 == 1),
        reference: names_objects(syntax),
        binary: matches!(syntax, "2.5.5.10" | "2.5.5.15" | "2.5.5.17"),
    })
}

/// Reads all pages of a search, entry by entry.
async fn pages(
    controller: &mut Controller,
    base: &str,
    filter: &Filter,
    attributes: &[&str],
    action: &'static str,
    mut take: impl FnMut(&Entry),
) -> Result<(), LdapError> {
    let server = controller.connection.server().to_owned();
    let mut cookie = Vec::new();
    loop {
        let controls = [Control::Paged { size: PAGE, cookie }];
        let mut search = controller
            .connection
            .search(base, SearchScope::Subtree, filter, attributes, &controls)
            .await?;
        let mut entries = Vec::new();
        let end = search.collect(&mut entries).await?;
        if end.result.code != ResultCode::SUCCESS {
            return Err(LdapError::Search {
                server,
                action,
                result: end.result,
            });
        }
        entries.iter().for_each(&mut take);
        match end.controls.iter().find_map(ReceivedControl::paged) {
            Some(next) if !next.is_empty() => cookie = next,
            _ => return Ok(()),
        }
    }
}

/// Finds one object.
pub(super) async fn resolve(
    mut controller: Controller,
    order: &Resolve,
) -> Result<Outcome, LdapError> {
    let head = controller.root_dse.naming_context.clone();
    let everything = Filter::everything();
    let (base, scope, filter) = match order.by {
        ResolveBy::Dn => (order.value.clone(), SearchScope::Base, everything),
        ResolveBy::Guid => (
            format!("<GUID={}>", order.value),
            SearchScope::Base,
            everything,
        ),
        ResolveBy::Name => (head, SearchScope::Subtree, named(&order.value)),
    };
    let found = controller
        .connection
        .find(
            &base,
            scope,
            &filter,
            &ATTRIBUTES,
            &[Control::DomainScope],
            "find an object",
        )
        .await;
    let entries = match found {
        Ok(entries) => entries,
        // A name that is none, or that leads out of the domain, names no object here.
        Err(LdapError::Search { result, .. }) if matches!(result.code.0, 10 | 34) => Vec::new(),
        Err(error) => return Err(error),
    };
    controller.connection.close().await;
    Ok(Outcome::Resolved {
        objects: entries.iter().filter_map(resolved).collect(),
    })
}

fn named(value: &str) -> Filter {
    let attributes = ["userPrincipalName", "sAMAccountName", "mail"];
    Filter::Or(
        attributes
            .iter()
            .map(|attribute| Filter::equal(attribute, value))
            .collect(),
    )
}

fn resolved(entry: &Entry) -> Option<Resolved> {
    let class = entry.values("objectClass").last()?;
    Some(Resolved {
        guid: Guid::from_wire(entry.first("objectGUID")?).ok()?,
        dn: entry.dn.clone(),
        class: String::from_utf8_lossy(class).into_owned(),
    })
}
