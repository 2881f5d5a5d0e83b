//! A forest with one domain, seen from one of its controllers.

use super::template::{Role, TEMPLATE_ADDRESS};
use super::{ADMIN_PASSWORD, Ad, Controller, Domain, SERVICE_ACCOUNT, SERVICE_PASSWORD, Template};
use anyhow::{Context as _, ensure};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A running forest.
#[derive(Debug)]
pub struct Forest {
    domain: Domain,
    controller: Controller,
    ad: Mutex<Ad>,
}

/// Name and password of an account.
#[derive(Clone, Copy, Debug)]
pub struct ServiceAccount {
    /// sAMAccountName.
    pub name: &'static str,
    /// Its password.
    pub password: &'static str,
}

impl Forest {
    /// Starts a copy of a template.
    ///
    /// # Errors
    ///
    /// When Samba is missing, or fails.
    pub fn start(template: Template) -> anyhow::Result<Self> {
        let folder = template.ready().context("the template of the forest")?;
        let mut controller = Controller::copy_of(&folder, Role::alone(template.domain))?;
        controller.start()?;
        Ok(Self::of(controller, template))
    }

    /// The forest that a controller shows.
    pub(super) fn of(controller: Controller, template: Template) -> Self {
        let ad = Ad::new(controller.dir(), template.domain.dn());
        Self {
            domain: template.domain,
            controller,
            ad: Mutex::new(ad),
        }
    }

    /// Its domain.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    /// Its controller.
    #[must_use]
    pub const fn dc(&self) -> &Controller {
        &self.controller
    }

    /// Its controller, to be killed, started or set back.
    pub fn dc_mut(&mut self) -> &mut Controller {
        // Whoever works inside loses the connection.
        self.ad().disconnect();
        &mut self.controller
    }

    /// The account that the product reads with: it has just the rights that it needs.
    #[must_use]
    pub const fn service_account(&self) -> ServiceAccount {
        ServiceAccount {
            name: SERVICE_ACCOUNT,
            password: SERVICE_PASSWORD,
        }
    }

    /// Puts the controller's address into the domain's DNS, whose records come from the template.
    ///
    /// # Errors
    ///
    /// When the controller refuses.
    pub fn register_address(&self) -> anyhow::Result<()> {
        let domain = self.domain.name();
        let address = self.controller.address();
        let credentials = format!("{}/Administrator%{ADMIN_PASSWORD}", self.domain.netbios());
        let change = |verb: &str, addresses: &[&str]| {
            Command::new("samba-tool")
                .args(["dns", verb, address, domain, "dc1", "A"])
                .args(addresses)
                .arg("-U")
                .arg(&credentials)
                .env("SMB_CONF_PATH", self.controller.dir().join("empty.conf"))
                .env("KRB5_CONFIG", self.controller.dir().join("krb5.conf"))
                .output()
        };
        let output = change("update", &[TEMPLATE_ADDRESS, address])?;
        ensure!(
            output.status.success(),
            "samba-tool dns failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Makes changes in the domain.
    pub fn ad(&self) -> MutexGuard<'_, Ad> {
        self.ad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
