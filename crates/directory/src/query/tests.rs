//! Filters are read, checked and answered.

use super::{Field, Filter, HasFields as _, Literal, ObjectFields, lookups, search};
use crate::{Kind, Mastery, Object, Property, Role};
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, PropertyValue, SourceAnchor, Timestamp};
use proptest::prelude::*;

fn property(name: &str) -> Property {
    Property::named(Kind::User, name).unwrap()
}

fn user(texts: &[(&str, &str)]) -> Object {
    let created: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
    let mut object = Object::new(ObjectId::new(Guid::NIL), Kind::User, created);
    for (name, text) in texts {
        let value = match *name {
            "proxyAddresses" | "businessPhones" => {
                PropertyValue::texts(text.split(' ').map(str::to_owned).collect())
            }
            "accountEnabled" => PropertyValue::Boolean(*text == "true"),
            "countryCode" => PropertyValue::Integer(text.parse().unwrap()),
            _ => PropertyValue::Text((*text).to_owned()),
        };
        object.values.insert(property(name), value);
    }
    object
}

fn ada() -> Object {
    let mut ada = user(&[
        ("displayName", "Ada O'Neil"),
        ("department", "Engines"),
        ("accountEnabled", "true"),
        ("countryCode", "44"),
        ("mail", "Ada@corp.test"),
        ("extensionAttribute3", "x"),
        (
            "proxyAddresses",
            "SMTP:ada@corp.test smtp:countess@corp.test",
        ),
    ]);
    ada.roles.insert(Role::Operator);
    ada
}

fn parse(filter: &str) -> Result<Filter, super::FilterError> {
    Filter::parse(filter, &ObjectFields(Kind::User))
}

#[test]
fn filters_fit_as_odata_says() {
    for (filter, fits) in [
        ("displayName eq 'ada o''neil'", true),
        ("startswith(displayName,'ADA')", true),
        (
            "startsWith(displayName, 'bob') or department eq 'Engines'",
            true,
        ),
        (
            "not (department eq 'Engines') and accountEnabled eq true",
            false,
        ),
        ("not startswith(department,'Eng') eq false", true),
        ("startswith(department,'Eng') eq true", true),
        ("endsWith(mail,'@CORP.test')", true),
        ("endswith(mail,'@other.test')", false),
        ("department ne 'Looms' and accountEnabled eq true", true),
        ("department in ('Looms','engines')", true),
        ("department in ('Looms')", false),
        ("jobTitle eq null", true),
        ("jobTitle ne null", false),
        ("jobTitle ne 'x'", true),
        ("jobTitle ge 'a'", false),
        ("department ge 'eng' and department le 'enh'", true),
        ("department gt 'engines'", false),
        ("countryCode gt 43 and countryCode lt 45", true),
        ("countryCode in (1,2)", false),
        ("createdDateTime ge 2026-03-01T08:00:00Z", true),
        ("createdDateTime lt 2026-03-01T09:00:00+01:00", false),
        ("deletedDateTime eq null", true),
        ("proxyAddresses/any(p:p eq 'smtp:Countess@corp.test')", true),
        ("proxyAddresses/any(x:startswith(x,'sip:'))", false),
        // Both must hold of the same value.
        (
            "proxyAddresses/any(x:startswith(x,'smtp:ada') and endswith(x,'countess@corp.test'))",
            false,
        ),
        (
            "proxyAddresses/any(x:x in ('a','smtp:ada@corp.test') or x eq 'b')",
            true,
        ),
        ("proxyAddresses/any()", true),
        ("businessPhones/any()", false),
        ("not businessPhones/any(p:p eq '1')", true),
        ("id eq '00000000-0000-0000-0000-000000000000'", true),
        ("onPremisesSyncEnabled eq true", false),
        ("onPremisesSyncEnabled ne true", true),
        (
            "onPremisesExtensionAttributes/extensionAttribute3 eq 'X'",
            true,
        ),
        ("roles/any(r:r eq 'operator')", true),
    ] {
        let parsed = parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
        assert_eq!(parsed.fits(&ada()), fits, "{filter}");
    }
}

