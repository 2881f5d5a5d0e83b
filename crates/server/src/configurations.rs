//! Configurations are made, changed and removed.
//!
//! Everything that a configuration names is looked up in the domain before anything is stored: a name that
//! does not exist is refused as a whole, and what is stored is the GUID behind it.

use crate::ask::ask;
use crate::failure::Failure;
use crate::import::{mark, mark_all};
use crate::lane::Lane;
use crate::policy::compile;
use crate::schema::{ask_for_schema, check_attributes};
use crate::service::Service;
use crate::{audit, cycle, directory, extensions, ids, passwords, scope_groups};
use lockstep_api::channel::{Action, Outcome, Resolve, ResolveBy, Resolved};
use lockstep_api::configuration::{Spec, SpecError};
use lockstep_api::problem::Problem;
use lockstep_directory::{Change, Kind, Mastery, Property, extension};
use lockstep_engine::ObjectClass;
use lockstep_engine::mapping::MappedKind;
use lockstep_model::ids::{ConfigurationId, ObjectId};
use lockstep_model::{Guid, PropertyValue, SourceAnchor};
use lockstep_store::records::connector_space::{LinkRow, Subject};
use lockstep_store::records::job::{Configuration, Job, ScopeRoot, Watermark};
use lockstep_store::records::log::LastDecision;
use lockstep_store::records::safety::Escrow;
use lockstep_store::{
    Key, Read, ReadRecords as _, Record, Scan, StoreError, Write, WriteRecords as _,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many rows are removed in one transaction.
const SLICE: usize = 2_000;

/// A configuration whose names have been looked up.
#[derive(Clone, Debug)]
pub struct Checked {
    spec: Spec,
    roots: Option<Vec<ScopeRoot>>,
    excluded: Vec<ScopeRoot>,
    groups: Vec<ScopeRoot>,
}

impl Checked {
    /// The configuration's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its domain, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.spec.domain
    }

    /// What the administrator wants.
    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }
}

/// Checks a configuration, and looks up what it names.
///
/// # Errors
///
/// A problem with status 400 naming key, expectation and, for a name that does not exist, the nearest that
/// does; `NoActiveAgents` when nobody can be asked.
pub async fn check(service: &Arc<Service>, mut spec: Spec) -> Result<Checked, Problem> {
    spec.check().map_err(bad)?;
    compile(&spec).map_err(bad)?;
    can_be_told(service, &spec).map_err(bad)?;
    extensions_fit(service, &spec).await?;
    spec.domain = spec.domain.to_lowercase();
    let scope = spec.scope.clone();
    // Whether there is an agent that can read the domain is known before anything is stored.
    let schema = ask_for_schema(service, &spec.domain).await?;
    check_attributes(&spec, &schema).map_err(bad)?;
    let unit = Sought::Unit;
    let roots = match scope.organizational_units {
        Some(units) => {
            let key = "scope.organizational-units";
            Some(look_up(service, &spec.domain, key, &units, unit).await?)
        }
        None => None,
    };
    let key = "scope.exclude-organizational-units";
    let excluded = scope.exclude_organizational_units;
    let excluded = look_up(service, &spec.domain, key, &excluded, unit).await?;
    let groups = scope.groups.unwrap_or_default();
    let groups = look_up(
        service,
        &spec.domain,
        "scope.groups",
        &groups,
        Sought::Group,
    )
    .await?;
    Ok(Checked {
        spec,
        roots,
        excluded,
        groups,
    })
}

/// What applying would declare is known to fit before anybody is asked for a plan.
async fn extensions_fit(service: &Arc<Service>, spec: &Spec) -> Result<(), Problem> {
    let spec = spec.clone();
    let missing = service.read(move |tx| extensions::missing(tx, &spec)).await;
    missing.map_err(store_problem)?.map_err(bad)?;
    Ok(())
}

/// Whoever wants mail has to have a mail server.
fn can_be_told(service: &Service, spec: &Spec) -> Result<(), SpecError> {
    let without_mail = service
        .outlets
        .get()
        .is_some_and(|outlets| outlets.mailer.is_none());
    match spec.notifications.email.first() {
        Some(address) if without_mail => Err(SpecError {
            key: "notifications.email".to_owned(),
            expected: "a service that was started with --smtp-url and --smtp-from".to_owned(),
            found: format!("`{address}`, and a service without a mail server"),
        }),
        _ => Ok(()),
    }
}

