//! .NET's regular expressions, and those that are refused.

use super::*;
use proptest::prelude::*;
use std::convert::Infallible;

fn replace(text: &str, pattern: &str, replacement: &str) -> String {
    let pattern = Pattern::new(pattern).unwrap();
    let replacement = pattern.replacement(replacement).unwrap();
    let free = |_| Ok::<(), Infallible>(());
    pattern.replace(text, &replacement, free).unwrap()
}

#[test]
fn substitutions_are_those_of_dotnet() {
    for (text, pattern, replacement, expected) in [
        (
            "+91 9998887777",
            r"\+(?<isd>\d* )(?<phone>\d{10})",
            "${phone}",
            "9998887777",
        ),
        ("ab", "(a)(b)", "$2$1", "ba"),
        // Groups without a name come first.
        ("ab", "(?<x>a)(b)", "$1$2", "ba"),
        ("ab", "(a)", "$12", "a2b"),
        ("a", "(a)", "$1x$$ $& $", "ax$ a $"),
        ("a", "(?'n'a)", "[${n}]", "[a]"),
        ("john_doe72", "[a-zA-Z_]*", "", "72"),
    ] {
        assert_eq!(replace(text, pattern, replacement), expected, "{pattern}");
    }
}

#[test]
fn classes_mean_what_they_mean_in_dotnet() {
    for (pattern, found, left) in [
        ("[a&&b]", "a&b", "c"),
        (r"[\[a]", "[a", "b"),
        ("[[a]", "[a", "b"),
        ("[]a]", "]a", "b"),
        ("[^]a]", "b", "]a"),
        ("[+--]", "+,-", "."),
        ("[a~~]", "a~", "b"),
        (r"\<", "<", ">"),
        ("x(?# comment)", "x", "y"),
    ] {
        assert_eq!(replace(found, pattern, ""), "", "{pattern}");
        assert_eq!(replace(left, pattern, ""), left, "{pattern}");
    }
}

#[test]
fn what_needs_backtracking_is_refused_by_name() {
    for (pattern, words) in [
        ("(?=a)b", "looking ahead or behind"),
        ("(?<!a)b", "looking ahead or behind"),
        (r"(a)\1", "backreferences"),
        (r"(?<x>a)\k<x>", "character 8"),
        ("(?>a+)b", "atomic groups"),
        ("(?(a)b|c)", "conditions"),
        ("(?'a-b'x)", "balancing groups"),
        ("[a-z-[aeiou]]", "subtraction of classes"),
        ("(a", "character 1: unclosed group"),
        (r"\", "character 1"),
        ("((a{1000}){1000}){1000}", "smaller"),
        (
            &format!("{}a{}", "(".repeat(60), ")".repeat(60)),
            "fewer groups",
        ),
        (r"\p{Klingon}", "Unicode classes"),
    ] {
        let error = Pattern::new(pattern).unwrap_err();
        assert!(error.contains(words), "{pattern}: {error}");
    }
}

#[test]
fn unknown_groups_are_refused_with_those_that_there_are() {
    let pattern = Pattern::new("(?<phone>a)").unwrap();
    assert_eq!(
        pattern.replacement("${fone}").unwrap_err(),
        "a group of the regular expression (\"phone\")"
    );
    assert!(
        pattern
            .replacement("$`")
            .unwrap_err()
            .contains("not supported")
    );
    assert!(pattern.replacement("${phone").is_err());
    assert!(Pattern::new("a").unwrap().group("b").is_err());
}

#[test]
fn work_is_announced_and_can_be_refused() {
    let text = "a".repeat(1000);
    let announced = |pattern: &str| {
        let pattern = Pattern::new(pattern).unwrap();
        let replacement = pattern.replacement("").unwrap();
        let mut work = 0;
        let done = pattern.replace(&text, &replacement, |more| {
            work += more;
            if work > 5_000_000 { Err(work) } else { Ok(()) }
        });
        done.map(|_| work)
    };
    // One search of a small pattern.
    assert_eq!(announced("b"), Ok(2002));
    // A search for each letter: that each looks at the whole text cannot be ruled out.
    assert!(announced("a").unwrap() > 1_000_000);
    // The same with a larger pattern.
    assert!(announced(r"a*\w!|a").is_err());
}

proptest! {
    #[test]
    fn no_pattern_is_too_strange(pattern in ".{0,30}", text in ".{0,30}", replacement in ".{0,10}") {
        if let Ok(pattern) = Pattern::new(&pattern)
            && let Ok(replacement) = pattern.replacement(&replacement)
        {
                let _ = pattern.replace(&text, &replacement, |_| Ok::<(), Infallible>(()));
        }
    }

    #[test]
    fn plain_letters_match_themselves(text in "[a-z]{1,10}") {
        prop_assert_eq!(replace(&text, &text, "x"), "x");
    }
}
