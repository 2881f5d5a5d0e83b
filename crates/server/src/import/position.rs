//! How a job's position moves on with a page: only behind the page that it follows.

use lockstep_api::channel::PageEnd;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::job::{Cookie, Watermark};

/// What the end of a page does to the position.
#[derive(Debug, PartialEq)]
pub(super) enum Move {
    /// It is this one from now on.
    To(Watermark),
    /// The page was stored before, or is none: it stays.
    None,
}

/// The page does not follow the one that is stored.
#[derive(Debug, PartialEq)]
pub(super) struct CookieMismatch;

/// Who answers with a page, and when.
#[derive(Debug)]
pub(super) struct Issued<'a> {
    /// Its DNS name.
    pub(super) controller: &'a str,
    /// By the service's clock.
    pub(super) at: Timestamp,
    /// What its own clock showed when the reading began, in milliseconds since 1970.
    pub(super) controller_clock: Option<i64>,
}

/// Where the position is after a page, which a controller answered with a cookie now.
///
/// The first page of a reading looks like the first of every other; that it belongs to this one is told by the
/// lease that it came under.
pub(super) fn moved(
    stored: &Watermark,
    page: &PageEnd,
    issued: &Issued<'_>,
) -> Result<Move, CookieMismatch> {
    let Some(value) = page.cookie.as_ref() else {
        return Ok(Move::None);
    };
    let last = stored.cookie().map(|cookie| &cookie.value);
    if last != page.cookie_before.as_ref() {
        return match last == Some(value) {
            true => Ok(Move::None),
            false => Err(CookieMismatch),
        };
    }
    let cookie = Cookie {
        value: value.clone(),
        controller: issued.controller.to_owned(),
        issued: issued.at.as_millis(),
        controller_clock: issued.controller_clock,
    };
    Ok(Move::To(match stored {
        Watermark::Start | Watermark::Paging(_) if page.more => Watermark::Paging(cookie),
        Watermark::Start | Watermark::Paging(_) => Watermark::Sweeping {
            cookie,
            position: Guid::NIL,
        },
        Watermark::Sweeping { position, .. } => Watermark::Sweeping {
            cookie,
            position: *position,
        },
        Watermark::Current(_) => Watermark::Current(cookie),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROLLER: &str = "dc1.corp.test";
    const THEN: i64 = 1_000;
    const NOW: i64 = 2_000;
    /// The controller's clock is slow.
    const BEHIND: i64 = 300;
    const LOOKED: Guid = Guid::from_bytes([7; 16]);

    fn page(before: Option<&str>, cookie: Option<&str>, more: bool) -> PageEnd {
        PageEnd {
            lease: 1,
            read_set: 1,
            cookie_before: before.map(str::to_owned),
            cookie: cookie.map(str::to_owned),
            more,
            found: Vec::new(),
            settled: Vec::new(),
            canary: None,
            highest_usn: None,
        }
    }

    fn cookie(value: &str, issued: i64) -> Cookie {
        Cookie {
            value: value.to_owned(),
            controller: CONTROLLER.to_owned(),
            issued,
            controller_clock: Some(issued - BEHIND),
        }
    }

    fn paging(value: &str, issued: i64) -> Watermark {
        Watermark::Paging(cookie(value, issued))
    }

    fn sweeping(value: &str, issued: i64, position: Guid) -> Watermark {
        Watermark::Sweeping {
            cookie: cookie(value, issued),
            position,
        }
    }

    fn current(value: &str, issued: i64) -> Watermark {
        Watermark::Current(cookie(value, issued))
    }

    fn check(cases: Vec<(&str, Watermark, PageEnd, Result<Move, CookieMismatch>)>) {
        for (name, stored, page, expected) in cases {
            let issued = Issued {
                controller: CONTROLLER,
                at: Timestamp::from_millis(NOW),
                controller_clock: Some(NOW - BEHIND),
            };
            assert_eq!(moved(&stored, &page, &issued), expected, "{name}");
        }
    }

    #[test]
    fn a_page_moves_the_position_on_behind_the_one_it_follows() {
        let to = |position| Ok(Move::To(position));
        check(vec![
            (
                "the first page of a full reading",
                Watermark::Start,
                page(None, Some("A"), true),
                to(paging("A", NOW)),
            ),
            (
                "the first page is the last one as well",
                Watermark::Start,
                page(None, Some("A"), false),
                to(sweeping("A", NOW, Guid::NIL)),
            ),
            (
                "a page in between",
                paging("A", THEN),
                page(Some("A"), Some("B"), true),
                to(paging("B", NOW)),
            ),
            (
                "the last page",
                paging("B", THEN),
                page(Some("B"), Some("C"), false),
                to(sweeping("C", NOW, Guid::NIL)),
            ),
            (
                "the last page, with the cookie of the one before",
                paging("B", THEN),
                page(Some("B"), Some("B"), false),
                to(sweeping("B", NOW, Guid::NIL)),
            ),
            (
                "changes come while it is looked for what was not seen",
                sweeping("C", THEN, LOOKED),
                page(Some("C"), Some("D"), false),
                to(sweeping("D", NOW, LOOKED)),
            ),
            (
                "the same, and there are more of them",
                sweeping("C", THEN, LOOKED),
                page(Some("C"), Some("D"), true),
                to(sweeping("D", NOW, LOOKED)),
            ),
            (
                "changes",
                current("D", THEN),
                page(Some("D"), Some("E"), false),
                to(current("E", NOW)),
            ),
            (
                "changes in several pages",
                current("D", THEN),
                page(Some("D"), Some("E"), true),
                to(current("E", NOW)),
            ),
            (
                "nothing has changed, and the cookie neither",
                current("E", THEN),
                page(Some("E"), Some("E"), false),
                to(current("E", NOW)),
            ),
        ]);
    }

    #[test]
    fn a_page_that_is_stored_already_leaves_the_position_where_it_is() {
        check(vec![
            (
                "the first page, sent twice",
                paging("A", THEN),
                page(None, Some("A"), true),
                Ok(Move::None),
            ),
            (
                "a page in between, sent twice",
                paging("B", THEN),
                page(Some("A"), Some("B"), true),
                Ok(Move::None),
            ),
            (
                "the last page, sent twice",
                sweeping("C", THEN, LOOKED),
                page(Some("B"), Some("C"), false),
                Ok(Move::None),
            ),
            (
                "the last page, sent twice, when everything has been asked for",
                current("C", THEN),
                page(Some("B"), Some("C"), false),
                Ok(Move::None),
            ),
            (
                "changes, sent twice",
                current("E", THEN),
                page(Some("D"), Some("E"), false),
                Ok(Move::None),
            ),
            (
                "the end of a reading by GUID between two pages",
                paging("A", THEN),
                page(Some("A"), None, true),
                Ok(Move::None),
            ),
        ]);
    }

    #[test]
    fn a_page_that_does_not_follow_the_stored_one_is_refused() {
        check(vec![
            (
                "a first page, and one is stored",
                paging("A", THEN),
                page(None, Some("B"), true),
                Err(CookieMismatch),
            ),
            (
                "a page was left out",
                paging("A", THEN),
                page(Some("B"), Some("C"), true),
                Err(CookieMismatch),
            ),
            (
                "a page from before the stored one",
                paging("C", THEN),
                page(Some("A"), Some("B"), true),
                Err(CookieMismatch),
            ),
            (
                "a first page, and all are stored",
                sweeping("C", THEN, LOOKED),
                page(None, Some("A"), true),
                Err(CookieMismatch),
            ),
            (
                "changes after a cookie that is no longer the stored one",
                current("E", THEN),
                page(Some("C"), Some("D"), false),
                Err(CookieMismatch),
            ),
            (
                "a page of the reading before, and it begins anew",
                Watermark::Start,
                page(Some("A"), Some("B"), true),
                Err(CookieMismatch),
            ),
            (
                "a page of the reading before, and the new one has its first page",
                paging("Z", THEN),
                page(Some("A"), Some("B"), false),
                Err(CookieMismatch),
            ),
        ]);
    }
}
