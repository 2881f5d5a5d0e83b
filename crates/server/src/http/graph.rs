//! The directory on the wire, `/v1.0`: the read side of a subset of the Microsoft Graph format.

mod answer;
mod error;
mod json;
mod objects;
mod options;
mod related;

use crate::service::Service;
use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::routing::{get, post};
use lockstep_directory::Kind;
use std::sync::Arc;

type Shared = State<Arc<Service>>;

/// The routes below `/v1.0`.
pub fn router() -> Router<Arc<Service>> {
    let mut router = Router::new()
        .route(
            "/v1.0/directory/deletedItems/microsoft.graph.user",
            get(objects::deleted_users),
        )
        .route(
            "/v1.0/directory/deletedItems/{id}",
            get(objects::deleted_user).delete(objects::mastered),
        )
        .route(
            "/v1.0/directory/deletedItems/{id}/restore",
            post(objects::restore),
        )
        .route("/v1.0/users/{id}/memberOf", get(related::member_of))
        .route("/v1.0/users/{id}/manager", get(related::manager))
        .route(
            "/v1.0/users/{id}/directReports",
            get(related::direct_reports),
        )
        .route("/v1.0/groups/{id}/members", get(related::members))
        .route("/v1.0/groups/{id}/owners", get(related::owners))
        .route("/v1.0/groups/{id}/memberOf", get(related::group_member_of))
        .route(
            "/v1.0/contacts/{id}/memberOf",
            get(related::contact_member_of),
        );
    for (path, kind) in [
        ("/v1.0/users", Kind::User),
        ("/v1.0/groups", Kind::Group),
        ("/v1.0/contacts", Kind::Contact),
        ("/v1.0/servicePrincipals", Kind::ServicePrincipal),
    ] {
        let list = move |state: Shared, caller, uri: Uri| objects::list(kind, state, caller, uri);
        let one =
            move |state: Shared, caller, id, uri: Uri| objects::one(kind, state, caller, id, uri);
        let write =
            move |state: Shared, caller, id| objects::refuse_change(kind, state, caller, id);
        router = router.route(path, get(list)).route(
            &format!("{path}/{{id}}"),
            get(one).patch(write).delete(write),
        );
    }
    router
}
