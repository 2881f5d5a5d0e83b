//! The administration API, `/api/v1`, and what the command line prints with `--output json`.
//!
//! | request | body → answer | role |
//! |---|---|---|
//! | `GET tenant` | → [`Tenant`] | reader |
//! | `GET domains` · `POST domains` · `DELETE domains/NAME` | [`NewDomain`] → [`Tenant`] | administrator to change |
//! | `GET agents` · `DELETE agents/ID` | → `[`[`Agent`]`]` | administrator to remove |
//! | `POST agents/tokens` | [`NewEnrollmentToken`] → [`EnrollmentTokenMade`] | administrator |
//! | `GET configurations` · `GET configurations/NAME` | → [`Configuration`] | reader |
//! | `PUT configurations/NAME` | [`Spec`] → [`Configuration`] | administrator |
//! | `DELETE configurations/NAME?handOverTo=cloud` | → 204 | administrator |
//! | `POST configurations/NAME/pause` · `resume` | → [`Configuration`] | operator |
//! | `POST configurations/NAME/cycle?wait=true` | → [`Cycle`] | operator |
//! | `POST configurations/NAME/restart` | [`Restart`] → [`Configuration`] | operator |
//! | `GET configurations/NAME/cycles` | → `[`[`Cycle`]`]` | reader |
//! | `GET configurations/NAME/escrows` | → `[`[`Escrow`]`]` | reader |
//! | `GET configurations/NAME/deletes` | → `[`[`HeldDelete`]`]` | reader |
//! | `POST configurations/NAME/deletes/allow` · `reject` | [`Chosen`] → [`ChosenDone`] | operator |
//! | `GET configurations/NAME/missing` | → `[`[`Missing`]`]` | reader |
//! | `POST configurations/NAME/missing/delete` · `keep` | [`Chosen`] → [`ChosenDone`] | operator |
//! | `POST plan` · `POST configurations/NAME/plan` | [`Spec`] or nothing → [`Plan`] | reader |
//! | `POST configurations/NAME/provision` | [`Provision`] → [`Provisioned`] | operator |
//! | `POST configurations/NAME/reconcile?repair=true` | → [`Reconciled`] | operator |
//! | `GET log` | → [`LogPage`] | reader |
//! | `GET audit` | → `[`[`AuditEntry`]`]` | reader |
//! | `GET extensions` · `DELETE extensions/NAME` | → `[`[`DirectoryExtension`]`]` | administrator to change |
//! | `GET roles` · `PUT roles/ROLE/users/NAME` · `DELETE` the same | → `[`[`RoleAssignment`]`]` | administrator to change |
//! | `GET tokens` · `POST tokens` · `DELETE tokens/ID` | [`NewToken`] → [`TokenMade`] | administrator |
//! | `GET apps` · `POST apps` · `DELETE apps/ID` | [`NewApp`] → [`AppMade`] | administrator |
//! | `PUT users/NAME/password` | [`NewPassword`] → 204 | administrator |
//! | `GET password-policy` · `PUT password-policy` | [`PasswordPolicy`] | administrator to change |
//! | `POST signing-keys/replace` | → 204 | administrator |
//!
//! Times are RFC 3339 in UTC. Errors are [problem documents](crate::problem::Problem).

use crate::configuration::Spec;
use crate::openapi::{ActionWord, KindWord, ResetWord, StatusWord};
use crate::text;
use lockstep_model::log::{Action, Status};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The owner of the directory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id, a GUID.
    pub id: String,
    /// The domain that it has had from the beginning.
    pub initial_domain: String,
    /// All DNS suffixes that it owns, the initial one first.
    pub domains: Vec<String>,
}

/// A DNS suffix to be added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDomain {
    /// The suffix.
    pub name: String,
}

/// An agent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// How it is listed.
    pub name: String,
    /// `active` when it was heard of within the last two minutes, else `inactive`.
    pub status: String,
    /// Its version.
    pub version: String,
    /// The domains that it serves.
    pub domains: Vec<String>,
    /// When it was last heard of.
    pub last_seen: String,
}

/// A wish for an enrolment token.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewEnrollmentToken {
    /// For how many seconds it is good; an hour unless given.
    pub expires_in_seconds: Option<u64>,
}

/// An enrolment token. It is shown once.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrollmentTokenMade {
    /// Its text.
    pub token: String,
    /// Until when it is good.
    pub expires_at: String,
}

