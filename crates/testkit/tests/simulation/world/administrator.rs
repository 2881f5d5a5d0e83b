//! What the administrator of the service does.

use super::*;
use crate::script::{Limits, Passwords};
use lockstep_api::admin::Chosen;
use lockstep_engine::{Presence, Word};
use lockstep_server::{held, missing};
use lockstep_store::records::connector_space::Staged;
use lockstep_store::records::job::HeldVerdict;

impl World {
    /// Lets an administrator do something; what was asked before is given up.
    pub(crate) fn administer(&mut self, which: Which, admin: &Admin) {
        if let Admin::Configure(wishes) = admin {
            self.side(which).asked.clone_from(wishes);
        }
        let task = self.task(which, admin);
        if *admin == Admin::MissingIsGone {
            self.note_missing(which);
        }
        let decides = decides(admin);
        self.side(which).guard.decided |= decides;
        self.deciding = decides.then_some(which);
        self.was_untidy |= self.admin.is_some();
        self.admin = Some(task);
        let paused = self
            .configuration(which)
            .and_then(|id| self.record::<Configuration>(&id))
            .is_none_or(|configuration| configuration.paused);
        self.pausing = (*admin == Admin::Pause(true) && !paused).then_some(which);
    }

    /// What the service is asked to do.
    fn task(&self, which: Which, admin: &Admin) -> Task<()> {
        let name = which.name();
        let service = self.service();
        let actor = || "administrator".to_owned();
        match admin {
            Admin::Configure(wishes) => {
                let spec = self.spec(which, wishes);
                Box::pin(async move {
                    // A name that does not exist at this moment is refused; nothing is changed then.
                    if let Ok(checked) = configurations::check(&service, spec).await {
                        let _ = configurations::apply(&service, checked, None, actor()).await;
                    }
                })
            }
            Admin::Plan => Box::pin(async move {
                // What it says is for the administrator; here it must only leave nothing behind.
                let _ = plan::of_configuration(&service, name).await;
            }),
            Admin::PlanOf(wishes) => {
                let spec = self.spec(which, wishes);
                Box::pin(async move {
                    if let Ok(checked) = configurations::check(&service, spec).await {
                        let _ = plan::of_file(&service, checked).await;
                    }
                })
            }
            Admin::Pause(paused) => {
                let paused = *paused;
                Box::pin(async move {
                    let _ = configurations::set_paused(&service, name, paused, actor()).await;
                })
            }
            Admin::RestartFull
            | Admin::RestartQuarantine
            | Admin::RestartLinks
            | Admin::RestartEscrows => {
                let forget = forgotten(admin);
                Box::pin(async move {
                    let _ = configurations::restart(&service, name, forget, actor()).await;
                })
            }
            Admin::HandOver | Admin::Remove | Admin::Release => {
                let heir = match admin {
                    Admin::HandOver => Some(Which::First.name().to_owned()),
                    Admin::Release => Some("cloud".to_owned()),
                    _ => None,
                };
                Box::pin(async move {
                    let _ = removal::delete(&service, name, heir, actor()).await;
                })
            }
            Admin::Reconcile => {
                let shared = Rc::clone(&self.shared);
                Box::pin(async move {
                    // While there is work to be done nobody can tell.
                    if let Ok(found) = job::reconcile(&service, name, false).await {
                        shared.note(format!("reconciled: {} drifting", found.drifting));
                        shared.drifts.borrow_mut().extend(found.drifts);
                    }
                })
            }
            Admin::MissingIsGone | Admin::MissingStays => {
                let word = match admin {
                    Admin::MissingIsGone => Word::Gone,
                    _ => Word::Stays,
                };
                let id = self.configuration(which);
                let row = id.and_then(|id| self.record::<Configuration>(&id));
                Box::pin(async move {
                    let Some(row) = row else { return };
                    let all = Chosen::default();
                    let _ = missing::decide(&service, &row, all, word, actor()).await;
                })
            }
            Admin::AllowDeletes | Admin::AllowOne(_) | Admin::AllowUsers => {
                self.decide_held(which, chosen(admin), HeldVerdict::Allowed)
            }
            Admin::RejectDeletes | Admin::RejectOne(_) | Admin::RejectUsers => {
                self.decide_held(which, chosen(admin), HeldVerdict::Rejected)
            }
        }
    }

