//! The properties that configurations have declared.

use super::Shared;
use crate::extensions;
use crate::failure::Failure;
use crate::http::auth::{Caller, Role};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use lockstep_api::admin::DirectoryExtension;

pub(super) async fn list(
    State(service): Shared,
    _: Caller,
) -> Result<axum::Json<Vec<DirectoryExtension>>, Failure> {
    Ok(axum::Json(service.read(|tx| extensions::list(tx)).await?))
}

/// Gives one up that nobody uses.
pub(super) async fn remove(
    State(service): Shared,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    caller.require(Role::Administrator)?;
    extensions::remove(&service, &name, caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
