//! A forest, a service, an agent, and one configuration.

use anyhow::ensure;
use lockstep_testkit::front::{Front, Limits};
use lockstep_testkit::product::{Agent, Service};
use lockstep_testkit::samba::{Ad, Forest, NewUser, Population, Template};
use serde_json::Value;
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Cycles run only when a test asks for one, so that it knows what each of them did.
pub(crate) const CONFIGURATION: &str =
    "name = \"corp\"\ndomain = \"corp.test\"\n[schedule]\non-change = false\ninterval = \"24h\"\n";

/// A domain that takes a while to be read.
pub(crate) const SOME_HUNDREDS: Population = Population {
    users: 300,
    groups: 30,
    ous: 9,
    members: 10,
    largest_group: 200,
    hard_names: true,
};

/// The same configuration, which does not even run once by itself when it is new.
pub(crate) fn by_hand_only(configuration: &str) -> String {
    format!("paused = true\n{configuration}")
}

/// Everything that an end-to-end test needs.
pub(crate) struct Bed {
    // Dropped in this order: who depends goes first.
    pub(crate) agent: Agent,
    pub(crate) service: Service,
    pub(crate) forest: Forest,
}

/// What a cycle did.
pub(crate) struct Cycle {
    pub(crate) result: Value,
    /// Its entries in the log, oldest first.
    pub(crate) log: Vec<Value>,
}

impl Bed {
    /// Starts everything; the configuration is applied, and its first cycle has run.
    pub(crate) fn synced(template: Template) -> anyhow::Result<Self> {
        let bed = Self::start(template)?;
        bed.service.apply(CONFIGURATION)?;
        bed.cycle()?;
        Ok(bed)
    }

    /// Starts everything; nothing is configured.
    pub(crate) fn start(template: Template) -> anyhow::Result<Self> {
        Self::with(Forest::start(template)?, |agent, forest| {
            agent.add_domain(forest)
        })
    }

    /// The same, with a front between agent and controller; a configuration is applied that runs by hand
    /// only.
    pub(crate) fn behind_front(
        template: Template,
        limits: Limits,
    ) -> anyhow::Result<(Self, Front)> {
        let forest = Forest::start(template)?;
        let front = Front::before(forest.dc(), limits)?;
        let bed = Self::with(forest, |agent, forest| {
            agent.add_domain_behind(forest, &front)
        })?;
        bed.service.apply(&by_hand_only(CONFIGURATION))?;
        Ok((bed, front))
    }

    /// A service and an agent for this forest, which the agent is given in this way.
    pub(crate) fn with(
        forest: Forest,
        add_domain: impl FnOnce(&Agent, &Forest) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let service = Service::start()?;
        let mut agent = Agent::enroll(&service)?;
        add_domain(&agent, &forest)?;
        agent.start()?;
        service.run(&["domain", "add", forest.domain().name()])?;
        Ok(Self {
            agent,
            service,
            forest,
        })
    }

    /// Runs a cycle that must succeed.
    pub(crate) fn cycle(&self) -> anyhow::Result<Cycle> {
        let result = self.service.cycle("corp")?;
        ensure!(
            result["state"] == "succeeded",
            "{result}\n{}\n{}",
            self.service.log(),
            self.agent.log()
        );
        self.with_log(result)
    }

    pub(crate) fn with_log(&self, result: Value) -> anyhow::Result<Cycle> {
        let id = result["cycleId"].as_str().unwrap_or_default();
        let text = self
            .service
            .run(&["log", "--cycle", id, "--limit", "10000", "-o", "json"])?;
        let mut log = text
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect::<anyhow::Result<Vec<Value>>>()?;
        log.reverse();
        Ok(Cycle { result, log })
    }

