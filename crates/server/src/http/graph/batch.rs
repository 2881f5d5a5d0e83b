//! Several requests in one: `POST /$batch`.
//!
//! Each is carried out as if it had come alone, one after the other, in the order in which they stand;
//! who depends on one that failed is not carried out.

use super::Shared;
use super::body::object;
use super::error::GraphError;
use super::objects::Known;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tower::ServiceExt as _;

/// How many requests a batch may have, as in Graph.
const MOST: usize = 20;
/// The largest answer of one request.
const LARGEST: usize = 64 << 20;

/// One request of a batch.
struct Part {
    id: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    depends_on: Vec<String>,
}

pub(super) async fn batch(
    State(service): Shared,
    caller: Known,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, GraphError> {
    caller?;
    let parts = parts(&bytes)?;
    let router = super::router().with_state(service);
    let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
    let mut responses = Vec::with_capacity(parts.len());
    for part in parts {
        let failed = |id: &String| statuses.get(id).is_none_or(|status| *status >= 400);
        let response = match part.depends_on.iter().any(failed) {
            true => failed_dependency(),
            false => carry_out(&router, &headers, &part).await?,
        };
        statuses.insert(part.id.clone(), response.status().as_u16());
        responses.push(shown(part.id, response).await);
    }
    Ok(axum::Json(json!({ "responses": responses })).into_response())
}

fn failed_dependency() -> Response {
    GraphError::new(
        424,
        "FailedDependency",
        "A request that this one depends on did not succeed.",
    )
    .into_response()
}

fn parts(bytes: &[u8]) -> Result<Vec<Part>, GraphError> {
    let mut body = object(bytes)?;
    let Some(Value::Array(requests)) = body.remove("requests") else {
        return Err(GraphError::bad_request("expected {\"requests\": […]}."));
    };
    if requests.len() > MOST {
        return Err(GraphError::bad_request(format!(
            "Number of batch request steps exceeds the maximum value of {MOST}."
        )));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(requests.len());
    for request in requests {
        let part = part(&request).ok_or_else(|| {
            GraphError::bad_request(
                "expected each request to have an id, a method and a url below /v1.0, as \
                 {\"id\": \"1\", \"method\": \"GET\", \"url\": \"/users\"}.",
            )
        })?;
        if parts.iter().any(|known| known.id == part.id) {
            let message = format!("Two requests of the batch have the id '{}'.", part.id);
            return Err(GraphError::bad_request(message));
        }
        if let Some(other) = part
            .depends_on
            .iter()
            .find(|id| !parts.iter().any(|p| p.id == **id))
        {
            let message = format!(
                "Request '{}' depends on '{other}', which does not stand before it.",
                part.id
            );
            return Err(GraphError::bad_request(message));
        }
        parts.push(part);
    }
    Ok(parts)
}

fn part(request: &Value) -> Option<Part> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let url = request.get("url")?.as_str()?;
    let path = match url.split_once("://") {
        Some((_, rest)) => format!("/{}", rest.split_once('/')?.1),
        None => format!("/{}", url.trim_start_matches('/')),
    };
    let path = match path.starts_with("/v1.0/") {
        true => path,
        false => format!("/v1.0{path}"),
    };
    let headers = request.get("headers").and_then(Value::as_object);
    let header = |(name, value): (&String, &Value)| Some((name.clone(), text(value)?));
    let depends_on = request.get("dependsOn").and_then(Value::as_array);
    Some(Part {
        id: text(request.get("id")?)?,
        method: request.get("method")?.as_str()?.to_ascii_uppercase(),
        path,
        headers: headers.into_iter().flatten().filter_map(header).collect(),
        body: request.get("body").filter(|body| !body.is_null()).cloned(),
        depends_on: depends_on.into_iter().flatten().filter_map(text).collect(),
    })
}

async fn carry_out(
    router: &Router,
    headers: &HeaderMap,
    part: &Part,
) -> Result<Response, GraphError> {
    if part.path.ends_with("/$batch") {
        return Ok(GraphError::bad_request("A batch cannot hold a batch.").into_response());
    }
    let mut request = Request::builder()
        .method(part.method.as_str())
        .uri(encoded(&part.path));
    for (name, value) in &part.headers {
        if !name.eq_ignore_ascii_case("authorization") {
            request = request.header(name, value);
        }
    }
    if let Some(token) = headers.get(header::AUTHORIZATION) {
        request = request.header(header::AUTHORIZATION, token);
    }
    let body = part
        .body
        .as_ref()
        .map_or_else(Body::empty, |body| Body::from(body.to_string()));
    match request.body(body) {
        Ok(request) => Ok(router.clone().oneshot(request).await.into_response()),
        Err(error) => {
            let message = format!("The request '{}' cannot be read: {error}.", part.id);
            Ok(GraphError::bad_request(message).into_response())
        }
    }
}

/// An address in which clients have left blanks and letters as they are.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'!'..=b'~'
                if !matches!(
                    byte,
                    b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
                ) =>
            {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// An answer as it stands in the answer of the batch: JSON as it is, anything else in Base64.
async fn shown(id: String, response: Response) -> Value {
    let (head, body) = response.into_parts();
    let mut shown = Map::new();
    shown.insert("id".into(), id.into());
    shown.insert("status".into(), head.status.as_u16().into());
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.into()))
    };
    let names = [header::CONTENT_TYPE, header::LOCATION];
    let kept = head.headers.iter().filter(|(name, _)| names.contains(name));
    let headers: Map<String, Value> = kept.filter_map(text).collect();
    shown.insert("headers".into(), Value::Object(headers));
    let bytes = axum::body::to_bytes(body, LARGEST)
        .await
        .unwrap_or_default();
    if !bytes.is_empty() {
        let body =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| STANDARD.encode(&bytes).into());
        shown.insert("body".into(), body);
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_however_clients_write_it() {
        for (url, path) in [
            ("/users/1", "/v1.0/users/1"),
            ("users", "/v1.0/users"),
            ("/v1.0/users?$top=1", "/v1.0/users?$top=1"),
            ("https://host/v1.0/groups", "/v1.0/groups"),
        ] {
            let request = json!({"id": 1, "method": "get", "url": url});
            let part = part(&request).unwrap();
            assert_eq!(
                (part.path.as_str(), part.method.as_str(), part.id.as_str()),
                (path, "GET", "1")
            );
        }
        assert!(part(&json!({"id": "1", "url": "/users"})).is_none());
        assert_eq!(
            encoded("/users?$filter=a eq '\u{e4}'"),
            "/users?$filter=a%20eq%20'%C3%A4'"
        );
    }
}
