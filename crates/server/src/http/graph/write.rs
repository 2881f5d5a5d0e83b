//! Making, changing, deleting and restoring objects, and references between them.
//!
//! Only administrators write. What may be written is decided in [`directory::edit`](crate::directory::edit).

use super::Shared;
use super::answer::{self, Place, context};
use super::body::{Body, NewPassword, Target};
use super::error::GraphError;
use super::objects::{Known, live, named};
use crate::directory::edit::{EditError, Edited, Editor};
use crate::http::auth::{Caller, Role};
use crate::sealing::Sealer;
use crate::service::Service;
use crate::signin::{people, sessions, trail};
use crate::{credentials, directory};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use lockstep_directory::credential::{Argon2Hash, accept_new};
use lockstep_directory::{Kind, Object, cloud};
use lockstep_model::Guid;
use lockstep_model::ids::ObjectId;
use lockstep_store::{StoreError, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What an editing request ends with, in the transaction.
type Answer<T> = Result<Result<T, GraphError>, StoreError>;

/// Who may write.
fn administrator(caller: Known) -> Result<Caller, GraphError> {
    let caller = caller?;
    caller.require(Role::Administrator)?;
    Ok(caller)
}

/// Runs an edit in one transaction. What is refused is not written: an edit checks before it writes, and
/// gives up the whole transaction when a later step is refused.
async fn edit<T: Send + 'static>(
    State(service): Shared,
    caller: Caller,
    work: impl FnOnce(&mut Editor<'_>) -> Answer<T> + Send + 'static,
) -> Result<T, GraphError> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let refused = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&refused);
    let result = service
        .write(move |tx| {
            let mut editor = Editor {
                tx,
                tenant: &tenant,
                now,
                actor: &caller.name,
            };
            match work(&mut editor)? {
                Ok(value) => Ok(value),
                Err(error) => {
                    *slot
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                    Err(StoreError::Abandoned {
                        source: "the request was refused".into(),
                    })
                }
            }
        })
        .await;
    let refused = refused
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (result, refused) {
        (_, Some(error)) => Err(error),
        (result, None) => Ok(result?),
    }
}

/// The outcome of an edit as the answer of the request.
macro_rules! done {
    ($edited:expr) => {{
        let edited: Edited<_> = $edited;
        match edited? {
            Ok(value) => value,
            Err(error) => return Ok(Err(error.into())),
        }
    }};
}

/// A verifier of a password that is to be set.
struct Verifier {
    hash: Argon2Hash,
    force_change: bool,
}

/// Checks a new password and makes what it will be checked against, which takes a while.
async fn verifier(
    service: &Service,
    new: Option<NewPassword>,
    name: &str,
) -> Result<Option<Verifier>, GraphError> {
    let Some(new) = new else {
        return Ok(None);
    };
    accept_new(&new.password, name).map_err(|weakness| {
        let message = format!("The specified password is not acceptable: {weakness}.");
        GraphError::property("PasswordNotAccepted", "passwordProfile", message)
    })?;
    let hash = service.sign_in.hash(new.password).await.map_err(|_| {
        GraphError::new(
            503,
            "serviceNotAvailable",
            "Too many passwords are being set; try again.",
        )
    })?;
    Ok(Some(Verifier {
        hash,
        force_change: new.force_change,
    }))
}

impl Verifier {
    /// Sets the password; whoever is signed in with another is signed out.
    fn set(self, editor: &mut Editor<'_>, sealer: &Sealer, id: ObjectId) -> Result<(), StoreError> {
        let (tx, now) = (&mut *editor.tx, editor.now);
        credentials::set_cloud_password(tx, sealer, id, self.hash, self.force_change, now)?;
        sessions::end_all(tx, &[id])
    }
}

