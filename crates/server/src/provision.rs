//! One object on demand: read now, decided and applied by the same calls as in a cycle, and told step by step.

use crate::ask::ask;
use crate::configurations::{by_name, not_found};
use crate::cycle::{Context, Item, One, Report, one as decide_one, unresolved_of};
use crate::failure::Failure;
use crate::import;
use crate::job::read_only;
use crate::lane::Lane;
use crate::log::readable;
use crate::service::Service;
use lockstep_api::admin::{PropertyChange, Provision, ProvisionStep, Provisioned};
use lockstep_api::channel::{self, Outcome, Resolve, ResolveBy, Resolved};
use lockstep_api::problem::Problem;
use lockstep_directory::TenantRules;
use lockstep_engine::{Decision, Reason};
use lockstep_model::ids::{ConfigurationId, CycleId};
use lockstep_model::log::{Action, Status};
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::job::{Configuration, Job};
use lockstep_store::{Overlay, ReadRecords as _, StoreError, Write, WriteRecords as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often is read at most until the object and all that its decision needs are known.
const ROUNDS: usize = 10;

/// Provisions one object now, or shows what would be done.
///
/// # Errors
///
/// A problem with status 404 when there is no such configuration, or no such object in its domain; those of
/// reading.
pub async fn one(
    service: &Arc<Service>,
    name: &str,
    wish: &Provision,
) -> Result<Provisioned, Problem> {
    let began = service.clock.now();
    let sought = name.to_owned();
    let found = service.read(move |tx| by_name(tx, &sought)).await;
    let configuration = found.map_err(problem)?.ok_or_else(|| not_found(name))?;
    let object = resolve(service, &configuration, &wish.dn).await?;
    let _turn = service.take_turn(configuration.id).await;
    let id = configuration.id;
    if wish.ignore_scope {
        admit(service, id, Some(object.guid)).await?;
    }
    // In staging nothing is applied, not even on demand; a cycle may have been waited for since.
    let now = service.read(move |tx| tx.fetch_one::<Configuration>(&id));
    let configuration = now.await.map_err(problem)?.ok_or_else(|| not_found(name))?;
    let dry_run = wish.dry_run || crate::staging::is_on(&configuration);
    let told = read_and_decide(service, id, &object, dry_run, began).await;
    if wish.ignore_scope {
        admit(service, id, None).await?;
    }
    told
}

async fn resolve(
    service: &Arc<Service>,
    configuration: &Configuration,
    dn: &str,
) -> Result<Resolved, Problem> {
    let action = channel::Action::Resolve(Resolve {
        by: ResolveBy::Dn,
        value: dn.to_owned(),
    });
    let found = match ask(service, &configuration.domain, action).await? {
        Outcome::Resolved { objects } => objects.into_iter().next(),
        _ => None,
    };
    found.ok_or_else(|| {
        let title = format!("dn: {dn} does not exist in {}", configuration.domain);
        Problem::new(404, "ObjectNotInAd", title).remedy(
            "name an object of the domain as `lockstep plan` or AD's own tools show it; also see that the \
             agent's account may read it",
        )
    })
}

/// While an object is admitted it takes part wherever it lies.
async fn admit(
    service: &Arc<Service>,
    id: ConfigurationId,
    guid: Option<Guid>,
) -> Result<(), Problem> {
    let admitted = service.write(move |tx| {
        let Some(mut job) = tx.fetch_one::<Job>(&id)? else {
            return Ok(());
        };
        job.admitted = guid;
        tx.store(&[job])
    });
    admitted.await.map_err(problem)
}

async fn read_and_decide(
    service: &Arc<Service>,
    id: ConfigurationId,
    object: &Resolved,
    dry_run: bool,
    began: Timestamp,
) -> Result<Provisioned, Problem> {
    let mut before = None;
    for round in 0..ROUNDS {
        // Read anew whatever is known: it is asked what is there at this moment.
        let asked = if round == 0 {
            Some(object.guid)
        } else {
            before
        };
        if let Some(guid) = asked {
            let marked =
                service.write(move |tx| import::read_by_guid(tx, id, &BTreeSet::from([guid])));
            marked.await.map_err(problem)?;
        }
        read_only(service, id).await?;
        let (one, report) = decide(service, id, object.guid, dry_run, began).await?;
        let missing = match one.as_ref().map(|one| &one.decision) {
            Some(Decision::Read(missing)) => Some(*missing),
            _ => None,
        };
        if missing.is_none() || missing == before {
            return Ok(told(one, report, object, dry_run));
        }
        before = missing;
    }
    let (one, report) = decide(service, id, object.guid, dry_run, began).await?;
    Ok(told(one, report, object, dry_run))
}

/// Why an object takes no part, as far as is known without reading it; none: it takes part, or nothing is known
/// of it.
///
/// # Errors
///
/// Those of the store.
pub async fn left_out(
    service: &Arc<Service>,
    id: ConfigurationId,
    guid: Guid,
) -> Result<Option<One>, Problem> {
    let (one, _) = decide(service, id, guid, true, service.clock.now()).await?;
    Ok(one.filter(|one| one.decision == Decision::Skip))
}

/// Which references of a provisioned object lead to objects that are not, and since when.
///
/// # Errors
///
/// Those of the store.
pub async fn unresolved(
    service: &Arc<Service>,
    id: ConfigurationId,
    guid: Guid,
) -> Result<Vec<(Item, i64)>, Problem> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let found = service.read(move |tx| {
        let mut overlay = Overlay::new(tx);
        let Some(lane) = Lane::of(&mut overlay, id)? else {
            return Ok(Vec::new());
        };
        let mut report = Report::default();
        let cycle = CycleId::new(id.guid());
        let context = Context::complete(cycle, now, &tenant, &mut report);
        unresolved_of(&mut overlay, &lane, &context, guid)
    });
    found.await.map_err(problem)
}

