//! What a scenario expects, held against what the service says through its own interfaces.

use crate::script::{Step, Wrong, words};
use crate::stage::{Answer, Stage};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The sets of the directory, by what a scenario calls their objects, and the property that names one.
const SETS: [(&str, &str, &str); 3] = [
    ("user", "users", "userPrincipalName"),
    ("group", "groups", "displayName"),
    ("contact", "contacts", "displayName"),
];

/// References to one object.
const ONE: [&str; 2] = ["manager", "assistant"];

impl Stage {
    /// Holds what a cycle came to against the lines of its step.
    pub(crate) fn expect_cycle(&self, cycle: &Value, step: &Step) -> Result<(), Wrong> {
        let mut state = "succeeded";
        let lines = lines(step)?;
        for (number, words) in &lines {
            match texts(words).as_slice() {
                ["state", expected] if *expected == "failed" => state = "failed",
                ["state", expected] if *expected == "quarantined" => state = "quarantined",
                ["nothing"] => {
                    let counts = [
                        "created", "updated", "deleted", "restored", "failed", "held",
                    ];
                    for count in counts {
                        equal(*number, count, "0", &shown(&cycle[count]))?;
                    }
                }
                ["kind", kind] => equal(*number, "kind", kind, &shown(&cycle["kind"]))?,
                ["error", code] => equal(*number, "error", code, &shown(&cycle["error"]["code"]))?,
                [count, expected] if cycle[count].is_u64() => {
                    equal(*number, count, expected, &shown(&cycle[count]))?;
                }
                _ => {
                    return Err(Wrong::at(*number)(
                        "expected a count and a number".to_owned(),
                    ));
                }
            }
        }
        let found = shown(&cycle["state"]);
        equal(
            step.line,
            &format!("the state of the cycle, which says {cycle},"),
            state,
            &found,
        )
    }

    /// Holds a plan against the lines of its step: all creates, restores, updates and deletes are named there.
    pub(crate) fn expect_plan(&self, plan: &Value, step: &Step) -> Result<(), Wrong> {
        let (mut expected, mut found) = (BTreeSet::new(), BTreeSet::new());
        let lines = lines(step)?;
        for (number, words) in &lines {
            let at = Wrong::at(*number);
            match texts(words).as_slice() {
                ["nothing"] => {}
                ["count", count, number_of] => {
                    equal(*number, count, number_of, &shown(&plan["counts"][count]))?;
                }
                ["skip", dn, text] => {
                    let entry = planned(plan, "skipped", &self.full_dn(dn).map_err(&at)?);
                    let entry = entry.ok_or_else(|| at(format!("{dn} is not skipped: {plan}")))?;
                    holds(&entry["reason"].to_string(), text).map_err(at)?;
                }
                ["update", dn, property, old, "->", new] => {
                    let dn = self.full_dn(dn).map_err(&at)?;
                    let entry = planned(plan, "updates", &dn);
                    let entry = entry.ok_or_else(|| at(format!("{dn} is not updated: {plan}")))?;
                    let change = changed(&entry["changes"], property).map_err(&at)?;
                    equal(*number, "the old value", old, &shown(&change["old"]))?;
                    equal(*number, "the new value", new, &shown(&change["new"]))?;
                    expected.insert(("updates".to_owned(), dn));
                }
                [action @ ("create" | "restore" | "delete" | "update"), dn] => {
                    let dn = self.full_dn(dn).map_err(&at)?;
                    expected.insert((format!("{action}s"), dn));
                }
                _ => {
                    return Err(at(format!(
                        "`{}` is nothing that a plan says",
                        words.join(" ")
                    )));
                }
            }
        }
        for list in ["creates", "restores", "updates", "deletes"] {
            for entry in plan[list].as_array().into_iter().flatten() {
                found.insert((list.to_owned(), shown(&entry["dn"])));
            }
        }
        let counted = lines
            .iter()
            .any(|(_, words)| words.first().is_some_and(|word| word == "count"));
        if !counted && expected != found {
            return Err(Wrong::at(step.line)(format!(
                "expected {expected:?}, planned is {found:?}"
            )));
        }
        Ok(())
    }

