//! Values that only one object may have.
//!
//! Defined here, once: a user principal name is compared by its letters without regard to case; so is a
//! proxy address, over users, groups and contacts together.

use crate::object::{Kind, Object};
use crate::schema::{Property, Values};
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

    /// A proxy address, as `smtp:ada@corp.test`.
    #[must_use]
    pub fn proxy_address(address: &str) -> Self {
        Self {
            namespace: Namespace::ProxyAddress,
            value: fold(address),
        }
    }
}

/// Lower case twice over upper case: enough for names that differ only in the case of their letters in any
/// script, without regard to locale.
fn fold(text: &str) -> String {
    text.trim().to_uppercase().to_lowercase()
}

/// The unique values that an object with these values claims, each with its property.
#[must_use]
pub fn claims(kind: Kind, values: &Values) -> Vec<(Property, UniqueValue)> {
    let mut claims = Vec::new();
    let property = |name| Property::named(kind, name).ok();
    if let Some(name) = property("userPrincipalName")
        && let Some(text) = values.get(&name).and_then(PropertyValue::as_text)
    {
        claims.push((name, UniqueValue::user_principal_name(text)));
    }
    if let Some(addresses) = property("proxyAddresses")
        && let Some(PropertyValue::TextList(list)) = values.get(&addresses)
    {
        claims.extend(
            list.iter()
                .map(|a| (addresses, UniqueValue::proxy_address(a))),
        );
    }
    claims
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
