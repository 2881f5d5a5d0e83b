//! Which user principal name a user gets.
//!
//! A name whose suffix the tenant owns stays. Any other becomes the alias at the initial domain, and stays
//! that until the name on premises changes or the tenant's domains do. The alias (`mailNickname`) is taken
//! when the user is made, and changes only with `mailNickname` on premises.

use crate::object::{Kind, MadeName, Object};
use crate::schema::{Property, Values};
use crate::unique::primary_address;
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

    /// Whether a user can have this name: the tenant owns its suffix and every character is allowed.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        name.rsplit_once('@').is_some_and(|(prefix, suffix)| {
            !prefix.is_empty() && prefix.chars().all(is_allowed) && self.owns(suffix)
        })
    }

    /// The name of a new user whose name on premises is `wanted`.
    #[must_use]
    pub fn user_principal_name(&self, wanted: &str, values: &Values) -> String {
        if self.allows(wanted) {
            return wanted.to_owned();
        }
        self.made_of(&alias(values, Some(wanted)))
    }

    fn made_of(&self, alias: &str) -> String {
        let clean: String = alias.chars().filter(|c| is_allowed(*c)).collect();
        let prefix = if clean.is_empty() { "user" } else { &clean };
        format!("{prefix}@{}", self.initial_domain)
    }

    /// Names for a user whose own name is taken, to be tried in this order: the prefix and four digits made
    /// from the object's id, so that they are the same each time.
    pub(crate) fn placeholders(&self, name: &str, id: ObjectId) -> impl Iterator<Item = String> {
        let prefix = name.rsplit_once('@').map_or(name, |(prefix, _)| prefix);
        let guid = id.guid();
        let bytes = guid.as_bytes();
        let first = u32::from(u16::from_be_bytes([bytes[14], bytes[15]]));
        let numbered = (0..PLACEHOLDERS).map(move |n| {
            let digits = (first + n) % 10_000;
            format!("{prefix}+{digits:04}@{}", self.initial_domain)
        });
        numbered.chain(std::iter::once(format!(
            "{prefix}+{id}@{}",
            self.initial_domain
        )))
    }
}

/// How many placeholders with four digits are tried.
const PLACEHOLDERS: u32 = 50;

/// Gives a user its alias and its name. `before` is what it was before it was changed.
pub(crate) fn name_user(
    values: &mut Values,
    before: Option<&Object>,
    tenant: &TenantRules,
) -> Option<MadeName> {
    let property = |name| Property::find(Kind::User, name);
    let (name, nickname) = (property("userPrincipalName")?, property("mailNickname")?);
    let text = |values: &Values, property| {
        let value = values.get(property).and_then(PropertyValue::as_text);
        value.map(str::to_owned)
    };
    let wanted = text(values, &name);
    let kept = || before.and_then(|before| text(&before.values, &nickname));
    let alias = text(values, &nickname)
        .or_else(kept)
        .unwrap_or_else(|| alias(values, wanted.as_deref()));
    if !alias.is_empty() {
        values.insert(nickname, PropertyValue::Text(alias.clone()));
    }
    let wanted = wanted?;
    if tenant.allows(&wanted) {
        return None;
    }
    let known = before.and_then(|before| before.made_name.clone());
    let made = known
        .filter(|known| known.wanted == wanted)
        .unwrap_or_else(|| MadeName {
            made: tenant.made_of(&alias),
            wanted,
        });
    values.insert(name, PropertyValue::Text(made.made.clone()));
    Some(made)
}

/// The alias of a new user: the first of mailNickname, primary SMTP address, mail, the name itself, any
/// SMTP address.
fn alias(values: &Values, name: Option<&str>) -> String {
    let text = |name: &str| {
        let property = Property::find(Kind::User, name)?;
        values.get(&property).and_then(PropertyValue::as_text)
    };
    let candidates = [
        text("mailNickname"),
        primary_address(values, Kind::User).map(prefix),
        text("mail").map(prefix),
        name.map(prefix),
        secondary_address(values).map(prefix),
    ];
    let found = candidates
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|alias| !alias.is_empty());
    found.unwrap_or_default().to_owned()
}

fn secondary_address(values: &Values) -> Option<&str> {
    let property = Property::find(Kind::User, "proxyAddresses")?;
    match values.get(&property) {
        Some(PropertyValue::TextList(list)) => list
            .iter()
            .find_map(|address| address.strip_prefix("smtp:")),
        _ => None,
    }
}

fn prefix(address: &str) -> &str {
    address
        .split_once('@')
        .map_or(address, |(prefix, _)| prefix)
}

/// Letters, digits and the signs that a sign-in name may have. Letters of any script: people are called
/// what they are called.
pub(crate) fn is_allowed(c: char) -> bool {
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
            let property = Property::named(Kind::User, name).unwrap();
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
            ("@corp.test", Values::new(), "user@local.lockstep"),
        ] {
            assert_eq!(rules().user_principal_name(wanted, &values), expected);
        }
    }
}
