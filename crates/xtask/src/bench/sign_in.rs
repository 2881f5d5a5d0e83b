//! How fast people sign in, and how much of it is the password's own work.

use super::ratio;
use crate::output;
use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::pbkdf2;
use lockstep_directory::credential::{Argon2Hash, Iterations, SyncedHash};
use lockstep_model::Secret;
use lockstep_testkit::product::Service;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// How long each thing is measured, and how often.
const TIME: Duration = Duration::from_secs(3);
const RUNS: usize = 3;
const PEOPLE: usize = 16;
const PASSWORD: &str = "Correct horse 7";
const CALLBACK: &str = "https://bench.test/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What was measured, as times for one of each.
pub(super) struct SignIns {
    /// A hash as the agent derives it, on one core.
    derivation: Duration,
    /// The same rounds of PBKDF2-HMAC-SHA256 by AWS-LC, on one core.
    floor: Duration,
    /// A check of Argon2id, with every core at work.
    check: Duration,
    /// A sign-in, from the form to the tokens, with every core at work.
    sign_in: Duration,
}

impl SignIns {
    /// Measures, with people of a service whose directory has some.
    pub(super) fn measure(service: &Service) -> anyhow::Result<Self> {
        output::step("derivation of password hashes");
        let (mut derivation, mut floor) = (Vec::new(), Vec::new());
        let nt_hash = Secret::new([7; 16]);
        for _ in 0..RUNS {
            derivation.push(one(1, &|| {
                black_box(SyncedHash::derive(&nt_hash, [9; 10], Iterations::FEWEST));
                Ok(())
            })?);
            let rounds = NonZeroU32::new(Iterations::FEWEST.get()).context("no rounds")?;
            floor.push(one(1, &|| {
                let mut out = [0; 32];
                let sha = pbkdf2::PBKDF2_HMAC_SHA256;
                pbkdf2::derive(sha, rounds, &[9; 10], black_box(&[7; 64]), &mut out);
                black_box(out);
                Ok(())
            })?);
        }
        output::step("sign-ins");
        let cores = std::thread::available_parallelism()?.get();
        let (mut check, mut sign_in) = (Vec::new(), Vec::new());
        let password = Secret::new(PASSWORD.to_owned());
        let hash = Argon2Hash::of(&password, &[3; 16]);
        let flow = Flow::new(service)?;
        for _ in 0..RUNS {
            check.push(one(cores, &|| {
                ensure!(hash.verifies(&password), "the password is right");
                Ok(())
            })?);
            // Twice as many as can be checked at once, so that none waits for the network.
            sign_in.push(one(cores * 2, &|| flow.sign_in())?);
        }
        Ok(Self {
            derivation: super::median(&derivation),
            floor: super::median(&floor),
            check: super::median(&check),
            sign_in: super::median(&sign_in),
        })
    }

    /// Lines of the table.
    pub(super) fn rows(&self) -> [(String, String, String); 4] {
        let micros = |time: Duration| format!("{} µs", time.as_micros());
        let rate = |time: Duration| format!("{:.0} per second", 1.0 / time.as_secs_f64());
        [
            (
                "1,000 rounds of PBKDF2-HMAC-SHA256 by AWS-LC, one core".into(),
                micros(self.floor),
                "1 (the floor)".into(),
            ),
            (
                "a password hash derived, one core".into(),
                micros(self.derivation),
                format!("{:.2} × the floor", ratio(self.derivation, self.floor)),
            ),
            (
                "checks of Argon2id (19 MiB, 2 passes), all cores".into(),
                rate(self.check),
                "1 (the floor)".into(),
            ),
            (
                "sign-ins, from the form to the tokens, all cores".into(),
                rate(self.sign_in),
                format!(
                    "{:.2} × the time of a check",
                    ratio(self.sign_in, self.check)
                ),
            ),
        ]
    }
}

/// Does something over and over on so many threads; gives the time for each.
fn one(threads: usize, work: &(dyn Fn() -> anyhow::Result<()> + Sync)) -> anyhow::Result<Duration> {
    let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let worker = || -> anyhow::Result<()> {
            while !stop.load(Ordering::Relaxed) && begun.elapsed() < TIME {
                work().inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(_) => bail!("a thread panicked"),
            })
    })?;
    let count = u32::try_from(done.into_inner())?.max(1);
    Ok(begun.elapsed() / count)
}

/// People who sign in to an application, one after the other.
struct Flow {
    http: reqwest::blocking::Client,
    login: String,
    token: String,
    client_id: String,
    client_secret: String,
    people: Vec<String>,
    next: AtomicU64,
}

impl Flow {
    fn new(service: &Service) -> anyhow::Result<Self> {
        let users = service.graph_all("users?$select=userPrincipalName&$top=100")?;
        let people: Vec<String> = users
            .iter()
            .filter_map(|user| user["userPrincipalName"].as_str().map(str::to_owned))
            .take(PEOPLE)
            .collect();
        for name in &people {
            let body = format!("{{\"password\":\"{PASSWORD}\"}}");
            let path = format!("/api/v1/users/{name}/password");
            let (status, text) = service.send("PUT", &path, &body)?;
            ensure!(status == 204, "{status}: {text}");
        }
        let app = service.json(&[
            "app",
            "create",
            "--name",
            "Bench",
            "--redirect-uri",
            CALLBACK,
        ])?;
        let text = |name: &str| app[name].as_str().map(str::to_owned).context("no app");
        let base = text("issuer")?.replace("/v2.0", "/oauth2/v2.0");
        let client_id = text("clientId")?;
        let query = form(&[
            ("client_id", &client_id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        Ok(Self {
            http: service.browser()?,
            login: format!("{base}/login?{query}"),
            token: format!("{base}/token"),
            client_id,
            client_secret: text("clientSecret")?,
            people,
            next: AtomicU64::new(0),
        })
    }

    fn sign_in(&self) -> anyhow::Result<()> {
        let number = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed))?;
        let name = &self.people[number % self.people.len()];
        let response = self.send(&self.login, &[("username", name), ("password", PASSWORD)])?;
        let to = response.headers().get("location").context("not let in")?;
        let to = url::Url::parse(to.to_str()?)?;
        let code = to.query_pairs().find(|(name, _)| name == "code");
        let (_, code) = code.context("no code")?;
        let response = self.send(
            &self.token,
            &[
                ("grant_type", "authorization_code"),
                ("client_id", &self.client_id),
                ("client_secret", &self.client_secret),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )?;
        ensure!(response.status() == 200, "{}", response.text()?);
        Ok(())
    }

    fn send(
        &self,
        url: &str,
        pairs: &[(&str, &str)],
    ) -> anyhow::Result<reqwest::blocking::Response> {
        let request = self.http.post(url).body(form(pairs));
        let kind = "application/x-www-form-urlencoded";
        Ok(request.header("content-type", kind).send()?)
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}
