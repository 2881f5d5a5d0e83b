//! Administrators are told once for each reason.

use crate::corp::{CORP, Corp, DAY, HOUR, MINUTE};
use crate::domain::HEAD;
use crate::sinks::{SmtpSink, WebhookSink};
use lockstep_model::{CycleState, Secret};
use lockstep_server::notify::{self, Mailer, Outlets, Webhooks};
use serde_json::json;

const REFUSED: Option<(&str, &str)> = Some(("WrongCredentials", "dc1 refuses the account svc"));

fn corp(webhook: &WebhookSink, mail: Option<&SmtpSink>) -> Corp {
    let corp = Corp::start();
    corp.people(6, HEAD);
    let mailer = mail.map(|sink| {
        Mailer::new(
            &Secret::new(format!("smtp://{}", sink.address())),
            "lockstep@corp.test",
        )
        .unwrap()
    });
    let outlets = Outlets {
        mailer,
        webhooks: Webhooks::new().unwrap(),
    };
    corp.api.service.outlets.set(outlets).unwrap();
    let email: &[&str] = if mail.is_some() {
        &["ops@corp.test", "night@corp.test"]
    } else {
        &[]
    };
    corp.apply(json!({
        "accidental-deletes": {"threshold": 3},
        "notifications": {"webhook": webhook.address(), "email": email},
    }));
    corp.clean_cycle();
    corp
}

fn tell(corp: &Corp) {
    corp.api
        .runtime
        .block_on(notify::tell_due(&corp.api.service))
        .unwrap();
}

/// 29 and 73, the mail
#[test]
fn a_reason_is_told_once_by_mail_and_webhook_however_many_cycles_it_lasts() {
    let (webhook, mail) = (WebhookSink::start(), SmtpSink::start());
    let corp = corp(&webhook, Some(&mail));
    corp.ad().failure = REFUSED;
    for _ in 0..4 {
        corp.cycle();
        tell(&corp);
    }
    let told = webhook.received();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["code"], "WrongCredentials");
    assert_eq!(told[0]["configuration"], "corp");
    assert_eq!(told[0]["remedy"], "put it right");
    let mails = mail.received();
    assert_eq!(mails.len(), 1);
    for part in [
        "To: ops@corp.test, night@corp.test",
        "WrongCredentials",
        "dc1 refuses",
        "put it right",
    ] {
        assert!(mails[0].contains(part), "{part} in {}", mails[0]);
    }
}

#[test]
fn another_reason_is_told_and_the_same_one_again_once_it_had_ended() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let cycles = [REFUSED, Some(("AccountLocked", "locked")), None, REFUSED];
    for failure in cycles {
        corp.ad().failure = failure;
        corp.cycle();
        tell(&corp);
    }
    let codes: Vec<_> = webhook
        .received()
        .iter()
        .map(|told| told["code"].clone())
        .collect();
    assert_eq!(
        codes,
        ["WrongCredentials", "AccountLocked", "WrongCredentials"]
    );
}

#[test]
fn held_deletes_are_told_once_and_not_what_they_are_called() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let people: Vec<_> = (0..4)
        .map(|n| corp.guid_of(&format!("person{n}")))
        .collect();
    people.iter().for_each(|person| corp.ad().delete(*person));
    for _ in 0..3 {
        assert_eq!(corp.cycle().held, 4);
        tell(&corp);
    }
    let told = webhook.received();
    assert_eq!(
        (told.len(), &told[0]["code"]),
        (1, &json!("TooManyDeletes"))
    );
    assert!(!told[0].to_string().contains("person0"));
}

/// A quiet reminder: once a week, and nobody is asked twice in between.
#[test]
fn of_what_is_held_an_administrator_is_reminded_once_a_week_until_it_is_decided() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    for n in 0..4 {
        let person = corp.guid_of(&format!("person{n}"));
        corp.ad().delete(person);
    }
    for _ in 0..15 {
        corp.cycle();
        tell(&corp);
        corp.wait(DAY);
    }
    let told = webhook.received();
    assert_eq!(told.len(), 3, "{told:#?}");
    for told in &told[1..] {
        assert_eq!(
            (&told["code"], &told["since"]),
            (&json!("TooManyDeletes"), &webhook.received()[0]["since"])
        );
        let message = told["message"].as_str().unwrap();
        assert!(
            message.starts_with("a reminder: 4 deletes are held"),
            "{message}"
        );
    }
    corp.ask(
        "POST",
        &format!("{}/deletes/allow", crate::corp::CORP),
        None,
    );
    corp.wait(7 * DAY);
    corp.clean_cycle();
    tell(&corp);
    assert_eq!(webhook.received().len(), 3);
}

/// H2: everybody is hidden, and somebody is told.
#[test]
fn that_many_objects_are_not_shown_any_more_is_told_once_when_a_full_import_finds_it() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let people: Vec<_> = (0..6)
        .map(|n| corp.guid_of(&format!("person{n}")))
        .collect();
    let read_everything = || {
        let reset = json!({"reset": ["full"]});
        corp.ask(
            "POST",
            &format!("{}/restart", crate::corp::CORP),
            Some(reset),
        );
        corp.clean_cycle();
        tell(&corp);
        corp.show()["job"]["missing"].clone()
    };
    corp.ad().hide(people[0], true);
    assert_eq!(read_everything(), 1);
    assert!(webhook.received().is_empty());
    people
        .iter()
        .for_each(|person| corp.ad().hide(*person, true));
    assert_eq!((read_everything(), read_everything()), (json!(6), json!(6)));
    let told = webhook.received();
    assert_eq!((told.len(), &told[0]["code"]), (1, &json!("ManyMissing")));
    assert!(
        told[0]["message"]
            .as_str()
            .unwrap()
            .contains("6 of 6 objects")
    );
    // What is said of them ends it.
    corp.ask(
        "POST",
        &format!("{}/missing/keep", crate::corp::CORP),
        Some(json!({})),
    );
    corp.clean_cycle();
    assert_eq!(corp.show()["job"]["missing"], 0);
    people
        .iter()
        .for_each(|person| corp.ad().hide(*person, false));
    assert_eq!(read_everything(), 0);
    people
        .iter()
        .for_each(|person| corp.ad().hide(*person, true));
    read_everything();
    assert_eq!(webhook.received().len(), 2);
}

