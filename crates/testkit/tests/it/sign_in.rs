//! People sign in: through relying parties that others wrote, and in a real browser.

use crate::bed::Bed;
use lockstep_testkit::browser::{Browser, Scripts};
use lockstep_testkit::product::{eventually, program};
use lockstep_testkit::relying_parties::{self, Registration};
use lockstep_testkit::samba::{NewUser, Template};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const CALLBACK: &str = "https://wiki.test/callback";
pub(crate) const ADA: &str = "ada@corp.test";
pub(crate) const PASSWORD: &str = "Grüße, 7 Pferde 🐎 ";

/// A domain with Ada, who has a password in the cloud, and a configuration that has read her.
pub(crate) fn bed() -> anyhow::Result<Bed> {
    let bed = Bed::start(Template::default())?;
    bed.forest.ad().add_user(&NewUser {
        account: "ada",
        ..NewUser::default()
    })?;
    bed.service.apply(crate::bed::CONFIGURATION)?;
    bed.cycle()?;
    set_password(&bed, PASSWORD, &[])?;
    Ok(bed)
}

pub(crate) fn set_password(bed: &Bed, password: &str, options: &[&str]) -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), password)?;
    let path = file.path().to_string_lossy().into_owned();
    let mut arguments = vec!["password", "set", ADA, "--password-file", &path];
    arguments.extend(options);
    bed.service.run(&arguments).map(|_| ())
}

pub(crate) fn register(
    bed: &Bed,
    redirect_uri: &str,
    options: &[&str],
) -> anyhow::Result<Registration> {
    let mut arguments = vec![
        "app",
        "create",
        "--name",
        "Wiki",
        "--redirect-uri",
        redirect_uri,
    ];
    arguments.extend(options);
    let made = bed.service.json(&arguments)?;
    let text = |name: &str| made[name].as_str().map(str::to_owned);
    Ok(Registration {
        client_id: text("clientId").unwrap_or_default(),
        client_secret: text("clientSecret"),
        issuer: text("issuer").unwrap_or_default(),
        redirect_uri: redirect_uri.to_owned(),
        user: ADA.to_owned(),
        password: PASSWORD.to_owned(),
    })
}

fn expect(results: &Value, expected: &[(&str, &str)]) {
    for (step, outcome) in expected {
        assert_eq!(results[step], *outcome, "{step}: {results:#}");
    }
}

#[test]
fn openid_client_signs_in_refreshes_asks_signs_out_and_is_refused_what_it_must_be() {
    let bed = bed().unwrap();
    let confidential = register(&bed, CALLBACK, &["--role", "reader"]).unwrap();
    let by_domain = Registration {
        issuer: format!("{}/local.lockstep/v2.0", bed.service.url()),
        ..confidential.clone()
    };
    let public = register(&bed, "http://127.0.0.1:3000/cb", &["--public"]).unwrap();
    let id = bed.user("ada").unwrap()["id"].clone();
    for registration in [confidential, by_domain, public] {
        let is_public = registration.client_secret.is_none();
        let results = relying_parties::openid_client(&bed.service, &registration).unwrap();
        for who in ["signIn", "userinfo", "refresh"] {
            assert_eq!(results[who]["sub"], id, "{results:#}");
            assert_eq!(results[who]["preferred_username"], ADA, "{results:#}");
        }
        assert_eq!(results["session"], id);
        let expected = [
            ("wrongNonce", "OAUTH_JWT_CLAIM_COMPARISON_FAILED"),
            ("wrongState", "OAUTH_INVALID_RESPONSE"),
            ("wrongVerifier", "invalid_grant"),
            ("missingPkce", "invalid_request"),
            ("foreignRedirect", "not sent back: 400"),
            ("wrongPassword", "not sent back: 200"),
            ("replayedCode", "invalid_grant"),
            ("algNone", "invalid_token"),
            ("usedRefreshToken", "invalid_grant"),
            ("refreshTokenAfterReuse", "invalid_grant"),
            ("accessTokenAfterReuse", "invalid_token"),
            ("afterLogout", "login_required"),
        ];
        expect(&results, &expected);
        let back = format!("{}?state=bye", registration.redirect_uri);
        assert_eq!(results["logout"], back);
        if !is_public {
            let own = [
                ("clientCredentials", "bearer"),
                ("wrongSecret", "invalid_client"),
            ];
            expect(&results, &own);
        }
    }
}