fn bad(error: SpecError) -> Problem {
    Problem::new(400, "BadConfiguration", error.to_string())
        .key(error.key)
        .remedy("correct the value; nothing was changed")
}

/// What a distinguished name of the scope has to lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sought {
    Unit,
    Group,
}

impl Sought {
    fn is(self, class: &str) -> bool {
        let class = ObjectClass::from_name(class);
        match self {
            Self::Unit => class == ObjectClass::Container,
            Self::Group => class == ObjectClass::Group,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Unit => "an organizational unit or container",
            Self::Group => "a group",
        }
    }
}

async fn look_up(
    service: &Arc<Service>,
    domain: &str,
    key: &str,
    names: &[String],
    sought: Sought,
) -> Result<Vec<ScopeRoot>, Problem> {
    let mut roots = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let key = format!("{key}[{index}]");
        let action = Action::Resolve(Resolve {
            by: ResolveBy::Dn,
            value: name.clone(),
        });
        let found = match ask(service, domain, action).await? {
            Outcome::Resolved { objects } => objects.into_iter().next(),
            _ => None,
        };
        let Some(Resolved { guid, dn, class }) = found else {
            return Err(unknown_name(service, domain, &key, name, sought).await);
        };
        if !sought.is(&class) {
            let expected = sought.name();
            let title = format!("{key}: expected {expected}, found {name}, which is a {class}");
            return Err(Problem::new(400, "BadConfiguration", title)
                .key(key)
                .remedy(format!("name {expected}; nothing was changed")));
        }
        roots.push(ScopeRoot { guid, dn });
    }
    Ok(roots)
}

/// A name that does not exist, with the nearest that does.
async fn unknown_name(
    service: &Arc<Service>,
    domain: &str,
    key: &str,
    name: &str,
    sought: Sought,
) -> Problem {
    let title = format!("{key}: {name} does not exist in {domain}");
    let (code, action) = match sought {
        Sought::Unit => ("UnknownOrganizationalUnit", Action::ListOrganizationalUnits),
        Sought::Group => ("UnknownGroup", Action::ListGroups),
    };
    let known = match ask(service, domain, action).await {
        Ok(Outcome::Resolved { objects }) => objects,
        _ => Vec::new(),
    };
    let nearest = known
        .iter()
        .min_by_key(|object| lockstep_directory::distance(&object.dn, name));
    let remedy = match nearest {
        Some(nearest) => format!("did you mean {}? Nothing was changed", nearest.dn),
        None => format!(
            "name {} that the agent's account can see; nothing was changed",
            sought.name()
        ),
    };
    Problem::new(400, code, title).key(key).remedy(remedy)
}

/// Stores a configuration; makes it when there is none of that name.
///
/// # Errors
///
/// A problem with status 409 when the name belongs to a configuration of another domain, or when the
/// configuration is another than the `planned` version: a plan was made from it.
pub async fn apply(
    service: &Arc<Service>,
    checked: Checked,
    planned: Option<u64>,
    actor: String,
) -> Result<Configuration, Problem> {
    let tenant = service.tenant_rules();
    let now = service.clock.now();
    let stored = service
        .write(move |tx| {
            let name = checked.spec.name.clone();
            let before = by_name(tx, &name)?;
            let version = before.as_ref().map_or(0, |before| before.version);
            if let Some(planned) = planned.filter(|planned| *planned != version) {
                return Ok(Err(changed_since(&name, planned, version)));
            }
            if let Some(other) = before
                .as_ref()
                .filter(|before| before.domain != checked.spec.domain)
            {
                return Ok(Err(name_taken(other)));
            }
            let declared = match extensions::declare(tx, &checked.spec, now)? {
                Ok(declared) => declared,
                Err(error) => return Ok(Err(bad(error))),
            };
            let written = match &before {
                Some(before) => change(tx, before.clone(), checked)?,
                None => create(tx, checked, &tenant, now)?,
            };
            let activity = match before {
                Some(_) => "ConfigurationChanged",
                None => "ConfigurationCreated",
            };
            let old = before.map(|before| before.spec);
            let new = Some(written.spec.clone());
            audit::record(tx, now, &actor, activity, &name, old, new)?;
            Ok(Ok((written, declared)))
        })
        .await
        .map_err(store_problem)?;
    let (written, declared) = stored?;
    for name in &declared {
        extension::declare(name);
    }
    service.jobs.raise();
    // Whoever waits for a reading sees whether something else is to be read now.
    service.progress.raise();
    Ok(written)
}