    fn decide_held(&self, which: Which, chosen: Chosen, verdict: HeldVerdict) -> Task<()> {
        let service = self.service();
        let id = self.configuration(which);
        let row = id.and_then(|id| self.record::<Configuration>(&id));
        Box::pin(async move {
            let Some(row) = row else { return };
            let actor = "administrator".to_owned();
            // What is named and not held is refused, and nothing is changed then.
            let _ = held::decide(&service, &row, chosen, verdict, actor).await;
        })
    }

    /// What is missing at this moment an administrator has said to be gone.
    fn note_missing(&mut self, which: Which) {
        let Some(id) = self.configuration(which) else {
            return;
        };
        let mut rows = Vec::new();
        self.store
            .read(&mut |tx| {
                rows = tx.list::<Staged>(&Scan::of(Key::empty().with(id), 100_000))?;
                Ok(())
            })
            .expect("the store can be read");
        let is_missing = |row: &&Staged| matches!(row.object.presence, Presence::Missing { .. });
        let missing = rows.iter().filter(is_missing).map(|row| row.object.guid);
        self.sides[which.index()].said_gone.extend(missing);
    }

    /// The administrator has got an answer.
    pub(super) fn administered(&mut self) {
        if self.deciding.take().is_some() {
            self.shared.told_passwords.take();
        }
        if let Some(drift) = self.shared.drifts.take().first() {
            self.violate(format!(
                "the directory is not what it should be, although nobody has touched it: {drift:?}"
            ));
        }
        let pausing = self.pausing.take();
        for which in Which::BOTH {
            let row = self
                .configuration(which)
                .and_then(|id| self.record::<Configuration>(&id));
            let side = self.side(which);
            // Whoever has asked for a cycle by hand may have done so after that.
            let by_itself = side.cycle.is_some() && side.guard.wake != Some(Wake::Hand);
            if !row.is_some_and(|row| row.paused) {
                side.is_stopped = false;
            } else if pausing == Some(which) && by_itself {
                side.is_stopped = true;
                self.shared.note("cycles paused".to_owned());
            }
        }
    }

    /// The configuration file for these wishes, by the names that are good at this moment.
    pub(super) fn spec(&self, which: Which, wishes: &Wishes) -> Spec {
        let directory = self.shared.directory.borrow();
        let controller = directory.writer();
        let name = |label: &Label| match controller.entries.get(&label.guid()) {
            Some(entry) if !entry.is_deleted() => controller.dn(entry).to_string(),
            _ => "OU=gone,DC=corp,DC=test".to_owned(),
        };
        let names = |labels: &[Label]| -> Option<Vec<String>> {
            (!labels.is_empty()).then(|| labels.iter().map(name).collect())
        };
        let clause = |attribute: &str, value: Option<&str>| match value {
            Some(value) => serde_json::json!({
                "object": "user", "attribute": attribute, "operator": "equals", "value": value,
            }),
            None => serde_json::json!({
                "object": "user", "attribute": attribute, "operator": "is-not-null",
            }),
        };
        let filters = match wishes.filter {
            None => vec![],
            Some(Filter::Sales) => vec![vec![clause("department", Some("Sales"))]],
            Some(Filter::TitleOrWorks) => vec![
                vec![clause("title", None)],
                vec![clause("department", Some("Works"))],
            ],
        };
        let mapping = wishes.mappings.iter().map(|mapping| match mapping {
            Mapping::Room => {
                serde_json::json!({"target": "extensionAttribute5", "attribute": "roomNumber"})
            }
            Mapping::Company => serde_json::json!({"target": "companyName", "constant": "Corp"}),
            Mapping::TitleOnce => {
                serde_json::json!({"target": "jobTitle", "attribute": "title", "apply": "create"})
            }
            Mapping::Changed => serde_json::json!({
                "target": "extensionAttribute6", "attribute": "whenChanged",
            }),
            Mapping::NoTitle => serde_json::json!({"target": "jobTitle", "none": true}),
        });
        let guard = serde_json::json!({
            "enabled": self.setup.threshold.is_some(),
            "threshold": self.setup.threshold.unwrap_or(500),
        });
        let mut limits = serde_json::Map::new();
        limits.extend(
            (wishes.limits.updates).map(|most| ("updates".to_owned(), serde_json::json!(most))),
        );
        limits.extend(
            (wishes.limits.members)
                .map(|most| ("member-removals".to_owned(), serde_json::json!(most))),
        );
        let spec = serde_json::json!({
            "name": which.name(),
            "domain": DOMAIN,
            "scope": {
                "organizational-units": names(&wishes.units),
                "exclude-organizational-units": names(&wishes.excluded).unwrap_or_default(),
                "groups": names(&wishes.groups),
                "nested-groups": wishes.nested && !wishes.groups.is_empty(),
                "filters": filters,
            },
            "mapping": {"user": mapping.collect::<Vec<_>>()},
            "accidental-deletes": guard,
            "limits": limits,
            "staging": wishes.staging,
            "reconciliation": {"interval": "never"},
            "password-hash-sync": {
                "enabled": wishes.passwords != Passwords::Off,
                "force-change-at-logon": wishes.passwords == Passwords::AlsoTemporary,
            },
        });
        serde_json::from_value(spec).expect("the configuration is one")
    }