#[test]
fn authlib_signs_in_refreshes_asks_signs_out_and_is_refused_what_it_must_be() {
    let bed = bed().unwrap();
    let registration = register(&bed, CALLBACK, &[]).unwrap();
    let results = relying_parties::authlib(&bed.service, &registration).unwrap();
    let id = bed.user("ada").unwrap()["id"].clone();
    for who in ["signIn", "userinfo"] {
        assert_eq!(results[who]["sub"], id, "{results:#}");
        assert_eq!(results[who]["name"], "ada", "{results:#}");
    }
    let expected = [
        ("refresh", "Bearer"),
        ("replayedCode", "invalid_grant"),
        ("refreshTokenAfterReplay", "invalid_grant"),
        ("usedRefreshToken", "invalid_grant"),
        ("wrongPassword", "not sent back: 200"),
        ("logout", "https://wiki.test/callback?state=bye"),
    ];
    expect(&results, &expected);
    let nonce = results["wrongNonce"].as_str().unwrap();
    assert!(nonce.contains("nonce"), "{nonce}");
}

/// Answers whatever comes to it: the application to which a browser is sent back.
fn landing() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/callback", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 8_192];
            let _ = stream.read(&mut request);
            let page = "<!doctype html><title>Wiki</title>";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
            let _ = write!(
                stream,
                "{head}\r\nContent-Length: {}\r\n\r\n{page}",
                page.len()
            );
        }
    });
    Ok(url)
}

fn authorize(registration: &Registration, more: &str) -> String {
    let base = registration.issuer.trim_end_matches("/v2.0");
    format!(
        "{base}/oauth2/v2.0/authorize?client_id={}&redirect_uri={}&response_type=code&scope=openid&state=s1\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256{more}",
        registration.client_id, registration.redirect_uri
    )
}

fn send(browser: &Browser, user: &str, password: &str) -> anyhow::Result<()> {
    browser.fill("#username", user)?;
    browser.fill("#password", password)?;
    browser.submit("button")
}

#[test]
fn a_person_signs_in_with_a_browser_that_runs_no_scripts() {
    let bed = bed().unwrap();
    let landing = landing().unwrap();
    let registration = register(&bed, &landing, &[]).unwrap();
    let browser = Browser::start(Scripts::Off).unwrap();
    // WebDriver types no characters beyond the basic plane.
    set_password(&bed, "Grüße, 7 Pferde", &[]).unwrap();
    browser.open(&authorize(&registration, "")).unwrap();
    assert_eq!(browser.title().unwrap(), "Sign in to Wiki");
    assert_eq!(browser.focus().unwrap().as_deref(), Some("username"));
    // By keyboard alone.
    browser.press(ADA).unwrap();
    browser.press("\u{e004}").unwrap();
    assert_eq!(browser.focus().unwrap().as_deref(), Some("password"));
    browser.press("Grüße, 7 Pferde\u{e007}").unwrap();
    eventually("the browser is sent back", || {
        Ok(browser.url()?.starts_with(&landing))
    })
    .unwrap();
    assert!(browser.url().unwrap().contains("state=s1"));
    // Signed in: the page is not shown again.
    browser.open(&authorize(&registration, "")).unwrap();
    assert!(browser.url().unwrap().contains("code="));

    set_password(&bed, "Temporary 8", &["--force-change"]).unwrap();
    browser.open(&authorize(&registration, "")).unwrap();
    assert_eq!(
        browser.title().unwrap(),
        "Sign in to Wiki",
        "the reset signed her out"
    );
    send(&browser, ADA, "Temporary 8").unwrap();
    assert_eq!(browser.title().unwrap(), "Choose a new password");
    browser.fill("#new", "Eight horses").unwrap();
    browser.fill("#again", "Eight horses").unwrap();
    browser.submit("button").unwrap();
    assert!(browser.url().unwrap().starts_with(&landing));
}

