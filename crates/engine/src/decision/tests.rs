//! Stories of single decisions.

use super::*;
use crate::mapping::Mapping;
use crate::matching::{Holding, Matching, Owner};
use crate::scope::{ChainLink, Scope};
use crate::staged::{ObjectClass, RowState};
use lockstep_model::{AttributeName, Dn, Rdn, Value};

const READ_SET: u64 = 1;

fn guid(n: u8) -> Guid {
    Guid::from_bytes([n; 16])
}

fn rdn(attribute: &str, value: &str) -> Option<Rdn> {
    Some(Rdn {
        attribute: attribute.into(),
        value: value.into(),
    })
}

fn policy(roots: Option<&[u8]>) -> Policy {
    let roots = roots.map(|roots| roots.iter().map(|n| guid(*n)).collect());
    Policy {
        domain: "corp.test".into(),
        netbios_name: "CORP".into(),
        naming_context: guid(1),
        naming_context_dn: Dn::of_domain("corp.test"),
        scope: std::sync::Arc::new(Scope {
            roots,
            ..Scope::default()
        }),
        users: true,
        groups: true,
        contacts: true,
        mapping: std::sync::Arc::new(Mapping::standard()),
        matching: Matching::default(),
        seed: [7; 32],
        read_set: READ_SET,
    }
}

fn ada() -> StagedObject {
    let mut ada = StagedObject::new(guid(7), 1);
    ada.class = Some(ObjectClass::User);
    ada.parent = Some(guid(2));
    ada.rdn = rdn("CN", "Ada");
    ada.state = RowState::Complete { read_set: READ_SET };
    ada.merge(
        [(
            AttributeName::new("sAMAccountName"),
            vec![Value::from("ada")],
        )]
        .into(),
        true,
    );
    ada
}

fn in_staff() -> Chain {
    Chain::Known(vec![
        ChainLink {
            guid: guid(2),
            rdn: rdn("OU", "Staff"),
        },
        ChainLink {
            guid: guid(1),
            rdn: None,
        },
    ])
}

fn link(ada: &StagedObject) -> Link {
    let (decision, _) = decide(&situation(ada, &in_staff(), None), &policy(None));
    let Decision::Create(desired) = decision else {
        panic!("{decision:?}")
    };
    Link {
        guid: ada.guid,
        object: ObjectId::new(guid(70)),
        anchor: desired.anchor,
        applied: desired
            .values
            .into_iter()
            .filter_map(|(n, v)| Some((n, v?)))
            .collect(),
        deleted: false,
    }
}

fn situation<'a>(
    object: &'a StagedObject,
    chain: &'a Chain,
    link: Option<&'a Link>,
) -> Situation<'a> {
    let linked = link.map(|link| Holding {
        id: link.object,
        kind: MappedKind::User,
        deleted: link.deleted,
        owner: Owner::This,
        administrator: false,
    });
    Situation {
        object,
        chain,
        membership: Membership::None,
        link,
        candidates: Candidates {
            linked,
            ..Candidates::default()
        },
        phase: Phase::Complete,
        now: Timestamp::from_millis(0),
    }
}

#[test]
fn a_user_in_scope_is_created() {
    let (ada, chain) = (ada(), in_staff());
    let (decision, reason) = decide(&situation(&ada, &chain, None), &policy(Some(&[2])));
    assert!(matches!(decision, Decision::Create(_)), "{decision:?}");
    assert_eq!(reason, Reason::InScope);
}

#[test]
fn nothing_changed_means_nothing_to_do() {
    let (ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    let (decision, _) = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(decision, Decision::Unchanged);
}

#[test]
fn an_update_holds_only_what_changed() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    ada.merge(
        [(AttributeName::new("title"), vec![Value::from("Countess")])].into(),
        false,
    );
    let (decision, _) = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    let Decision::Update { changes, .. } = decision else {
        panic!("{decision:?}")
    };
    assert_eq!(changes.keys().collect::<Vec<_>>(), ["jobTitle"]);
}

#[test]
fn a_user_who_leaves_the_scope_is_deleted_once_the_import_is_complete() {
    let (ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    let mut situation = situation(&ada, &chain, Some(&link));
    let policy = policy(Some(&[9]));
    assert_eq!(
        decide(&situation, &policy),
        (Decision::Delete(link.object), Reason::OutsideScope)
    );
    situation.phase = Phase::Reading;
    assert_eq!(
        decide(&situation, &policy),
        (Decision::Wait, Reason::OutsideScope)
    );
}

#[test]
fn a_missing_user_is_left_alone() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    ada.presence = Presence::Missing {
        since: Timestamp::from_millis(0),
        word: None,
    };
    let (decision, reason) = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(decision, Decision::Skip);
    assert!(matches!(reason, Reason::Missing { .. }));
}

#[test]
fn a_missing_user_goes_or_stays_as_an_administrator_says() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    let mut said = |word| {
        ada.presence = Presence::Missing {
            since: Timestamp::from_millis(0),
            word: Some(word),
        };
        let (decision, reason) = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
        (decision, reason.code())
    };
    assert_eq!(
        said(Word::Gone),
        (Decision::Delete(link.object), "SaidGone")
    );
    assert_eq!(said(Word::Stays), (Decision::Skip, "SaidToStay"));
}

#[test]
fn a_tombstone_deletes() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    ada.presence = Presence::Deleted;
    let decided = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(
        decided,
        (Decision::Delete(link.object), Reason::DeletedInAd)
    );
}

#[test]
fn who_has_moved_to_another_domain_goes_and_who_is_only_said_to_have_does_not() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    ada.moved_away = true;
    let said = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    ada.moved_away = false;
    let not_said = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(said, not_said);
    ada.moved_away = true;
    ada.presence = Presence::Deleted;
    let gone = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(
        gone,
        (Decision::Delete(link.object), Reason::MovedToAnotherDomain)
    );
}

#[test]
fn an_unknown_place_is_read_and_neither_wanted_nor_deleted() {
    let ada = ada();
    let link = link(&ada);
    let chain = Chain::Unknown { missing: guid(2) };
    let decided = decide(&situation(&ada, &chain, Some(&link)), &policy(Some(&[9])));
    assert_eq!(
        decided,
        (
            Decision::Read(guid(2)),
            Reason::PlaceUnknown { missing: guid(2) }
        )
    );
}

#[test]
fn an_unread_user_is_read_before_anything_is_decided() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    ada.state = RowState::Unread;
    let decided = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(decided, (Decision::Read(ada.guid), Reason::NotRead));
}

#[test]
fn an_anchor_that_changes_stops_the_object() {
    let (mut ada, chain) = (ada(), in_staff());
    let link = link(&ada);
    let value = vec![Value::new(vec![9; 16])];
    ada.merge(
        [(AttributeName::new("ms-DS-ConsistencyGuid"), value)].into(),
        false,
    );
    let (decision, reason) = decide(&situation(&ada, &chain, Some(&link)), &policy(None));
    assert_eq!(decision, Decision::Fail);
    assert!(matches!(reason, Reason::AnchorChanged { .. }));
}

#[test]
fn who_comes_back_is_restored_as_the_same_object() {
    let (ada, chain) = (ada(), in_staff());
    let mut link = link(&ada);
    link.deleted = true;
    let situation = situation(&ada, &chain, Some(&link));
    let (decision, _) = decide(&situation, &policy(None));
    assert!(
        matches!(decision, Decision::Restore(id, _) if id == link.object),
        "{decision:?}"
    );
}
