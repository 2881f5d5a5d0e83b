//! The door of the cloud: the sign-in page, as somebody with a browser and without JavaScript uses it.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_testkit::product::Service;
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{LOCATION, SET_COOKIE};
use serde_json::Value;

const CALLBACK: &str = "https://wiki.test/cb";
/// The example of RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const FORM: &str = "application/x-www-form-urlencoded";

/// An application that people sign in to.
pub(crate) struct Door {
    browser: Client,
    address: Url,
    service: String,
    token: String,
    client: String,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    /// The application got a code, and tokens for it, of the user who was named.
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
            .append_pair("scope", "openid profile")
            .append_pair("state", "s")
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        Ok(Self {
            browser: service.browser()?,
            token: format!("{}/{tenant}/oauth2/v2.0/token", service.url()),
            client: client.to_owned(),
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
            .header("content-type", FORM)
            .header("cookie", cookies)
            .body(form.query().unwrap_or_default().to_owned())
            .send()?;
        let location = answer.headers().get(LOCATION);
        match location.and_then(|location| location.to_str().ok()) {
            Some(location) => self.redeem(user, location).map(|()| Entry::In),
            None => outcome(answer),
        }
    }

    /// What the application does with what it is told: it turns the code into tokens, which name this user.
    fn redeem(&self, user: &str, location: &str) -> anyhow::Result<()> {
        let target: Url = location.parse()?;
        let code = target.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.with_context(|| format!("the application was told {location}"))?;
        let mut form: Url = "http://form".parse()?;
        form.query_pairs_mut()
            .append_pair("grant_type", "authorization_code")
            .append_pair("client_id", &self.client)
            .append_pair("code", &code)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("code_verifier", VERIFIER);
        let request = self.browser.post(&self.token).header("content-type", FORM);
        let body = form.query().unwrap_or_default().to_owned();
        let tokens: Value = serde_json::from_str(&request.body(body).send()?.text()?)?;
        let token = tokens["id_token"].as_str();
        let token = token.with_context(|| format!("no ID token: {tokens}"))?;
        let claims = token.split('.').nth(1).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
        ensure!(claims["preferred_username"] == user, "{user} is {claims}");
        Ok(())
    }
}

fn outcome(answer: Response) -> anyhow::Result<Entry> {
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
