//! A real Chromium, driven by WebDriver.

use crate::product::eventually;
use crate::{packages, relying_parties};
use anyhow::{Context as _, bail};
use fantoccini::error::CmdError;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use tokio::runtime::Runtime;

/// The browser and its driver.
pub const PACKAGES: &[&str] = &["chromium", "chromium-driver"];

/// A browser with one window and a profile of its own. Dropped, it is closed.
#[derive(Debug)]
pub struct Browser {
    runtime: Runtime,
    client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scripts {
    /// They may.
    On,
    /// They may not, as for a person who has switched JavaScript off.
    Off,
}

impl Browser {
    /// Starts one. It trusts every certificate: the service's CA is a new one each time.
    ///
    /// # Errors
    ///
    /// When the browser or its driver does not start.
    pub fn start(scripts: Scripts) -> anyhow::Result<Self> {
        packages::ensure(PACKAGES)?;
        let profile = tempfile::Builder::new()
            .prefix("lockstep-browser-")
            .tempdir()?;
        let mut driver = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "chromedriver", "--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start chromedriver")?;
        let url = match address(&mut driver) {
            Ok(url) => url,
            Err(error) => {
                let _ = driver.kill();
                return Err(error);
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(&profile.path().to_string_lossy(), scripts));
        let client = runtime.block_on(builder.connect(&url));
        let client = client.context("the browser does not start");
        if client.is_err() {
            let _ = driver.kill();
        }
        Ok(Self {
            client: client?,
            runtime,
            driver,
            _profile: profile,
        })
    }

    /// Goes to an address.
    ///
    /// # Errors
    ///
    /// When there is nothing.
    pub fn open(&self, url: &str) -> anyhow::Result<()> {
        self.wait(self.client.goto(url))
    }

    /// The address of the page.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn url(&self) -> anyhow::Result<String> {
        self.wait(self.client.current_url())
            .map(|url| url.to_string())
    }

    /// The title of the page.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn title(&self) -> anyhow::Result<String> {
        self.wait(self.client.title())
    }

    /// The text that a person sees in an element, by CSS selector.
    ///
    /// # Errors
    ///
    /// When there is no such element.
    pub fn text(&self, selector: &str) -> anyhow::Result<String> {
        self.wait(async { self.client.find(Locator::Css(selector)).await?.text().await })
            .with_context(|| format!("looking for {selector}"))
    }

    /// Types into a field, replacing what is there.
    ///
    /// # Errors
    ///
    /// When there is no such field.
    pub fn fill(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        self.wait(async {
            let field = self.client.find(Locator::Css(selector)).await?;
            field.clear().await?;
            field.send_keys(text).await
        })
        .with_context(|| format!("typing into {selector}"))
    }

    /// Clicks.
    ///
    /// # Errors
    ///
    /// When there is no such element.
    pub fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.wait(async {
            self.client
                .find(Locator::Css(selector))
                .await?
                .click()
                .await
        })
        .with_context(|| format!("clicking {selector}"))
    }

    /// Clicks on what leads to another page, and waits until that is there.
    ///
    /// # Errors
    ///
    /// When there is no such element, or no other page comes within a minute.
    pub fn submit(&self, selector: &str) -> anyhow::Result<()> {
        let button = self.wait(self.client.find(Locator::Css(selector)))?;
        self.wait(button.click())?;
        eventually("another page comes", || {
            // What belongs to a page that is gone cannot be asked for anything.
            let is_gone = self.wait(button.tag_name()).is_err();
            let state = self.wait(
                self.client
                    .execute("return document.readyState", Vec::new()),
            );
            Ok(is_gone && state.is_ok_and(|state| state == "complete"))
        })
        .map(|_| ())
    }

    /// Presses keys, wherever the focus is.
    ///
    /// # Errors
    ///
    /// When nothing has the focus.
    pub fn press(&self, keys: &str) -> anyhow::Result<()> {
        self.wait(async { self.client.active_element().await?.send_keys(keys).await })
    }

    /// The id of the element that has the focus.
    ///
    /// # Errors
    ///
    /// When nothing has it.
    pub fn focus(&self) -> anyhow::Result<Option<String>> {
        self.wait(async { self.client.active_element().await?.attr("id").await })
    }

    /// The text of the whole page, as it came.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn source(&self) -> anyhow::Result<String> {
        self.wait(self.client.source())
    }

    /// A picture of the window, in PNG.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub fn picture(&self) -> anyhow::Result<Vec<u8>> {
        self.wait(self.client.screenshot())
    }

    /// What axe finds on the page that keeps somebody from using it: `serious` and `critical` findings, each as
    /// its rule and what it is about.
    ///
    /// # Errors
    ///
    /// When axe cannot be installed or run.
    pub fn findings(&self) -> anyhow::Result<Vec<String>> {
        self.wait(self.client.execute(&relying_parties::axe()?, Vec::new()))?;
        let script = "const done = arguments[arguments.length - 1]; \
                      axe.run().then(done, (error) => done({ error: String(error) }))";
        let found = self.wait(self.client.execute_async(script, Vec::new()))?;
        let Some(violations) = found["violations"].as_array() else {
            bail!("axe did not run: {found}");
        };
        let is_serious = |finding: &&Value| {
            ["serious", "critical"]
                .iter()
                .any(|impact| finding["impact"] == *impact)
        };
        let told = |finding: &Value| format!("{}: {}", finding["id"], finding["nodes"]);
        Ok(violations.iter().filter(is_serious).map(told).collect())
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, CmdError>>) -> anyhow::Result<T> {
        Ok(self.runtime.block_on(work)?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.client.clone().close());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Where the driver listens, which it says on its first lines.
fn address(driver: &mut Child) -> anyhow::Result<String> {
    let stdout = driver.stdout.take().context("no stdout")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next().transpose()? {
        let Some((_, rest)) = line.split_once("started successfully on port ") else {
            continue;
        };
        let port: u16 = rest.trim_end_matches('.').parse()?;
        // Read on, so that the driver never waits for somebody to.
        std::thread::spawn(move || lines.for_each(drop));
        return Ok(format!("http://127.0.0.1:{port}"));
    }
    bail!("chromedriver does not say where it listens")
}

fn capabilities(profile: &str, scripts: Scripts) -> Capabilities {
    let mut options = json!({
        "args": [
            "--headless=new",
            // Tests run as root in containers, where the sandbox cannot be had.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            format!("--user-data-dir={profile}"),
        ],
    });
    if scripts == Scripts::Off {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".into(), json!("chrome"));
    capabilities.insert("acceptInsecureCerts".into(), json!(true));
    capabilities.insert("goog:chromeOptions".into(), options);
    capabilities
}
