//! The OpenID Connect endpoints, request by request.

use crate::desk::{Browser, CALLBACK, Desk, PASSWORD, URL, VERIFIER, claims, form};
use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_directory::{Change, Kind};
use lockstep_model::PropertyValue;
use lockstep_server::signin::keys;
use lockstep_store::WriteRecords as _;
use lockstep_store::records::directory::DirectoryReference;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ADA: &str = "ada@local.lockstep";
const DAY: i64 = 24 * 3_600 * 1_000;

#[tokio::test]
async fn a_code_becomes_tokens_that_say_who_signed_in() {
    let desk = Desk::new().await;
    let id = desk.user(ADA).await;
    let (status, tokens) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let said = claims(&tokens["id_token"]);
    let tenant = desk.service.tenant.to_string();
    for (name, expected) in [
        ("iss", json!(format!("{URL}/{tenant}/v2.0"))),
        ("aud", json!(desk.client_id)),
        ("sub", json!(id.to_string())),
        ("oid", json!(id.to_string())),
        ("tid", json!(tenant)),
        ("nonce", json!("nonce-1")),
        ("preferred_username", json!(ADA)),
        ("name", json!("Ada King")),
        ("email", json!(ADA)),
        ("groups", json!([])),
    ] {
        assert_eq!(said[name], expected, "{name}");
    }
    let (status, person) = desk
        .with_token("/oidc/userinfo", &tokens["access_token"])
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(person["sub"], said["sub"]);
    assert_eq!(person["email"], ADA);
}