fn name_taken(other: &Configuration) -> Problem {
    let title = format!(
        "name: expected a name that is free, found `{}`, which is the configuration of {}",
        other.name, other.domain
    );
    Problem::new(409, "NameTaken", title)
        .key("name")
        .remedy("choose another name, or delete that configuration; nothing was changed")
}

fn changed_since(name: &str, planned: u64, found: u64) -> Problem {
    let title = format!(
        "the plan was made from version {planned} of {name}, which is at version {found} by now"
    );
    Problem::new(409, "ConfigurationChanged", title)
        .remedy("look at a new plan and apply that; nothing was changed")
}

fn create(
    tx: &mut dyn Write,
    checked: Checked,
    tenant: &lockstep_directory::TenantRules,
    now: lockstep_model::Timestamp,
) -> Result<Configuration, StoreError> {
    let id = ConfigurationId::new(ids::random_guid());
    let service_principal = ObjectId::new(ids::random_guid());
    let configuration = Configuration {
        id,
        name: checked.spec.name.clone(),
        domain: checked.spec.domain.clone(),
        paused: checked.spec.paused,
        version: 1,
        spec: json(&checked.spec)?,
        roots: checked.roots,
        excluded: checked.excluded,
        groups: checked.groups,
        service_principal,
        scratch: false,
        stands_for: None,
        heir: None,
    };
    directory::write(tx, tenant, vec![principal(&configuration)], now)?;
    let mut job = Job::new(id);
    job.seed = ids::random_token();
    tx.store(&[job])?;
    tx.store(std::slice::from_ref(&configuration))?;
    Ok(configuration)
}