/// Decides, and applies unless it is only asked what would be done.
async fn decide(
    service: &Arc<Service>,
    id: ConfigurationId,
    guid: Guid,
    dry_run: bool,
    began: Timestamp,
) -> Result<(Option<One>, Report), Problem> {
    let (tenant, now) = (service.tenant_rules(), service.clock.now());
    let decided = if dry_run {
        service
            .read(move |tx| run(&mut Overlay::new(tx), id, guid, &tenant, now, began))
            .await
    } else {
        service
            .write(move |tx| run(tx, id, guid, &tenant, now, began))
            .await
    };
    decided.map_err(problem)
}

fn run(
    tx: &mut dyn Write,
    id: ConfigurationId,
    guid: Guid,
    tenant: &TenantRules,
    now: Timestamp,
    began: Timestamp,
) -> Result<(Option<One>, Report), StoreError> {
    let mut report = Report {
        items: Some(Vec::new()),
        ..Report::default()
    };
    let Some(mut lane) = Lane::of(tx, id)? else {
        return Ok((None, report));
    };
    let mut context = Context::complete(
        CycleId::new(crate::ids::random_guid()),
        now,
        tenant,
        &mut report,
    );
    context.began = Some(began);
    let one = decide_one(tx, &mut lane, &mut context, guid)?;
    Ok((one, report))
}

/// The steps, as far as it came.
fn told(one: Option<One>, report: Report, object: &Resolved, dry_run: bool) -> Provisioned {
    let mut told = Provisioned {
        action: Action::Skip,
        status: Status::Skipped,
        steps: Vec::new(),
        modified_properties: Vec::new(),
    };
    let Some(one) = one else {
        let description = format!(
            "{} is none of the objects that are synchronised",
            object.class
        );
        told.step("import", Status::Skipped, description, BTreeMap::new());
        return told;
    };
    told.step(
        "import",
        Status::Success,
        imported(&one, object),
        attributes(&one, object),
    );
    let reason = one.reason.to_string();
    if let Some(scope) = scope_status(&one) {
        told.step("scope", scope, reason.clone(), BTreeMap::new());
        let action = "nothing is done".to_owned();
        told.step("action", scope, action, BTreeMap::new());
        if scope == Status::Failure {
            told.status = Status::Failure;
            told.action = Action::Other;
        }
        return told;
    }
    told.step(
        "scope",
        Status::Success,
        "it is in scope".to_owned(),
        BTreeMap::new(),
    );
    told.matched(&one);
    told.acted(&one, report, dry_run);
    told
}

