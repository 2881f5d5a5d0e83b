//! Help, version, completions, and command lines that are wrong.

use crate::run;

const COMMANDS: [&[&str]; 10] = [
    &[],
    &["enroll"],
    &["domain"],
    &["domain", "add"],
    &["domain", "update"],
    &["domain", "list"],
    &["domain", "remove"],
    &["check"],
    &["run"],
    &["completions"],
];

#[test]
fn every_command_shows_an_example_that_the_program_understands() {
    for command in &COMMANDS[1..] {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let (status, help, words) = run(&arguments);
        assert_eq!((status, words.as_str()), (0, ""), "{command:?}");
        let example = help.split("Example:\n").nth(1);
        let example = example.unwrap_or_else(|| panic!("{command:?} has no example"));
        let line = example.trim().replace("\\\n", " ");
        let mut words = line.split(" > ").next().unwrap().split_whitespace();
        assert_eq!(words.next(), Some("lockstep-agent"));
        let mut arguments: Vec<&str> = words.collect();
        assert!(arguments.starts_with(command), "{command:?}: {line}");
        arguments.push("--help");
        assert_eq!(run(&arguments).0, 0, "{line}");
    }
}

#[test]
fn help_reads_like_this() {
    let page = |command: &&[&str]| {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let name = format!("lockstep-agent {}", arguments.join(" "));
        format!("$ {name}\n{}", run(&arguments).1)
    };
    let pages: Vec<String> = COMMANDS.iter().map(page).collect();
    insta::assert_snapshot!("help", pages.join("\n\n"));
}

#[test]
fn version_and_completions_are_there() {
    let version = concat!("lockstep-agent ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&["--version"]).1, version);
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, _) = run(&["completions", shell]);
        assert_eq!(status, 0);
        assert!(
            script.contains("enroll") && script.contains("state-dir"),
            "{shell}"
        );
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_what_was_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&["enrol"], "a similar subcommand exists: 'enroll'"),
        (&["run"], "--state-dir <DIR>"),
        (
            &["enroll", "--state-dir", "x"],
            "--token <TOKEN>|--token-file <FILE>",
        ),
        (
            &[
                "enroll",
                "--state-dir",
                "x",
                "--token",
                "a",
                "--token-file",
                "b",
            ],
            "cannot be used with",
        ),
        (
            &[
                "enroll",
                "--state-dir",
                "x",
                "--token",
                "lockstep1.nonsense",
            ],
            "expected an enrolment token as `lockstep agent token` prints it",
        ),
        (
            &["domain", "add", "corp.test", "--state-dir", "x"],
            "--username <USER>",
        ),
        (
            &[
                "domain",
                "add",
                "corp.test",
                "--state-dir",
                "x",
                "--username",
                "svc",
            ],
            "--password-file <F>|--keytab <F>",
        ),
        (
            &[
                "domain",
                "add",
                "not a domain",
                "--state-dir",
                "x",
                "--username",
                "svc",
                "--keytab",
                "k",
            ],
            "not a domain",
        ),
        (
            &[
                "domain",
                "update",
                "corp.test",
                "--state-dir",
                "x",
                "--security",
                "clear",
            ],
            "sealed, ldaps, starttls",
        ),
        (
            &[
                "domain",
                "update",
                "corp.test",
                "--state-dir",
                "x",
                "--server",
                "dc1:many",
            ],
            "dc1:many",
        ),
        (&["check", "--state-dir", "x", "-o", "yaml"], "table, json"),
    ];
    for (arguments, expected) in cases {
        let (status, data, words) = run(arguments);
        assert_eq!((status, data.as_str()), (2, ""), "{arguments:?}: {words}");
        assert!(words.contains(expected), "{arguments:?}: {words}");
    }
    assert!(
        !std::env::temp_dir().join("x").exists(),
        "something was made"
    );
}