#[test]
fn pages_are_usable_by_everybody_and_wrong_passwords_wait() {
    let bed = bed().unwrap();
    let registration = register(&bed, &landing().unwrap(), &[]).unwrap();
    let browser = Browser::start(Scripts::On).unwrap();
    let usable = |what: &str| {
        let findings = browser.findings().unwrap();
        assert!(findings.is_empty(), "{what}: {findings:#?}");
    };
    browser.open(&authorize(&registration, "")).unwrap();
    usable("the sign-in page");
    let mut times = Vec::new();
    for _ in 0..12 {
        let begun = Instant::now();
        send(&browser, ADA, "wrong").unwrap();
        times.push(begun.elapsed());
        assert_eq!(browser.title().unwrap(), "Not signed in: Sign in to Wiki");
        assert_eq!(
            browser.text("#message").unwrap(),
            "User name or password is wrong."
        );
        assert_eq!(browser.focus().unwrap().as_deref(), Some("password"));
    }
    usable("the page after a wrong password");
    // Two seconds and four, from when the password before was found wrong, which the browser learns later.
    let (free, waited) = times.split_at(10);
    // On a busy machine some of them take their time, but they do not wait.
    let quickest = free.iter().min().copied();
    assert!(quickest < Some(Duration::from_secs(2)), "{times:?}");
    assert!(waited[0] >= Duration::from_millis(1_200), "{times:?}");
    assert!(waited[1] >= Duration::from_millis(2_400), "{times:?}");
    // A reset by the administrator forgets them.
    set_password(&bed, "Nine horses", &["--force-change"]).unwrap();
    let begun = Instant::now();
    send(&browser, ADA, "Nine horses").unwrap();
    // The next one would have waited for eight seconds.
    assert!(begun.elapsed() < Duration::from_secs(7));
    assert_eq!(browser.title().unwrap(), "Choose a new password");
    usable("the page for a new password");
    browser
        .open(&authorize(&registration, "&redirect_uri=x"))
        .unwrap();
    assert_eq!(browser.text("h1").unwrap(), "This sign-in cannot go on");
    usable("the page of a fault");
}

#[test]
fn a_person_signs_in_to_the_command_line_with_a_browser() {
    let bed = bed().unwrap();
    set_password(&bed, "Grüße, 7 Pferde", &[]).unwrap();
    let home = tempfile::tempdir().unwrap();
    let ca = bed.service.data_dir().join("tls/ca.pem");
    let lockstep = |arguments: &[&str]| {
        let mut command = Command::new(program("lockstep").unwrap());
        command.args(arguments).env("XDG_CONFIG_HOME", home.path());
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut login = lockstep(&["login", "--url", bed.service.url(), "--ca-file"])
        .arg(&ca)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(login.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| line.ok().filter(|line| line.starts_with("https://")));
    let browser = Browser::start(Scripts::Off).unwrap();
    browser.open(&address.unwrap()).unwrap();
    assert_eq!(browser.title().unwrap(), "Sign in to Lockstep command line");
    send(&browser, ADA, "Grüße, 7 Pferde").unwrap();
    assert_eq!(
        browser.text("p").unwrap(),
        "Signed in. You can close this page."
    );
    assert!(login.wait().unwrap().success());

    let file = home.path().join("lockstep/login.json");
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = |arguments: &[&str]| {
        let output = lockstep(arguments).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    // Who she is, is known; what she may do is another question, asked at each request.
    assert!(told(&["user", "list"]).contains("ada@corp.test has no role"));
    let role = |what: &str, role: &str| {
        let arguments = ["role", what, ADA, "--role", role];
        bed.service.run(&arguments).unwrap();
    };
    role("assign", "reader");
    let list = lockstep(&["user", "list"]).output().unwrap();
    assert!(String::from_utf8(list.stdout).unwrap().contains(ADA));
    let make = ["token", "create", "--role", "reader"];
    assert!(told(&make).contains("this needs the role administrator"));
    role("assign", "administrator");
    assert!(lockstep(&make).output().unwrap().status.success());
    let audit = bed.service.json(&["audit", "--limit", "1"]).unwrap();
    assert_eq!(audit[0]["actor"], ADA);
    role("remove", "administrator");
    role("remove", "reader");
    assert!(told(&["user", "list"]).contains("ada@corp.test has no role"));
    assert!(told(&["logout"]).contains("signed out"));
    assert!(told(&["user", "list"]).contains("which service?"));
}
