//! The language as administrators meet it: messages, rules, bounds, laws.

use super::*;
use proptest::prelude::*;

mod pages;

const ENVIRONMENT: Environment = Environment {
    // 2026-03-31T08:00:00Z
    now: Timestamp::from_millis(1_774_944_000_000),
    seed: [3; 32],
};

type Attributes = BTreeMap<AttributeName, ExpressionValue>;

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let mut values: BTreeMap<AttributeName, Vec<ExpressionValue>> = BTreeMap::new();
    for (name, value) in pairs {
        let values = values.entry(AttributeName::new(name)).or_default();
        values.push((*value).into());
    }
    values
        .into_iter()
        .map(|(name, values)| (name, ExpressionValue::of_values(values)))
        .collect()
}

fn evaluate(text: &str, pairs: &[(&str, &str)]) -> ExpressionValue {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match expression.evaluate(&attributes(pairs), &ENVIRONMENT) {
        Ok(Flow::Value(value)) => value,
        other => panic!("{text}: {other:?}"),
    }
}

fn failure(text: &str, pairs: &[(&str, &str)]) -> String {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let outcome = expression.evaluate(&attributes(pairs), &ENVIRONMENT);
    outcome.unwrap_err().to_string()
}

/// Whatever comes of it, it must neither panic nor take long.
fn exercise(text: &str, pairs: &[(&str, &str)]) {
    if let Ok(expression) = Expression::parse(text) {
        let _ = expression.evaluate(&attributes(pairs), &ENVIRONMENT);
    }
}

/// The message, and behind it the remedy.
fn refusal(text: &str) -> String {
    let error = Expression::parse(text).expect_err(text);
    match error.remedy() {
        Some(remedy) => format!("{error} ({remedy})"),
        None => error.to_string(),
    }
}

#[test]
fn all_functions_of_the_original_are_there() {
    let names = "Append AppRoleAssignmentsComplex BitAnd CBool CDate Coalesce ConvertToBase64 ConvertToUTF8Hex \
                 Count CStr DateAdd DateDiff DateFromNum FormatDateTime Guid IgnoreFlowIfNullOrEmpty IIF InStr \
                 IsNull IsNullOrEmpty IsPresent IsString Item Join Left Mid NormalizeDiacritics Not Now \
                 NumFromDate PCase RandomString Redact RemoveDuplicates Replace SelectUniqueValue \
                 SingleAppRoleAssignment Split StripSpaces Switch ToLower ToUpper Word \
                 ConvertFromBase64 DNComponent Error StringFromSid Trim Contains CRef";
    let names: BTreeSet<&str> = names.split_whitespace().collect();
    assert_eq!(function_names(), names);
}

#[test]
fn values_are_compared_by_their_kinds() {
    let pairs = [
        ("n", "10"),
        ("t", "abc"),
        ("on", "TRUE"),
        ("d", "2026-01-02"),
    ];
    for (expression, expected) in [
        ("[n] > 9", true),
        ("[n] > \"9\"", false),
        ("[n] = 10", true),
        ("[n] <= 10", true),
        ("[t] = \"abc\"", true),
        ("[t] = \"ABC\"", false),
        ("[t] <> \"ABC\"", true),
        ("[t] < \"abd\"", true),
        ("[t] = 3", false),
        ("[t] <> 3", true),
        ("[on] = True", true),
        ("[on] = IsPresent([t])", true),
        ("CDate([d]) < Now()", true),
        ("[d] >= CDate(\"2026-01-03\")", false),
        ("[absent] = \"\"", false),
        ("[absent] <> \"x\"", false),
        ("[absent] = [absent]", false),
        ("\"x\" & [n] = \"x10\"", true),
        ("([n] = 10) = True", true),
    ] {
        let value = evaluate(expression, &pairs);
        assert_eq!(value, ExpressionValue::Boolean(expected), "{expression}");
    }
    assert_eq!(
        failure("[t] > 3", &pairs),
        "line 1, column 7: expected something that can be compared with the left side as the right side of a \
         comparison, received 3"
    );
}

