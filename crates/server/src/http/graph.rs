//! The directory on the wire, `/v1.0`: a subset of the Microsoft Graph format.

mod answer;
mod batch;
mod beside;
mod body;
mod delta;
mod error;
mod json;
mod logs;
mod objects;
mod options;
mod related;
mod write;

use crate::service::Service;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use error::GraphError;
use lockstep_directory::Kind;
use related::Way;
use std::sync::Arc;

type Shared = State<Arc<Service>>;
type Routes = Router<Arc<Service>>;

/// The routes below `/v1.0`.
pub fn router() -> Routes {
    let mut router = Router::new()
        .route(
            "/v1.0/directory/deletedItems/{id}",
            get(objects::deleted_object).delete(write::purge),
        )
        .route(
            "/v1.0/directory/deletedItems/{id}/restore",
            post(write::restore),
        )
        .route(
            "/v1.0/directoryObjects/{id}",
            get(objects::directory_object),
        )
        .route("/v1.0/auditLogs/provisioning", get(logs::provisioning));
    for prefix in ["microsoft.graph", "graph"] {
        let path = |name| format!("/v1.0/directory/deletedItems/{prefix}.{name}");
        router = router
            .route(&path("user"), get(objects::deleted_users))
            .route(&path("group"), get(objects::deleted_groups));
    }
    router = dollar(router, "/v1.0/$batch", || post(batch::batch));
    router = sets(router);
    router = relations(router);
    references(router)
}

/// The sets of objects.
fn sets(mut router: Routes) -> Routes {
    for (path, kind) in [
        ("/v1.0/users", Kind::User),
        ("/v1.0/groups", Kind::Group),
        ("/v1.0/contacts", Kind::Contact),
        ("/v1.0/servicePrincipals", Kind::ServicePrincipal),
    ] {
        let list = move |state: Shared, caller, uri: Uri| objects::list(kind, state, caller, uri);
        let count = move |state: Shared, caller, uri: Uri| objects::count(kind, state, caller, uri);
        let one =
            move |state: Shared, caller, id, uri: Uri| objects::one(kind, state, caller, id, uri);
        let create =
            move |state: Shared, caller, bytes: Bytes| write::create(kind, state, caller, bytes);
        let update = move |state: Shared, caller, id, bytes: Bytes| {
            write::update(kind, state, caller, id, bytes)
        };
        let remove = move |state: Shared, caller, id| write::delete(kind, state, caller, id);
        let set: MethodRouter<Arc<Service>> = match kind {
            Kind::User | Kind::Group => get(list).post(create),
            Kind::Contact | Kind::ServicePrincipal => get(list),
        };
        let object = get(one).patch(update).delete(remove);
        router = router
            .route(path, set)
            .route(&format!("{path}/{{id}}"), object);
        router = dollar(router, &format!("{path}/$count"), || get(count));
        if matches!(kind, Kind::User | Kind::Group) {
            let delta = move |state: Shared, caller, headers: HeaderMap, uri: Uri| {
                delta::delta(kind, state, caller, headers, uri)
            };
            // As the clients of several languages write it.
            for name in [
                "delta",
                "delta()",
                "microsoft.graph.delta",
                "microsoft.graph.delta()",
            ] {
                router = router.route(&format!("{path}/{name}"), get(delta));
            }
        }
    }
    router
}

/// Objects that objects refer to, or that refer to them.
fn relations(mut router: Routes) -> Routes {
    for (set, kind) in [
        ("users", Kind::User),
        ("groups", Kind::Group),
        ("contacts", Kind::Contact),
    ] {
        for (name, way) in Way::all(kind) {
            let path = format!("/v1.0/{set}/{{id}}/{name}");
            if way.single {
                let one = move |state: Shared, caller, id: Path<String>, uri: Uri| {
                    related::one(way, state, caller, id, uri)
                };
                router = router.route(&path, get(one));
                continue;
            }
            let list = move |state: Shared, caller, id: Path<String>, uri: Uri| {
                related::list(way, state, caller, id, uri)
            };
            let count = move |state: Shared, caller, id: Path<String>| {
                related::count(way, state, caller, id)
            };
            router = router.route(&path, get(list));
            router = dollar(router, &format!("{path}/$count"), || get(count));
        }
    }
    router
}

/// References that can be made and removed.
fn references(mut router: Routes) -> Routes {
    for property in ["members", "owners"] {
        let add = move |state: Shared, caller, group, bytes: Bytes| {
            write::add_reference(property, state, caller, group, bytes)
        };
        let remove = move |state: Shared, caller, path: Path<(String, String)>| {
            write::remove_reference(property, state, caller, path)
        };
        let path = format!("/v1.0/groups/{{id}}/{property}");
        router = dollar(router, &format!("{path}/$ref"), || post(add));
        router = dollar(router, &format!("{path}/{{member}}/$ref"), || {
            delete(remove)
        });
    }
    dollar(router, "/v1.0/users/{id}/manager/$ref", || {
        put(write::set_manager).delete(write::remove_manager)
    })
}

/// A route with a dollar sign in it, which some clients send as it is and some encoded.
fn dollar(router: Routes, path: &str, methods: impl Fn() -> MethodRouter<Arc<Service>>) -> Routes {
    router
        .route(path, methods())
        .route(&path.replace('$', "%24"), methods())
}

/// The answer for an address below `/v1.0` that there is none for.
pub fn not_found(uri: &Uri) -> Response {
    let message = format!("Resource not found for the segment '{}'.", uri.path());
    GraphError::new(404, "BadRequest", message).into_response()
}
