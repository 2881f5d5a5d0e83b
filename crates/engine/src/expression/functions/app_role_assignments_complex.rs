//! # AppRoleAssignmentsComplex(appRoleAssignments)
//!
//! Roles of a user in an application. Refused: roles are assigned in the cloud, and this mapping reads
//! Active Directory.
//!
//! ```text
//! AppRoleAssignmentsComplex([appRoleAssignments])
//!   is refused: roles of applications are provisioned from the cloud to applications
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::refused(
    "AppRoleAssignmentsComplex",
    &[Parameter::any("appRoleAssignments")],
    APP_ROLES,
);

/// Why functions about roles are refused.
pub(super) const APP_ROLES: &str = "roles of applications are provisioned from the cloud to \
                                    applications, and this mapping reads Active Directory";
