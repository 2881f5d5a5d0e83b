//! What the administrator of the service does.

use super::*;
use crate::script::Passwords;
use lockstep_api::admin::Chosen;
use lockstep_server::held;
use lockstep_store::records::job::HeldVerdict;

impl World {
    /// Lets an administrator do something; what was asked before is given up.
    pub(crate) fn administer(&mut self, which: Which, admin: &Admin) {
        if let Admin::Configure(wishes) = admin {
            self.side(which).asked.clone_from(wishes);
        }
        let name = which.name();
        let service = self.service();
        let actor = || "administrator".to_owned();
        let forget = match admin {
            Admin::RestartFull => Forget {
                watermark: true,
                ..Forget::default()
            },
            Admin::RestartQuarantine => Forget {
                quarantine: true,
                ..Forget::default()
            },
            _ => Forget {
                links: true,
                ..Forget::default()
            },
        };
        let id = self.configuration(which);
        let task: Task<()> = match admin {
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
            Admin::RestartFull | Admin::RestartQuarantine | Admin::RestartLinks => {
                Box::pin(async move {
                    let _ = configurations::restart(&service, name, forget, actor()).await;
                })
            }
            Admin::HandOver => Box::pin(async move {
                let heir = Some(Which::First.name().to_owned());
                let _ = removal::delete(&service, name, heir, actor()).await;
            }),
            Admin::AllowDeletes | Admin::RejectDeletes => {
                let verdict = match admin {
                    Admin::AllowDeletes => HeldVerdict::Allowed,
                    _ => HeldVerdict::Rejected,
                };
                let row = id.and_then(|id| self.record::<Configuration>(&id));
                Box::pin(async move {
                    let Some(row) = row else { return };
                    let all = Chosen::default();
                    let _ = held::decide(&service, &row, all, verdict, actor()).await;
                })
            }
        };
        let decides_nothing = matches!(
            admin,
            Admin::Pause(_)
                | Admin::Plan
                | Admin::PlanOf(_)
                | Admin::RestartFull
                | Admin::RestartQuarantine
        );
        self.side(which).guard.decided |= !decides_nothing;
        self.was_untidy |= self.admin.is_some();
        self.admin = Some(task);
        let paused = id
            .and_then(|id| self.record::<Configuration>(&id))
            .is_none_or(|configuration| configuration.paused);
        self.pausing = (*admin == Admin::Pause(true) && !paused).then_some(which);
    }

    /// The administrator has got an answer.
    pub(super) fn administered(&mut self) {
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
            "password-hash-sync": {
                "enabled": wishes.passwords != Passwords::Off,
                "force-change-at-logon": wishes.passwords == Passwords::AlsoTemporary,
            },
        });
        serde_json::from_value(spec).expect("the configuration is one")
    }

    /// The wishes as they were last accepted, without what does not exist any more, and whether that is anything
    /// less.
    pub(crate) fn wishes_that_exist(&self, which: Which) -> (Wishes, bool) {
        let wishes = &self.sides[which.index()].wishes;
        let directory = self.shared.directory.borrow();
        let controller = directory.writer();
        let mut gone = false;
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
