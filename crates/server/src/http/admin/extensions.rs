//! The properties that configurations have declared.

use super::Shared;
use crate::extensions;
use crate::failure::Failure;
use crate::http::auth::Caller;
use axum::extract::State;
use lockstep_api::admin::DirectoryExtension;

pub(super) async fn list(
    State(service): Shared,
    _: Caller,
) -> Result<axum::Json<Vec<DirectoryExtension>>, Failure> {
    Ok(axum::Json(service.read(|tx| extensions::list(tx)).await?))
}
