//! The service as it is started and asked, without a domain.

use crate::{lockstep, run_at, told};
use lockstep_testkit::product::Service;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_private_folder_with_address_token_and_ca() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    assert!(service.url().starts_with("https://127.0.0.1:"));
    let url = fs::read_to_string(folder.join("url")).unwrap();
    assert_eq!(url.trim(), service.url());
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    assert!(
        fs::read_to_string(folder.join("tls/ca.pem"))
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );

    let (status, tenant) = service.send("GET", "/api/v1/tenant", "").unwrap();
    let tenant: Value = serde_json::from_str(&tenant).unwrap();
    assert_eq!(status, 200);
    assert_eq!(tenant["initialDomain"], "local.lockstep");
    assert_eq!(tenant["domains"], serde_json::json!(["local.lockstep"]));
    for set in ["users", "groups", "contacts", "servicePrincipals"] {
        assert_eq!(service.graph_all(set).unwrap().len(), 0, "{set}");
    }
}

#[test]
fn a_second_start_keeps_tenant_and_token_and_refuses_another_initial_domain() {
    let mut service = Service::start_with(&["--initial-domain", "Example.COM"]).unwrap();
    let folder = service.data_dir();
    let token = fs::read_to_string(folder.join("admin-token")).unwrap();
    let (_, tenant) = service.send("GET", "/api/v1/tenant", "").unwrap();
    assert!(
        tenant.contains("\"initialDomain\":\"example.com\""),
        "{tenant}"
    );
    service.kill();
    let (status, _, words) = run_at(
        &folder,
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--initial-domain",
            "other.example.com",
        ],
    );
    assert_eq!(status, 2);
    assert!(
        words.contains("has the initial domain example.com"),
        "{words}"
    );
    service.resume().unwrap();
    assert_eq!(
        service.send("GET", "/api/v1/tenant", "").unwrap(),
        (200, tenant)
    );
    assert_eq!(
        fs::read_to_string(folder.join("admin-token")).unwrap(),
        token
    );
}

#[test]
fn the_api_describes_itself_and_asks_for_a_token_at_every_address() {
    let service = Service::start().unwrap();
    let (status, text) = service.send("GET", "/api/v1/openapi.json", "").unwrap();
    assert_eq!(status, 200);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let path = path.replace(['{', '}'], "");
            let answer = service.ask(method, &path, None).unwrap();
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            assert_eq!(answer.content_type, "application/problem+json");
            let problem: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(problem["code"], "Unauthorized");
            assert!(problem["remedy"].is_string(), "{problem}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn what_is_not_there_answers_with_a_problem_document() {
    let service = Service::start().unwrap();
    let token = fs::read_to_string(service.data_dir().join("admin-token")).unwrap();
    for (method, path, status) in [
        ("GET", "/nonsense", 404),
        ("GET", "/api/v1/nonsense", 404),
        ("GET", "/agent/v1/nonsense", 404),
        ("GET", "/v1.0/nonsense", 404),
        ("PATCH", "/api/v1/tenant", 405),
        ("PUT", "/healthz", 405),
        ("GET", "/api/v1/configurations/nonsense", 404),
        ("GET", "/api/v1/log?configuration=nonsense", 404),
        ("GET", "/api/v1/log?limit=many", 400),
        ("GET", "/api/v1/log?nonsense=1", 400),
        ("POST", "/api/v1/configurations/x/cycle?wait=perhaps", 400),
    ] {
        let answer = service.ask(method, path, Some(token.trim())).unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status, "{path}: {problem}");
        assert!(
            problem["title"].is_string() && problem["code"].is_string(),
            "{problem}"
        );
    }
}

#[test]
fn health_readiness_and_metrics_need_no_token_and_metrics_move_elsewhere() {
    let service = Service::start().unwrap();
    for (path, expected) in [
        ("/healthz", "ok"),
        ("/readyz", "ready"),
        ("/metrics", "# TYPE lockstep_agents gauge"),
    ] {
        let answer = service.ask("GET", path, None).unwrap();
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(expected), "{path}: {}", answer.body);
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let service = Service::start_with(&["--metrics-listen", &address]).unwrap();
    assert_eq!(service.ask("GET", "/metrics", None).unwrap().status, 404);
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    use std::io::{Read as _, Write as _};
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("lockstep_agents"),
        "{text}"
    );
}

#[test]
fn the_environment_leads_to_the_service_too() {
    let service = Service::start().unwrap();
    let folder = service.data_dir();
    let token = fs::read_to_string(folder.join("admin-token")).unwrap();
    let list = |variables: &[(&str, &str)]| {
        let mut command = lockstep(&["agent", "list", "--output", "json"]);
        command.env("LOCKSTEP_URL", service.url());
        command.envs(variables.iter().copied());
        told(&command.output().unwrap())
    };
    let ca = folder.join("tls/ca.pem");
    let ca = ("LOCKSTEP_CA_FILE", ca.to_str().unwrap());
    let file = folder.join("admin-token");
    assert_eq!(
        list(&[("LOCKSTEP_TOKEN", token.trim()), ca]),
        (0, "[]\n".into(), String::new())
    );
    let by_file = list(&[("LOCKSTEP_TOKEN_FILE", file.to_str().unwrap()), ca]);
    assert_eq!(by_file, (0, "[]\n".into(), String::new()));
    let (status, data, words) = list(&[("LOCKSTEP_TOKEN", token.trim())]);
    assert_eq!((status, data.as_str()), (1, ""));
    assert!(words.contains("certificate"), "{words}");
    let (status, _, words) = list(&[("LOCKSTEP_TOKEN", "nonsense"), ca]);
    assert_eq!(status, 1);
    assert!(
        words.contains("Unauthorized") && words.contains("remedy: "),
        "{words}"
    );
    assert!(
        !words.contains("nonsense"),
        "a token is never shown: {words}"
    );
}

#[test]
fn commands_on_the_machine_need_no_way_to_the_public_address() {
    let service = Service::start_with(&["--public-url", "https://sync.example.com:8443/"]).unwrap();
    assert_eq!(service.url(), "https://sync.example.com:8443");
    let folder = service.data_dir();
    let url = fs::read_to_string(folder.join("url")).unwrap();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let (status, token, words) = run_at(&folder, &["agent", "token"]);
    assert_eq!(status, 0, "{words}");
    let token: lockstep_api::channel::EnrollmentToken = token.parse().unwrap();
    assert_eq!(token.url, "https://sync.example.com:8443");
}

#[test]
fn told_to_stop_it_ends_in_order_within_ten_seconds() {
    let mut service = Service::start().unwrap();
    // A connection that stays open, and a command that looks again and again.
    let open = std::net::TcpStream::connect(service.url().trim_start_matches("https://")).unwrap();
    let mut follower = lockstep(&["log", "--follow", "--data-dir"])
        .arg(service.data_dir())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = service.stop().unwrap();
    assert_eq!(status.code(), Some(0), "{}", service.log());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(follower.wait().unwrap().code(), Some(1));
    drop(open);
}

#[test]
fn an_extension_that_nobody_has_declared_is_not_removed() {
    let service = Service::start().unwrap();
    let gone = ["extension", "remove", "extension_corp_carLicense"];
    let (status, data, words) = run_at(&service.data_dir(), &gone);
    assert_eq!((status, data.as_str()), (1, ""));
    assert!(
        words.contains("is no extension that is declared")
            && words.contains("lockstep extension list"),
        "{words}"
    );
}
