//! A forest with one domain and one controller.

use super::{Ad, Controller, Domain, SERVICE_ACCOUNT, SERVICE_PASSWORD, Template};
use anyhow::Context as _;
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
        let mut controller = Controller::copy_of(&folder, template.domain)?;
        controller.start()?;
        let ad = Ad::new(controller.dir(), template.domain.dn());
        Ok(Self {
            domain: template.domain,
            controller,
            ad: Mutex::new(ad),
        })
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

    /// Makes changes in the domain.
    pub fn ad(&self) -> MutexGuard<'_, Ad> {
        self.ad.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