#[test]
fn an_anchor_is_compared_with_the_case_of_its_letters() {
    let mut object = ada();
    object.mastery = Some(Mastery {
        configuration: ConfigurationId::new(Guid::NIL),
        anchor: SourceAnchor::from_object_guid(
            "00112233-4455-6677-8899-aabbccddeeff".parse().unwrap(),
        ),
    });
    for (anchor, fits) in [
        ("MyIRAFVEd2aImaq7zN3u/w==", true),
        ("myIRAFVEd2aImaq7zN3u/w==", false),
    ] {
        let filter = parse(&format!("onPremisesImmutableId eq '{anchor}'")).unwrap();
        assert_eq!(filter.fits(&object), fits);
    }
}

#[test]
fn wrong_filters_are_refused_with_place_and_expectation() {
    for (filter, position, expected) in [
        ("departmnt eq 'x'", 1, "perhaps `department`"),
        ("department eq", 14, "a text in quotes"),
        ("department eq 5", 15, "a text in quotes"),
        ("accountEnabled eq 'true'", 19, "true or false"),
        ("accountEnabled gt true", 16, "`eq`, `ne` or `in`"),
        ("createdDateTime ge 'yesterday'", 20, "a time such as"),
        ("countryCode eq 99999999999999999999", 16, "a whole number"),
        ("department is 'x'", 12, "`eq`, `ne`"),
        ("department in 'x'", 15, "`(`"),
        ("department in ()", 16, "a text in quotes"),
        ("(department eq 'x'", 19, "`)`"),
        ("department eq 'x", 15, "ends with '"),
        ("department eq 'x' department", 19, "the end"),
        ("department eq ?", 15, "a name"),
        ("proxyAddresses eq 'x'", 16, "any"),
        ("department/any(d:d eq 'x')", 1, "a collection"),
        ("proxyAddresses/any(p:q eq 'x')", 22, "perhaps `p`"),
        ("contains(displayName,'x')", 1, "startswith"),
        ("startswith(proxyAddresses,'x')", 12, "one text"),
        ("", 1, "the name of a property"),
    ] {
        let error = parse(filter).unwrap_err();
        assert_eq!(error.position, position, "{filter}: {error}");
        assert!(error.expected.contains(expected), "{filter}: {error}");
    }
    for long in [
        "(".repeat(10_000),
        "not ".repeat(10_000),
        "id eq '' or ".repeat(10_000),
    ] {
        assert!(parse(&long).is_err());
    }
}

