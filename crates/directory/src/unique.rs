//! Values that only one object may have.
//!
//! Defined here, once: a user principal name is compared as [`fold`] says; so is a proxy address, over
//! users, groups and contacts together.

use crate::object::{Kind, Object};
use crate::schema::{Property, Values};
use crate::text::fold;
use lockstep_model::PropertyValue;

/// A value that only one object may have, in the form in which values are compared.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UniqueValue {
    /// Which property.
    pub namespace: Namespace,
    /// The value, case folded.
    pub value: String,
}

/// What a unique value is compared with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Namespace {
    /// User principal names.
    UserPrincipalName,
    /// Proxy addresses with their scheme.
    ProxyAddress,
}

impl UniqueValue {
    /// A user principal name.
    #[must_use]
    pub fn user_principal_name(name: &str) -> Self {
        Self {
            namespace: Namespace::UserPrincipalName,
            value: fold(name),
        }
    }

    /// A mail address, as a proxy address.
    #[must_use]
    pub fn mail_address(address: &str) -> Self {
        Self::proxy_address(&format!("smtp:{}", address.trim()))
    }

    /// A proxy address, as `smtp:ada@corp.test`.
    #[must_use]
    pub fn proxy_address(address: &str) -> Self {
        Self {
            namespace: Namespace::ProxyAddress,
            value: fold(address),
        }
    }
}

/// The unique values that an object with these values claims, each with its property.
#[must_use]
pub fn claims(kind: Kind, values: &Values) -> Vec<(Property, UniqueValue)> {
    let mut claims = Vec::new();
    let property = |name| Property::find(kind, name);
    if let Some(name) = property("userPrincipalName")
        && let Some(text) = values.get(&name).and_then(PropertyValue::as_text)
    {
        claims.push((name, UniqueValue::user_principal_name(text)));
    }
    if let Some(addresses) = property("proxyAddresses")
        && let Some(PropertyValue::TextList(list)) = values.get(&addresses)
    {
        for address in list {
            let claim = (addresses, UniqueValue::proxy_address(address));
            if !claims.contains(&claim) {
                claims.push(claim);
            }
        }
    }
    claims
}

/// The primary mail address among proxy addresses: the one whose scheme is in capital letters.
#[must_use]
pub fn primary_address(values: &Values, kind: Kind) -> Option<&str> {
    let property = Property::find(kind, "proxyAddresses")?;
    match values.get(&property) {
        Some(PropertyValue::TextList(list)) => list
            .iter()
            .find_map(|address| address.strip_prefix("SMTP:")),
        _ => None,
    }
}

/// Whether this is the primary mail address of an object.
#[must_use]
pub fn is_primary_of(value: &UniqueValue, object: &Object) -> bool {
    primary_address(&object.values, object.kind)
        .is_some_and(|address| UniqueValue::mail_address(address) == *value)
}

/// The unique values that an object has now: those of its visible properties, unless it is deleted.
#[must_use]
pub fn owned(object: &Object) -> Vec<UniqueValue> {
    if object.deleted.is_some() {
        return Vec::new();
    }
    claims(object.kind, &object.values)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}
