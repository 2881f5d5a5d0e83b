//! Values on the command line: `--set NAME=VALUE`.

use crate::failure::Failure;
use lockstep_directory::{Kind, Property, Type, extension};
use serde_json::{Map, Value};

/// Values that are set.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Given {
    /// Set a property; nothing behind the `=` clears it, and a list is given value by value
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

impl Given {
    /// Puts the values into the body of a request.
    pub(super) fn put_into(
        &self,
        kind: Kind,
        body: &mut Map<String, Value>,
    ) -> Result<(), Failure> {
        for given in &self.set {
            let (name, text) = given.split_once('=').ok_or_else(|| {
                Failure::usage(format!("--set: expected NAME=VALUE, received `{given}`"))
            })?;
            put(kind, name.trim(), text, body)?;
        }
        Ok(())
    }

    /// The values as the body of a request that changes something.
    pub(super) fn change(&self, kind: Kind) -> Result<Map<String, Value>, Failure> {
        if self.set.is_empty() {
            return Err(Failure::usage("expected at least one --set NAME=VALUE"));
        }
        let mut body = Map::new();
        self.put_into(kind, &mut body)?;
        Ok(body)
    }
}

fn put(kind: Kind, name: &str, text: &str, body: &mut Map<String, Value>) -> Result<(), Failure> {
    if name.eq_ignore_ascii_case("onPremisesImmutableId") {
        body.insert("onPremisesImmutableId".into(), optional(text));
        return Ok(());
    }
    if extension::is_name(name) {
        // Which of them are declared the service knows.
        body.insert(name.into(), optional(text));
        return Ok(());
    }
    let property = Property::named(kind, name).map_err(|unknown| {
        Failure::usage(format!(
            "--set: there is no property `{name}`; the nearest is `{}`",
            unknown.nearest
        ))
    })?;
    let name = property.name();
    let wrong = |expected: &str| {
        Failure::usage(format!(
            "--set {name}: expected {expected}, received `{text}`"
        ))
    };
    let value = match property.value_type() {
        Type::TextList | Type::BinaryList => {
            let list = body.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let (Value::Array(values), false) = (list, text.is_empty()) {
                values.push(text.into());
            }
            return Ok(());
        }
        Type::Boolean if !text.is_empty() => text
            .parse::<bool>()
            .map_err(|_| wrong("true or false"))?
            .into(),
        Type::Integer if !text.is_empty() => text
            .parse::<i64>()
            .map_err(|_| wrong("a whole number"))?
            .into(),
        _ => optional(text),
    };
    body.insert(name.into(), value);
    Ok(())
}

fn optional(text: &str) -> Value {
    match text {
        "" => Value::Null,
        text => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_the_types_of_their_properties() {
        let given = |set: &[&str]| Given {
            set: set.iter().map(|&set| set.to_owned()).collect(),
        };
        let mut body = Map::new();
        let good = given(&[
            "department=Engines = 7",
            "jobTitle=",
            "accountEnabled=false",
            "countryCode=44",
            "otherMails=a@x.test",
            "otherMails=b@x.test",
            "businessPhones=",
            "extension_app_costCenter=4711",
        ]);
        good.put_into(Kind::User, &mut body).unwrap();
        let expected = json!({
            "department": "Engines = 7", "jobTitle": null, "accountEnabled": false, "countryCode": 44,
            "otherMails": ["a@x.test", "b@x.test"], "businessPhones": [],
            "extension_app_costCenter": "4711",
        });
        assert_eq!(Value::Object(body), expected);
        for (wrong, expected) in [
            ("departmnt=x", "the nearest is `department`"),
            ("department", "expected NAME=VALUE"),
            ("accountEnabled=yes", "true or false"),
            ("countryCode=x", "a whole number"),
            ("extension_=x", "there is no property"),
        ] {
            let error = given(&[wrong])
                .put_into(Kind::User, &mut Map::new())
                .unwrap_err();
            assert_eq!(error.status(), 2);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
