//! What was to become of an object that cannot be provisioned, as far as that can be told: for whoever has to find
//! out why. Nothing is done with it.

use crate::decision::{Reason, Situation};
use crate::mapping::{MappedValue, MappedValues, Unmade, source_anchor};
use crate::matching::{self, Match};
use crate::policy::Policy;
use crate::staged::ObjectClass;
use lockstep_model::ids::ObjectId;
use lockstep_model::log::Action;
use std::collections::BTreeMap;

/// What was to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// Make, change or bring back.
    pub action: Action,
    /// The object of the cloud directory that it was to be done to; none: it was to be made.
    pub object: Option<ObjectId>,
    /// The values, as far as they can be made; of a change only those that differ.
    pub values: MappedValues,
    /// What could not be made.
    pub unmade: Vec<Unmade>,
}

/// What was to be done to an object of which [`decide`](crate::decide) says that nothing may be done, for this reason.
/// None for one of a kind that is not provisioned.
#[must_use]
pub fn wanted(situation: &Situation<'_>, policy: &Policy, reason: &Reason) -> Option<Wanted> {
    let kind = situation.object.class.and_then(ObjectClass::kind)?;
    let (action, object) = target(situation, policy, reason);
    let link = situation
        .link
        .filter(|link| object.is_some_and(|object| object == link.object));
    let applied = link.map(|link| &link.applied);
    let subject = situation.subject(policy, object.map(|_| applied));
    let (mut values, mut unmade) = policy.mapping.evaluate_each(kind, &subject);
    if let Err(error) = source_anchor(situation.object) {
        let reason = Reason::Mapping(error.into()).to_string();
        unmade.insert(0, Unmade::anchor(&subject, reason));
    }
    if let Some(applied) = applied.filter(|_| action == Action::Update) {
        values.retain(|name, value| differs(applied, name, value.as_ref()));
    }
    Some(Wanted {
        action,
        object,
        values,
        unmade,
    })
}

fn differs(
    applied: &BTreeMap<String, MappedValue>,
    name: &str,
    value: Option<&MappedValue>,
) -> bool {
    applied.get(name) != value
}