    /// The wishes as they were last accepted, without what does not exist any more, limits and staging, and whether
    /// that is anything less.
    pub(crate) fn wishes_that_exist(&self, which: Which) -> (Wishes, bool) {
        let wishes = &self.sides[which.index()].wishes;
        let directory = self.shared.directory.borrow();
        let controller = directory.writer();
        let mut gone = wishes.staging || wishes.limits != Limits::default();
        let mut there = |labels: &[Label]| -> Vec<Label> {
            let alive = |label: &&Label| controller.is_alive(label.guid());
            let left: Vec<Label> = labels.iter().filter(alive).copied().collect();
            gone |= left.len() < labels.len();
            left
        };
        let wishes = Wishes {
            units: there(&wishes.units),
            groups: there(&wishes.groups),
            excluded: there(&wishes.excluded),
            limits: Limits::default(),
            staging: false,
            ..wishes.clone()
        };
        (wishes, gone)
    }

    /// What the next cycle would do, as the product says.
    pub(crate) fn plan(&mut self) -> Option<Plan> {
        self.settle(0);
        let service = self.service();
        let found = Rc::new(RefCell::new(None));
        let place = Rc::clone(&found);
        self.admin = Some(Box::pin(async move {
            *place.borrow_mut() = plan::of_configuration(&service, Which::First.name())
                .await
                .ok();
        }));
        self.settle(0);
        found.take()
    }
}

/// What an administrator means.
fn chosen(admin: &Admin) -> Chosen {
    match admin {
        Admin::AllowOne(label) | Admin::RejectOne(label) => Chosen {
            ids: vec![label.guid().to_string()],
            ..Chosen::default()
        },
        Admin::AllowUsers | Admin::RejectUsers => Chosen {
            filter: Some("type eq 'user'".to_owned()),
            ..Chosen::default()
        },
        _ => Chosen::default(),
    }
}

/// Whether it may let something leave, or decides who takes part.
const fn decides(admin: &Admin) -> bool {
    !matches!(
        admin,
        Admin::Pause(_)
            | Admin::Plan
            | Admin::PlanOf(_)
            | Admin::RestartFull
            | Admin::RestartQuarantine
            | Admin::RestartEscrows
            | Admin::Reconcile
            | Admin::MissingIsGone
            | Admin::MissingStays
    )
}

/// What a restart forgets.
fn forgotten(admin: &Admin) -> Forget {
    Forget {
        watermark: *admin == Admin::RestartFull,
        quarantine: *admin == Admin::RestartQuarantine,
        escrows: *admin == Admin::RestartEscrows,
        links: *admin == Admin::RestartLinks,
    }
}
