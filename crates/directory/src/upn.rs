//! Which user principal name a user gets.

use crate::schema::{Property, Values};
use lockstep_model::PropertyValue;
use lockstep_model::ids::ObjectId;

/// What the tenant decides about names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TenantRules {
    /// The domain that the tenant has had from the beginning.
    pub initial_domain: String,
    /// Other DNS suffixes that it owns, in lower case.
    pub domains: Vec<String>,
}

impl TenantRules {
    /// Whether a suffix belongs to the tenant.
    #[must_use]
    pub fn owns(&self, suffix: &str) -> bool {
        let suffix = suffix.to_lowercase();
        suffix == self.initial_domain.to_lowercase() || self.domains.contains(&suffix)
    }

    /// The name for a user whose name on premises is `wanted`: as it is when the tenant owns its suffix
    /// and every character is allowed, else the alias at the initial domain.
    #[must_use]
    pub fn user_principal_name(&self, wanted: &str, values: &Values) -> String {
        let parts = wanted
            .rsplit_once('@')
            .filter(|(prefix, _)| !prefix.is_empty());
        if let Some((prefix, suffix)) = parts
            && self.owns(suffix)
            && prefix.chars().all(is_allowed)
        {
            return wanted.to_owned();
        }
        let alias = alias(wanted, values);
        format!("{alias}@{}", self.initial_domain)
    }

    /// A name that nobody else has, for a user whose own name is taken: the prefix and four digits made
    /// from the object's id, so that it is the same each time.
    #[must_use]
    pub fn placeholder(&self, name: &str, id: ObjectId) -> String {
        let prefix = name.rsplit_once('@').map_or(name, |(prefix, _)| prefix);
        let guid = id.guid();
        let bytes = guid.as_bytes();
        let digits = u16::from_be_bytes([bytes[14], bytes[15]]) % 10_000;
        format!("{prefix}+{digits:04}@{}", self.initial_domain)
    }
}

/// The alias: the first of mailNickname, primary SMTP address, mail, the name itself, any SMTP address.
fn alias(wanted: &str, values: &Values) -> String {
    let text = |name: &str| {
        let property = Property::named(crate::Kind::User, name).ok()?;
        values.get(&property).and_then(PropertyValue::as_text)
    };
    let addresses = Property::named(crate::Kind::User, "proxyAddresses").ok();
    let addresses = match addresses.and_then(|property| values.get(&property)) {
        Some(PropertyValue::TextList(addresses)) => addresses.as_slice(),
        _ => &[],
    };
    let address = |scheme: &str| {
        addresses
            .iter()
            .find_map(|address| address.strip_prefix(scheme))
    };
    let candidates = [
        text("mailNickname"),
        address("SMTP:").map(prefix),
        text("mail").map(prefix),
        Some(prefix(wanted)),
        address("smtp:").map(prefix),
    ];
    let clean = |text: &str| text.chars().filter(|c| is_allowed(*c)).collect::<String>();
    let found = candidates
        .into_iter()
        .flatten()
        .map(clean)
        .find(|alias| !alias.is_empty());
    found.unwrap_or_else(|| "user".to_owned())
}

fn prefix(address: &str) -> &str {
    address
        .split_once('@')
        .map_or(address, |(prefix, _)| prefix)
}

/// Letters, digits and the signs that a sign-in name may have. Letters of any script: people are called
/// what they are called.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || "'.-_!#^~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> TenantRules {
        TenantRules {
            initial_domain: "local.lockstep".into(),
            domains: vec!["corp.test".into()],
        }
    }

    fn values(texts: &[(&str, &str)]) -> Values {
        let value = |(name, text): &(&str, &str)| {
            let property = Property::named(crate::Kind::User, name).unwrap();
            (property, PropertyValue::Text((*text).to_owned()))
        };
        texts.iter().map(value).collect()
    }

    #[test]
    fn a_name_whose_suffix_the_tenant_owns_stays() {
        assert_eq!(
            rules().user_principal_name("Ada@Corp.test", &Values::new()),
            "Ada@Corp.test"
        );
    }

    #[test]
    fn any_other_name_becomes_the_alias_at_the_initial_domain() {
        let nick = values(&[("mailNickname", "countess"), ("mail", "ada@x.test")]);
        for (wanted, values, expected) in [
            ("ada@other.test", Values::new(), "ada@local.lockstep"),
            ("ada@other.test", nick, "countess@local.lockstep"),
            (
                "ada@other.test",
                values(&[("mail", "a.l@x.test")]),
                "a.l@local.lockstep",
            ),
            ("a d a@corp.test", Values::new(), "ada@local.lockstep"),
            ("nonsense", Values::new(), "nonsense@local.lockstep"),
        ] {
            assert_eq!(rules().user_principal_name(wanted, &values), expected);
        }
    }
}
