//! Two controllers of one domain.
//!
//! Changes go from one to the other only with [`Forest::replicate_from`]: between two calls each lags
//! behind the other, for as long as a test likes.

use super::template::{Role, certify, copy, made_once};
use super::{ADMIN_PASSWORD, Controller, Forest, Template};
use crate::testbed;
use anyhow::{Context as _, bail};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of a template with the GUID under which the controller replicates.
const DSA: &str = "dsa-guid";

impl Forest {
    /// Starts two controllers of a domain, `dc1` and `dc2`; each as the forest that it shows.
    ///
    /// # Errors
    ///
    /// When Samba is missing, or fails.
    pub fn start_two(template: Template) -> anyhow::Result<(Self, Self)> {
        let folder = ready(template).context("the template with two controllers")?;
        let copied = |name: &'static str| {
            let role = Role::of_two(template.domain, name);
            Controller::copy_of(&folder.join(name), role)
        };
        let mut controllers = [copied("dc1")?, copied("dc2")?];
        let hosts = hosts(&controllers)?;
        for controller in &mut controllers {
            fs::write(controller.dir().join("hosts"), &hosts)?;
            controller.start()?;
        }
        let [first, second] = controllers;
        Ok((Self::of(first, template), Self::of(second, template)))
    }

    /// Takes over what another controller of the domain has and this one lacks; it is done when this
    /// returns.
    ///
    /// # Errors
    ///
    /// When one of them does not run.
    pub fn replicate_from(&self, source: &Self) -> anyhow::Result<()> {
        let operation = json!({
            "op": "replicate", "address": self.dc().address(), "from": dsa(source.dc().dir())?,
        });
        self.ad().operation(&operation).map(|_| ())
    }
}

/// The folder with the folders of both; it is made by whoever needs it first.
fn ready(template: Template) -> anyhow::Result<PathBuf> {
    let single = template.ready()?;
    let key = format!("{}-two", single.file_name().unwrap_or_default().display());
    made_once(single.with_file_name(key), |dir| {
        let mut first = Controller::copy_of(&single, Role::of_two(template.domain, "dc1"))?;
        first.offline(&json!({"op": "name_for_replication"}))?;
        note_dsa(&first, first.dir())?;
        fs::write(first.dir().join("hosts"), host_line(&first)?)?;
        first.start()?;
        join(&first, template, &dir.join("dc2"))?;
        first.kill();
        copy(first.dir(), &dir.join("dc1"))?;
        certify(&dir.join("dc2"), Role::of_two(template.domain, "dc2"))?;
        let second = Controller::copy_of(&dir.join("dc2"), Role::of_two(template.domain, "dc2"))?;
        note_dsa(&second, &dir.join("dc2"))
    })
}

/// Joins `dc2` into the domain of a running controller.
fn join(first: &Controller, template: Template, target: &Path) -> anyhow::Result<()> {
    let (address, lock) = testbed::take_address()?;
    let joining = "mount --bind \"$0\" /etc/hosts && exec samba-tool domain join \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", joining])
        .arg(first.dir().join("hosts"))
        .args([template.domain.name(), "DC"])
        .arg(format!("--server={}", first.dns_name()))
        .arg("-U")
        .arg(format!(
            "{}/Administrator%{ADMIN_PASSWORD}",
            template.domain.netbios()
        ))
        .arg(format!("--targetdir={}", target.display()))
        .args(["--backend-store=mdb", "--dns-backend=SAMBA_INTERNAL"])
        .arg("--option=netbios name=DC2")
        .arg(format!("--option=interfaces={address}/8"))
        .arg("--option=bind interfaces only=yes")
        .arg(format!(
            "--option=posix:eadb={}",
            target.join("eadb.tdb").display()
        ))
        .env("SMB_CONF_PATH", first.dir().join("empty.conf"))
        .env("KRB5_CONFIG", first.dir().join("krb5.conf"))
        .output()?;
    drop(lock);
    if !output.status.success() {
        bail!(
            "samba-tool domain join failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

fn note_dsa(controller: &Controller, dir: &Path) -> anyhow::Result<()> {
    let guid = controller.offline(&json!({"op": "dsa"}))?;
    fs::write(dir.join(DSA), guid.as_str().unwrap_or_default())?;
    Ok(())
}

fn dsa(dir: &Path) -> anyhow::Result<String> {
    fs::read_to_string(dir.join(DSA)).context("this controller has no other one beside it")
}

/// What both have instead of a name server: each finds the other by the GUID under which it replicates.
fn hosts(controllers: &[Controller]) -> anyhow::Result<String> {
    let lines: Vec<String> = controllers
        .iter()
        .map(host_line)
        .collect::<Result<_, _>>()?;
    Ok(lines.concat())
}

fn host_line(controller: &Controller) -> anyhow::Result<String> {
    let name = controller.dns_name();
    let domain = name.split_once('.').map_or("", |(_, domain)| domain);
    let dsa = dsa(controller.dir())?;
    Ok(format!(
        "{} {name} {dsa}._msdcs.{domain}\n",
        controller.address()
    ))
}