    /// Adds users who have nothing but a name.
    pub(crate) fn add_users(
        &self,
        accounts: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<()> {
        let mut ad = self.forest.ad();
        for account in accounts {
            ad.add_user(&NewUser {
                account: &account,
                ..NewUser::default()
            })?;
        }
        Ok(())
    }

    /// Changes something in AD and runs a cycle.
    pub(crate) fn after<T>(
        &self,
        change: impl FnOnce(&mut Ad) -> anyhow::Result<T>,
    ) -> anyhow::Result<Cycle> {
        change(&mut self.forest.ad())?;
        self.cycle()
    }

    /// One user of the directory, by name on premises.
    pub(crate) fn user(&self, account: &str) -> anyhow::Result<Value> {
        let users = self.users(account)?;
        ensure!(
            users.len() == 1,
            "{} users are called {account}",
            users.len()
        );
        Ok(users.into_iter().next().unwrap_or_default())
    }

    /// All live users with this name on premises.
    pub(crate) fn users(&self, account: &str) -> anyhow::Result<Vec<Value>> {
        let select = "id,userPrincipalName,displayName,department,accountEnabled,mail,\
                      onPremisesDistinguishedName,onPremisesImmutableId,onPremisesSamAccountName";
        self.service.graph_all(&format!(
            "users?$select={select}&$filter=onPremisesSamAccountName eq '{account}'"
        ))
    }

    /// The id of a group, by display name.
    pub(crate) fn group(&self, name: &str) -> anyhow::Result<String> {
        let groups = self.service.graph_all(&format!(
            "groups?$select=id&$filter=displayName eq '{name}'"
        ))?;
        ensure!(
            groups.len() == 1,
            "{} groups are called {name}",
            groups.len()
        );
        Ok(groups[0]["id"].as_str().unwrap_or_default().to_owned())
    }

    /// The display names of the members of a group, sorted.
    pub(crate) fn members(&self, group: &str) -> anyhow::Result<Vec<String>> {
        let id = self.group(group)?;
        let members = self
            .service
            .graph_all(&format!("groups/{id}/members?$select=displayName&$top=999"))?;
        let mut names: Vec<String> = members
            .iter()
            .map(|member| {
                member["displayName"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        names.sort();
        Ok(names)
    }

    /// The display name of a user's manager.
    pub(crate) fn manager(&self, account: &str) -> anyhow::Result<Option<String>> {
        let user = self.user(account)?;
        let id = user["id"].as_str().unwrap_or_default();
        let (status, manager) = self.service.graph(&format!("users/{id}/manager"))?;
        Ok((status == 200).then(|| {
            manager["displayName"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        }))
    }
}

impl Cycle {
    /// Property and new value of the only change that the cycle made.
    pub(crate) fn only_change(&self) -> anyhow::Result<(&str, &Value)> {
        ensure!(self.log.len() == 1, "not one entry: {:#?}", self.log);
        let changes = self.log[0]["modifiedProperties"].as_array();
        let changes: Vec<&Value> = changes.into_iter().flatten().collect();
        ensure!(changes.len() == 1, "not one change: {:#?}", self.log);
        Ok((
            changes[0]["property"].as_str().unwrap_or_default(),
            &changes[0]["new"],
        ))
    }

    /// Action and object of each entry, by the first step of the name, sorted.
    pub(crate) fn actions(&self) -> Vec<String> {
        let mut actions: Vec<String> = self
            .log
            .iter()
            .map(|entry| {
                let dn = entry["dn"].as_str().unwrap_or_default();
                let name = dn.split(',').next().unwrap_or_default();
                format!("{} {name}", entry["action"].as_str().unwrap_or_default())
            })
            .collect();
        actions.sort();
        actions
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.result[what].as_u64().unwrap_or(u64::MAX)
    }
}

/// Where a backup may be written to, as long as the folder is there.
pub(crate) fn backup_file() -> anyhow::Result<(TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("backup.tar");
    Ok((folder, file.to_string_lossy().into_owned()))
}

/// The directory as others see it, by anchor: ids differ from run to run.
pub(crate) fn dump(service: &Service) -> anyhow::Result<BTreeMap<String, String>> {
    let mut dump = BTreeMap::new();
    let mut anchors = BTreeMap::new();
    let select = "id,onPremisesImmutableId,displayName,userPrincipalName,mail,department,\
                  onPremisesDistinguishedName,proxyAddresses";
    let users = service.graph_all(&format!("users?$top=999&$select={select}"))?;
    let select = "id,onPremisesImmutableId,displayName,description,onPremisesDistinguishedName";
    let groups = service.graph_all(&format!("groups?$top=999&$select={select}"))?;
    for mut object in users.into_iter().chain(groups.iter().cloned()) {
        let anchor = object["onPremisesImmutableId"].to_string();
        let id = object["id"].take();
        anchors.insert(id.to_string(), anchor.clone());
        dump.insert(anchor, object.to_string());
    }
    for group in &groups {
        let id = group["id"].as_str().unwrap_or_default();
        let members = service.graph_all(&format!("groups/{id}/members?$top=999&$select=id"))?;
        let mut members: Vec<String> = members
            .iter()
            .map(|member| {
                anchors
                    .get(&member["id"].to_string())
                    .cloned()
                    .unwrap_or_default()
            })
            .collect();
        members.sort();
        let key = format!("{} members", group["onPremisesImmutableId"]);
        dump.insert(key, members.join(" "));
    }
    Ok(dump)
}

/// What an undisturbed run makes of a forest.
pub(crate) fn undisturbed(forest: &Forest) -> anyhow::Result<BTreeMap<String, String>> {
    let service = Service::start()?;
    let _agent = Agent::of(&service, forest)?;
    service.run(&["domain", "add", "corp.test"])?;
    service.apply(CONFIGURATION)?;
    service.cycle("corp")?;
    dump(&service)
}

/// Asks for a cycle without waiting for it.
pub(crate) fn begin_cycle(service: &Service) -> anyhow::Result<()> {
    service.run(&["cycle", "run", "corp"]).map(|_| ())
}