    /// Holds what became of one object on demand against the lines of its step.
    pub(crate) fn expect_provisioned(&self, told: &Value, step: &Step) -> Result<(), Wrong> {
        for (number, words) in lines(step)? {
            let at = Wrong::at(number);
            match texts(&words).as_slice() {
                [name @ ("action" | "status"), expected] => {
                    equal(
                        number,
                        &format!("{name} of {told}"),
                        expected,
                        &shown(&told[name]),
                    )?;
                }
                ["step", name, status, rest @ ..] => {
                    let steps = told["steps"].as_array();
                    let found = steps
                        .into_iter()
                        .flatten()
                        .find(|found| found["name"] == **name);
                    let found =
                        found.ok_or_else(|| at(format!("there is no step {name}: {told}")))?;
                    equal(number, name, status, &shown(&found["status"]))?;
                    for text in rest {
                        holds(&found.to_string(), text).map_err(&at)?;
                    }
                }
                ["change", property, new] => {
                    let change = changed(&told["modifiedProperties"], property).map_err(&at)?;
                    equal(number, property, new, &shown(&change["new"]))?;
                }
                ["no", "changes"] => {
                    let changes = told["modifiedProperties"].as_array().map_or(0, Vec::len);
                    equal(number, "the number of changes", "0", &changes.to_string())?;
                }
                _ => return Err(at(format!("`{}` is nothing that is told", words.join(" ")))),
            }
        }
        Ok(())
    }

    /// Changes the directory as an administrator of the cloud does.
    pub(crate) async fn cloud(&self, words: &[&str]) -> Result<(), String> {
        let (words, refusal) = match words {
            [words @ .., "refused", text] => (words, Some(*text)),
            words => (words, None),
        };
        let answer = self.ask_cloud(words).await?;
        let Some(text) = refusal else {
            return answer.ok().map(|_| ());
        };
        match answer.status >= 400 {
            true => holds(&answer.body.to_string(), text),
            false => Err("it was not refused".to_owned()),
        }
    }

    async fn ask_cloud(&self, words: &[&str]) -> Result<Answer, String> {
        match words {
            ["user", upn, values @ ..] => {
                let alias = upn.split('@').next().unwrap_or_default();
                let mut body = json!({
                    "accountEnabled": true, "displayName": alias, "mailNickname": alias,
                    "userPrincipalName": upn,
                    "passwordProfile": {"password": "Correct horse 7"},
                });
                merge(&mut body, values)?;
                Ok(self.send("POST", "/v1.0/users", Some(body)).await)
            }
            ["group", name, values @ ..] => {
                let mut body = json!({
                    "displayName": name, "mailNickname": name, "mailEnabled": false,
                    "securityEnabled": true,
                });
                merge(&mut body, values)?;
                Ok(self.send("POST", "/v1.0/groups", Some(body)).await)
            }
            ["set", kind, name, values @ ..] => {
                let path = self.path_of(kind, name).await?;
                let mut body = json!({});
                merge(&mut body, values)?;
                Ok(self.send("PATCH", &path, Some(body)).await)
            }
            ["delete", kind, name] => {
                let path = self.path_of(kind, name).await?;
                Ok(self.send("DELETE", &path, None).await)
            }
            ["role", role, upn] => {
                let path = format!("/api/v1/roles/{role}/users/{upn}");
                Ok(self.send("PUT", &path, None).await)
            }
            ["domain", name] => {
                let body = json!({ "name": name });
                Ok(self.send("POST", "/api/v1/domains", Some(body)).await)
            }
            _ => Err(format!(
                "`{}` is no change of the directory",
                words.join(" ")
            )),
        }
    }

    async fn path_of(&self, kind: &str, name: &str) -> Result<String, String> {
        let (_, set, _) = set_of(kind)?;
        let found = self.object(kind, name, "id").await?;
        let found = found.ok_or_else(|| format!("there is no {kind} {name}"))?;
        Ok(format!("/v1.0/{set}/{}", shown(&found["id"])))
    }