/// A configuration and how its job stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The domain.
    pub domain: String,
    /// `notRun`, `active`, `paused` or `quarantine`.
    pub status: String,
    /// Why it is slowed down or held; none: it is not.
    pub quarantine: Option<Quarantine>,
    /// The last cycle that ended.
    pub last_cycle: Option<Cycle>,
    /// How its cycles go.
    pub job: JobStatus,
    /// Objects that wait for another object of Active Directory to let go of their anchor; the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// There are more of them. The list of the escrows has them all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_claims: bool,
    /// Attributes that the domain's schema lacks: what the default mapping makes of them is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_attributes: Vec<String>,
    /// How many objects of each type it has in the directory.
    pub counts: Counts,
    /// The id of its service principal.
    pub service_principal: String,
    /// What was applied.
    pub configuration: Spec,
}

/// An object of Active Directory whose anchor another has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// objectGUID of the one that waits.
    pub id: String,
    /// The anchor in Base64.
    pub anchor: String,
    /// The id of the object in the directory.
    pub object: Option<String>,
    /// The configuration that owns it; none: nobody does any more.
    pub owner: Option<String>,
    /// Why it waits.
    pub reason: String,
}

/// How the cycles of a configuration go.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The cycle that runs.
    pub running: Option<Cycle>,
    /// The last cycle that did not fail.
    pub last_successful_cycle: Option<Cycle>,
    /// The last cycle that did not fail and changed something.
    pub last_successful_cycle_with_exports: Option<Cycle>,
    /// How many cycles failed since the last that did not.
    pub successive_failures: u64,
    /// For how many seconds changes in Active Directory may be missing: the age of what the last successful cycle
    /// began with.
    pub lag_seconds: Option<u64>,
    /// How many changes all cycles together made.
    pub exported: u64,
    /// Changes that the guard or a limit holds.
    pub held: u64,
    /// Objects that failed and wait for their next attempt.
    #[serde(default)]
    pub escrowed: u64,
    /// Objects that take part: those in the directory, and those that fail and are not in it.
    #[serde(default)]
    pub entitled: u64,
    /// Objects of the directory that Active Directory does not show any more without saying that they were deleted,
    /// and of which nobody has said what is to become of them.
    #[serde(default)]
    pub missing: u64,
    /// How far the cycle has come that runs.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Cycles in which passwords could not be read, since the last in which they could.
    #[serde(default)]
    pub password_failures: u64,
    /// Why passwords could not be read the last time.
    #[serde(default)]
    pub password_error: Option<CycleError>,
    /// When a cycle first found nothing to do.
    pub steady_state_first_achieved: Option<String>,
    /// When one last did.
    pub steady_state_last_achieved: Option<String>,
    /// When the directory was last compared with what it should be.
    pub last_reconciled: Option<String>,
    /// How many objects were otherwise then.
    pub drifting: u64,
    /// Where to read what its errors mean.
    pub troubleshooting: String,
}

/// How far a cycle has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// `reading` while an agent reads changes (what has been read is decided meanwhile), `readingPasswords`, or
    /// `deciding`.
    pub stage: String,
    /// Objects that it has decided so far.
    pub decided: u64,
    /// Objects that are known by now and still to be decided.
    pub waiting: u64,
}

/// Why a configuration is slowed down or held.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// Why: the reason's stable name, such as `TooManyDeletes`.
    pub reason: String,
    /// The same, as the errors of cycles call it.
    #[serde(default)]
    pub code: String,
    /// In words.
    #[serde(default)]
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub remedy: String,
    /// The request that failed, if one did.
    #[serde(default)]
    pub request: Option<String>,
    /// Since when.
    pub since: String,
    /// Since when it is slowed down without a clean cycle, for whatever reason; none: only changes are held.
    #[serde(default)]
    pub series_began: Option<String>,
    /// How many cycles were tried since then and were not clean.
    #[serde(default)]
    pub series_count: u64,
    /// When it is tried again; none: when somebody asks for it.
    pub next_attempt: Option<String>,
}

/// Objects by type.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Users.
    pub users: u64,
    /// Groups.
    pub groups: u64,
    /// Contacts.
    pub contacts: u64,
}

