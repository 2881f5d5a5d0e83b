//! An anchor that changes under an object, and the ways out.

use crate::corp::Corp;
use lockstep_model::Guid;
use serde_json::{Value, json};

const ATTRIBUTE: &str = "mS-DS-ConsistencyGuid";

struct Case {
    corp: Corp,
    staff: Guid,
    elsewhere: Guid,
    /// Two users and a group.
    objects: [Guid; 3],
}

/// Two users and a group whose anchors have changed.
fn changed() -> Case {
    let corp = Corp::start();
    let (staff, elsewhere, objects) = {
        let mut ad = corp.ad();
        let (staff, elsewhere) = (ad.ou("Staff"), ad.ou("Elsewhere"));
        let objects = [
            ad.user("ada", staff),
            ad.user("bob", staff),
            ad.group("Club", &[]),
        ];
        ad.move_to(objects[2], staff);
        (staff, elsewhere, objects)
    };
    corp.apply(json!({"scope": {"organizational-units": ["OU=Staff,DC=corp,DC=test"]}}));
    assert_eq!(corp.clean_cycle().created, 3);
    for (object, anchor) in
        objects
            .iter()
            .zip(["0123456789abcde0", "0123456789abcde1", "0123456789abcde2"])
    {
        corp.ad().set(*object, ATTRIBUTE, anchor);
    }
    assert_eq!(corp.cycle().failed, 3);
    let is_told = |entry: &Value| entry["code"] == "AnchorChanged";
    assert_eq!(corp.log().iter().filter(|entry| is_told(entry)).count(), 3);
    Case {
        corp,
        staff,
        elsewhere,
        objects,
    }
}

fn group(corp: &Corp) -> String {
    let groups = corp.all("/v1.0/groups?$select=id");
    assert_eq!(groups.len(), 1);
    groups[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_object_whose_anchor_changed_is_not_deleted_in_the_cloud_and_goes_on_with_the_anchor_of_before()
 {
    let case = changed();
    let corp = &case.corp;
    let before = corp.user("ada");
    let path = format!("/v1.0/users/{}", before["id"].as_str().unwrap());
    let answer = corp.api.send("DELETE", &path, None);
    assert!(answer.status >= 400, "{}", answer.text);
    let objects = case.objects;
    objects
        .iter()
        .for_each(|object| corp.ad().clear(*object, ATTRIBUTE));
    corp.ad().set(objects[0], "department", "Stars");
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.failed, cycle.updated), (0, 1));
    let after = corp.user("ada");
    assert_eq!(
        (&after["id"], &after["department"]),
        (&before["id"], &json!("Stars"))
    );
    assert!(corp.list("escrows").is_empty());
}

#[test]
fn an_object_whose_anchor_changed_is_made_anew_once_it_was_out_of_scope_and_is_gone_for_good() {
    let case = changed();
    let corp = &case.corp;
    let (ada, bob) = (
        corp.user("ada")["id"].clone(),
        corp.user("bob")["id"].clone(),
    );
    let club = group(corp);
    let all_to = |place| {
        case.objects
            .iter()
            .for_each(|object| corp.ad().move_to(*object, place));
    };
    all_to(case.elsewhere);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.deleted, cycle.failed), (3, 0));
    let purge = |id: &Value| {
        let path = format!("/v1.0/directory/deletedItems/{}", id.as_str().unwrap());
        let answer = corp.api.send("DELETE", &path, None);
        assert_eq!(answer.status, 204, "{}", answer.text);
    };
    purge(&ada);
    all_to(case.staff);
    // Bob still has the anchor of before, in the recycle bin.
    let cycle = corp.cycle();
    assert_eq!((cycle.created, cycle.failed), (2, 1));
    assert_ne!(group(corp), club);
    assert_eq!(corp.users(), ["ada"]);
    purge(&bob);
    let cycle = corp.clean_cycle();
    assert_eq!((cycle.created, cycle.failed), (1, 0));
    for (name, before) in [("ada", ada), ("bob", bob)] {
        assert_ne!(corp.user(name)["id"], before, "{name}");
    }
    assert!(corp.list("escrows").is_empty());
}
