//! Questions of an administrator: which organizational units are there, where is this object.

use crate::controller::Controller;
use crate::ldap::{Entry, LdapError};
use lockstep_ad_proto::ldap::{Control, Filter, ReceivedControl, ResultCode, SearchScope};
use lockstep_api::channel::{Outcome, Resolve, ResolveBy, Resolved};
use lockstep_model::Guid;

const PAGE: u32 = 500;
const ATTRIBUTES: [&str; 2] = ["objectGUID", "objectClass"];

/// All organizational units and containers.
pub(super) async fn organizational_units(mut controller: Controller) -> Result<Outcome, LdapError> {
    let filter = Filter::any_of("objectClass", ["organizationalUnit", "container"]);
    let mut objects = Vec::new();
    let mut cookie = Vec::new();
    loop {
        let (entries, next) = page(&mut controller, &filter, &ATTRIBUTES, cookie).await?;
        objects.extend(entries.iter().filter_map(resolved));
        match next {
            Some(next) if !next.is_empty() => cookie = next,
            _ => break,
        }
    }
    controller.connection.close().await;
    Ok(Outcome::Resolved { objects })
}

/// One page of a search below the domain's head, and the cookie of the next one.
pub(super) async fn page(
    controller: &mut Controller,
    filter: &Filter,
    attributes: &[&str],
    cookie: Vec<u8>,
) -> Result<(Vec<Entry>, Option<Vec<u8>>), LdapError> {
    let base = controller.root_dse.naming_context.clone();
    let server = controller.connection.server().to_owned();
    let controls = [Control::Paged { size: PAGE, cookie }];
    let mut search = controller
        .connection
        .search(&base, SearchScope::Subtree, filter, attributes, &controls)
        .await?;
    let mut entries = Vec::new();
    let end = search.collect(&mut entries).await?;
    if end.result.code != ResultCode::SUCCESS {
        return Err(LdapError::Search {
            server,
            action: "list its organizational units",
            result: end.result,
        });
    }
    let next = end.controls.iter().find_map(ReceivedControl::paged);
    Ok((entries, next))
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
