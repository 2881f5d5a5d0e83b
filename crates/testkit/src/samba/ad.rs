//! Changes in a domain, as its administrators make them.

use super::{ADMIN_PASSWORD, PYTHON, SCRIPT};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Works inside one domain. Each operation is done when it returns.
#[derive(Debug)]
pub struct Ad {
    dir: PathBuf,
    base: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Its values, by attribute.
    pub attributes: BTreeMap<String, Value>,
}

/// A user to be made.
#[derive(Clone, Debug, Default)]
pub struct NewUser<'a> {
    /// sAMAccountName; also the name, unless there is one.
    pub account: &'a str,
    /// The name in the directory.
    pub name: Option<&'a str>,
    /// Below which container; the organizational unit's distinguished name. Else CN=Users.
    pub parent: Option<&'a str>,
    /// Other attributes.
    pub attributes: &'a [(&'a str, &'a str)],
}

impl Ad {
    pub(super) fn new(dir: &Path, base: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            base: base.to_owned(),
            process: None,
        }
    }

    fn start(&mut self) -> anyhow::Result<&mut Process> {
        if self.process.is_none() {
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", PYTHON, "-c", SCRIPT, "serve"])
                .arg(self.dir.join("etc/smb.conf"))
                .env("SMB_CONF_PATH", self.dir.join("empty.conf"))
                .env("KRB5_CONFIG", self.dir.join("krb5.conf"))
                .env("AD_PASSWORD", ADMIN_PASSWORD)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .context("could not start Python")?;
            let input = child.stdin.take().context("no stdin")?;
            let output = BufReader::new(child.stdout.take().context("no stdout")?);
            self.process = Some(Process {
                child,
                input,
                output,
            });
        }
        self.process.as_mut().context("not started")
    }

    /// Carries out one operation of `ad.py`.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn operation(&mut self, operation: &Value) -> anyhow::Result<Value> {
        let process = self.start()?;
        writeln!(process.input, "{operation}")?;
        process.input.flush()?;
        let mut line = String::new();
        process.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("{operation} was answered with `{line}`"))?;
        match answer.get("error") {
            Some(error) => bail!("{operation}: {error}"),
            None => Ok(answer["ok"].clone()),
        }
    }

    /// The controller was stopped: the next operation connects anew.
    pub(super) fn disconnect(&mut self) {
        self.process = None;
    }

    /// The distinguished name of the domain.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Adds an object.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn add(&mut self, dn: &str, attributes: &Value) -> anyhow::Result<()> {
        self.operation(&json!({"op": "add", "dn": dn, "attributes": attributes}))
            .map(|_| ())
    }

    /// Adds an enabled user with a password; gives its distinguished name.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn add_user(&mut self, user: &NewUser<'_>) -> anyhow::Result<String> {
        let parent = match user.parent {
            Some(parent) => parent.to_owned(),
            None => format!("CN=Users,{}", self.base),
        };
        let name = user.name.unwrap_or(user.account);
        let dn = format!("CN={},{parent}", escaped(name));
        let suffix = self.base.replace("DC=", "").replace(',', ".");
        let mut attributes = json!({
            "objectClass": ["top", "person", "organizationalPerson", "user"],
            "sAMAccountName": user.account,
            "userPrincipalName": format!("{}@{suffix}", user.account),
            "userAccountControl": "512",
        });
        for (attribute, value) in user.attributes {
            attributes[*attribute] = json!(value);
        }
        let password = format!("Pw.{}", user.account);
        self.operation(
            &json!({"op": "add", "dn": dn, "attributes": attributes, "password": password}),
        )?;
        Ok(dn)
    }

    /// Adds an organizational unit; gives its distinguished name.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn add_ou(&mut self, name: &str, parent: Option<&str>) -> anyhow::Result<String> {
        let base = self.base.clone();
        let dn = format!("OU={},{}", escaped(name), parent.unwrap_or(&base));
        self.add(&dn, &json!({"objectClass": "organizationalUnit"}))?;
        Ok(dn)
    }

    /// Adds a security group; gives its distinguished name.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn add_group(&mut self, name: &str, members: &[&str]) -> anyhow::Result<String> {
        let dn = format!("CN={},CN=Users,{}", escaped(name), self.base);
        let mut attributes = json!({"objectClass": ["top", "group"], "sAMAccountName": name});
        if !members.is_empty() {
            attributes["member"] = json!(members);
        }
        self.add(&dn, &attributes)?;
        Ok(dn)
    }

    fn modify(&mut self, dn: &str, kind: &str, name: &str, values: &[&str]) -> anyhow::Result<()> {
        let change = json!({"kind": kind, "attribute": name, "values": values});
        self.operation(&json!({"op": "modify", "dn": dn, "changes": [change]}))
            .map(|_| ())
    }

    /// Sets an attribute.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn set(&mut self, dn: &str, attribute: &str, value: &str) -> anyhow::Result<()> {
        self.modify(dn, "replace", attribute, &[value])
    }

    /// Clears an attribute.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn clear(&mut self, dn: &str, attribute: &str) -> anyhow::Result<()> {
        self.modify(dn, "replace", attribute, &[])
    }

    /// Adds members to a group.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn add_members(&mut self, group: &str, members: &[&str]) -> anyhow::Result<()> {
        self.modify(group, "add", "member", members)
    }

    /// Removes members from a group.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn remove_members(&mut self, group: &str, members: &[&str]) -> anyhow::Result<()> {
        self.modify(group, "delete", "member", members)
    }

    /// Renames or moves.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn rename(&mut self, dn: &str, to: &str) -> anyhow::Result<()> {
        self.operation(&json!({"op": "rename", "dn": dn, "to": to}))
            .map(|_| ())
    }

    /// Deletes.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn delete(&mut self, dn: &str) -> anyhow::Result<()> {
        self.operation(&json!({"op": "delete", "dn": dn}))
            .map(|_| ())
    }

    /// Brings a deleted object back under this name.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn undelete(&mut self, guid: &str, to: &str) -> anyhow::Result<()> {
        self.operation(&json!({"op": "undelete", "guid": guid, "to": to}))
            .map(|_| ())
    }

    /// Sets a password.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn set_password(&mut self, dn: &str, password: &str) -> anyhow::Result<()> {
        self.operation(&json!({"op": "password", "dn": dn, "password": password}))
            .map(|_| ())
    }

    /// Adds an entry to an access control list, in SDDL.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn grant(&mut self, dn: &str, ace: &str) -> anyhow::Result<()> {
        let deleted = dn.starts_with("CN=Deleted Objects");
        self.operation(&json!({"op": "grant", "dn": dn, "ace": ace, "show_deleted": deleted}))
            .map(|_| ())
    }

    /// Takes an entry off an access control list, in SDDL as it stands there.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn revoke(&mut self, dn: &str, ace: &str) -> anyhow::Result<()> {
        let deleted = dn.starts_with("CN=Deleted Objects");
        self.operation(&json!({"op": "revoke", "dn": dn, "ace": ace, "show_deleted": deleted}))
            .map(|_| ())
    }

    /// Searches.
    ///
    /// # Errors
    ///
    /// What the controller says.
    pub fn search(&mut self, filter: &str, attributes: &[&str]) -> anyhow::Result<Vec<Entry>> {
        let found =
            self.operation(&json!({"op": "search", "filter": filter, "attributes": attributes}))?;
        let entry = |found: &Value| Entry {
            dn: found["dn"].as_str().unwrap_or_default().to_owned(),
            attributes: found
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| *name != "dn")
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        };
        Ok(found.as_array().into_iter().flatten().map(entry).collect())
    }

    /// The objectGUID of an object, as text.
    ///
    /// # Errors
    ///
    /// When there is no such object.
    pub fn guid_of(&mut self, dn: &str) -> anyhow::Result<String> {
        let operation = json!({
            "op": "search", "base": dn, "scope": "base", "attributes": ["objectGUID"],
        });
        let found = self.operation(&operation)?;
        let guid = found[0]["objectGUID"][0].as_str();
        guid.map(str::to_owned).context("it has no objectGUID")
    }

    /// The SID of the service account, as text.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn sid_of(&mut self, account: &str) -> anyhow::Result<String> {
        let operation = json!({
            "op": "sid", "account": account,
        });
        let found = self.operation(&operation)?;
        found.as_str().map(str::to_owned).context("it has no SID")
    }
}

/// A name as it stands in a distinguished name (RFC 4514 2.4).
fn escaped(name: &str) -> String {
    let mut text = String::new();
    for (index, character) in name.chars().enumerate() {
        let first = index == 0 && matches!(character, ' ' | '#');
        if first || matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