/// The service principal that stands for a configuration, under the domain's name.
fn principal(configuration: &Configuration) -> Change {
    let text = |name: &str, value: &str| {
        let property = Property::find(Kind::ServicePrincipal, name)?;
        Some((property, Some(PropertyValue::Text(value.to_owned()))))
    };
    let app_id = configuration.id.to_string();
    let values: BTreeMap<_, _> = [
        text("displayName", &configuration.domain),
        text("appId", &app_id),
        text("servicePrincipalType", "Application"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Change::Create {
        id: configuration.service_principal,
        kind: Kind::ServicePrincipal,
        mastery: Some(Mastery {
            configuration: configuration.id,
            anchor: SourceAnchor::from_object_guid(configuration.id.guid()),
        }),
        values,
    }
}

/// Puts what was checked in the place of what there was; what is decided otherwise now is marked.
///
/// # Errors
///
/// Those of the store.
pub fn change(
    tx: &mut dyn Write,
    before: Configuration,
    checked: Checked,
) -> Result<Configuration, StoreError> {
    let old = crate::configuration::spec_of(&before);
    let groups_changed = guids_of(&before.groups) != guids_of(&checked.groups)
        || old.scope.nested_groups != checked.spec.scope.nested_groups;
    let decided_anew = guids(&before.roots) != guids(&checked.roots)
        || guids_of(&before.excluded) != guids_of(&checked.excluded)
        || groups_changed
        || old.scope.filters != checked.spec.scope.filters
        || old.objects != checked.spec.objects
        || old.mapping != checked.spec.mapping
        || old.matching != checked.spec.matching;
    let spec = checked.spec.clone();
    let had_passwords = passwords::enabled(&before);
    let after = Configuration {
        paused: checked.spec.paused,
        version: before.version + 1,
        spec: json(&checked.spec)?,
        roots: checked.roots,
        excluded: checked.excluded,
        groups: checked.groups,
        ..before
    };
    if decided_anew {
        re_evaluate(tx, &after)?;
    }
    if after.paused && !old.paused {
        stop_reading(tx, after.id)?;
    }
    tx.store(std::slice::from_ref(&after))?;
    if let Some(mut job) = tx.fetch_one::<Job>(&after.id)? {
        crate::job::hurry(&mut job);
        if passwords::enabled(&after) && !had_passwords {
            // Who came meanwhile was noted by nobody as one who needs a password.
            job.passwords.watermark = None;
        }
        tx.store(&[job])?;
    }
    if old.references.cross_domain != spec.references.cross_domain
        || left_alone(&old) != left_alone(&spec)
    {
        cycle::reconsider(tx, after.id)?;
    }
    if groups_changed && let Some(job) = tx.fetch_one::<Job>(&after.id)? {
        let mut lane = Lane::new(tx, job, after.clone())?;
        scope_groups::start_over(tx, &mut lane)?;
        tx.store(&[lane.job])?;
    }
    Ok(after)
}

/// Everything is decided anew in the next cycle: the head's subtree is one mark.
///
/// # Errors
///
/// Those of the store.
pub fn re_evaluate(tx: &mut dyn Write, configuration: &Configuration) -> Result<(), StoreError> {
    let Some(mut job) = tx.fetch_one::<Job>(&configuration.id)? else {
        return Ok(());
    };
    if let Some(head) = job.domain.as_ref().map(|domain| domain.naming_context) {
        mark(tx, &mut job, Subject::Subtree(head))?;
        tx.store(&[job])?;
    }
    Ok(())
}

/// The references that a configuration leaves alone.
fn left_alone(spec: &Spec) -> BTreeSet<(MappedKind, &'static str)> {
    let compiled = compile(spec);
    compiled.map_or_else(
        |_| BTreeSet::new(),
        |known| known.mapping.left_alone.clone(),
    )
}

fn guids(roots: &Option<Vec<ScopeRoot>>) -> Option<Vec<Guid>> {
    roots.as_deref().map(guids_of)
}

fn guids_of(roots: &[ScopeRoot]) -> Vec<Guid> {
    let mut guids: Vec<Guid> = roots.iter().map(|root| root.guid).collect();
    guids.sort();
    guids
}

fn json(spec: &Spec) -> Result<String, StoreError> {
    serde_json::to_string(spec).map_err(|source| StoreError::Abandoned {
        source: source.into(),
    })
}

/// The configuration of this name.
///
/// # Errors
///
/// Those of the store.
pub fn by_name<T: Read + ?Sized>(
    tx: &mut T,
    name: &str,
) -> Result<Option<Configuration>, StoreError> {
    let prefix = Key::empty().with(name);
    let scan = Scan::along(Configuration::BY_NAME, prefix, 10);
    let found: Vec<Configuration> = tx.list(&scan)?;
    Ok(found.into_iter().find(|found| found.name == name))
}

/// All configurations, by name.
///
/// # Errors
///
/// Those of the store.
pub fn all<T: Read + ?Sized>(tx: &mut T) -> Result<Vec<Configuration>, StoreError> {
    tx.list(&Scan::along(
        Configuration::BY_NAME,
        Key::empty(),
        usize::MAX,
    ))
}

/// Pauses or resumes. A cycle that runs ends where it stands: once this has returned, nothing more of it is applied.
///
/// # Errors
///
/// Those of the store; a problem with status 404 when there is no such configuration.
pub async fn set_paused(
    service: &Arc<Service>,
    name: &str,
    paused: bool,
    actor: String,
) -> Result<(), Problem> {
    let (owned, now) = (name.to_owned(), service.clock.now());
    let found = service
        .write(move |tx| {
            let Some(mut configuration) = by_name(tx, &owned)? else {
                return Ok(false);
            };
            let mut spec = crate::configuration::spec_of(&configuration);
            let before = configuration.paused;
            configuration.paused = paused;
            spec.paused = paused;
            configuration.spec = json(&spec)?;
            if paused && !before {
                stop_reading(tx, configuration.id)?;
            }
            tx.store(&[configuration])?;
            let activity = match paused {
                true => "ConfigurationPaused",
                false => "ConfigurationResumed",
            };
            let told = |paused: bool| Some(format!("{{\"paused\":{paused}}}"));
            let (old, new) = (told(before), told(paused));
            audit::record(tx, now, &actor, activity, &owned, old, new)?;
            Ok(true)
        })
        .await
        .map_err(store_problem)?;
    service.jobs.raise();
    service.progress.raise();
    found.then_some(()).ok_or_else(|| not_found(name))
}

/// From here on agents are refused what they still have to say for a configuration; its cycle hears of it.
fn stop_reading(tx: &mut dyn Write, id: ConfigurationId) -> Result<(), StoreError> {
    match tx.fetch_one::<Job>(&id)? {
        Some(job) => crate::instructions::withdraw_all(tx, &job),
        None => Ok(()),
    }
}

/// What a job forgets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forget {
    /// The cookie: the next cycle is a full one.
    pub watermark: bool,
    /// Objects that failed: they are tried at once, as if for the first time.
    pub escrows: bool,
    /// What the guard holds, and that it has tripped; why the job is slowed down.
    pub quarantine: bool,
    /// Which object belongs to which, where their anchors do not say so: the next cycle looks anew.
    pub links: bool,
}

impl Forget {
    /// As the audit log shows it.
    fn told(self) -> String {
        let kinds = [
            ("watermark", self.watermark),
            ("escrows", self.escrows),
            ("quarantine", self.quarantine),
            ("links", self.links),
        ];
        let chosen = kinds.iter().filter(|(_, chosen)| *chosen);
        let chosen: Vec<&str> = chosen.map(|(name, _)| *name).collect();
        serde_json::json!({ "reset": chosen }).to_string()
    }

    /// What there is to be forgotten, as the audit log shows it.
    fn found(self, tx: &mut dyn Write, job: &Job) -> Result<String, StoreError> {
        let of = Key::empty().with(job.configuration);
        let mut found = serde_json::Map::new();
        if self.watermark {
            let position = job.watermark.cookie().map(|cookie| {
                serde_json::json!({"controller": cookie.controller, "issued": crate::clock::time(cookie.issued)})
            });
            found.insert("watermark".to_owned(), position.into());
        }
        if self.escrows {
            let failing = tx.how_many::<Escrow>(None, &of)?;
            found.insert("escrows".to_owned(), failing.into());
        }
        if self.quarantine {
            let reason = job.quarantine.as_ref().map(|row| row.code.as_str());
            let slowed = serde_json::json!({
                "reason": reason, "successiveFailures": job.history.failures,
            });
            found.insert("quarantine".to_owned(), slowed);
        }
        if self.links {
            let links = tx.how_many::<LinkRow>(None, &of)?;
            found.insert("links".to_owned(), links.into());
        }
        Ok(serde_json::Value::Object(found).to_string())
    }
}

/// Lets a job forget.
///
/// # Errors
///
/// Those of the store; a problem with status 404 when there is no such configuration.
pub async fn restart(
    service: &Arc<Service>,
    name: &str,
    forget: Forget,
    actor: String,
) -> Result<(), Problem> {
    let (owned, now) = (name.to_owned(), service.clock.now());
    let id = service
        .write(move |tx| {
            let Some(configuration) = by_name(tx, &owned)? else {
                return Ok(None);
            };
            let id = configuration.id;
            let mut old = None;
            if let Some(mut job) = tx.fetch_one::<Job>(&id)? {
                old = Some(forget.found(tx, &job)?);
                if forget.watermark {
                    // A page that is under way belongs to the time before.
                    job.lease += 1;
                    job.passwords.lease += 1;
                    let given = [job.instruction.take(), job.passwords.instruction.take()];
                    for instruction in given.into_iter().flatten() {
                        crate::instructions::withdraw(tx, instruction)?;
                    }
                    job.watermark = Watermark::Start;
                    job.passwords.watermark = None;
                }
                if forget.quarantine {
                    // What the guards hold they go on to hold: only an administrator's word or its cause ends that.
                    job.quarantine = None;
                    job.history.failures = 0;
                }
                tx.store(&[job])?;
            }
            if forget.watermark || forget.links {
                re_evaluate(tx, &configuration)?;
            }
            let new = Some(forget.told());
            audit::record(tx, now, &actor, "JobRestarted", &owned, old, new)?;
            Ok(Some(id))
        })
        .await
        .map_err(store_problem)?;
    let id = id.ok_or_else(|| not_found(name))?;
    let forgotten = async {
        if forget.escrows {
            forget_all(service, id, |row: &Escrow| row.guid, forget_failures).await?;
            // What is left out for a reason is told anew.
            forget_all(service, id, |row: &LastDecision| row.guid, remove_rows).await?;
        }
        Ok(())
    };
    forgotten.await.map_err(store_problem)?;
    if forget.links {
        forget_links(service, id).await.map_err(store_problem)?;
    }
    service.jobs.raise();
    Ok(())
}

/// Forgets which object belongs to which, where the directory's object does not say so itself by its anchor. A
/// link that was forgotten although it was right would leave its object behind if it were deleted in Active
/// Directory before the next cycle.
async fn forget_links(service: &Arc<Service>, id: ConfigurationId) -> Result<(), StoreError> {
    let mut behind: Option<LinkRow> = None;
    loop {
        let after = behind.take();
        let last = service
            .write(move |tx| {
                let mut scan = Scan::of(Key::empty().with(id), SLICE);
                if let Some(after) = &after {
                    scan = scan.behind(after);
                }
                let links: Vec<LinkRow> = tx.list(&scan)?;
                let ids: Vec<ObjectId> = links.iter().map(|link| link.object).collect();
                let objects = directory::objects(tx, &ids)?;
                let wrong = links.iter().zip(objects).filter(|(link, object)| {
                    let mastery = object.as_ref().and_then(|object| object.mastery.as_ref());
                    mastery.is_none_or(|mastery| {
                        mastery.configuration != id || mastery.anchor != link.anchor
                    })
                });
                let wrong: Vec<_> = wrong.map(|(link, _)| (id, link.guid)).collect();
                tx.remove::<LinkRow>(&wrong)?;
                Ok(links.into_iter().last())
            })
            .await?;
        match last {
            Some(last) => behind = Some(last),
            None => return Ok(()),
        }
    }
}

/// A connector space of its own for a plan, which `removal::drop_scratch` drops when the plan is made.
///
/// # Errors
///
/// Those of the store.
pub fn create_scratch(
    tx: &mut dyn Write,
    checked: Checked,
    stands_for: Option<&Configuration>,
) -> Result<ConfigurationId, StoreError> {
    let id = ConfigurationId::new(ids::random_guid());
    let principal = stands_for.map(|before| before.service_principal);
    tx.store(&[Configuration {
        id,
        name: checked.spec.name.clone(),
        domain: checked.spec.domain.clone(),
        paused: true,
        version: stands_for.map_or(0, |before| before.version),
        spec: json(&checked.spec)?,
        roots: checked.roots,
        excluded: checked.excluded,
        groups: checked.groups,
        service_principal: principal.unwrap_or_else(|| ObjectId::new(id.guid())),
        scratch: true,
        stands_for: stands_for.map(|before| before.id),
        heir: None,
    }])?;
    let mut job = Job::new(id);
    if let Some(before) = stands_for
        && let Some(known) = tx.fetch_one::<Job>(&before.id)?
    {
        job.domain = known.domain;
        job.seed = known.seed;
        job.guard_tripped = known.guard_tripped;
        job.updates_tripped = known.updates_tripped;
        job.removals_tripped = known.removals_tripped;
    }
    tx.store(&[job])?;
    Ok(id)
}

/// Forgets what is set aside of objects; each of them is decided anew in the next cycle.
async fn forget_all<R: Record + 'static>(
    service: &Arc<Service>,
    id: ConfigurationId,
    of: fn(&R) -> Guid,
    remove: fn(&mut dyn Write, &[R]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut more = true;
    while more {
        more = service
            .write(move |tx| {
                let rows: Vec<R> = tx.list(&Scan::of(Key::empty().with(id), SLICE))?;
                if let Some(mut job) = tx.fetch_one::<Job>(&id)? {
                    // Its references too: one of them may be what was set aside.
                    let guids = rows.iter().map(of);
                    let subjects =
                        guids.flat_map(|guid| [Subject::Object(guid), Subject::From(guid)]);
                    mark_all(tx, &mut job, subjects)?;
                    tx.store(&[job])?;
                }
                remove(tx, &rows)?;
                Ok(!rows.is_empty())
            })
            .await?;
    }
    Ok(())
}

fn forget_failures(tx: &mut dyn Write, rows: &[Escrow]) -> Result<(), StoreError> {
    rows.iter()
        .try_for_each(|row| cycle::escrow::forget(tx, row))
}

fn remove_rows<R: Record>(tx: &mut dyn Write, rows: &[R]) -> Result<(), StoreError> {
    let keys: Vec<Key> = rows.iter().map(Record::key).collect();
    tx.delete(R::TABLE, &keys)
}

/// Removes all rows of a table whose keys begin with a configuration's id.
pub(crate) async fn remove_all<R: Record>(
    service: &Arc<Service>,
    id: ConfigurationId,
) -> Result<(), StoreError> {
    let mut more = true;
    while more {
        more = service
            .write(move |tx| {
                let rows = tx.scan(R::TABLE, &Scan::of(Key::empty().with(id), SLICE))?;
                let keys: Vec<Key> = rows.into_iter().map(|row| row.key).collect();
                tx.delete(R::TABLE, &keys)?;
                Ok(!keys.is_empty())
            })
            .await?;
    }
    Ok(())
}

/// There is no configuration of this name.
#[must_use]
pub fn not_found(name: &str) -> Problem {
    let title = format!("there is no configuration `{name}`");
    Problem::new(404, "ConfigurationNotFound", title)
        .remedy("`lockstep configuration list` shows those that there are")
}

pub(crate) fn store_problem(error: StoreError) -> Problem {
    Failure::from(error).0
}