    /// The object of this name, with these properties.
    async fn object(&self, kind: &str, name: &str, select: &str) -> Result<Option<Value>, String> {
        let (_, set, property) = set_of(kind)?;
        let name = name.replace('\'', "''");
        let filter = format!("{property} eq '{name}'").replace('+', "%2B");
        let path = format!("/v1.0/{set}?$filter={filter}&$select={select}");
        let found = self.list(&path).await?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            more => Err(format!("{} objects are called {name}", more.len())),
        }
    }

    /// Holds an object of the directory against a line.
    pub(crate) async fn expect_object(&self, words: &[&str]) -> Result<(), String> {
        match words {
            ["no", kind, name] => match self.object(kind, name, "id").await? {
                None => Ok(()),
                Some(_) => Err(format!("there is a {kind} {name}")),
            },
            ["deleted", "user", name] => {
                let path = "/v1.0/directory/deletedItems/microsoft.graph.user";
                let deleted = self.list(path).await?;
                match deleted.iter().any(|user| user["displayName"] == **name) {
                    true => Ok(()),
                    false => Err(format!("no user {name} is in the recycle bin: {deleted:?}")),
                }
            }
            ["count", set, expected] => {
                let all = self
                    .list(&format!("/v1.0/{set}?$select=id&$top=999"))
                    .await?;
                same(set, expected, &all.len().to_string())
            }
            [kind, name, rest @ ..] => self.expect_properties(kind, name, rest).await,
            _ => Err("expected what an object is and its name".to_owned()),
        }
    }

    async fn expect_properties(
        &self,
        kind: &str,
        name: &str,
        words: &[&str],
    ) -> Result<(), String> {
        let (label, words) = match words {
            ["as", label, rest @ ..] => (Some(*label), rest),
            words => (None, words),
        };
        let key = |word: &&str| word.find(['=', '~']).map(|at| word[..at].to_owned());
        let keys: Vec<String> = words.iter().filter_map(key).collect();
        if keys.len() != words.len() {
            return Err("expected PROPERTY=VALUE or PROPERTY~PART".to_owned());
        }
        let own = keys.iter().filter(|key| !is_reference(key));
        let own = own.filter_map(|key| key.split('.').next());
        let select: BTreeSet<&str> = own.chain(["id"]).collect();
        let select: Vec<&str> = select.into_iter().collect();
        let found = self.object(kind, name, &select.join(",")).await?;
        let found = found.ok_or_else(|| format!("there is no {kind} {name}"))?;
        let id = shown(&found["id"]);
        if let Some(label) = label {
            let mut labels = self.labels.borrow_mut();
            let known = labels.entry(label.to_owned()).or_insert_with(|| id.clone());
            same(&format!("the id of {label}"), known, &id)?;
        }
        for (key, word) in keys.iter().zip(words) {
            let value = match is_reference(key) {
                true => self.referred(kind, &id, key).await?,
                false => shown(key.split('.').fold(&found, |value, part| &value[part])),
            };
            let expected = &word[key.len() + 1..];
            match word[key.len()..].starts_with('~') {
                true => holds(&value, expected)?,
                false => same(key, expected, &value)?,
            }
        }
        Ok(())
    }

    /// Whom an object refers to, by name and in order.
    async fn referred(&self, kind: &str, id: &str, property: &str) -> Result<String, String> {
        let (_, set, _) = set_of(kind)?;
        if ONE.contains(&property) {
            let path = format!("/v1.0/{set}/{id}/{property}");
            let answer = self.send("GET", &path, None).await;
            return match answer.status {
                404 => Ok(String::new()),
                _ => answer.ok().map(|found| name_of(&found)),
            };
        }
        let (property, counts) = match property {
            "memberCount" => ("members", true),
            other => (other, false),
        };
        let all = self
            .list(&format!("/v1.0/{set}/{id}/{property}?$top=999"))
            .await?;
        if counts {
            return Ok(all.len().to_string());
        }
        let mut names: Vec<String> = all.iter().map(name_of).collect();
        names.sort();
        Ok(names.join(","))
    }

    async fn entries_of(&self, object: &str) -> Result<Vec<Value>, String> {
        let object = match object.contains('=') {
            true => self.full_dn(object)?,
            false => object.to_owned(),
        };
        let object = object.replace('+', "%2B");
        let page = self
            .get(&format!("/api/v1/log?limit=500&object={object}"))
            .await?;
        Ok(page["entries"].as_array().cloned().unwrap_or_default())
    }

    /// Holds the log against a line: what it says of an object.
    pub(crate) async fn expect_log(&self, words: &[&str]) -> Result<(), String> {
        if let ["count", object, action, expected] = words {
            let entries = self.entries_of(object).await?;
            let count = entries.iter().filter(|entry| entry["action"] == **action);
            return same(
                "the number of entries",
                expected,
                &count.count().to_string(),
            );
        }
        let (absent, words) = match words {
            ["no", rest @ ..] => (true, rest),
            words => (false, words),
        };
        let [object, action, rest @ ..] = words else {
            return Err("expected an object and an action".to_owned());
        };
        let entries = self.entries_of(object).await?;
        let fits = |entry: &&Value| {
            let texts = rest.get(1..).unwrap_or_default();
            let told = entry.to_string();
            entry["action"] == **action
                && rest
                    .first()
                    .is_none_or(|status| entry["status"] == **status)
                && texts
                    .iter()
                    .all(|text| told.contains(text) || says(entry, text))
        };
        match (entries.iter().find(fits), absent) {
            (Some(_), false) | (None, true) => Ok(()),
            (Some(entry), true) => Err(format!("the log says {entry}")),
            (None, false) => {
                let told = serde_json::to_string_pretty(&entries).unwrap_or_default();
                Err(format!("the log says of {object} only {told}"))
            }
        }
    }
}

