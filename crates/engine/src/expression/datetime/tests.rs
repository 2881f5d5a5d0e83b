//! Dates as the original reads, counts and writes them.

use super::format::{DatePattern, Styles};
use super::*;
use proptest::prelude::*;

fn date(text: &str) -> DateTime {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn format(text: &str, pattern: &str) -> String {
    DatePattern::parse(pattern).unwrap().format(date(text))
}

fn read(text: &str, pattern: &str) -> Option<String> {
    let read = DatePattern::parse(pattern)
        .unwrap()
        .read(text, Styles::default());
    read.map(|date| date.to_string())
}

#[test]
fn dates_are_read_in_every_usual_form() {
    for (text, expected) in [
        ("2020-03-16-07:00", "3/16/2020 7:00:00 AM"),
        ("2021-06-30+08:00", "6/29/2021 4:00:00 PM"),
        ("2009-06-15T01:45:30-07:00", "6/15/2009 8:45:30 AM"),
        ("2009-06-15T01:45:30.1234567Z", "6/15/2009 1:45:30 AM"),
        ("2012-01-01 23:00:00", "1/1/2012 11:00:00 PM"),
        ("2020-12-31 23:59:59-08:00", "1/1/2021 7:59:59 AM"),
        ("2013-01-10 4:00 PM -8", "1/11/2013 12:00:00 AM"),
        ("2013-01-10T16:00+0530", "1/10/2013 10:30:00 AM"),
        ("8/25/2021 5:41:18 PM", "8/25/2021 5:41:18 PM"),
        ("8/25/2021 12:00:00 AM", "8/25/2021 12:00:00 AM"),
        ("12/25/2007", "12/25/2007 12:00:00 AM"),
        ("2007/2/5", "2/5/2007 12:00:00 AM"),
        ("20150123105347.1Z", "1/23/2015 10:53:47 AM"),
        ("20150123105347.0+0100", "1/23/2015 9:53:47 AM"),
        ("Mon, 15 Jun 2009 20:45:30 GMT", "6/15/2009 8:45:30 PM"),
        ("June 15, 2009", "6/15/2009 12:00:00 AM"),
        ("May 5, 2009 1:00pm", "5/5/2009 1:00:00 PM"),
        (" 15 June 2009 ", "6/15/2009 12:00:00 AM"),
        ("2024-02-29", "2/29/2024 12:00:00 AM"),
    ] {
        assert_eq!(date(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_no_date_is_refused() {
    for text in [
        "",
        "today",
        "2023-02-29",
        "2020-13-01",
        "13/1/2020",
        "Tue, 15 Jun 2009 20:45:30 GMT",
        "2020-01-01 25:00",
        "2020-01-01 10:60",
        "2020-01-01+15:00",
        "2020-01-01 13:00 PM",
        "0001-01-01+08:00",
        "2020-01-01 x",
        "2020-01",
        "20150123",
        "ä",
    ] {
        assert!(text.parse::<DateTime>().is_err(), "{text}");
    }
}

#[test]
fn patterns_write_what_dotnet_writes() {
    let text = "2009-06-05T03:04:05.0670000Z";
    for (pattern, expected) in [
        ("yyyy-MM-dd", "2009-06-05"),
        ("d MMM yy, dddd", "5 Jun 09, Friday"),
        ("%d", "5"),
        ("%y", "9"),
        ("yyyyy", "02009"),
        ("ddd MMMM", "Fri June"),
        ("h:m:s t", "3:4:5 A"),
        ("HH:mm:ss.fff", "03:04:05.067"),
        ("HH:mm:ss.FFFFFFF", "03:04:05.067"),
        ("ss.F", "05"),
        ("K zzz zz z g", "Z +00:00 +00 +0 A.D."),
        ("yyyyMMddHHmmss.0Z", "20090605030405.0Z"),
        ("'day' d \\d \"d\"", "day 5 d d"),
        ("d", "6/5/2009"),
        ("D", "Friday, June 5, 2009"),
        ("f", "Friday, June 5, 2009 3:04 AM"),
        ("g", "6/5/2009 3:04 AM"),
        ("G", "6/5/2009 3:04:05 AM"),
        ("M", "June 5"),
        ("o", "2009-06-05T03:04:05.0670000Z"),
        ("R", "Fri, 05 Jun 2009 03:04:05 GMT"),
        ("s", "2009-06-05T03:04:05"),
        ("T", "3:04:05 AM"),
        ("u", "2009-06-05 03:04:05Z"),
        ("Y", "June 2009"),
    ] {
        assert_eq!(format(text, pattern), expected, "{pattern}");
    }
    for pattern in ["", "x", "ffffffff", "'open", "a\\", "%", "%%d"] {
        assert_eq!(DatePattern::parse(pattern), None, "{pattern}");
    }
}

#[test]
fn patterns_read_exactly_what_they_say() {
    for (text, pattern, expected) in [
        (
            "20150123105347.1Z",
            "yyyyMMddHHmmss.fZ",
            Some("1/23/2015 10:53:47 AM"),
        ),
        (
            "2020-12-31-08:00",
            "yyyy-MM-ddzzz",
            Some("12/31/2020 8:00:00 AM"),
        ),
        ("2020-12-31Z", "yyyy-MM-ddK", Some("12/31/2020 12:00:00 AM")),
        (
            "5/7/2021 01:02:03 PM",
            "M/d/yyyy hh:mm:ss tt",
            Some("5/7/2021 1:02:03 PM"),
        ),
        ("12:30", "hh:mm", Some("1/1/0001 12:30:00 AM")),
        (" 1 feb 49 ", "d MMM yy", Some("2/1/2049 12:00:00 AM")),
        ("1 February 50", "d MMMM yy", Some("2/1/1950 12:00:00 AM")),
        ("Friday 5/6/2009", "dddd M/d/yyyy", None),
        ("2021-1-1", "yyyy-MM-dd", None),
        ("2021-01-01x", "yyyy-MM-dd", None),
        ("21-01-01", "yyyy-MM-dd", None),
        ("10:00:00.5", "HH:mm:ss.FFF", Some("1/1/0001 10:00:00 AM")),
        ("10:00:00", "HH:mm:ss.FFF", Some("1/1/0001 10:00:00 AM")),
        ("13:00", "hh:mm", None),
    ] {
        assert_eq!(read(text, pattern).as_deref(), expected, "{text} {pattern}");
    }
}

#[test]
fn styles_say_where_blanks_may_stand() {
    let read = |text: &str, styles: &str| {
        let styles = Styles::parse(styles).unwrap();
        DatePattern::parse("yyyy-MM")
            .unwrap()
            .read(text, styles)
            .is_some()
    };
    assert!(!read(" 2020-01", "None"));
    assert!(read(" 2020-01", "AllowLeadingWhite"));
    assert!(!read("2020-01 ", "AllowLeadingWhite, RoundtripKind"));
    assert!(read(" 2020 - 01 ", "allowwhitespaces"));
    assert_eq!(Styles::parse("AllowEverything"), None);
}

#[test]
fn months_that_are_shorter_end_on_their_last_day() {
    let plus = |text, interval, count| date(text).plus(interval, count).map(|d| d.to_string());
    assert_eq!(
        plus("2021-01-31", Interval::Month, 1).as_deref(),
        Some("2/28/2021 12:00:00 AM")
    );
    assert_eq!(
        plus("2024-02-29", Interval::Year, -1).as_deref(),
        Some("2/28/2023 12:00:00 AM")
    );
    assert_eq!(plus("9999-12-31", Interval::Day, 1), None);
    assert_eq!(plus("2021-01-01", Interval::Week, i64::MAX), None);
    assert_eq!(plus("2021-01-01", Interval::Month, i64::MIN), None);
}

#[test]
fn filetime_is_read_and_written() {
    let date = DateTime::from_filetime(129_699_324_000_000_000).unwrap();
    assert_eq!(date.to_string(), "1/1/2012 11:00:00 PM");
    assert_eq!(DateTime::from_filetime(i64::MAX), None);
    assert_eq!(
        "1600-12-31".parse::<DateTime>().unwrap().to_filetime(),
        None
    );
}

/// Any date, to 100 ns.
fn dates() -> impl Strategy<Value = DateTime> {
    // 1601 to 9999.
    (0..2_650_467_743_999_999_999_i64).prop_map(|units| DateTime::from_filetime(units).unwrap())
}

fn intervals() -> impl Strategy<Value = Interval> {
    prop::sample::select(vec![
        Interval::Year,
        Interval::Month,
        Interval::Week,
        Interval::Day,
        Interval::Hour,
        Interval::Minute,
        Interval::Second,
    ])
}

proptest! {
    #[test]
    fn a_filetime_comes_back(units in 0..2_650_467_743_999_999_999_i64) {
        prop_assert_eq!(DateTime::from_filetime(units).unwrap().to_filetime(), Some(units));
    }

    #[test]
    fn a_written_date_is_read_as_the_same(
        date in dates(),
        pattern in prop::sample::select(vec!["o", "yyyy-MM-dd HH:mm:ss.FFFFFFF", "d MMM yyyy h:mm:ss.fffffff tt"]),
    ) {
        let pattern = DatePattern::parse(pattern).unwrap();
        let text = pattern.format(date);
        prop_assert_eq!(pattern.read(&text, Styles::default()), Some(date), "{}", text);
    }

    #[test]
    fn iso_dates_need_no_pattern(date in dates()) {
        prop_assert_eq!(DatePattern::parse("o").unwrap().format(date).parse(), Ok(date));
    }

    #[test]
    fn what_was_added_is_the_difference(date in dates(), interval in intervals(), count in -5_000..5_000_i64) {
        if let Some(later) = date.plus(interval, count) {
            prop_assert_eq!(date.until(later, interval), count);
            prop_assert_eq!(later.until(date, interval), -count);
        }
    }

    #[test]
    fn no_text_and_no_pattern_is_too_strange(text in ".{0,40}", pattern in ".{0,20}") {
        let _ = text.parse::<DateTime>();
        if let Some(pattern) = DatePattern::parse(&pattern) {
            let _ = pattern.read(&text, Styles::default());
        }
    }
}
