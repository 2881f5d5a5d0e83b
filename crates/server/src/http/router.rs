//! All routes together.

use super::{admin, channel, graph, signin};
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::service::Service;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use lockstep_api::problem::Problem;
use lockstep_store::ReadRecords as _;
use lockstep_store::records::service::Tenant;
use std::sync::Arc;

/// Everything that is served to agents, administrators and clients.
pub fn app(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(channel::router())
        .merge(admin::router())
        .merge(graph::router())
        .merge(signin::router())
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(service)
}

/// The metrics, which may be served elsewhere.
pub fn metrics(service: Arc<Service>, metrics: Metrics) -> Router {
    let metrics = Arc::new(metrics);
    let render = move |State(service): State<Arc<Service>>| {
        let metrics = Arc::clone(&metrics);
        async move {
            let text = metrics.render(&service).await;
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
        }
    };
    Router::new()
        .route("/metrics", get(render))
        .with_state(service)
}

async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready when the database answers.
async fn readyz(State(service): State<Arc<Service>>) -> Response {
    match service.read(|tx| tx.fetch_one::<Tenant>(&())).await {
        Ok(Some(_)) => "ready\n".into_response(),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        )
            .into_response(),
    }
}

async fn not_found(uri: Uri) -> Response {
    let title = format!("there is nothing at {}", uri.path());
    refused(&uri, Problem::new(404, "NotFound", title))
}

async fn not_allowed(method: Method, uri: Uri) -> Response {
    let title = format!("{} does not take {method}", uri.path());
    refused(&uri, Problem::new(405, "MethodNotAllowed", title))
}

/// What has no handler is refused by a problem document; below `/v1.0` it says the same in Graph's form too,
/// which is where Graph's clients look.
fn refused(uri: &Uri, problem: Problem) -> Response {
    if !uri.path().starts_with("/v1.0/") {
        return Failure(problem).into_response();
    }
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::NOT_FOUND);
    let body = serde_json::json!({
        "status": problem.status, "code": problem.code, "title": problem.title,
        "error": {"code": "BadRequest", "message": problem.title},
    });
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, headers, body.to_string()).into_response()
}
