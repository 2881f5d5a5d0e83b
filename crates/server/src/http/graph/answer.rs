//! A page of objects.

use super::json;
use super::options::Options;
use axum::response::{IntoResponse as _, Response};
use lockstep_directory::Object;
use serde_json::{Map, Value};

/// Objects of one page, and how many there are in all.
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) more: bool,
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
    if page.more
        && let Some(last) = page.objects.last()
    {
        let link = options.next_link(place.base, last.id.guid());
        body.insert("@odata.nextLink".into(), link.into());
    }
    let objects = page.objects.iter().map(|object| {
        let mut shown = Map::new();
        if place.typed {
            shown.insert("@odata.type".into(), json::type_name(object.kind).into());
        }
        shown.extend(json::object(object, options.select.as_deref()));
        Value::Object(shown)
    });
    body.insert("value".into(), objects.collect());
    axum::Json(Value::Object(body)).into_response()
}

pub(super) fn one(object: &Object, options: &Options, place: &Place<'_>) -> Response {
    let mut body = Map::new();
    body.insert(
        "@odata.context".into(),
        format!("{}/v1.0/$metadata#{}/$entity", place.base, place.context).into(),
    );
    if place.typed {
        body.insert("@odata.type".into(), json::type_name(object.kind).into());
    }
    body.extend(json::object(object, options.select.as_deref()));
    axum::Json(Value::Object(body)).into_response()
}