/// One cycle.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cycle {
    /// Its id.
    pub cycle_id: String,
    /// `initial`, `incremental` or `full`.
    pub kind: String,
    /// `running`, `succeeded`, `failed` or `quarantined`.
    pub state: String,
    /// Objects read of which something was wanted.
    pub imported: u64,
    /// References that were said to have come or gone; of sets that were read whole, all that are in them.
    #[serde(default)]
    pub imported_references: u64,
    /// Objects made.
    pub created: u64,
    /// Objects changed.
    pub updated: u64,
    /// Objects deleted.
    pub deleted: u64,
    /// Objects brought back.
    pub restored: u64,
    /// Objects looked at and found as they should be.
    pub unchanged: u64,
    /// Objects that take no part.
    pub skipped: u64,
    /// Objects that could not be provisioned.
    pub failed: u64,
    /// Changes that the guard or a limit holds.
    pub held: u64,
    /// Password hashes.
    pub passwords: Passwords,
    /// What would have been done, while the configuration is in staging.
    #[serde(default)]
    pub planned: Option<Planned>,
    /// What stopped it.
    pub error: Option<CycleError>,
    /// When it began.
    pub started_at: String,
    /// When it ended; none: it runs.
    pub ended_at: Option<String>,
    /// How long it took, in milliseconds; until now if it runs.
    pub duration_ms: u64,
}

/// What a cycle would have done.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Objects made.
    pub creates: u64,
    /// Objects brought back.
    pub restores: u64,
    /// Objects changed.
    pub updates: u64,
    /// Objects deleted, held ones included.
    pub deletes: u64,
}

/// What a cycle did with password hashes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Passwords {
    /// Taken over in this cycle.
    pub set: u64,
    /// At its end, users whose password is still to come: it must be changed first, or there is none.
    pub waiting: u64,
    /// At its end, users whose password is not taken over.
    pub skipped: u64,
    /// At its end, users whose password could not be taken over.
    pub failed: u64,
}

/// What stopped a cycle.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CycleError {
    /// A stable name in CamelCase.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The request that failed, if it was one.
    #[serde(default)]
    pub request: Option<String>,
}

/// What a job is to forget.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Restart {
    /// Of `watermark`, `escrows`, `quarantine`, `links` and `full`; the first three unless given.
    #[schema(value_type = Option<Vec<ResetWord>>)]
    pub reset: Option<Vec<String>>,
}

/// A change that the guard or a limit holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldDelete {
    /// What to name it by: objectGUID of the object; for a member's removal group and member.
    pub id: String,
    /// `delete`, `update` or `memberRemoval`.
    #[serde(default)]
    pub change: String,
    /// The member that would leave.
    #[serde(default)]
    pub member: Option<String>,
    /// Its distinguished name.
    pub dn: String,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// Why it would be done.
    pub reason: String,
    /// Since when it is held.
    pub since: String,
    /// `held`, `allowed` or `rejected`.
    pub verdict: String,
    /// Greater than that of whatever waited before it: `until` of what is chosen.
    #[serde(default)]
    pub number: u64,
}

/// An object of the directory that a full import has not seen in Active Directory.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// objectGUID of the object.
    pub id: String,
    /// The distinguished name that it had.
    pub dn: String,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// Its id in the directory.
    pub object: String,
    /// Since when it is missing.
    pub since: String,
    /// `open`, `gone` or `stays`: what an administrator has said of it.
    pub verdict: String,
    /// Why it is left as it is, or is deleted.
    pub reason: String,
    /// Not less than that of whatever was missing before it: `until` of what is chosen.
    #[serde(default)]
    pub number: u64,
}

/// An object that failed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Escrow {
    /// objectGUID of the object.
    pub id: String,
    /// Its distinguished name.
    pub dn: String,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// What was to be done: `action`; the id of the directory's `object`, unless it was to be made; the `values`, as far
    /// as they can be made; and in `failed` of each other one the `target`, the `expression`, its `input` and the
    /// `reason`.
    #[schema(value_type = Object)]
    pub request: serde_json::Value,
    /// The reason's stable name.
    pub code: String,
    /// What came of it.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed: String,
    /// When it failed last.
    pub last_failed: String,
    /// When it is tried again, at the latest; none: when it changes.
    pub next_attempt: Option<String>,
}

/// What is chosen of a list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Chosen {
    /// Their ids; empty, and no filter: all of which nothing was said yet.
    pub ids: Vec<String>,
    /// Those that this is true of, as `$filter` of Microsoft Graph: over `id`, `dn`, `type`, `change`, `member`,
    /// `reason` and `since`.
    pub filter: Option<String>,
    /// Only what was listed by then: the greatest `number` of the list that was looked at. Without it, whatever is there
    /// by now is meant.
    pub until: Option<u64>,
}

/// How many were chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChosenDone {
    /// So many.
    pub count: u64,
    /// So many more would have been, but have come since `until`.
    #[serde(default)]
    pub newer: u64,
}

