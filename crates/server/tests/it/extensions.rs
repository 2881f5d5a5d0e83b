//! Properties that configurations declare, and how they end.

use crate::corp::{CORP, Corp};
use crate::domain::HEAD;
use serde_json::{Value, json};

const NAME: &str = "extension_ending_department";

fn mapped(rule: &str, value: &str) -> Value {
    json!({"mapping": {"user": [{"target": NAME, rule: value}]}})
}

/// Status, code and words of a removal.
fn remove(corp: &Corp, name: &str) -> (u16, String, String) {
    let path = format!("/api/v1/extensions/{name}");
    let answer = corp.api.send("DELETE", &path, None);
    let body = answer.json();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    (answer.status, text("code"), text("title"))
}

#[test]
fn an_extension_is_removed_when_nobody_maps_it_and_no_object_has_a_value_of_it() {
    let mut corp = Corp::start();
    let people = corp.people(2, HEAD);
    people
        .iter()
        .for_each(|person| corp.ad().set(*person, "department", "Engines"));
    corp.apply(mapped("attribute", "department"));
    corp.clean_cycle();
    corp.ad().delete(people[1]);
    corp.clean_cycle();
    let own = corp.api.user_with("eve", json!({NAME: "Sales"}));

    let (status, code, words) = remove(&corp, NAME);
    assert_eq!((status, code.as_str()), (409, "ExtensionInUse"));
    assert!(words.contains("the mapping of corp"), "{words}");
    corp.apply(json!({}));
    corp.clean_cycle();
    let (status, code, words) = remove(&corp, NAME);
    assert_eq!((status, code.as_str()), (409, "ExtensionInUse"));
    let count = "3 users, 1 of them in the recycle bin";
    assert!(words.ends_with(count), "{words}");

    // Emptied as the words of the refusal say.
    corp.ad().delete(people[0]);
    corp.clean_cycle();
    for user in corp.all("/v1.0/directory/deletedItems/microsoft.graph.user?$select=id") {
        let path = format!(
            "/v1.0/directory/deletedItems/{}",
            user["id"].as_str().unwrap()
        );
        assert_eq!(corp.api.send("DELETE", &path, None).status, 204);
    }
    let path = format!("/v1.0/users/{own}");
    let emptied = corp.api.send("PATCH", &path, Some(json!({NAME: null})));
    assert_eq!(emptied.status, 204, "{}", emptied.text);
    let other = corp.api.with_role("operator", |api| {
        api.send("DELETE", &format!("/api/v1/extensions/{NAME}"), None)
    });
    assert_eq!(other.status, 403);
    assert_eq!(remove(&corp, NAME).0, 204);
    assert_eq!(corp.ask("GET", "/api/v1/extensions", None), json!([]));
    let refused = corp.api.send("PATCH", &path, Some(json!({NAME: "Sales"})));
    assert_eq!(refused.status, 400, "{}", refused.text);
    let (status, code, _) = remove(&corp, NAME);
    assert_eq!((status, code.as_str()), (404, "ExtensionNotFound"));
    let audit = corp.ask("GET", "/api/v1/audit?activity=ExtensionRemoved", None);
    assert_eq!(
        (audit[0]["target"].clone(), audit.as_array().unwrap().len()),
        (json!(NAME), 1)
    );

    // Mapped again, it is declared again.
    corp.apply(mapped("attribute", "department"));
    assert_eq!(corp.ask("GET", "/api/v1/extensions", None)[0]["name"], NAME);
    assert_eq!(corp.ask("GET", CORP, None)["name"], "corp");
}

#[test]
fn a_mapping_that_empties_an_extension_makes_it_possible_to_remove_it() {
    let name = "extension_ending_title";
    let mapped =
        |rule: &str, value: &str| json!({"mapping": {"user": [{"target": name, rule: value}]}});
    let corp = Corp::start();
    corp.people(2, HEAD);
    corp.apply(mapped("expression", "\"Engineer\""));
    corp.clean_cycle();
    corp.apply(json!({}));
    corp.clean_cycle();
    assert!(remove(&corp, name).2.ends_with("2 users"));
    corp.apply(mapped("expression", "\"\""));
    corp.clean_cycle();
    corp.apply(json!({}));
    corp.clean_cycle();
    assert_eq!(remove(&corp, name).0, 204);
}
