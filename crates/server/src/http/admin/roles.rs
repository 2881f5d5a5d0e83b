//! Who may do what with the service.

use super::Shared;
use crate::directory::edit::{EditError, Editor};
use crate::directory::find::{Query, find};
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use crate::signin::people;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::RoleAssignment;
use lockstep_api::problem::Problem;
use lockstep_directory::query::{Filter, ObjectFields};
use lockstep_directory::{Kind, Object};
use lockstep_model::ids::ObjectId;
use lockstep_store::{Read, StoreError};

/// How many users with roles are read in one go.
const SLICE: usize = 500;

/// Everybody who has a role.
pub(super) async fn list(
    State(service): Shared,
    _: Caller,
) -> Result<axum::Json<Vec<RoleAssignment>>, Failure> {
    let users = service.read(|tx| with_roles(tx)).await?;
    let assignments = users.iter().flat_map(|user| {
        user.roles.iter().map(|role| RoleAssignment {
            role: role.name().to_owned(),
            id: user.id.to_string(),
            user_principal_name: people::name(user),
            display_name: user.text("displayName").map(str::to_owned),
        })
    });
    Ok(axum::Json(assignments.collect()))
}

/// All users with a role, along the index of roles.
fn with_roles(tx: &mut dyn Read) -> Result<Vec<Object>, StoreError> {
    let names: Vec<String> = Role::ALL
        .iter()
        .map(|role| format!("r eq '{}'", role.name()))
        .collect();
    let filter = format!("roles/any(r:{})", names.join(" or "));
    let filter = Filter::parse(&filter, &ObjectFields(Kind::User));
    let mut query = Query {
        kind: Kind::User,
        deleted: false,
        filter: filter.ok(),
        order: None,
        after: None,
        limit: SLICE,
        count: false,
    };
    let mut users = Vec::new();
    while let Ok(found) = find(tx, &query)? {
        users.extend(found.objects);
        if found.next.is_none() {
            break;
        }
        query.after = found.next;
    }
    Ok(users)
}

pub(super) async fn assign(
    state: Shared,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    change(state, caller, path, true).await
}

pub(super) async fn remove(
    state: Shared,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    change(state, caller, path, false).await
}

async fn change(
    State(service): Shared,
    caller: Caller,
    Path((role, user)): Path<(String, String)>,
    present: bool,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    let role = Role::named(&role).ok_or_else(|| {
        let title = format!("role: expected administrator, operator or reader, received `{role}`");
        Problem::new(400, "BadRequest", title)
    })?;
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let sought = user.clone();
    let changed = service
        .write(move |tx| {
            let Some(found) = named(tx, &sought)? else {
                return Ok(None);
            };
            let mut roles = found.roles.clone();
            let had = match present {
                true => !roles.insert(role),
                false => roles.remove(&role),
            };
            let mut editor = Editor {
                tx,
                tenant: &tenant,
                now,
                actor: &caller.name,
            };
            let edited = editor.set_roles(found.id, roles)?;
            Ok(Some(edited.map(|()| present || had)))
        })
        .await?;
    match changed {
        Some(Ok(true)) => Ok(StatusCode::NO_CONTENT),
        Some(Ok(false)) => {
            let title = format!("{user} does not have the role {}", role.name());
            let problem = Problem::new(404, "RoleNotAssigned", title);
            Err(problem
                .remedy("`lockstep role list` shows who has which")
                .into())
        }
        None | Some(Err(EditError::NotFound(_))) => Err(not_found(&user).into()),
        Some(Err(error)) => Err(Problem::new(409, "RoleNotChanged", format!("{error:?}")).into()),
    }
}

fn not_found(user: &str) -> Problem {
    Problem::new(404, "UserNotFound", format!("there is no user {user}"))
        .remedy("name the user by id or user principal name")
}

fn named(tx: &mut dyn Read, wanted: &str) -> Result<Option<Object>, StoreError> {
    match wanted.parse::<ObjectId>() {
        Ok(id) => people::by_id(tx, id),
        Err(_) => people::by_name(tx, wanted),
    }
}