/// What was to be done, and to which object of the cloud directory.
fn target(
    situation: &Situation<'_>,
    policy: &Policy,
    reason: &Reason,
) -> (Action, Option<ObjectId>) {
    let linked = situation.link.map(|link| link.object);
    let as_linked = || match linked {
        Some(object) => (Action::Update, Some(object)),
        None => (Action::Create, None),
    };
    let kind = situation.object.class.and_then(ObjectClass::kind);
    let found = match (reason, kind, source_anchor(situation.object)) {
        // It would be taken over.
        (Reason::AdministratorNotTakenOver { .. } | Reason::MatchBlocked { .. }, ..) => {
            return match situation.obstacle(reason) {
                Some(object) => (Action::Update, Some(object)),
                None => as_linked(),
            };
        }
        (Reason::Mapping(_), Some(kind), Ok(anchor)) => {
            matching::find(kind, &anchor, &situation.candidates, policy.matching)
        }
        _ => return as_linked(),
    };
    match found {
        Match::None => (Action::Create, None),
        Match::Linked(object) | Match::Found(object, _) => (Action::Update, Some(object)),
        Match::Deleted(object) => (Action::Restore, Some(object)),
        Match::Refused(_) => as_linked(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::{Entry, Mapping, Rule};
    use crate::matching::Candidates;
    use crate::scope::{Chain, ChainLink, Membership, Scope};
    use crate::staged::{RowState, StagedObject};
    use crate::{Decision, Phase, decide};
    use lockstep_model::{
        AttributeName, Dn, Guid, MappedKind, PropertyValue, Rdn, Timestamp, Value,
    };

    const ADA: Guid = Guid::from_bytes([7; 16]);

    fn ada(attributes: &[(&str, &[u8])]) -> StagedObject {
        let mut ada = StagedObject::new(ADA, 1);
        ada.class = Some(ObjectClass::User);
        ada.rdn = Some(Rdn {
            attribute: "CN".into(),
            value: "Ada".into(),
        });
        ada.state = RowState::Complete { read_set: 1 };
        let attributes = attributes.iter().map(|(name, value)| {
            let value =
                std::str::from_utf8(value).map_or_else(|_| Value::new(value.to_vec()), Value::from);
            (AttributeName::new(name), vec![value])
        });
        ada.merge(attributes.collect(), true);
        ada
    }

    fn policy(expressions: &[(&str, &str)]) -> Policy {
        let mut mapping = Mapping::standard();
        for (target, text) in expressions {
            let rule = Rule::Expression(text.parse().unwrap(), crate::mapping::ValueType::Text);
            mapping.put(MappedKind::User, Entry::new((*target).to_owned(), rule));
        }
        Policy {
            domain: "corp.test".into(),
            netbios_name: "CORP".into(),
            naming_context: Guid::from_bytes([1; 16]),
            naming_context_dn: Dn::of_domain("corp.test"),
            scope: std::sync::Arc::new(Scope::default()),
            users: true,
            groups: true,
            contacts: true,
            mapping: std::sync::Arc::new(mapping),
            matching: matching::Matching::default(),
            seed: [7; 32],
            read_set: 1,
        }
    }

    fn failed(object: &StagedObject, policy: &Policy) -> Wanted {
        let chain = Chain::Known(vec![ChainLink {
            guid: Guid::from_bytes([1; 16]),
            rdn: None,
        }]);
        let situation = Situation {
            object,
            chain: &chain,
            membership: Membership::default(),
            link: None,
            candidates: Candidates::default(),
            phase: Phase::Complete,
            now: Timestamp::from_millis(0),
        };
        let (decision, reason) = decide(&situation, policy);
        assert_eq!(decision, Decision::Fail, "{reason}");
        wanted(&situation, policy, &reason).unwrap()
    }

    #[test]
    fn of_a_mapping_that_fails_the_expression_and_its_input_are_told_and_the_values_that_can_be_made()
     {
        let policy = policy(&[
            (
                "jobTitle",
                r#"IIF(IsNullOrEmpty([department]), Error("no"), [title])"#,
            ),
            ("city", r#"Error("never")"#),
        ]);
        let wanted = failed(
            &ada(&[("sAMAccountName", b"ada"), ("title", b"Dr")]),
            &policy,
        );
        assert_eq!((wanted.action, wanted.object), (Action::Create, None));
        let made = wanted.values.get("userPrincipalName").cloned().flatten();
        assert_eq!(made, Some(PropertyValue::Text("ada@corp.test".into())));
        assert!(!wanted.values.contains_key("jobTitle"));
        let unmade: Vec<&str> = wanted
            .unmade
            .iter()
            .map(|one| one.target.as_str())
            .collect();
        assert_eq!(unmade, ["jobTitle", "city"]);
        let title = &wanted.unmade[0];
        assert!(title.expression.as_ref().unwrap().starts_with("IIF("));
        let input: Vec<_> = title
            .input
            .iter()
            .map(|one| (one.attribute.as_str(), one.value.clone()))
            .collect();
        let doctor = Some(PropertyValue::Text("Dr".into()));
        assert_eq!(input, [("department", None), ("title", doctor)]);
    }

    #[test]
    fn what_a_redacted_expression_reads_is_hidden_wherever_it_is_read() {
        let policy = policy(&[
            ("jobTitle", r#"Left(Redact([title]), [x])"#),
            (
                "city",
                r#"IIF(IsNullOrEmpty([title]), "", Error([description]))"#,
            ),
        ]);
        let object = ada(&[
            ("sAMAccountName", b"ada"),
            ("title", b"secret"),
            ("x", b"many"),
            ("description", b"open"),
        ]);
        let wanted = failed(&object, &policy);
        let hidden = wanted.unmade.iter().flat_map(|one| &one.input);
        let hidden: Vec<_> = hidden
            .map(|one| (one.attribute.as_str(), one.hidden))
            .collect();
        assert_eq!(
            hidden,
            [
                ("title", true),
                ("x", true),
                ("title", true),
                ("description", false)
            ]
        );
    }

    #[test]
    fn a_name_or_an_anchor_that_cannot_be_made_is_told_with_the_attributes_that_it_is_made_of() {
        let wanted = failed(
            &ada(&[
                ("ms-DS-ConsistencyGuid", b"short"),
                ("sAMAccountName", b"ada"),
            ]),
            &policy(&[]),
        );
        let unmade = &wanted.unmade[0];
        assert_eq!(
            (unmade.target.as_str(), unmade.expression.as_deref()),
            ("onPremisesImmutableId", None)
        );
        assert_eq!(unmade.input[0].attribute, "ms-DS-ConsistencyGuid");
        assert!(
            unmade.reason.contains("the source anchor cannot be made"),
            "{}",
            unmade.reason
        );
    }
}
