//! # SingleAppRoleAssignment(appRoleAssignments)
//!
//! The role of a user in an application. Refused: roles are assigned in the cloud, and this mapping reads
//! Active Directory.
//!
//! ```text
//! SingleAppRoleAssignment([appRoleAssignments])
//!   is refused: roles of applications are provisioned from the cloud to applications
//! ```

use super::app_role_assignments_complex::APP_ROLES;
use super::*;

pub(super) static FUNCTION: Function = Function::refused(
    "SingleAppRoleAssignment",
    &[Parameter::any("appRoleAssignments")],
    APP_ROLES,
);