/// Whether an entry of the log took so long, came about so, or was led to by these steps.
fn says(entry: &Value, text: &str) -> bool {
    let step = |step: &Value| format!("{}:{}", shown(&step["name"]), shown(&step["status"]));
    match text.split_once('=') {
        Some(("took", millis)) => shown(&entry["durationMs"]) == millis,
        Some(("by", who)) => shown(&entry["initiatedBy"]) == who,
        Some(("steps", steps)) => {
            let told = entry["steps"].as_array().into_iter().flatten();
            told.map(step).collect::<Vec<_>>().join(",") == steps
        }
        _ => false,
    }
}

/// The lines of a step, taken apart.
pub(crate) fn lines(step: &Step) -> Result<Vec<(usize, Vec<String>)>, Wrong> {
    let taken = step.body.iter().map(|line| {
        let words = words(&line.text).map_err(Wrong::at(line.number))?;
        Ok((line.number, words))
    });
    taken.collect()
}

pub(crate) fn texts(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn set_of(kind: &str) -> Result<(&'static str, &'static str, &'static str), String> {
    let found = SETS.into_iter().find(|(known, ..)| *known == kind);
    found.ok_or_else(|| format!("expected user, group or contact, found `{kind}`"))
}

fn is_reference(key: &str) -> bool {
    let many = [
        "members",
        "owners",
        "memberOf",
        "memberCount",
        "authOrig",
        "publicDelegates",
    ];
    ONE.contains(&key) || many.contains(&key)
}

fn name_of(object: &Value) -> String {
    match object["userPrincipalName"].as_str() {
        Some(name) => name.to_owned(),
        None => shown(&object["displayName"]),
    }
}

fn planned<'a>(plan: &'a Value, list: &str, dn: &str) -> Option<&'a Value> {
    let mut entries = plan[list].as_array()?.iter();
    entries.find(|entry| entry["dn"] == *dn)
}

fn changed<'a>(changes: &'a Value, property: &str) -> Result<&'a Value, String> {
    let mut all = changes.as_array().into_iter().flatten();
    let found = all.find(|change| change["property"] == *property);
    found.ok_or_else(|| format!("{property} is not changed: {changes}"))
}

/// A value as it is written in a scenario: an empty word for none, values of a list behind each other.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

pub(crate) fn equal(line: usize, what: &str, expected: &str, found: &str) -> Result<(), Wrong> {
    same(what, expected, found).map_err(Wrong::at(line))
}

fn same(what: &str, expected: &str, found: &str) -> Result<(), String> {
    match expected == found {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected:?}, found {found:?}")),
    }
}

pub(crate) fn holds(whole: &str, part: &str) -> Result<(), String> {
    match whole.contains(part) {
        true => Ok(()),
        false => Err(format!("expected {part:?} in {whole}")),
    }
}

/// Puts `PROPERTY=VALUE` into a body. An empty value is none, commas stand between the values of a list.
fn merge(body: &mut Value, values: &[&str]) -> Result<(), String> {
    let own: &mut Map<String, Value> = body.as_object_mut().ok_or("a body has properties")?;
    for value in values {
        let (name, value) = value.split_once('=').ok_or("expected PROPERTY=VALUE")?;
        let value = match value {
            "" => Value::Null,
            "true" | "false" => json!(value == "true"),
            list if ["proxyAddresses", "businessPhones"].contains(&name) => {
                json!(list.split(',').collect::<Vec<_>>())
            }
            text => json!(text),
        };
        own.insert(name.to_owned(), value);
    }
    Ok(())
}
