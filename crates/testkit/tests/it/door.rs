//! The door of the cloud: the sign-in page, as somebody with a browser and without JavaScript uses it.

use anyhow::{Context as _, bail, ensure};
use lockstep_testkit::product::Service;
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{LOCATION, SET_COOKIE};

const CALLBACK: &str = "https://wiki.test/cb";
/// The example of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application that people sign in to.
pub(crate) struct Door {
    browser: Client,
    address: Url,
    service: String,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    /// The application got a code.
    In,
    /// Another password has to be chosen first.
    MustChange,
    /// The password is wrong, or there is nobody of that name.
    Refused,
}

impl Door {
    /// Registers an application.
    pub(crate) fn of(service: &Service) -> anyhow::Result<Self> {
        let app = service.json(&[
            "app",
            "create",
            "--name",
            "Wiki",
            "--redirect-uri",
            CALLBACK,
            "--public",
        ])?;
        let text = |name: &str| {
            app[name]
                .as_str()
                .with_context(|| format!("no {name}: {app}"))
        };
        let (client, tenant) = (text("clientId")?, text("tenantId")?);
        let mut address: Url =
            format!("{}/{tenant}/oauth2/v2.0/authorize", service.url()).parse()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", client)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("state", "s")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        Ok(Self {
            browser: service.browser()?,
            address,
            service: service.url().to_owned(),
        })
    }

    /// Opens the page, types a name and a password, and sends them.
    pub(crate) fn try_to_enter(&self, user: &str, password: &str) -> anyhow::Result<Entry> {
        let page = self.browser.get(self.address.clone()).send()?;
        ensure!(page.status() == 200, "the page answered {}", page.status());
        let cookies = cookies(&page);
        let text = page.text()?;
        let action = value_behind(&text, "action=\"")?;
        let flow = value_behind(&text, "name=\"flow\" value=\"")?;
        let mut form: Url = "http://form".parse()?;
        form.query_pairs_mut()
            .append_pair("flow", &flow)
            .append_pair("username", user)
            .append_pair("password", password);
        let answer = self
            .browser
            .post(format!("{}{action}", self.service))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookies)
            .body(form.query().unwrap_or_default().to_owned())
            .send()?;
        outcome(answer)
    }
}

fn outcome(answer: Response) -> anyhow::Result<Entry> {
    let location = answer.headers().get(LOCATION);
    if let Some(location) = location.and_then(|location| location.to_str().ok()) {
        let target: Url = location.parse()?;
        let has_code = target.query_pairs().any(|(name, _)| name == "code");
        ensure!(has_code, "the application was told {location}");
        return Ok(Entry::In);
    }
    let text = answer.text()?;
    if text.contains("name=\"new_password\"") {
        Ok(Entry::MustChange)
    } else if text.contains("name=\"password\"") {
        Ok(Entry::Refused)
    } else {
        bail!("neither in nor out: {text}")
    }
}

fn cookies(page: &Response) -> String {
    let values = page.headers().get_all(SET_COOKIE).iter();
    let pairs = values.filter_map(|value| value.to_str().ok()?.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}

/// What stands between this and the next quotation mark.
fn value_behind(page: &str, mark: &str) -> anyhow::Result<String> {
    let (_, rest) = page
        .split_once(mark)
        .with_context(|| format!("no {mark}"))?;
    let (value, _) = rest.split_once('"').context("no end")?;
    Ok(value.replace("&#38;", "&").replace("&amp;", "&"))
}
