//! What happens to many objects at once, and what it costs.

use crate::cost::Cost;
use crate::script::{Wrong, parse};
use crate::stage::{Stage, staged, staged_over_https};

/// More rows no transaction touches, however much there is to do.
const LARGEST: u64 = 60_000;

/// What the agent's asking for work may add.
const POLLS: u64 = 50;

async fn play(stage: &mut Stage, text: &str) {
    let scenario = parse(&format!("# large\n{text}"));
    let played = match scenario {
        Ok(scenario) => stage.play(&scenario).await,
        Err(wrong) => Err(wrong),
    };
    if let Err(Wrong { line, what }) = played {
        panic!("line {line} of {text}: {what}");
    }
}

/// What it costs to take up one more member of a group of this size, from a fake agent over the real channel.
fn one_more_member_of(size: u32) -> Cost {
    staged_over_https(async |stage| {
        let text = format!(
            "ad\n  ou OU=Staff\n  user CN=u{{0..{size}}},OU=Staff\n  group CN=All\n  \
             add CN=u{{1..{size}}},OU=Staff to CN=All\nconfiguration\ncycle\n"
        );
        play(stage, &text).await;
        play(stage, "ad\n  add CN=u0,OU=Staff to CN=All\n").await;
        stage.store.take();
        play(stage, "cycle\n  updated 1\n  created 0\n").await;
        let cost = stage.store.take();
        let all = format!("directory\n  group All memberCount={}\n", size + 1);
        play(stage, &all).await;
        cost
    })
}

#[test]
fn one_more_member_of_fifty_thousand_costs_what_it_costs_in_a_group_of_ten() {
    let (small, large) = (one_more_member_of(10), one_more_member_of(50_000));
    assert_eq!(small.written, large.written);
    assert!(large.written < 50, "{large:?}");
    // The agent asks for work now and then, which reads a few rows whatever there is to do.
    let near = |small: u64, large: u64| large <= small + POLLS;
    assert!(
        near(small.statements, large.statements),
        "{small:?} {large:?}"
    );
    assert!(near(small.read, large.read), "{small:?} {large:?}");
}

#[test]
fn a_scoping_group_that_gains_five_thousand_members_in_one_change_brings_them_in() {
    staged(async |stage| {
        let begin = "ad\n  ou OU=Staff\n  user CN=u{1..5000},OU=Staff\n  group CN=Pilot\n\
                     configuration\n  [scope]\n  groups = [\"CN=Pilot,DC=corp,DC=test\"]\n\
                     cycle\n  created 1\n";
        play(stage, begin).await;
        stage.store.take();
        let gain = "ad\n  add CN=u{1..5000},OU=Staff to CN=Pilot\ncycle\n  created 5000\n  failed 0\n\
                    directory\n  group Pilot memberCount=5000\ncycle\n  nothing\n";
        play(stage, gain).await;
        let cost = stage.store.take();
        assert!(cost.largest < LARGEST, "{cost:?}");
    });
}

#[test]
fn a_hundred_units_and_two_hundred_groups_make_one_scope() {
    let list = |names: Vec<String>| format!("[{}]", names.join(", "));
    let units: Vec<String> = (1..=100)
        .map(|n| format!("\"OU=o{n},DC=corp,DC=test\""))
        .collect();
    let groups: Vec<String> = (1..=200)
        .map(|n| format!("\"CN=g{n},DC=corp,DC=test\""))
        .collect();
    let scope = format!(
        "configuration\n  [scope]\n  organizational-units = {}\n  groups = {}\n",
        list(units),
        list(groups)
    );
    staged(async |stage| {
        let domain = "ad\n  ou OU=o{1..101}\n  ou OU=Apart\n  user CN=in{1..101},OU=o{1..101}\n  \
                      group CN=g{1..200}\n  user CN=m{1..201},OU=Apart\n  \
                      add CN=m{1..200},OU=Apart to CN=g{1..200}\n";
        play(stage, domain).await;
        play(stage, &scope).await;
        // A hundred in units, two hundred groups with a member each.
        let cycle = "cycle\n  created 500\n  failed 0\ndirectory\n  no user in101@corp.test\n  \
                     no user m201@corp.test\n  group g200 members=m200@corp.test\n\
                     ad\n  remove CN=m7,OU=Apart from CN=g7\n  move CN=in7,OU=o7 to OU=Apart\n\
                     cycle\n  deleted 2\n  updated 1\n";
        play(stage, cycle).await;
    });
}

#[test]
fn a_unit_of_ten_thousand_leaves_the_scope_and_comes_back_as_the_same_people() {
    staged(async |stage| {
        let begin = "ad\n  ou OU=Staff\n  ou OU=Elsewhere\n  ou OU=Berlin,OU=Staff\n  \
                     user CN=u{1..10000},OU=Berlin,OU=Staff\n\
                     configuration\n  [accidental-deletes]\n  enabled = false\n  [scope]\n  \
                     organizational-units = [\"OU=Staff,DC=corp,DC=test\"]\ncycle\n  created 10000\n\
                     directory\n  user u1@corp.test as first\n  user u10000@corp.test as last\n";
        play(stage, begin).await;
        stage.store.take();
        let away = "ad\n  move OU=Berlin,OU=Staff to OU=Elsewhere\ncycle\n  deleted 10000\n\
                    directory\n  count users 0\n";
        play(stage, away).await;
        let back = "ad\n  move OU=Berlin,OU=Elsewhere to OU=Staff\ncycle\n  restored 10000\n  created 0\n\
                    directory\n  user u1@corp.test as first\n  user u10000@corp.test as last\n  \
                    count users 10000\ncycle\n  nothing\n";
        play(stage, back).await;
        let cost = stage.store.take();
        assert!(cost.largest < LARGEST, "{cost:?}");
    });
}