#[tokio::test]
async fn the_tenant_can_be_called_by_its_domain_and_everything_says_so() {
    let desk = Desk::new().await;
    let path = "/local.lockstep/v2.0/.well-known/openid-configuration";
    let document = desk.get(path).await;
    assert_eq!(document["issuer"], format!("{URL}/local.lockstep/v2.0"));
    let keys = desk.get("/local.lockstep/discovery/v2.0/keys").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let mut browser = Browser::default();
    let other = "/other.test/v2.0/.well-known/openid-configuration";
    let answer = browser.send(&desk, Method::GET, other, None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_code_that_is_used_twice_ends_what_the_first_use_gave() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let code = desk.code(ADA, PASSWORD).await;
    let (_, tokens) = desk.redeem(&code).await;
    let (status, error) = desk.redeem(&code).await;
    assert_eq!(
        (status, &error["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant"))
    );
    let (status, _) = desk
        .with_token("/oidc/userinfo", &tokens["access_token"])
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (_, error) = desk.refresh(&tokens["refresh_token"]).await;
    assert_eq!(error["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_is_good_for_its_application_its_address_its_verifier_and_a_minute() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let other = "x".repeat(43);
    for (redirect_uri, verifier, later, error) in [
        ("https://wiki.test/other", VERIFIER, 0, "invalid_grant"),
        (CALLBACK, other.as_str(), 0, "invalid_grant"),
        (CALLBACK, "", 0, "invalid_request"),
        (CALLBACK, VERIFIER, 60_000, "invalid_grant"),
    ] {
        let code = desk.code(ADA, PASSWORD).await;
        desk.service.clock.advance(later);
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let (_, answer) = desk.token(&pairs).await;
        assert_eq!(answer["error"], error, "{redirect_uri} {verifier} {later}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_them_all() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let (_, first) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    let (status, second) = desk.refresh(&first["refresh_token"]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(claims(&second["id_token"])["nonce"].is_null());
    let (_, error) = desk.refresh(&first["refresh_token"]).await;
    assert_eq!(error["error"], "invalid_grant");
    // The thief and the owner are told apart by nobody: both are out.
    let (_, error) = desk.refresh(&second["refresh_token"]).await;
    assert_eq!(error["error"], "invalid_grant");
    let (status, _) = desk
        .with_token("/oidc/userinfo", &second["access_token"])
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_an_application_gives_back_is_good_no_more() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let (_, tokens) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    let path = format!("/{}/oauth2/v2.0/revoke", desk.service.tenant);
    let token = tokens["refresh_token"].as_str().unwrap();
    let revoke = async |secret: &str, token: &str| {
        let pairs = [
            ("client_id", desk.client_id.as_str()),
            ("client_secret", secret),
            ("token", token),
        ];
        let body = form(&pairs);
        let mut client = Browser::default();
        let answer = client.send(&desk, Method::POST, &path, Some(&body)).await;
        answer.status
    };
    assert_eq!(revoke("wrong", token).await, StatusCode::UNAUTHORIZED);
    let access = &tokens["access_token"];
    let (status, _) = desk.with_token("/oidc/userinfo", access).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(revoke(&desk.secret, "unknown").await, StatusCode::OK);
    assert_eq!(revoke(&desk.secret, token).await, StatusCode::OK);
    let (status, _) = desk.with_token("/oidc/userinfo", access).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (_, error) = desk.refresh(&tokens["refresh_token"]).await;
    assert_eq!(error["error"], "invalid_grant");
}

#[tokio::test]
async fn an_application_proves_who_it_is_or_gets_nothing() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let code = desk.code(ADA, PASSWORD).await;
    let path = format!("/{}/oauth2/v2.0/token", desk.service.tenant);
    for (id, secret) in [
        (desk.client_id.as_str(), "wrong"),
        (desk.client_id.as_str(), ""),
        ("00000000-0000-4000-8000-000000000000", desk.secret.as_str()),
    ] {
        let body = form(&[
            ("client_id", id),
            ("client_secret", secret),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ]);
        let answer = Browser::default()
            .send(&desk, Method::POST, &path, Some(&body))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text.contains("invalid_client"), "{}", answer.text);
    }
    assert_eq!(desk.redeem(&code).await.0, StatusCode::OK);
}

#[tokio::test]
async fn who_is_disabled_or_deleted_is_out_at_once_and_stays_out() {
    for deletes in [false, true] {
        let desk = Desk::new().await;
        let id = desk.user(ADA).await;
        let mut browser = Browser::default();
        let code = browser.sign_in(&desk, ADA, PASSWORD).await.code();
        let (_, tokens) = desk.redeem(&code).await;
        match deletes {
            true => desk.change(Change::Delete { id }).await,
            false => desk.enable(id, false).await,
        }
        let (status, _) = desk
            .with_token("/oidc/userinfo", &tokens["access_token"])
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let again = browser.sign_in(&desk, ADA, PASSWORD).await;
        assert_ne!(again.status, StatusCode::SEE_OTHER);
        match deletes {
            true => {
                let values = BTreeMap::new();
                desk.change(Change::Restore { id, values }).await;
            }
            false => desk.enable(id, true).await,
        }
        // The password is still there; what was open before is not.
        let (_, error) = desk.refresh(&tokens["refresh_token"]).await;
        assert_eq!(error["error"], "invalid_grant");
        let path = desk.authorize(&[("prompt", "none")]);
        let silent = browser.send(&desk, Method::GET, &path, None).await;
        assert_eq!(silent.sent_back()["error"], "login_required");
        assert!(!desk.code(ADA, PASSWORD).await.is_empty());
    }
}

#[tokio::test]
async fn the_page_says_the_same_of_a_wrong_password_and_of_nobody() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let mut pages = Vec::new();
    for name in [ADA, "bob@local.lockstep"] {
        let page = Browser::default().sign_in(&desk, name, "wrong").await;
        let flow = page.text.split("name=\"flow\" value=\"").nth(1).unwrap()[..64].to_owned();
        pages.push((
            page.status,
            page.text.replace(name, "NAME").replace(&flow, "FLOW"),
        ));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0].1.contains("User name or password is wrong."));
}

#[tokio::test(start_paused = true)]
async fn after_ten_wrong_passwords_answers_wait_and_a_success_forgets_them() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let mut browser = Browser::default();
    let waited = async |browser: &mut Browser, password: &str| {
        let begun = tokio::time::Instant::now();
        let answer = browser.sign_in(&desk, ADA, password).await;
        (answer.status, begun.elapsed())
    };
    for _ in 0..10 {
        let (status, time) = waited(&mut browser, "wrong").await;
        assert_eq!(status, StatusCode::OK);
        assert!(time < Duration::from_secs(1), "{time:?}");
    }
    let (_, eleventh) = waited(&mut browser, "wrong").await;
    assert!(eleventh > Duration::from_millis(1_500), "{eleventh:?}");
    let (status, right) = waited(&mut browser, PASSWORD).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(right > eleventh, "{right:?}");
    browser.forget_cookies();
    let (_, after) = waited(&mut browser, "wrong").await;
    assert!(after < Duration::from_secs(1), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_comes_too_often_is_told_when_to_come_back_and_a_reset_lets_them_in() {
    let desk = Desk::new().await;
    let id = desk.user(ADA).await;
    let mut browser = Browser::default();
    let mut refused = None;
    for _ in 0..20 {
        let answer = browser.sign_in(&desk, ADA, "wrong").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody may go on for ever");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert!(refused.text.contains("Try again in"));
    desk.set_password(id, "Another horse 8", false).await;
    let answer = browser.sign_in(&desk, ADA, "Another horse 8").await;
    assert!(!answer.code().is_empty());
}

#[tokio::test]
async fn a_form_without_its_cookie_lets_in_but_begins_no_session() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let mut browser = Browser::default();
    let page = browser
        .send(&desk, Method::GET, &desk.authorize(&[]), None)
        .await;
    browser.forget_cookies();
    let values = [("username", ADA), ("password", PASSWORD)];
    let answer = browser.submit(&desk, &page, &values).await;
    assert!(!answer.code().is_empty());
    let silent = desk.authorize(&[("prompt", "none")]);
    let answer = browser.send(&desk, Method::GET, &silent, None).await;
    assert_eq!(answer.sent_back()["error"], "login_required");

    browser.sign_in(&desk, ADA, PASSWORD).await.code();
    let answer = browser.send(&desk, Method::GET, &silent, None).await;
    assert!(!answer.code().is_empty());
    for fresh in [("prompt", "login"), ("max_age", "0")] {
        let path = desk.authorize(&[fresh]);
        let answer = browser.send(&desk, Method::GET, &path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{fresh:?}");
    }
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_changed_before_anything_else() {
    let desk = Desk::new().await;
    let id = desk.user(ADA).await;
    desk.set_password(id, PASSWORD, true).await;
    let mut browser = Browser::default();
    let page = browser.sign_in(&desk, ADA, PASSWORD).await;
    assert!(page.text.contains("Choose a new password"), "{}", page.text);
    let mut page = page;
    for (new, again, says) in [
        ("New horse 9", "New horse 8", "not the same"),
        ("short", "short", "at least 8"),
        (PASSWORD, PASSWORD, "must not be the present one"),
    ] {
        let values = [("new_password", new), ("new_password_again", again)];
        page = browser.submit(&desk, &page, &values).await;
        assert!(page.text.contains(says), "{says}: {}", page.text);
    }
    let values = [
        ("new_password", "New horse 9"),
        ("new_password_again", "New horse 9"),
    ];
    let answer = browser.submit(&desk, &page, &values).await;
    assert!(!answer.code().is_empty());
    // The ticket was for the old password.
    let answer = browser.submit(&desk, &page, &values).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(!desk.code(ADA, "New horse 9").await.is_empty());
}

#[tokio::test]
async fn faults_go_back_to_the_application_and_a_foreign_address_gets_nothing() {
    let desk = Desk::new().await;
    let mut browser = Browser::default();
    let path = desk.authorize(&[("code_challenge", "")]);
    let back = browser
        .send(&desk, Method::GET, &path, None)
        .await
        .sent_back();
    assert_eq!(back["error"], "invalid_request");
    assert_eq!(back["state"], "state-1");
    for (name, value) in [
        ("redirect_uri", "https://evil.test/cb"),
        ("client_id", "00000000-0000-4000-8000-000000000000"),
    ] {
        let path = desk.authorize(&[(name, value)]);
        let answer = browser.send(&desk, Method::GET, &path, None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
}

#[tokio::test]
async fn a_code_can_come_back_in_a_form() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let mut browser = Browser::default();
    let path = desk.authorize(&[("response_mode", "form_post")]);
    let page = browser.send(&desk, Method::GET, &path, None).await;
    let values = [("username", ADA), ("password", PASSWORD)];
    let answer = browser.submit(&desk, &page, &values).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains(&format!("action=\"{CALLBACK}\"")));
    assert!(answer.text.contains("name=\"code\"") && answer.text.contains("value=\"state-1\""));
}

#[tokio::test]
async fn signing_out_ends_the_session_and_what_it_gave_that_application() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let mut browser = Browser::default();
    let code = browser.sign_in(&desk, ADA, PASSWORD).await.code();
    let (_, tokens) = desk.redeem(&code).await;
    let logout = |pairs: &[(&str, &str)]| {
        format!(
            "/{}/oauth2/v2.0/logout?{}",
            desk.service.tenant,
            form(pairs)
        )
    };
    // Without an ID token the page asks; somebody else's page cannot answer for the person.
    let ask = browser.send(&desk, Method::GET, &logout(&[]), None).await;
    assert!(ask.text.contains("Sign out?"), "{}", ask.text);
    let mut elsewhere = Browser::default();
    let answer = elsewhere.submit(&desk, &ask, &[]).await;
    assert!(answer.text.contains("Signed out"));
    let silent = desk.authorize(&[("prompt", "none")]);
    let answer = browser.send(&desk, Method::GET, &silent, None).await;
    assert!(!answer.code().is_empty(), "the session goes on");

    let id_token = tokens["id_token"].as_str().unwrap();
    let path = logout(&[
        ("id_token_hint", id_token),
        ("post_logout_redirect_uri", CALLBACK),
        ("state", "bye"),
    ]);
    let answer = browser.send(&desk, Method::GET, &path, None).await;
    assert_eq!(answer.sent_back()["state"], "bye");
    let answer = browser.send(&desk, Method::GET, &silent, None).await;
    assert_eq!(answer.sent_back()["error"], "login_required");
    let (_, error) = desk.refresh(&tokens["refresh_token"]).await;
    assert_eq!(error["error"], "invalid_grant");
    let path = logout(&[("post_logout_redirect_uri", "https://evil.test/")]);
    let answer = browser.send(&desk, Method::GET, &path, None).await;
    assert!(!answer.headers.contains_key(header::LOCATION));
}

#[tokio::test]
async fn a_token_that_was_not_signed_by_the_tenants_keys_is_none() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let (_, tokens) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    let access = tokens["access_token"].as_str().unwrap();
    let parts: Vec<&str> = access.split('.').collect();
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let mut raised = claims(&tokens["access_token"]);
    raised["exp"] = json!(raised["exp"].as_i64().unwrap() + 3_600);
    let raised = URL_SAFE_NO_PAD.encode(raised.to_string());
    for token in [
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{}.{}", parts[1], parts[2]),
        format!("{}.{raised}.{}", parts[0], parts[2]),
        // An ID token is no access token.
        tokens["id_token"].as_str().unwrap().to_owned(),
        "a.b.c".to_owned(),
    ] {
        let (status, _) = desk.with_token("/oidc/userinfo", &json!(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
        let (status, _) = desk.with_token("/api/v1/tenant", &json!(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{token}");
    }
    desk.service.clock.advance(3_600_000);
    let (status, _) = desk
        .with_token("/oidc/userinfo", &tokens["access_token"])
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_application_acts_for_itself_with_its_own_role() {
    let desk = Desk::new().await;
    let (status, token) = desk.token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(status, StatusCode::OK, "{token}");
    assert!(token["id_token"].is_null() && token["refresh_token"].is_null());
    let access = &token["access_token"];
    assert_eq!(
        desk.with_token("/api/v1/tenant", access).await.0,
        StatusCode::OK
    );
    assert_eq!(
        desk.with_token("/v1.0/users", access).await.0,
        StatusCode::OK
    );
    assert_eq!(
        desk.with_token("/api/v1/tokens", access).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, _) = desk.with_token("/oidc/userinfo", access).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_person_without_a_role_opens_no_interface() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let (_, tokens) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    let (status, problem) = desk
        .with_token("/api/v1/tenant", &tokens["access_token"])
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("Forbidden"))
    );
}

#[tokio::test]
async fn groups_are_told_with_those_of_groups_and_two_hundred_at_most() {
    let desk = Desk::new().await;
    let ada = desk.user(ADA).await;
    let group = async |name: &str, security: bool| {
        let values = [
            ("displayName", PropertyValue::Text(name.into())),
            ("securityEnabled", PropertyValue::Boolean(security)),
        ];
        desk.object(Kind::Group, &values).await
    };
    let (inner, outer, mail) = (
        group("inner", true).await,
        group("outer", true).await,
        group("mail", false).await,
    );
    let link = async |source, target| {
        let property = "members".to_owned();
        let reference = DirectoryReference {
            source,
            property,
            target,
            change: None,
        };
        let linked = desk.service.write(move |tx| tx.store(&[reference]));
        linked.await.unwrap();
    };
    for (source, target) in [(inner, ada), (outer, inner), (inner, outer), (mail, ada)] {
        link(source, target).await;
    }
    let tokens = desk.redeem(&desk.code(ADA, PASSWORD).await).await.1;
    let mut expected = [inner.to_string(), outer.to_string()];
    expected.sort();
    assert_eq!(claims(&tokens["id_token"])["groups"], json!(expected));

    for number in 0..199 {
        let more = group(&format!("more {number}"), true).await;
        link(more, ada).await;
    }
    let tokens = desk.redeem(&desk.code(ADA, PASSWORD).await).await.1;
    let said = claims(&tokens["id_token"]);
    assert!(said["groups"].is_null());
    assert_eq!(said["_claim_names"]["groups"], "src1");
    let endpoint = format!("{URL}/v1.0/users/{ada}/memberOf");
    assert_eq!(said["_claim_sources"]["src1"]["endpoint"], endpoint);
}

#[tokio::test]
async fn keys_rotate_without_breaking_a_token_and_can_be_replaced_at_once() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let published = async || {
        let path = format!("/{}/discovery/v2.0/keys", desk.service.tenant);
        let keys = desk.get(&path).await;
        let keys = keys["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let tokens = async || desk.redeem(&desk.code(ADA, PASSWORD).await).await.1;
    let kid = |token: &Value| {
        let header = token.as_str().unwrap().split('.').next().unwrap();
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    };
    let first = published().await;
    desk.service.clock.advance(89 * DAY);
    keys::keep(&desk.service).await.unwrap();
    let both = published().await;
    assert_eq!(both.len(), 2);
    assert_eq!(kid(&tokens().await["id_token"]), first[0]);

    desk.service.clock.advance(DAY - 60_000);
    let old = tokens().await;
    desk.service.clock.advance(120_000);
    let new = tokens().await;
    assert_ne!(kid(&new["id_token"]), first[0]);
    for token in [&old, &new] {
        let (status, _) = desk
            .with_token("/oidc/userinfo", &token["access_token"])
            .await;
        assert_eq!(status, StatusCode::OK);
    }
    desk.service.clock.advance(DAY);
    keys::keep(&desk.service).await.unwrap();
    assert_eq!(published().await, [kid(&new["id_token"])]);

    let last = tokens().await;
    keys::replace_all(&desk.service).await.unwrap();
    assert!(!published().await.contains(&kid(&last["id_token"])));
    let (status, _) = desk
        .with_token("/oidc/userinfo", &last["access_token"])
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_has_ended_is_swept_away() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    let (_, tokens) = desk.redeem(&desk.code(ADA, PASSWORD).await).await;
    Browser::default()
        .sign_in(&desk, "nobody@local.lockstep", "x")
        .await;
    let rows = async || {
        let tables = [
            "sign_in_sessions",
            "sign_in_codes",
            "sign_in_grants",
            "sign_in_attempts",
        ];
        let all = lockstep_store::records::tables();
        let tables: Vec<_> = all
            .into_iter()
            .filter(|t| tables.contains(&t.name))
            .collect();
        desk.service
            .read(move |tx| {
                let mut count = 0;
                for table in tables {
                    count += tx.count(table, None, &lockstep_store::Key::empty())?;
                }
                Ok(count)
            })
            .await
            .unwrap()
    };
    let sweep = async || {
        let now = desk.service.clock.now();
        let sweep = desk
            .service
            .write(move |tx| lockstep_server::signin::sweep(tx, now));
        sweep.await.unwrap();
    };
    let before = rows().await;
    sweep().await;
    assert_eq!(rows().await, before, "nothing has ended");
    assert_eq!(
        desk.refresh(&tokens["refresh_token"]).await.0,
        StatusCode::OK
    );
    desk.service.clock.advance(91 * DAY);
    sweep().await;
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn the_audit_log_tells_each_attempt_and_no_name_that_nobody_has() {
    let desk = Desk::new().await;
    desk.user(ADA).await;
    desk.code(ADA, PASSWORD).await;
    let mut browser = Browser::default();
    browser.sign_in(&desk, ADA, "wrong").await;
    browser
        .sign_in(&desk, "my-password-in-the-wrong-field", "x")
        .await;
    let entries = desk
        .service
        .read(|tx| {
            use lockstep_store::ReadRecords as _;
            use lockstep_store::records::log::AuditEntry;
            tx.list::<AuditEntry>(&lockstep_store::Scan::of(lockstep_store::Key::empty(), 10))
        })
        .await
        .unwrap();
    let told: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| (entry.actor.as_str(), entry.activity.as_str()))
        .collect();
    let expected = [
        ("unknown user", "SignInRefused"),
        (ADA, "SignInRefused"),
        (ADA, "SignedIn"),
    ];
    assert_eq!(told, expected);
    assert!(entries.iter().all(|entry| entry.target == "Wiki"));
    assert!(
        entries
            .iter()
            .all(|e| e.new.as_ref().unwrap().contains("192.0.2.7"))
    );
}