#[test]
fn passwords_that_cannot_be_read_are_told_although_everything_else_goes_on() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    corp.apply(json!({
        "password-hash-sync": {"enabled": true},
        "notifications": {"webhook": webhook.address()},
    }));
    corp.ad().passwords_fail = Some(("DomainControllerUnreachable", "dc1 went away"));
    for _ in 0..2 {
        assert_eq!(corp.cycle().state, CycleState::Succeeded);
        tell(&corp);
    }
    assert_eq!(
        (
            webhook.received().len(),
            corp.show()["job"]["passwordFailures"].clone()
        ),
        (0, json!(2))
    );
    for _ in 0..3 {
        corp.cycle();
        tell(&corp);
    }
    let told = webhook.received();
    assert_eq!(
        (told.len(), &told[0]["code"]),
        (1, &json!("PasswordsNotRead"))
    );
    assert!(
        told[0]["message"]
            .as_str()
            .unwrap()
            .contains("dc1 went away")
    );
    let error = corp.show()["job"]["passwordError"].clone();
    assert!(
        error["request"]
            .as_str()
            .unwrap()
            .starts_with("read passwords of corp.test"),
        "{error}"
    );
    // What does not pass by itself is told at once.
    corp.ad().passwords_fail = None;
    corp.cycle();
    assert_eq!(corp.show()["job"]["passwordFailures"], 0);
    corp.ad().passwords_fail = Some(("MissingRight", "the account must not replicate"));
    corp.cycle();
    tell(&corp);
    assert_eq!(webhook.received().len(), 2);
}

#[test]
fn a_guard_that_trips_again_after_it_was_opened_is_told_again() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let people: Vec<_> = (0..6)
        .map(|n| corp.guid_of(&format!("person{n}")))
        .collect();
    for half in [&people[..3], &people[3..]] {
        half.iter().for_each(|person| corp.ad().delete(*person));
        assert_eq!(corp.cycle().held, 3);
        tell(&corp);
        corp.ask("POST", &format!("{CORP}/deletes/allow"), None);
    }
    let told = webhook.received();
    let codes: Vec<_> = told.iter().map(|told| told["code"].clone()).collect();
    assert_eq!(codes, ["TooManyDeletes", "TooManyDeletes"]);
}

#[test]
fn what_cannot_be_delivered_is_tried_again_less_and_less_often_and_stops_nobody() {
    let webhook = WebhookSink::start();
    webhook.answer(503);
    let corp = corp(&webhook, None);
    corp.ad().failure = REFUSED;
    corp.cycle();
    let mut tried = Vec::new();
    for minute in 0..20 {
        let before = webhook.received().len();
        tell(&corp);
        tried.extend((webhook.received().len() > before).then_some(minute));
        corp.wait(MINUTE);
    }
    assert_eq!(tried, [0, 1, 3, 7, 15]);
    webhook.answer(200);
    corp.wait(6 * HOUR);
    tell(&corp);
    corp.wait(DAY);
    tell(&corp);
    assert_eq!(webhook.received().len(), 6);
    corp.ad().failure = None;
    corp.clean_cycle();
}

#[test]
fn a_reason_that_ends_before_it_was_told_is_not_told_any_more() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    corp.ad().failure = REFUSED;
    corp.cycle();
    corp.ad().failure = None;
    corp.clean_cycle();
    tell(&corp);
    assert!(webhook.received().is_empty());
}

#[test]
fn that_deletions_cannot_be_seen_is_told_once_whatever_else_happens_until_they_can_be() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let told = |expected: usize| {
        tell(&corp);
        let told = webhook.received();
        assert!(
            told.iter()
                .all(|told| told["code"] == "DeletionsNotVisible")
        );
        assert_eq!(told.len(), expected);
    };
    corp.ad().hides_tombstones = true;
    corp.cycle();
    told(1);
    corp.ad().failure = Some(("DomainControllerUnreachable", "nobody answers"));
    corp.cycle();
    told(1);
    corp.ad().failure = None;
    corp.paused_while_reading();
    corp.ask("POST", &format!("{CORP}/resume"), None);
    told(1);
    corp.cycle();
    told(1);
    // Once they could be seen, it is another time that they cannot be.
    corp.ad().hides_tombstones = false;
    corp.clean_cycle();
    corp.ad().hides_tombstones = true;
    corp.cycle();
    told(2);
}

#[test]
fn mail_without_a_mail_server_is_refused_by_name() {
    let webhook = WebhookSink::start();
    let corp = corp(&webhook, None);
    let spec = json!({
        "name": "corp", "domain": "corp.test", "notifications": {"email": ["ops@corp.test"]},
    });
    let answer = corp.api.send("PUT", crate::corp::CORP, Some(spec));
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("notifications.email") && answer.text.contains("--smtp-url"));
}