/// How the scope step ends where it is the last.
fn scope_status(one: &One) -> Option<Status> {
    match (&one.decision, &one.reason) {
        (Decision::Skip | Decision::Delete(_), Reason::Guest) => None,
        (Decision::Skip | Decision::Delete(_) | Decision::Wait, _) => Some(Status::Skipped),
        (Decision::Read(_), _) => Some(Status::Failure),
        _ => None,
    }
}

fn imported(one: &One, object: &Resolved) -> String {
    let many = one.object.attributes.len();
    format!(
        "{} was read from Active Directory: {many} attributes",
        object.dn
    )
}

fn attributes(one: &One, object: &Resolved) -> BTreeMap<String, Value> {
    let mut details: BTreeMap<String, Value> = BTreeMap::new();
    details.insert("objectGUID".to_owned(), object.guid.to_string().into());
    details.insert("objectClass".to_owned(), object.class.clone().into());
    for (name, values) in &one.object.attributes {
        let shown = values.iter().map(|value| match value.as_str() {
            Some(text) => Value::from(text),
            None => Value::from(format!("[{} bytes]", value.as_bytes().len())),
        });
        let mut shown: Vec<Value> = shown.collect();
        let value = match shown.len() {
            1 => shown.remove(0),
            _ => Value::Array(shown),
        };
        details.insert(name.as_str().to_owned(), value);
    }
    details
}

trait Telling {
    fn step(
        &mut self,
        name: &str,
        status: Status,
        description: String,
        details: BTreeMap<String, Value>,
    );
    fn matched(&mut self, one: &One);
    fn acted(&mut self, one: &One, report: Report, dry_run: bool);
}

impl Telling for Provisioned {
    fn step(
        &mut self,
        name: &str,
        status: Status,
        description: String,
        details: BTreeMap<String, Value>,
    ) {
        self.steps.push(ProvisionStep {
            name: name.to_owned(),
            status,
            description,
            details,
        });
    }

    fn matched(&mut self, one: &One) {
        let (description, id) = match &one.decision {
            Decision::Create(_) => ("there is no object for it yet".to_owned(), None),
            Decision::Join(id, how, _) => (
                format!("an object that is there already has the same {how}"),
                Some(*id),
            ),
            Decision::Restore(id, _) => ("its object is in the recycle bin".to_owned(), Some(*id)),
            Decision::Update { object, .. } => (
                "it was joined with its object before".to_owned(),
                Some(*object),
            ),
            Decision::Unchanged => ("it was joined with its object before".to_owned(), None),
            _ => {
                let description = one.reason.to_string();
                self.step("match", Status::Failure, description, BTreeMap::new());
                return;
            }
        };
        let details = id.map(|id| ("targetId".to_owned(), json!(id.to_string())));
        self.step(
            "match",
            Status::Success,
            description,
            details.into_iter().collect(),
        );
    }

    fn acted(&mut self, one: &One, report: Report, dry_run: bool) {
        let items = report.items.unwrap_or_default();
        let mut item = items.into_iter().find(|item| item.guid == one.object.guid);
        if one.decision == Decision::Unchanged {
            let description = "it is as it should be: an export would be redundant".to_owned();
            let details = [("skipReason".to_owned(), json!("RedundantExport"))];
            self.step("action", Status::Skipped, description, details.into());
            return;
        }
        let changes = item.as_mut().map(|item| std::mem::take(&mut item.changes));
        self.modified_properties = changes
            .unwrap_or_default()
            .into_iter()
            .map(|(property, old, new)| PropertyChange {
                property: property.to_owned(),
                old: old.as_ref().map(readable),
                new: new.as_ref().map(readable),
            })
            .collect();
        let failed = matches!(one.decision, Decision::Fail | Decision::Skip);
        let action = match item.as_ref() {
            Some(item) if !failed => item.action,
            _ => Action::Other,
        };
        let status = if failed || report.tally.failed > 0 {
            Status::Failure
        } else {
            Status::Success
        };
        self.action = action;
        self.status = status;
        let reason = item.map_or_else(|| one.reason.to_string(), |item| item.reason);
        let description = match (dry_run, status) {
            (_, Status::Failure) => reason,
            (true, _) => format!("{action} would be done: {reason}"),
            (false, _) => format!("{action} was done: {reason}"),
        };
        self.step("action", status, description, BTreeMap::new());
    }
}

fn problem(error: StoreError) -> Problem {
    Failure::from(error).0
}