#[test]
fn texts_are_put_together_without_what_is_not_there() {
    let pairs = [("alias", "ada"), ("n", "1"), ("n", "2")];
    assert_eq!(evaluate("\"t-\" & [alias] & 7", &pairs), "t-ada7".into());
    assert_eq!(evaluate("\"t-\" & [absent]", &pairs), "t-".into());
    assert_eq!(
        evaluate("[absent] & [absent]", &pairs),
        ExpressionValue::Null
    );
    assert!(failure("\"x\" & [n]", &pairs).contains("received 2; Item takes one of them"));
}

#[test]
fn literals_are_read_as_documented() {
    for (expression, expected) in [
        (
            r#""Company name: \"Contoso\"""#,
            ExpressionValue::from(r#"Company name: "Contoso""#),
        ),
        (r#""a\\b\d\\d""#, r"a\b\d\d".into()),
        (r#""""#, "".into()),
        ("-10", ExpressionValue::Integer(-10)),
        ("&HFf", ExpressionValue::Integer(255)),
        ("&h7fffffffffffffff", ExpressionValue::Integer(i64::MAX)),
        (" ( true ) ", ExpressionValue::Boolean(true)),
        ("\"x\"&hex([a])", ExpressionValue::Null),
    ] {
        if expression.contains("hex") {
            assert!(refusal(expression).contains("no function `hex`"));
        } else {
            assert_eq!(evaluate(expression, &[]), expected, "{expression}");
        }
    }
}

#[test]
fn names_are_known_in_any_case_and_blanks_do_not_matter() {
    let text = "\n  jOIN ( \"-\" ,\n\t[GivenName] , [SN] )\n";
    assert_eq!(
        evaluate(text, &[("givenname", "Ada"), ("sn", "L")]),
        "Ada-L".into()
    );
    let expression = Expression::parse(text).unwrap();
    let written: Vec<(&str, usize, usize)> = expression
        .sources()
        .iter()
        .map(|source| {
            (
                source.written.as_str(),
                source.position.line,
                source.position.column,
            )
        })
        .collect();
    assert_eq!(written, [("GivenName", 3, 2), ("SN", 3, 16)]);
}

/// What can be wrong with an expression, and what is said of it.
const REFUSALS: &[(&str, &str)] = &[
    (
        "",
        "line 1, column 1: expected an expression, received an empty text",
    ),
    (
        "Appnd([mail], \"x\")",
        "line 1, column 1: there is no function `Appnd` (did you mean `Append`?)",
    ),
    ("Qqq()", "line 1, column 1: there is no function `Qqq`"),
    (
        "LCase([mail])",
        "line 1, column 1: there is no function `LCase` (use ToLower(…))",
    ),
    (
        "Append([mail] \"x\")",
        "line 1, column 15: expected `,` or `)`, found `\"`",
    ),
    (
        "Append([mail], \"x\"",
        "line 1, column 19: expected `,` or `)`, found the end of the expression",
    ),
    (
        "Append([mail], \"x\"))",
        "line 1, column 20: expected the end of the expression, found `)`",
    ),
    (
        "Append([mail], “x”)",
        "line 1, column 16: expected a value: [attribute], \"text\", a number or a function, found `“` (texts stand between plain quotation marks: \"text\")",
    ),
    (
        "Append([mail])",
        "line 1, column 1: expected Append(source, suffix), found 1 argument(s)",
    ),
    (
        "Append(, \"x\")",
        "line 1, column 1: Append needs a value for source",
    ),
    (
        "Left([mail],\n \"three\")",
        "line 2, column 2: Left: expected a whole number as numChars, received \"three\"",
    ),
    (
        "Left([mail], IsNull([x]))",
        "line 1, column 14: Left: expected a whole number as numChars, received true or false",
    ),
    (
        "DateAdd(\"w\", 1, Now())",
        "line 1, column 9: DateAdd: expected \"yyyy\", \"m\", \"ww\", \"d\", \"h\", \"n\" (minutes) or \"s\" as interval, received \"w\"",
    ),
    (
        "DateAdd(\"d\", 1, \"soon\")",
        "line 1, column 17: DateAdd: expected a date, such as 2026-03-31 or 3/31/2026 8:00:00 AM as dateTime, received \"soon\"",
    ),
    (
        "FormatDateTime([x], \"yyyy\", \"q\")",
        "line 1, column 29: FormatDateTime: expected a .NET date pattern such as \"yyyy-MM-dd\" as outputFormat, received \"q\"",
    ),
    (
        "FormatDateTime([x], \"Maybe\", \"yyyy\", \"yyyy\")",
        "line 1, column 21: FormatDateTime: expected names of .NET's DateTimeStyles, such as \"AllowInnerWhite\", separated by commas as dateTimeStyles, received \"Maybe\"",
    ),
    (
        "ToUpper([mail], \"turkish\")",
        "line 1, column 17: ToUpper: expected a culture such as \"de-DE\" (RFC 4646) as culture, received \"turkish\"",
    ),
    (
        "Replace([x], , \"(a\", , \"b\")",
        "line 1, column 16: Replace: expected a regular expression: at its character 1: unclosed group as regexPattern, received \"(a\"",
    ),
    (
        "Replace([x], , \"(?<y>a)\", \"z\", \"b\")",
        "line 1, column 27: Replace: expected a group of the regular expression (\"y\") as regexGroupName, received \"z\"",
    ),
    (
        "InStr([x], \"a\", 1, vbTextCompar)",
        "line 1, column 20: expected vbBinaryCompare or vbTextCompare, found the word `vbTextCompar` (did you mean `vbTextCompare`?)",
    ),
    (
        "InStr([x], \"a\", 1, \"no\")",
        "line 1, column 20: InStr: expected vbBinaryCompare or vbTextCompare as compareType, received \"no\"",
    ),
    (
        "Append(mail, \"x\")",
        "line 1, column 8: expected a value: [attribute], \"text\", a number or a function, found the word `mail` (an attribute is written [mail], a text \"mail\")",
    ),
    (
        "mail",
        "line 1, column 1: expected a value: [attribute], \"text\", a number or a function, found the word `mail` (an attribute is written [mail], a text \"mail\")",
    ),
    (
        "\"a\" & b",
        "line 1, column 7: expected a value: [attribute], \"text\", a number or a function, found the word `b` (an attribute is written [b], a text \"b\")",
    ),
    (
        "IIF([a]=\"x\" AND [b]=\"y\", 1, 2)",
        "line 1, column 13: expected `,` or `)`, found `AND` (for \"and\", put one IIF into the second argument of another)",
    ),
    (
        "IIF([a]=\"x\" || [b]=\"y\", 1, 2)",
        "line 1, column 13: expected `,` or `)`, found `||` (for \"or\", put one IIF into the third argument of another)",
    ),
    (
        "IIF([a]==\"x\", 1, 2)",
        "line 1, column 8: expected `,` or `)`, found `==` (equality is written =)",
    ),
    (
        "IIF([a]!=\"x\", 1, 2)",
        "line 1, column 8: expected `,` or `)`, found `!=` (inequality is written <>)",
    ),
    (
        "[a] + [b]",
        "line 1, column 5: expected the end of the expression, found `+` (texts are put together with &)",
    ),
    (
        "[a] = [b] = [c]",
        "line 1, column 11: expected the end of the expression, found `=`",
    ),
    (
        "IIF([a]=\"x\", 1)",
        "line 1, column 1: expected IIF(condition, valueIfTrue, valueIfFalse), found 2 argument(s)",
    ),
    (
        "[mail",
        "line 1, column 1: the attribute that begins here does not end (close it with ])",
    ),
    (
        "Append([mail, \"x\")",
        "line 1, column 8: the attribute that begins here does not end (close it with ])",
    ),
    (
        "[]",
        "line 1, column 1: expected the name of an attribute, such as [displayName], found []",
    ),
    (
        "[display name]",
        "line 1, column 1: expected the name of an attribute, such as [displayName], found [display name]",
    ),
    (
        "\"a",
        "line 1, column 1: the text that begins here does not end (close it with \"; a quotation mark inside a text is written \\\", and a backslash at its end \\\\)",
    ),
    (
        "1.5",
        "line 1, column 1: expected a whole number of at most 64 bits, found `1.5`",
    ),
    (
        "&HFFFFFFFFFFFFFFFF",
        "line 1, column 1: expected a whole number of at most 64 bits, found `&HFFFFFFFFFFFFFFFF`",
    ),
    (
        "&HXY",
        "line 1, column 1: expected a whole number of at most 64 bits, found `&HXY`",
    ),
    (
        "%Domain.FQDN%",
        "line 1, column 1: expected a value: [attribute], \"text\", a number or a function, found `%` (write the value itself: there are no %variables% here)",
    ),
    (
        "SelectUniqueValue([a], [b])",
        "line 1, column 1: SelectUniqueValue cannot be used here: unique values are made for new objects of Active Directory, and this mapping reads Active Directory; the directory holds back names that are taken",
    ),
    (
        "Join(\"@\", SingleAppRoleAssignment([a]))",
        "line 1, column 11: SingleAppRoleAssignment cannot be used here: roles of applications are provisioned from the cloud to applications, and this mapping reads Active Directory",
    ),
];

#[test]
fn a_wrong_expression_is_refused_with_place_and_remedy() {
    for (expression, expected) in REFUSALS {
        assert_eq!(refusal(expression), *expected, "{expression}");
    }
}

#[test]
fn carets_stand_under_what_is_wrong() {
    let text = "Join(\", \",\n\tLefft([display Name], 3))";
    let error = Expression::parse("Join(\"ä\", [a b])").unwrap_err();
    assert_eq!(
        error.position.excerpt("Join(\"ä\", [a b])"),
        "Join(\"ä\", [a b])\n          ^^^^^"
    );
    let error = Expression::parse(text).unwrap_err();
    assert_eq!(
        error.position.excerpt(text),
        "\tLefft([display Name], 3))\n\t^^^^^"
    );
    let long = format!(
        "Join({}, Nou(), \"{}\")",
        vec!["[a]"; 40].join(","),
        "x".repeat(200)
    );
    let excerpt = Expression::parse(&long)
        .unwrap_err()
        .position
        .excerpt(&long);
    let lines: Vec<&str> = excerpt.lines().collect();
    assert_eq!(lines[0].chars().count(), 121);
    let place = lines[1].find('^').unwrap();
    let shown: String = lines[0].chars().skip(place).take(3).collect();
    assert_eq!((shown.as_str(), lines[1].trim()), ("Nou", "^^^"));
}

#[test]
fn an_error_of_one_object_says_where_and_what() {
    let several = [("tel", "1"), ("tel", "2")];
    for (expression, pairs, expected) in [
        (
            "DateAdd(\"d\", [n], Now())",
            &[("n", "x")][..],
            "line 1, column 14: DateAdd: expected a whole number as value, received \"x\"",
        ),
        (
            "Count([tel]) & InStr([tel], \"1\")",
            &several,
            "line 1, column 22: InStr: expected one value as value1, received 2; Item takes one of them, \
             Join puts them together",
        ),
        (
            "Mid([x], [n])",
            &[("x", "abc"), ("n", "0")],
            "line 1, column 10: Mid: expected a number counted from 1 as start, received \"0\"",
        ),
        (
            "Replace([x], , [p], , \"\")",
            &[("x", "abc"), ("p", "(?=a)")],
            "line 1, column 16: Replace: expected a regular expression without looking ahead or behind as \
             regexPattern, received \"(?=a)\"",
        ),
        (
            "DateAdd(\"yyyy\", 9000, Now())",
            &[],
            "line 1, column 1: DateAdd: the date is outside of the years 1 to 9999",
        ),
        ("Error(\"No \" & [x])", &[("x", "mail")], "No mail"),
    ] {
        assert_eq!(failure(expression, pairs), expected);
    }
}

#[test]
fn what_an_expression_needs_is_known_before_it_is_evaluated() {
    let parse = |text| Expression::parse(text).unwrap();
    assert!(parse("Append([mail], Guid())").is_random());
    assert!(parse("IIF([a] = 1, RandomString(6, 1, 1, 1, 1), \"\")").is_random());
    assert!(!parse("Append([mail], \"Guid()\")").is_random());
    assert!(parse("DateDiff(\"d\", [hired], Now())").depends_on_time());
    assert!(!parse("[now]").depends_on_time());
    assert!(parse("Join(\"\", [a], Redact([b]))").is_redacted());
    assert_eq!(parse("Split([a], \",\")").kind(), Kind::List);
    assert_eq!(parse("[a]").kind(), Kind::Any);
    assert_eq!(parse("[a] = [b]").kind(), Kind::Boolean);
}

#[test]
fn an_error_of_a_redacted_expression_shows_nothing_of_the_object() {
    let pairs = [("a", "secret"), ("b", "secret"), ("b", "secrets")];
    for expression in [
        "Redact([a]) > 3",
        "3 > Redact([a])",
        "Left(\"x\", Redact([a]))",
        "IIF([a] = \"secret\", Error([a]), Redact([a]))",
        "FormatDateTime(Redact([a]), , [a], \"d\")",
        "CRef([b]) & Redact(\"\")",
        "Replace(Redact([a]), , [a] & \"(\", , \"\")",
        "Mid(Item([b], 3), Redact(1))",
    ] {
        let message = failure(expression, &pairs);
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn random_values_follow_the_seed() {
    let text = "Guid() & Guid()";
    let with = |seed: u8| {
        let environment = Environment {
            seed: [seed; 32],
            ..ENVIRONMENT
        };
        let expression = Expression::parse(text).unwrap();
        match expression.evaluate(&Attributes::new(), &environment) {
            Ok(Flow::Value(ExpressionValue::Text(text))) => text,
            other => panic!("{other:?}"),
        }
    };
    let both = with(1);
    assert_eq!(both, with(1));
    assert_ne!(both, with(2));
    assert_ne!(both[..36], both[36..]);
}

#[test]
fn functions_of_one_text_are_applied_to_each_value_of_a_list() {
    let pairs = [("tel", " 1"), ("tel", "2 ")];
    let list =
        |values: &[&str]| ExpressionValue::List(values.iter().map(|v| (*v).into()).collect());
    assert_eq!(
        evaluate("Append(Trim([tel]), \"x\")", &pairs),
        list(&["1x", "2x"])
    );
    assert_eq!(evaluate("Trim([absent])", &pairs), ExpressionValue::Null);
    assert_eq!(
        evaluate("DNComponent([tel], 3)", &[]),
        ExpressionValue::Null
    );
    // What gives nothing is left out of the list.
    let names = [("dn", "CN=a,DC=b"), ("dn", "CN=c")];
    assert_eq!(evaluate("DNComponent([dn], 2)", &names), list(&["b"]));
}

#[test]
fn length_and_depth_are_bounded() {
    let long = format!("\"{}\"", "x".repeat(MAX_LENGTH));
    assert!(refusal(&long).contains("at most 10000 characters, received 10002"));
    assert!(Expression::parse(&long[2..]).is_err());
    let nested = |depth: usize| format!("{}[a]{}", "Trim(".repeat(depth), ")".repeat(depth));
    assert_eq!(evaluate(&nested(MAX_DEPTH), &[("a", " x ")]), "x".into());
    assert!(refusal(&nested(MAX_DEPTH + 1)).contains("at most 100 functions"));
    let parentheses = "(".repeat(MAX_DEPTH + 1);
    assert!(refusal(&parentheses).contains("at most 100 functions"));
    let chain = vec!["[a]"; 2_000].join("&");
    assert_eq!(evaluate(&chain, &[("a", "x")]), "x".repeat(2_000).into());
}

#[test]
fn results_and_work_are_bounded() {
    let big = "x".repeat(100_000);
    let pairs = [("big", big.as_str())];
    let doubled = (0..12).fold("[big]".to_owned(), |inner, _| {
        format!("Replace({inner}, \"x\", , , \"xxxxxxxxxxxxxxxxxxxx\")")
    });
    assert!(failure(&doubled, &pairs).contains("longer than 1048576 bytes"));
    let joined = format!("Join(\"\", {})", vec!["[big]"; 20].join(", "));
    assert!(failure(&joined, &pairs).contains("longer than 1048576 bytes"));
    let chain = vec!["[big]"; 20].join("&");
    assert!(failure(&chain, &pairs).contains("longer than 1048576 bytes"));
    let many = format!(
        "Join(\"\", {})",
        vec!["Count(Split([big], \"x\"))"; 100].join(", ")
    );
    assert!(failure(&many, &pairs).contains("too much work"));
}

/// That it ends at all is what is shown: a pattern that is slow wherever it is matched by backtracking, or by following many states,
/// or from every letter anew.
#[test]
fn a_pathological_regex_ends_soon() {
    let text = "ab".repeat(30_000);
    for (pattern, ends) in [
        ("(a+)+$", true),
        ("((a|b)+)+$", true),
        ("(.*)(.*)(.*)(.*)(.*)[^ab]", true),
        ("(a?b?){100}a{100}$", true),
        ("[ab]*a[ab]{500}c", true),
        ("([ab]*c)|[ab]", false),
        ("(a?){1000}(a?){1000}[^ab]", true),
        ("(a?){1000}(a?){1000}[^ab]|b", false),
    ] {
        let expression = format!("Replace([a], , \"{pattern}\", , \"\")");
        let expression = Expression::parse(&expression).unwrap();
        let outcome = expression.evaluate(&attributes(&[("a", &text)]), &ENVIRONMENT);
        assert_eq!(outcome.is_ok(), ends, "{pattern}");
    }
}

/// Pieces of which expressions are made, put together in any order.
fn pieces() -> impl Strategy<Value = String> {
    let mut pieces: Vec<String> = [
        "(",
        ")",
        ",",
        ", ,",
        "&",
        "=",
        "<>",
        "<=",
        ">",
        "[a]",
        "[b]",
        "[",
        "]",
        "\"",
        "\"x\"",
        "\\",
        "\"\"",
        "-1",
        "0",
        "3",
        "99999999999",
        "&HF",
        "True",
        "UTF8",
        "vbTextCompare",
        " ",
        "\"yyyy\"",
        "\"d\"",
        "\"(?<g>\\\\w)+\"",
        "\"${g}\"",
        "\"g\"",
        "ä",
    ]
    .map(str::to_owned)
    .into();
    pieces.extend(function_names().iter().map(|name| format!("{name}(")));
    let piece = prop::sample::select(pieces);
    prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

/// Calls with fitting numbers of arguments of any kind.
fn calls() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "[a]",
        "[b]",
        "[absent]",
        "\"x, y\"",
        "\"\"",
        "\"2026-02-29\"",
        "\"d\"",
        "7",
        "-1",
        "&HFF",
        "True",
        "",
        "\"(?<g>.)\"",
        "\"g\"",
        "\"yyyy-MM-dd\"",
        "Now()",
        "Guid()",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 4, |inner| {
        let names: Vec<&str> = function_names().into_iter().collect();
        (
            prop::sample::select(names),
            prop::collection::vec(inner, 0..7),
        )
            .prop_map(|(name, arguments)| {
                // As many arguments as it takes.
                let counts = 0..=arguments.len();
                let text = |count: usize| format!("{name}({})", arguments[..count].join(", "));
                counts
                    .rev()
                    .map(text)
                    .find(|text| Expression::parse(text).is_ok())
                    .unwrap_or_else(|| "[a]".to_owned())
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange_for_the_parser(text in ".{0,60}") {
        exercise(&text, &[]);
    }

    #[test]
    fn no_mixture_of_pieces_is_too_strange(text in pieces(), a in ".{0,20}") {
        exercise(&text, &[("a", &a), ("a", "y"), ("b", "2026-01-01")]);
    }

    #[test]
    fn no_call_is_too_strange(text in calls(), a in ".{0,20}", b in ".{0,20}") {
        exercise(&text, &[("a", &a), ("a", "y"), ("b", &b)]);
    }

    #[test]
    fn a_message_shows_its_place(text in pieces()) {
        if let Err(error) = Expression::parse(&text) {
            let position = error.position;
            prop_assert!(position.line >= 1 && position.column >= 1 && position.length >= 1);
            prop_assert!(position.offset <= text.len());
            prop_assert!(position.excerpt(&text).contains('^'));
        }
    }

    #[test]
    fn what_was_split_is_joined_to_the_same(parts in prop::collection::vec("[a-zäß.@]{1,5}", 1..6)) {
        let text = parts.join(";");
        let joined = evaluate("Join(\";\", Split([a], \";\"))", &[("a", &text)]);
        prop_assert_eq!(joined, text.into());
    }

    #[test]
    fn base64_comes_back(text in ".{0,30}") {
        let pairs = [("a", text.as_str())];
        let back = evaluate("ConvertFromBase64(ConvertToBase64([a]))", &pairs);
        prop_assert_eq!(back, text.into());
    }

    #[test]
    fn a_number_of_active_directory_comes_back(number in 1..2_650_467_743_999_999_999_i64) {
        let back = evaluate("NumFromDate(DateFromNum([a]))", &[("a", &number.to_string())]);
        prop_assert_eq!(back, ExpressionValue::Integer(number));
    }

    #[test]
    fn what_is_added_to_a_date_is_its_difference(days in -3_000..3_000_i64) {
        let expression = "DateDiff(\"d\", Now(), DateAdd(\"d\", [n], Now()))";
        let back = evaluate(expression, &[("n", &days.to_string())]);
        prop_assert_eq!(back, ExpressionValue::Integer(days));
    }

    #[test]
    fn left_and_mid_make_the_whole(text in ".{0,20}", at in 0..25_u32) {
        let expression = "Join(\"\", Left([a], [n]), Mid([a], [m]))";
        let (n, m) = (at.to_string(), (at + 1).to_string());
        let whole = evaluate(expression, &[("a", &text), ("n", &n), ("m", &m)]);
        let expected = if text.is_empty() { ExpressionValue::Null } else { text.into() };
        prop_assert_eq!(whole, expected);
    }

    #[test]
    fn instr_finds_what_mid_takes(text in "[abä]{8,12}", start in 1..8_usize, length in 1..4_usize) {
        let (start, length) = (start.to_string(), length.to_string());
        let pairs = [("a", text.as_str()), ("s", &start), ("l", &length)];
        let part = evaluate("Mid([a], [s], [l])", &pairs);
        let found = evaluate("Mid([a], InStr([a], Mid([a], [s], [l])), [l])", &pairs);
        prop_assert!(found.as_text().unwrap().starts_with(&part.as_text().unwrap()));
    }

    #[test]
    fn removing_duplicates_twice_changes_nothing(parts in prop::collection::vec("[ab]{1,2}", 1..8)) {
        let text = parts.join(",");
        let once = evaluate("Join(\",\", RemoveDuplicates(Split([a], \",\")))", &[("a", &text)]);
        let pairs = [("a", once.as_text().unwrap())];
        let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
        prop_assert_eq!(evaluate("Join(\",\", RemoveDuplicates(Split([a], \",\")))", &pairs), once);
    }

    #[test]
    fn a_random_string_has_what_was_asked_for(
        minima in prop::array::uniform4(0..5_usize),
        more in 0..10_usize,
        seed in any::<[u8; 32]>(),
    ) {
        let [digits, special, capital, small] = minima;
        let length = (digits + special + capital + small + more).max(1);
        let text = format!("RandomString({length}, {digits}, {special}, {capital}, {small}, \"O0l1\")");
        let environment = Environment { seed, ..ENVIRONMENT };
        let outcome = Expression::parse(&text).unwrap().evaluate(&Attributes::new(), &environment);
        let Ok(Flow::Value(ExpressionValue::Text(random))) = outcome else { panic!("{outcome:?}") };
        let count = |is: fn(&char) -> bool| random.chars().filter(is).count();
        prop_assert_eq!(random.chars().count(), length);
        prop_assert!(count(char::is_ascii_digit) >= digits);
        prop_assert!(count(char::is_ascii_punctuation) >= special);
        prop_assert!(count(char::is_ascii_uppercase) >= capital);
        prop_assert!(count(char::is_ascii_lowercase) >= small);
        prop_assert!(!random.contains(['O', '0', 'l', '1']));
    }
}
