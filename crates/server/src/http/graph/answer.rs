//! A page of objects, and one object.

use super::beside::{Beside, PASSWORD_POLICIES};
use super::json;
use super::options::Options;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lockstep_directory::Object;
use serde_json::{Map, Value};

/// Objects of one page, and how many there are in all.
pub(super) struct Page {
    /// Each with what is to be shown with it.
    pub(super) objects: Vec<(Object, Beside)>,
    /// Where to go on.
    pub(super) next: Option<Vec<u8>>,
    pub(super) count: Option<u64>,
}

/// Which address answers, for `@odata.context` and the next page.
pub(super) struct Place<'a> {
    pub(super) base: &'a str,
    pub(super) context: &'a str,
    /// Entries name their type: the set is not of one kind.
    pub(super) typed: bool,
}

pub(super) fn page(page: &Page, options: &Options, place: &Place<'_>) -> Response {
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        format!("{}/v1.0/$metadata#{}", place.base, place.context).into(),
    );
    if let Some(count) = page.count {
        body.insert("@odata.count".into(), count.into());
    }
    if let Some(next) = &page.next {
        body.insert(
            "@odata.nextLink".into(),
            options.next_link(place.base, next).into(),
        );
    }
    let objects = page
        .objects
        .iter()
        .map(|(object, beside)| Value::Object(shown(object, beside, options, place)));
    body.insert("value".into(), objects.collect());
    axum::Json(Value::Object(body)).into_response()
}

/// How many objects fit, as text.
pub(super) fn count(page: &Page) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain")];
    (headers, page.count.unwrap_or(0).to_string()).into_response()
}

pub(super) fn one(
    object: &Object,
    beside: &Beside,
    options: &Options,
    place: &Place<'_>,
) -> Response {
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        format!("{}/v1.0/$metadata#{}/$entity", place.base, place.context).into(),
    );
    body.extend(shown(object, beside, options, place));
    axum::Json(Value::Object(body)).into_response()
}

/// An object that was made just now.
pub(super) fn created(object: &Object, path: &str, place: &Place<'_>) -> Response {
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        format!("{}/v1.0/$metadata#{}/$entity", place.base, place.context).into(),
    );
    body.extend(json::object(object, None));
    let location = format!("{}/v1.0/{path}/{}", place.base, object.id);
    let headers = [(header::LOCATION, location)];
    (
        StatusCode::CREATED,
        headers,
        axum::Json(Value::Object(body)),
    )
        .into_response()
}

fn shown(
    object: &Object,
    beside: &Beside,
    options: &Options,
    place: &Place<'_>,
) -> Map<String, Value> {
    let mut shown = Map::new();
    if place.typed {
        shown.insert("@odata.type".into(), json::type_name(object.kind).into());
    }
    shown.extend(json::object(object, options.select.as_deref()));
    if let Some(policies) = &beside.password_policies {
        shown.insert(PASSWORD_POLICIES.into(), policies.clone());
    }
    for relation in &beside.related {
        let one = |object: &Object| {
            let mut one = Map::new();
            one.insert("@odata.type".into(), json::type_name(object.kind).into());
            one.extend(json::object(object, relation.select.as_deref()));
            Value::Object(one)
        };
        let mut objects = relation.objects.iter().map(one);
        // Who has no manager has none: the name is left out, as Graph does.
        if relation.single {
            shown.extend(objects.next().map(|one| (relation.name.clone(), one)));
            continue;
        }
        shown.insert(relation.name.clone(), objects.collect());
        if relation.more {
            let kind = context(object.kind);
            let link = format!("{}/v1.0/{kind}/{}/{}", place.base, object.id, relation.name);
            shown.insert(format!("{}@odata.nextLink", relation.name), link.into());
        }
    }
    shown
}

/// The set in which objects of a kind are.
pub(super) const fn context(kind: lockstep_directory::Kind) -> &'static str {
    use lockstep_directory::Kind;
    match kind {
        Kind::User => "users",
        Kind::Group => "groups",
        Kind::Contact => "contacts",
        Kind::ServicePrincipal => "servicePrincipals",
    }
}