pub(super) async fn create(
    kind: Kind,
    state: Shared,
    caller: Known,
    bytes: Bytes,
) -> Result<Response, GraphError> {
    let caller = administrator(caller)?;
    let service = Arc::clone(&state.0);
    let body = Body::read(kind, &bytes)?;
    if kind == Kind::User && body.password.is_none() {
        let (property, problem) = ("passwordProfile", cloud::Problem::Required);
        return Err(cloud::Invalid { property, problem }.into());
    }
    let name = text(&body, "userPrincipalName").unwrap_or_default();
    let verifier = verifier(&service, body.password, &name).await?;
    let sealer = Arc::clone(&service.sealer);
    let object = edit(state, caller, move |editor| {
        let id = done!(editor.create(kind, body.values, body.anchor.flatten()));
        if let Some(verifier) = verifier {
            verifier.set(editor, &sealer, id)?;
        }
        for (property, targets) in [("members", body.members), ("owners", body.owners)] {
            if let Err(error) = add(editor, id, property, targets)? {
                return Ok(Err(error));
            }
        }
        if let Some(manager) = body.manager {
            let Some(manager) = find(editor.tx, &manager)? else {
                return Ok(Err(GraphError::not_found("manager")));
            };
            done!(editor.set_manager(id, Some(manager)));
        }
        let object = directory::objects(editor.tx, &[id])?.pop().flatten();
        Ok(object.ok_or_else(|| GraphError::not_found(&id.to_string())))
    })
    .await?;
    let place = Place {
        base: &service.public_url,
        context: context(kind),
        typed: false,
    };
    Ok(answer::created(&object, context(kind), &place))
}

fn text(body: &Body, name: &str) -> Option<String> {
    let mut values = body.values.iter();
    let value = values
        .find(|(property, _)| property.name() == name)?
        .1
        .as_ref()?;
    value.as_text().map(str::to_owned)
}

/// Adds references, as many as one request may name.
fn add(
    editor: &mut Editor<'_>,
    group: ObjectId,
    property: &'static str,
    targets: Vec<Target>,
) -> Answer<()> {
    let mut ids = Vec::with_capacity(targets.len());
    for target in targets {
        match find(editor.tx, &target)? {
            Some(id) => ids.push(id),
            None => return Ok(Err(GraphError::not_found(&format!("{target:?}")))),
        }
    }
    if !ids.is_empty() {
        done!(editor.add_references(group, property, &ids));
    }
    Ok(Ok(()))
}

fn find(tx: &mut dyn Write, target: &Target) -> Result<Option<ObjectId>, StoreError> {
    match target {
        Target::Id(id) => Ok(Some(*id)),
        Target::Name(name) => {
            let found = directory::users_by_name(tx, std::slice::from_ref(name))?;
            Ok(found.into_iter().flatten().next().map(|object| object.id))
        }
    }
}

/// The object that an address names.
fn addressed(tx: &mut dyn Write, kind: Kind, name: &str) -> Answer<Object> {
    let object = named(tx, kind, name)?;
    Ok(object.ok_or_else(|| GraphError::not_found(name)))
}

macro_rules! addressed {
    ($editor:expr, $kind:expr, $name:expr) => {
        match addressed($editor.tx, $kind, $name)? {
            Ok(object) => object,
            Err(error) => return Ok(Err(error)),
        }
    };
}

