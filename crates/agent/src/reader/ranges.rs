//! Link attributes with more values than a controller gives at once ([MS-ADTS] 3.1.1.3.1.3.3).

use crate::controller::Controller;
use crate::ldap::{Entry, LdapError};
use lockstep_ad_proto::ldap::{
    Control, ExtendedDn, Filter, RangeEnd, SearchScope, attribute_range,
};
use lockstep_api::channel::LinkTarget;
use lockstep_model::Guid;

/// How often a set is read again when it changed meanwhile.
const ATTEMPTS: usize = 5;

/// Reads all values of a link attribute, range by range.
///
/// Positions shift when a value is removed, so a set counts only when the object's uSNChanged is the same
/// before and after.
pub(super) async fn read_whole(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
) -> Result<Vec<LinkTarget>, LdapError> {
    let mut before = usn(controller, guid).await?;
    for _ in 0..ATTEMPTS {
        let targets = read_once(controller, guid, attribute).await?;
        let after = usn(controller, guid).await?;
        if before == after {
            return Ok(targets);
        }
        before = after;
    }
    Err(LdapError::Lacking {
        server: controller.connection.server().to_owned(),
        what: format!("a moment in which the {attribute} of {guid} does not change"),
    })
}

async fn usn(controller: &mut Controller, guid: Guid) -> Result<Option<String>, LdapError> {
    let entry = read(controller, guid, "uSNChanged").await?;
    Ok(entry.and_then(|entry| entry.text("uSNChanged").map(str::to_owned)))
}

async fn read_once(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
) -> Result<Vec<LinkTarget>, LdapError> {
    let mut targets = Vec::new();
    let mut from = 0_u32;
    loop {
        let entry = read(controller, guid, &format!("{attribute};range={from}-*")).await?;
        let held = entry.as_ref().and_then(|entry| ranged(entry, attribute));
        let Some((end, values)) = held else {
            return Ok(targets);
        };
        for value in values {
            targets.push(target(controller, value)?);
        }
        match end {
            RangeEnd::Last => return Ok(targets),
            RangeEnd::At(last) => from = last + 1,
        }
        if values.is_empty() {
            return Ok(targets);
        }
    }
}

/// The range of an attribute that an answer holds.
fn ranged<'a>(entry: &'a Entry, attribute: &str) -> Option<(RangeEnd, &'a [Vec<u8>])> {
    entry.attributes.iter().find_map(|(name, values)| {
        let (base, range) = attribute_range(name);
        let end = range.map_or(RangeEnd::Last, |(_, end)| end);
        base.eq_ignore_ascii_case(attribute)
            .then_some((end, values.as_slice()))
    })
}

fn target(controller: &Controller, value: &[u8]) -> Result<LinkTarget, LdapError> {
    let name = std::str::from_utf8(value)
        .ok()
        .and_then(|text| ExtendedDn::parse(text).ok());
    let name = name.ok_or_else(|| LdapError::Lacking {
        server: controller.connection.server().to_owned(),
        what: "the GUID of a link".into(),
    })?;
    Ok(super::entry::link_target(&name))
}

async fn read(
    controller: &mut Controller,
    guid: Guid,
    attribute: &str,
) -> Result<Option<Entry>, LdapError> {
    let base = format!("<GUID={guid}>");
    let mut entries = controller
        .connection
        .find(
            &base,
            SearchScope::Base,
            &Filter::everything(),
            &[attribute],
            &[Control::ShowDeleted, Control::ExtendedDn],
            "read a large group",
        )
        .await?;
    Ok(entries.pop())
}
