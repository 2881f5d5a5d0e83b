//! `lockstep expression eval`, as an administrator types it.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// Runs the program in an environment without any service; shows status, data and words.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn eval(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["expression", "eval"])
        .args(arguments)
        .env_clear()
        .output()
        .unwrap();
    let mut shown = format!("status {}\n", output.status.code().unwrap());
    for stream in [&output.stdout, &output.stderr] {
        write!(shown, "{}", String::from_utf8_lossy(stream)).unwrap();
    }
    shown
}

#[test]
fn a_value_is_printed_as_json() {
    insta::assert_snapshot!(eval(&["ToUpper([department], )", "--attribute", "department=Sales"]), @r#"
    status 0
    "SALES"
    "#);
    insta::assert_snapshot!(eval(&["InStr(\"repEated\", \"e\", 3, vbBinaryCompare)"]), @r"
    status 0
    7
    ");
    insta::assert_snapshot!(eval(&["IsPresent([mail])", "-o", "json"]), @r"
    status 0
    false
    ");
    insta::assert_snapshot!(eval(&["DateFromNum(129699324000000000)"]), @r#"
    status 0
    "1/1/2012 11:00:00 PM"
    "#);
    insta::assert_snapshot!(eval(&["[mail]"]), @r"
    status 0
    null
    ");
}

#[test]
fn an_attribute_that_is_given_twice_is_a_list() {
    let arguments = ["[Tel]", "--attribute", "tel=1", "--attribute", "TEL=2=3"];
    insta::assert_snapshot!(eval(&arguments), @r#"
    status 0
    [
      "1",
      "2=3"
    ]
    "#);
}

#[test]
fn an_object_comes_from_a_file_and_the_command_line_goes_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ada.json");
    let object = r#"{"sn": "Byron", "uac": 514, "hidden": true, "x": null, "tel": ["1", "2"],
                     "objectSid": {"base64": "AQIAAAAAAAUgAAAAIAIAAA=="}}"#;
    std::fs::write(&file, object).unwrap();
    let object = [
        "--object",
        file.to_str().unwrap(),
        "--attribute",
        "sn=Lovelace",
    ];
    let expression = "Join(\"|\", [sn], BitAnd([uac], 2), CBool([hidden]), [x], [tel], StringFromSid([objectSid]))";
    insta::assert_snapshot!(eval(&[&[expression], &object[..]].concat()), @r#"
    status 0
    "Lovelace|2|True|1|2|S-1-5-32-544"
    "#);
    insta::assert_snapshot!(eval(&[&["[objectSid]"], &object[..]].concat()), @r#"
    status 0
    "AQIAAAAAAAUgAAAAIAIAAA=="
    "#);
    std::fs::write(&file, r#"{"sn": 1.5}"#).unwrap();
    let shown = eval(&[&["[sn]"], &object[..]].concat());
    insta::assert_snapshot!(shown.replace(folder.path().to_str().unwrap(), "DIR"), @r#"
    status 2
    error: DIR/ada.json: sn: expected a text, a whole number, true, false, null, {"base64": "…"} or a list
    "#);
}

#[test]
fn bytes_are_given_as_in_ldif() {
    let sid = "objectSid::AQIAAAAAAAUgAAAAIAIAAA==";
    insta::assert_snapshot!(eval(&["StringFromSid([objectSid])", "--attribute", sid]), @r#"
    status 0
    "S-1-5-32-544"
    "#);
    insta::assert_snapshot!(eval(&["[a]", "--attribute", "a:1"]), @r"
    status 2
    error: --attribute a:1: expected NAME=VALUE, or NAME::BASE64 for bytes
    ");
}

#[test]
fn a_wrong_expression_is_shown_with_caret_and_remedy() {
    insta::assert_snapshot!(eval(&["Join(\" \", [givenName], ToUper([sn]))"]), @r#"
    status 2
    error: line 1, column 24: there is no function `ToUper`

        Join(" ", [givenName], ToUper([sn]))
                               ^^^^^^

      remedy: did you mean `ToUpper`?
    "#);
    insta::assert_snapshot!(eval(&["IIF([country]=\"USA\" AND [state]=\"CA\", 1, 2)"]), @r#"
    status 2
    error: line 1, column 21: expected `,` or `)`, found `AND`

        IIF([country]="USA" AND [state]="CA", 1, 2)
                            ^^^

      remedy: for "and", put one IIF into the second argument of another
    "#);
    insta::assert_snapshot!(eval(&["SelectUniqueValue([a], [b])"]), @r"
    status 2
    error: line 1, column 1: SelectUniqueValue cannot be used here: unique values are made for new objects of Active Directory, and this mapping reads Active Directory; the directory holds back names that are taken

        SelectUniqueValue([a], [b])
        ^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(eval(&["Replace([a], , \"(?=x)\", , \"\")"]), @r#"
    status 2
    error: line 1, column 16: Replace: expected a regular expression without looking ahead or behind as regexPattern, received "(?=x)"

        Replace([a], , "(?=x)", , "")
                       ^^^^^^^
    "#);
}

#[test]
fn an_object_without_a_value_fails_with_the_reason() {
    insta::assert_snapshot!(eval(&["IIF(IsPresent([accountName]), [accountName], Error(\"AccountName is required\"))"]), @r#"
    status 1
    error: AccountName is required

        IIF(IsPresent([accountName]), [accountName], Error("AccountName is required"))
                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(eval(&["Item([tel], 3)", "--attribute", "tel=1"]), @r"
    status 1
    error: line 1, column 13: Item: expected a number from 1 to 1 as index, received 3

        Item([tel], 3)
                    ^
    ");
}

#[test]
fn a_target_that_is_left_alone_is_said_to_be() {
    insta::assert_snapshot!(eval(&["IgnoreFlowIfNullOrEmpty([mail])"]), @r"
    status 0
    null
    the target is left alone
    ");
}

/// Slow wherever it is matched by backtracking, or from every letter anew.
#[test]
fn a_pathological_regex_ends_soon() {
    let attribute = format!("x={}", "ab".repeat(30_000));
    for (pattern, begins) in [
        ("((a|b)+)+$", "status 0"),
        ("(.*)(.*)(.*)(.*)(.*)[^ab]", "status 0"),
        (
            "([ab]*c)|[ab]",
            "status 1\nerror: line 1, column 1: Replace: too much work",
        ),
    ] {
        let expression = format!("Replace([x], , \"{pattern}\", , \"\")");
        let begun = Instant::now();
        let shown = eval(&[&expression, "--attribute", &attribute]);
        let took = begun.elapsed();
        assert!(shown.starts_with(begins), "{pattern}: {shown}");
        assert!(took < Duration::from_secs(20), "{pattern}: {took:?}");
    }
}
