//! What the schema of a domain says of the attributes that a configuration names.

use crate::ask::ask;
use crate::policy::sources_of;
use crate::service::Service;
use lockstep_api::channel::{Action, Outcome, SchemaAttribute};
use lockstep_api::configuration::{Spec, SpecError};
use lockstep_api::problem::Problem;
use lockstep_directory::distance;
use std::sync::Arc;

/// Attributes that change without a controller ever reporting it, and what says the same and is reported.
const TWINS: [(&str, &str); 8] = [
    (
        "lastLogon",
        "lastLogonTimestamp, which is replicated and at most two weeks behind",
    ),
    ("badPwdCount", "lockoutTime"),
    ("whenChanged", "an attribute that says what changed"),
    (
        "memberOf",
        "the members of groups, which are provisioned as such",
    ),
    ("directReports", "manager, which is provisioned as such"),
    (
        "msDS-User-Account-Control-Computed",
        "userAccountControl or lockoutTime",
    ),
    ("msDS-UserPasswordExpiryTimeComputed", "pwdLastSet"),
    ("canonicalName", "distinguishedName"),
];

/// Asks the domain for the attributes that it has.
///
/// # Errors
///
/// Those of [`ask`].
pub async fn ask_for_schema(
    service: &Arc<Service>,
    domain: &str,
) -> Result<Vec<SchemaAttribute>, Problem> {
    match ask(service, domain, Action::ReadSchema).await? {
        Outcome::Schema { attributes } => Ok(attributes),
        _ => Err(Problem::new(
            502,
            "BadAnswer",
            "the agent did not describe the schema",
        )),
    }
}

/// Checks that the attributes a configuration names are there and tell of their changes.
///
/// # Errors
///
/// [`SpecError`] with the key, the nearest name for an attribute that there is not, and what to use instead
/// for one that controllers do not report.
pub fn check_attributes(spec: &Spec, schema: &[SchemaAttribute]) -> Result<(), SpecError> {
    for (outer, filter) in spec.scope.filters.iter().enumerate() {
        for (inner, clause) in filter.iter().enumerate() {
            let key = format!("scope.filters[{outer}][{inner}].attribute");
            let attribute = usable(&clause.attribute, &key, schema)?;
            if is_place(&clause.attribute) || attribute.reference {
                return Err(SpecError {
                    key,
                    expected:
                        "an attribute with a value of its own; where an object lies and whom it \
                               belongs to is what organizational-units and groups are for"
                            .into(),
                    found: format!("`{}`", clause.attribute),
                });
            }
        }
    }
    for (kind, entries) in spec.mapping.all() {
        for (index, entry) in entries.iter().enumerate() {
            let way = if entry.attribute.is_some() {
                "attribute"
            } else {
                "expression"
            };
            let key = format!("mapping.{}[{index}].{way}", kind.name());
            for source in sources_of(entry) {
                check_source(&source, &key, schema)?;
            }
        }
    }
    Ok(())
}

fn check_source(name: &str, key: &str, schema: &[SchemaAttribute]) -> Result<(), SpecError> {
    let attribute = usable(name, key, schema)?;
    let own = ["objectGUID", "objectSid", "distinguishedName", "name"];
    if is_place(name) && !own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(SpecError {
            key: key.to_owned(),
            expected: "an attribute of the object's content, such as `cn`".into(),
            found: format!("`{name}`, which says where an object lies"),
        });
    }
    if attribute.reference && !name.eq_ignore_ascii_case("distinguishedName") {
        return Err(SpecError {
            key: key.to_owned(),
            expected: "an attribute with values; members, owners and managers are provisioned as references"
                .into(),
            found: format!("`{name}`, which names other objects"),
        });
    }
    Ok(())
}

fn is_place(name: &str) -> bool {
    lockstep_engine::staged::is_place_attribute(&lockstep_model::AttributeName::new(name))
}

/// The attribute, if it is there and its changes are reported.
fn usable<'a>(
    name: &str,
    key: &str,
    schema: &'a [SchemaAttribute],
) -> Result<&'a SchemaAttribute, SpecError> {
    let error = |expected: String, found: String| SpecError {
        key: key.to_owned(),
        expected,
        found,
    };
    let found = schema
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name));
    let Some(found) = found else {
        let nearest = schema
            .iter()
            .min_by_key(|known| distance(&known.name, name));
        let nearest = nearest.map_or_else(String::new, |nearest| {
            format!("; the nearest is `{}`", nearest.name)
        });
        let expected = format!("an attribute of the domain's schema{nearest}");
        return Err(error(expected, format!("`{name}`")));
    };
    let twin = TWINS
        .iter()
        .find(|(twin, _)| twin.eq_ignore_ascii_case(name));
    let why = if found.back_link {
        "is a back-link"
    } else if found.constructed {
        "is constructed when it is read"
    } else if found.not_replicated {
        "is not replicated"
    } else if twin.is_some() {
        "changes with everything"
    } else {
        return Ok(found);
    };
    // distinguishedName is constructed for everyone else; we make it from the tree.
    if name.eq_ignore_ascii_case("distinguishedName") {
        return Ok(found);
    }
    let instead = twin.map_or_else(String::new, |(_, twin)| format!("; use {twin}"));
    let expected = format!("an attribute whose changes domain controllers report{instead}");
    Err(error(expected, format!("`{name}`, which {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Vec<SchemaAttribute> {
        let named = |name: &str| SchemaAttribute {
            name: name.to_owned(),
            ..SchemaAttribute::default()
        };
        let mut last_logon = named("lastLogon");
        last_logon.not_replicated = true;
        let mut member_of = named("memberOf");
        member_of.back_link = true;
        let mut manager = named("manager");
        manager.reference = true;
        vec![
            named("department"),
            named("employeeType"),
            named("objectGUID"),
            named("whenChanged"),
            last_logon,
            member_of,
            manager,
        ]
    }

    fn refusal(attribute: &str) -> String {
        let spec: Spec = serde_json::from_value(serde_json::json!({
            "name": "corp", "domain": "corp.test",
            "mapping": {"user": [{"target": "department", "attribute": attribute}]},
        }))
        .unwrap();
        match check_attributes(&spec, &schema()) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn h25_sources_that_never_report_are_refused_with_a_twin_where_there_is_one() {
        assert_eq!(refusal("Department"), "");
        assert_eq!(refusal("objectGUID"), "");
        assert!(refusal("lastLogon").contains("use lastLogonTimestamp"));
        assert!(refusal("lastLogon").contains("is not replicated"));
        assert!(refusal("memberOf").contains("is a back-link"));
        assert!(refusal("whenChanged").starts_with("mapping.user[0].attribute: expected"));
        assert!(refusal("manager").contains("names other objects"));
        assert!(refusal("departement").contains("the nearest is `department`"));
    }

    #[test]
    fn a_filter_may_ask_about_values_only() {
        let spec: Spec = serde_json::from_value(serde_json::json!({
            "name": "corp", "domain": "corp.test",
            "scope": {"filters": [[{"object": "user", "attribute": "manager", "operator": "is-null"}]]},
        }))
        .unwrap();
        let error = check_attributes(&spec, &schema()).unwrap_err();
        assert_eq!(error.key, "scope.filters[0][0].attribute");
    }
}