pub(super) async fn update(
    kind: Kind,
    state: Shared,
    caller: Known,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, GraphError> {
    let caller = administrator(caller)?;
    let service = Arc::clone(&state.0);
    let sought = name.clone();
    let object = service.read(move |tx| live(tx, kind, &sought)).await?;
    let object = object.ok_or_else(|| GraphError::not_found(&name))?;
    if kind == Kind::ServicePrincipal {
        return Err(EditError::Protected(kind).into());
    }
    let body = Body::read(kind, &bytes)?;
    let user = object.text("userPrincipalName").unwrap_or_default();
    let verifier = verifier(&service, body.password, user).await?;
    let sealer = Arc::clone(&service.sealer);
    edit(state, caller, move |editor| {
        let id = object.id;
        if !body.values.is_empty() || body.anchor.is_some() {
            done!(editor.update(id, body.values, body.anchor));
        }
        if let Some(verifier) = verifier {
            verifier.set(editor, &sealer, id)?;
            trail::password_changed(editor.tx, editor.now, editor.actor, &people::name(&object))?;
        }
        for (property, targets) in [("members", body.members), ("owners", body.owners)] {
            if let Err(error) = add(editor, id, property, targets)? {
                return Ok(Err(error));
            }
        }
        if let Some(manager) = body.manager {
            let Some(manager) = find(editor.tx, &manager)? else {
                return Ok(Err(GraphError::not_found("manager")));
            };
            done!(editor.set_manager(id, Some(manager)));
        }
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}

pub(super) async fn delete(
    kind: Kind,
    state: Shared,
    caller: Known,
    Path(name): Path<String>,
) -> Result<StatusCode, GraphError> {
    edit(state, administrator(caller)?, move |editor| {
        let object = addressed!(editor, kind, &name);
        done!(editor.delete(object.id));
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}

/// Brings a user back from the recycle bin.
pub(super) async fn restore(
    state: Shared,
    caller: Known,
    Path(id): Path<String>,
) -> Result<Response, GraphError> {
    let service = Arc::clone(&state.0);
    let guid: Guid = id.parse().map_err(|_| GraphError::not_found(&id))?;
    let object = edit(state, administrator(caller)?, move |editor| {
        let id = ObjectId::new(guid);
        done!(editor.restore(id));
        let object = directory::objects(editor.tx, &[id])?.pop().flatten();
        Ok(object.ok_or_else(|| GraphError::not_found(&id.to_string())))
    })
    .await?;
    let mut body = serde_json::Map::new();
    let context = format!(
        "{}/v1.0/$metadata#directoryObjects/$entity",
        service.public_url
    );
    body.insert("@odata.context".into(), context.into());
    body.insert(
        "@odata.type".into(),
        super::json::type_name(object.kind).into(),
    );
    body.extend(super::json::object(&object, None));
    Ok(axum::Json(body).into_response())
}

/// Removes a user from the recycle bin for good.
pub(super) async fn purge(
    state: Shared,
    caller: Known,
    Path(id): Path<String>,
) -> Result<StatusCode, GraphError> {
    let guid: Guid = id.parse().map_err(|_| GraphError::not_found(&id))?;
    edit(state, administrator(caller)?, move |editor| {
        done!(editor.purge(ObjectId::new(guid)));
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}

/// Makes an object a member or owner of a group.
pub(super) async fn add_reference(
    property: &'static str,
    state: Shared,
    caller: Known,
    Path(group): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, GraphError> {
    let target = Target::read(&bytes)?;
    edit(state, administrator(caller)?, move |editor| {
        let group = addressed!(editor, Kind::Group, &group);
        match add(editor, group.id, property, vec![target])? {
            Ok(()) => Ok(Ok(StatusCode::NO_CONTENT)),
            Err(error) => Ok(Err(error)),
        }
    })
    .await
}

/// Removes a member or owner from a group.
pub(super) async fn remove_reference(
    property: &'static str,
    state: Shared,
    caller: Known,
    Path((group, id)): Path<(String, String)>,
) -> Result<StatusCode, GraphError> {
    let guid: Guid = id.parse().map_err(|_| GraphError::not_found(&id))?;
    edit(state, administrator(caller)?, move |editor| {
        let group = addressed!(editor, Kind::Group, &group);
        done!(editor.remove_reference(group.id, property, ObjectId::new(guid)));
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}

/// Gives a user another manager.
pub(super) async fn set_manager(
    state: Shared,
    caller: Known,
    Path(user): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, GraphError> {
    let target = Target::read(&bytes)?;
    edit(state, administrator(caller)?, move |editor| {
        let user = addressed!(editor, Kind::User, &user);
        let Some(manager) = find(editor.tx, &target)? else {
            return Ok(Err(GraphError::not_found("manager")));
        };
        done!(editor.set_manager(user.id, Some(manager)));
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}

/// Leaves a user without a manager.
pub(super) async fn remove_manager(
    state: Shared,
    caller: Known,
    Path(user): Path<String>,
) -> Result<StatusCode, GraphError> {
    edit(state, administrator(caller)?, move |editor| {
        let user = addressed!(editor, Kind::User, &user);
        done!(editor.set_manager(user.id, None));
        Ok(Ok(StatusCode::NO_CONTENT))
    })
    .await
}