#[test]
fn a_search_finds_words_in_any_order_and_properties_by_their_beginning() {
    let ada = user(&[
        ("displayName", "Ada King, Countess of Lovelace"),
        ("description", "wrote programs"),
        ("mail", "ada@corp.test"),
        ("proxyAddresses", "SMTP:ada@corp.test"),
    ]);
    for (text, finds) in [
        ("\"displayName:lovelace\"", true),
        ("\"displayName:LOVE ada\"", true),
        ("\"displayName:love bob\"", false),
        ("\"displayName:ovelace\"", false),
        ("\"description:prog\"", true),
        ("\"mail:ada@\"", true),
        ("\"mail:corp\"", false),
        ("\"proxyAddresses:smtp:ada\"", true),
        ("\"displayName:bob\" OR \"mail:ada\"", true),
        ("\"displayName:bob\" AND \"mail:ada\"", false),
        (
            "(\"displayName:bob\" OR \"displayName:ada\") AND \"mail:ada\"",
            true,
        ),
        ("\"countess\"", true),
        ("\"ada@corp\"", true),
    ] {
        assert_eq!(
            search(Kind::User, text).unwrap().fits(&ada),
            finds,
            "{text}"
        );
    }
    for (text, expected) in [
        ("displayName:ada", "double quotes"),
        ("\"displayName:\"", "something to search for"),
        ("\"displayNam:ada\"", "perhaps `displayName`"),
        ("\"accountEnabled:true\"", "with texts"),
        ("\"displayName:ada", "ends with"),
        ("\"displayName:ada\" \"mail:a\"", "AND"),
        ("", "double quotes"),
    ] {
        let error = search(Kind::User, text).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    assert!(search(Kind::User, &"(".repeat(10_000)).is_err());
}

#[test]
fn a_filter_says_how_to_find_what_fits() {
    for (filter, ways) in [
        (
            "userPrincipalName eq 'Ada@corp.test' and department eq 'x'",
            Some(1),
        ),
        (
            "mail eq 'a' or userPrincipalName eq 'a' or proxyAddresses/any(p:p eq 'smtp:a')",
            Some(3),
        ),
        (
            "startswith(displayName,'a') or startswith(mail,'a')",
            Some(2),
        ),
        ("displayName in ('a','b')", Some(2)),
        ("startswith(displayName,'')", None),
        ("department eq 'x'", None),
        ("mail eq 'a' or department eq 'x'", None),
        ("not (mail eq 'a')", None),
        ("mail eq null", None),
    ] {
        let found = lookups(&parse(filter).unwrap());
        assert_eq!(found.map(|ways| ways.len()), ways, "{filter}");
    }
}

/// A filter and what it means, made together.
#[derive(Clone, Debug)]
struct Meant {
    text: String,
    means: Meaning,
}

#[derive(Clone, Debug)]
enum Meaning {
    And(Box<Meaning>, Box<Meaning>),
    Or(Box<Meaning>, Box<Meaning>),
    Not(Box<Meaning>),
    Equal(&'static str, String),
    Null(&'static str),
    Starts(&'static str, String),
    Ends(&'static str, String),
    AtLeast(&'static str, String),
    OneOf(&'static str, Vec<String>),
    AnyEqual(&'static str, String),
    AnyStarts(&'static str, String),
}

const TEXTS: [&str; 5] = [
    "displayName",
    "mail",
    "userPrincipalName",
    "department",
    "employeeId",
];
const LISTS: [&str; 2] = ["proxyAddresses", "businessPhones"];

impl Meaning {
    /// What the filter means, said as plainly as possible, over values in lower case.
    fn fits(&self, object: &Object) -> bool {
        let one = |name: &str| object.text(name).map(str::to_lowercase);
        let many = |name: &str| match object.values.get(&property(name)) {
            Some(PropertyValue::TextList(list)) => list.iter().map(|t| t.to_lowercase()).collect(),
            _ => Vec::new(),
        };
        match self {
            Self::And(a, b) => a.fits(object) && b.fits(object),
            Self::Or(a, b) => a.fits(object) || b.fits(object),
            Self::Not(a) => !a.fits(object),
            Self::Equal(name, text) => one(name).is_some_and(|v| v == text.to_lowercase()),
            Self::Null(name) => one(name).is_none(),
            Self::Starts(name, text) => {
                one(name).is_some_and(|v| v.starts_with(&text.to_lowercase()))
            }
            Self::Ends(name, text) => one(name).is_some_and(|v| v.ends_with(&text.to_lowercase())),
            Self::AtLeast(name, text) => one(name).is_some_and(|v| v >= text.to_lowercase()),
            Self::OneOf(name, texts) => {
                one(name).is_some_and(|v| texts.iter().any(|text| v == text.to_lowercase()))
            }
            Self::AnyEqual(name, text) => many(name).contains(&text.to_lowercase()),
            Self::AnyStarts(name, text) => many(name)
                .iter()
                .any(|v: &String| v.starts_with(&text.to_lowercase())),
        }
    }
}

/// Few letters, so that values meet; quotes, blanks and signs, so that parsing has to be right.
fn value() -> impl Strategy<Value = String> {
    "[abA'. ]{1,4}".prop_filter("trimmed", |text| text.trim() == text)
}

fn test() -> impl Strategy<Value = Meant> {
    let name = prop::sample::select(&TEXTS[..]);
    let list = prop::sample::select(&LISTS[..]);
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let values = prop::collection::vec(value(), 1..4);
    (0..8_u8, name, list, value(), values).prop_map(move |(form, name, list, text, texts)| {
        let q = quoted(&text);
        let (text, means) = match form {
            0 => (format!("{name} eq {q}"), Meaning::Equal(name, text)),
            1 => (format!("{name} eq null"), Meaning::Null(name)),
            2 => (
                format!("startswith({name},{q})"),
                Meaning::Starts(name, text),
            ),
            3 => (
                format!("endsWith( {name} , {q} )"),
                Meaning::Ends(name, text),
            ),
            4 => (format!("{name} ge {q}"), Meaning::AtLeast(name, text)),
            5 => {
                let all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                (
                    format!("{name} in ({})", all.join(", ")),
                    Meaning::OneOf(name, texts),
                )
            }
            6 => (
                format!("{list}/any(x:x eq {q})"),
                Meaning::AnyEqual(list, text),
            ),
            _ => (
                format!("{list}/any(y: startswith(y,{q}))"),
                Meaning::AnyStarts(list, text),
            ),
        };
        Meant { text, means }
    })
}

fn filter() -> impl Strategy<Value = Meant> {
    test().prop_recursive(4, 24, 2, |inner| {
        (0..3_u8, inner.clone(), inner).prop_map(|(form, a, b)| {
            let (text, means) = match form {
                0 => (
                    format!("({}) and ({})", a.text, b.text),
                    Meaning::And(Box::new(a.means), Box::new(b.means)),
                ),
                1 => (
                    format!("(({})  or {})", a.text, b.text),
                    Meaning::Or(Box::new(a.means), Box::new(b.means)),
                ),
                _ => (format!("not ({})", a.text), Meaning::Not(Box::new(a.means))),
            };
            Meant { text, means }
        })
    })
}

fn object() -> impl Strategy<Value = Object> {
    let texts = prop::collection::vec(prop::option::of(value()), TEXTS.len());
    let lists = prop::collection::vec(prop::collection::vec(value(), 0..3), LISTS.len());
    (texts, lists).prop_map(|(texts, lists)| {
        let mut object = user(&[]);
        for (name, text) in TEXTS.iter().zip(texts) {
            object
                .values
                .extend(text.map(|text| (property(name), PropertyValue::Text(text))));
        }
        for (name, list) in LISTS.iter().zip(lists) {
            if !list.is_empty() {
                object
                    .values
                    .insert(property(name), PropertyValue::texts(list));
            }
        }
        object
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_fits_what_its_meaning_fits_and_its_lookups_miss_nothing(
        filter in filter(),
        objects in prop::collection::vec(object(), 1..12),
    ) {
        let parsed = parse(&filter.text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let ways = lookups(&parsed);
        for object in &objects {
            let fits = filter.means.fits(object);
            prop_assert_eq!(parsed.fits(object), fits, "{} on {:?}", filter.text, object.values);
            if let (true, Some(ways)) = (fits, &ways) {
                prop_assert!(ways.iter().any(|way| way.finds(object)), "{ways:?} miss {:?}", object.values);
            }
        }
    }

    #[test]
    fn a_search_by_word_is_answered_by_the_index(words in prop::collection::vec("[abcß'-]{1,3}", 1..20), at in 0..20_usize) {
        let object = user(&[("displayName", &words.join(" "))]);
        let sought = &words[at.min(words.len() - 1)];
        let filter = search(Kind::User, &format!("\"displayName:{sought}\""));
        let Ok(filter) = filter else { return Ok(()) };
        let ways = lookups(&filter).unwrap_or_default();
        let found = ways.iter().any(|way| way.finds(&object));
        prop_assert!(!filter.fits(&object) || found || ways.is_empty());
        if at < 5 && sought.chars().all(char::is_alphanumeric) {
            prop_assert!(filter.fits(&object), "{sought} in {words:?}");
        }
    }

    #[test]
    fn whatever_is_asked_for_gets_an_answer(text in "\\PC{0,60}") {
        let _ = parse(&text);
        let _ = search(Kind::Group, &text);
    }
}

#[test]
fn fields_are_those_that_are_shown() {
    let object = ada();
    assert_eq!(
        object.values(&Field::Created),
        [Literal::Time(object.created)]
    );
    assert_eq!(object.values(&Field::LastSync), []);
}