/// What the next cycle would do.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Objects to be made.
    pub creates: Vec<PlanEntry>,
    /// Objects to be brought back.
    pub restores: Vec<PlanEntry>,
    /// Objects to be changed.
    pub updates: Vec<PlanEntry>,
    /// Objects to be deleted, held ones included.
    pub deletes: Vec<PlanEntry>,
    /// Objects that take no part.
    pub skipped: Vec<PlanEntry>,
    /// How many of each.
    pub counts: PlanCounts,
    /// The version of the configuration that the plan was made from; 0: there was none.
    #[serde(default)]
    pub configuration_version: u64,
}

/// How many objects a plan holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanCounts {
    /// To be made.
    pub creates: u64,
    /// To be brought back.
    pub restores: u64,
    /// To be changed.
    pub updates: u64,
    /// To be deleted.
    pub deletes: u64,
    /// Of them, held by the guard.
    pub held: u64,
    /// Taking no part.
    pub skipped: u64,
    /// As they should be.
    pub unchanged: u64,
    /// Not possible.
    pub failed: u64,
    /// Users who get a name at the initial domain, because the tenant does not own the suffix of theirs.
    #[serde(default)]
    pub replaced_upns: u64,
}

/// One object of a plan.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanEntry {
    /// The anchor in Base64.
    pub anchor: String,
    /// Its distinguished name; none for an object that stays home.
    pub dn: Option<String>,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// Why.
    pub reason: String,
    /// What changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PropertyChange>,
}

/// How the directory compares with what it should be.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciled {
    /// How many objects of Active Directory were compared.
    pub compared: u64,
    /// How many objects are otherwise than they should be.
    pub drifting: u64,
    /// How many of them were repaired, as far as the guard lets them.
    pub repaired: u64,
    /// The first thousand of them.
    pub drifts: Vec<Drift>,
}

/// An object that is otherwise than it should be.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The anchor in Base64.
    pub anchor: String,
    /// Its distinguished name.
    pub dn: Option<String>,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// The id of the object in the directory.
    pub target: Option<String>,
    /// What would put it right: `Create`, `Update`, `Restore` or `Delete`; `Other`: nothing that is done by itself.
    #[serde(with = "text")]
    #[schema(value_type = ActionWord)]
    pub action: Action,
    /// A stable name in CamelCase.
    pub code: String,
    /// What is the matter.
    pub reason: String,
}

/// A wish to provision one object now.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provision {
    /// Its distinguished name.
    pub dn: String,
    /// Only show what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Provision it although it is out of scope.
    #[serde(default)]
    pub ignore_scope: bool,
}

/// What became of one object on demand.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provisioned {
    /// `Create`, `Update`, `Restore`, `Skip` or `Other`.
    #[serde(with = "text")]
    #[schema(value_type = ActionWord)]
    pub action: Action,
    /// `Success`, `Skipped` or `Failure`.
    #[serde(with = "text")]
    #[schema(value_type = StatusWord)]
    pub status: Status,
    /// Import, scope, match, action, as far as it came.
    pub steps: Vec<ProvisionStep>,
    /// What changed.
    pub modified_properties: Vec<PropertyChange>,
}

/// One step of provisioning on demand.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionStep {
    /// `import`, `scope`, `match` or `action`.
    pub name: String,
    /// `Success`, `Skipped`, `Warning` or `Failure`.
    #[serde(with = "text")]
    #[schema(value_type = StatusWord)]
    pub status: Status,
    /// In words.
    pub description: String,
    /// What is known more.
    pub details: std::collections::BTreeMap<String, serde_json::Value>,
}

/// One changed property.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropertyChange {
    /// The property.
    pub property: String,
    /// Its value before.
    pub old: Option<serde_json::Value>,
    /// Its value now.
    pub new: Option<serde_json::Value>,
}

/// A page of the provisioning log, newest first.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Pass it as `after` for what is older; none: there is nothing older.
    pub next: Option<String>,
}

/// One entry of the provisioning log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Names the entry; later entries have greater numbers of equal length.
    pub id: String,
    /// When.
    pub at: String,
    /// The configuration's name.
    pub configuration: String,
    /// Which cycle.
    pub cycle: Option<String>,
    /// `Create`, `Update`, `Delete`, `Restore`, `StagedDelete`, `Skip` or `Other`.
    #[serde(with = "text")]
    #[schema(value_type = ActionWord)]
    pub action: Action,
    /// `Success`, `Skipped`, `Warning` or `Failure`.
    #[serde(with = "text")]
    #[schema(value_type = StatusWord)]
    pub status: Status,
    /// `user`, `group` or `contact`.
    #[serde(rename = "type")]
    #[schema(value_type = KindWord)]
    pub kind: String,
    /// The anchor in Base64.
    pub anchor: String,
    /// How people know it; none for an object that is not in the directory.
    #[serde(default)]
    pub name: Option<String>,
    /// Its distinguished name; none for an object that stays home.
    pub dn: Option<String>,
    /// objectGUID of the object in Active Directory.
    #[serde(default)]
    pub source: String,
    /// The id of the object in the directory.
    pub target: Option<String>,
    /// The reason's stable name.
    pub code: String,
    /// Why.
    pub reason: String,
    /// What led to it: `schedule`, `change`, `hand`, `demand` for one object, or `directory` when its rules did and no
    /// cycle.
    #[serde(default)]
    pub initiated_by: String,
    /// How long it took from the beginning of the cycle, or from the request for one object, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// The steps that led to it, as far as they went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<LogStep>,
    /// What was changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified_properties: Vec<PropertyChange>,
}

/// One step that led to an entry of the provisioning log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogStep {
    /// `import`, `scope`, `match` or `action`.
    pub name: String,
    /// `Success`, `Skipped`, `Warning` or `Failure`.
    #[serde(with = "text")]
    #[schema(value_type = StatusWord)]
    pub status: Status,
    /// In words.
    pub description: String,
}

/// One entry of the audit log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its number; an entry that came later has a greater one.
    #[serde(default)]
    pub id: String,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What was done.
    pub activity: String,
    /// To what.
    pub target: String,
    /// The setting before.
    pub old: Option<serde_json::Value>,
    /// The setting now.
    pub new: Option<serde_json::Value>,
}

/// A property that configurations have declared.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryExtension {
    /// Its name, `extension_…`.
    pub name: String,
    /// Since when it is there.
    pub declared: String,
    /// Who makes values for it.
    pub mappings: Vec<ExtensionMapping>,
}

/// A mapping of a configuration that makes values for an extension.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionMapping {
    /// The configuration.
    pub configuration: String,
    /// `user`, `group` or `contact`.
    pub object: String,
    /// The attribute, expression or constant.
    pub source: String,
}

/// A role that a user has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    /// `administrator`, `operator` or `reader`.
    pub role: String,
    /// The user's id.
    pub id: String,
    /// How the user signs in.
    pub user_principal_name: String,
    /// How the user is called.
    pub display_name: Option<String>,
}

/// A wish for an API token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// `administrator`, `operator` or `reader`.
    pub role: String,
    /// How it is listed.
    #[serde(default)]
    pub name: Option<String>,
    /// For how many seconds it is good; for good unless given.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// An API token as it is listed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    /// What to revoke it by.
    pub id: String,
    /// How it is listed.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Until when it is good; none: for good.
    pub expires_at: Option<String>,
}

/// An API token. It is shown once.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenMade {
    /// What to revoke it by.
    pub id: String,
    /// Its text.
    pub token: String,
    /// Its role.
    pub role: String,
    /// Until when it is good; none: for good.
    pub expires_at: Option<String>,
}

/// A wish for an application that lets people sign in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApp {
    /// Its name, as people see it.
    pub name: String,
    /// Where people may be sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// It keeps no secret: an application in a browser, or on a person's own machine.
    #[serde(default)]
    pub public: bool,
    /// The role that it has when it acts for itself.
    #[serde(default)]
    pub role: Option<String>,
    /// Its tokens open no interface of the service, whatever role its user has.
    #[serde(default)]
    pub sign_in_only: bool,
}

/// An application that was made.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppMade {
    /// Its client id.
    pub client_id: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// Who signs its tokens.
    pub issuer: String,
    /// Its secret, shown once; none: it is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// An application as it is listed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// Its client id.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<String>,
    /// It keeps no secret.
    pub public: bool,
    /// The role that it has when it acts for itself.
    pub role: Option<String>,
    /// Its tokens open no interface of the service.
    pub sign_in_only: bool,
    /// When it was made.
    pub created_at: String,
}

/// A password that an administrator sets.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    pub password: String,
    /// The user must choose another at the next sign-in.
    #[serde(default)]
    pub force_change: bool,
}

/// What the tenant decides about passwords.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// After how many days a password has to be changed; none: never.
    pub expires_after_days: Option<u32>,
    /// Passwords that come from Active Directory from now on expire too.
    pub synced_passwords_expire: bool,
}

impl std::fmt::Debug for AppMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppMade")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPassword")
            .field("force_change", &self.force_change)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EnrollmentTokenMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrollmentTokenMade")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenMade")
            .field("id", &self.id)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
