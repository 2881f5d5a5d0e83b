//! How a job's position moves on with a page: only behind the page that it follows.

use lockstep_api::channel::PageEnd;
use lockstep_model::{Guid, Timestamp};
use lockstep_store::records::job::Watermark;

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

/// Where the position is after a page, which a controller answered with a cookie now.
///
/// The first page of a reading looks like the first of every other; that it belongs to this one is told by the
/// lease that it came under.
pub(super) fn moved(
    stored: &Watermark,
    page: &PageEnd,
    controller: &str,
    now: Timestamp,
) -> Result<Move, CookieMismatch> {
    let Some(cookie) = page.cookie.clone() else {
        return Ok(Move::None);
    };
    let (last, is_full) = match stored {
        Watermark::Start => (None, true),
        Watermark::Paging { cookie, .. } => (Some(cookie), true),
        Watermark::Sweeping { cookie, .. } | Watermark::Current { cookie, .. } => {
            (Some(cookie), false)
        }
    };
    if last != page.cookie_before.as_ref() {
        return match last == Some(&cookie) {
            true => Ok(Move::None),
            false => Err(CookieMismatch),
        };
    }
    let (controller, issued) = (controller.to_owned(), now.as_millis());
    let sweeping = match stored {
        Watermark::Sweeping { position, .. } => Some(*position),
        _ => (is_full && !page.more).then_some(Guid::NIL),
    };
    Ok(Move::To(match (sweeping, is_full) {
        (Some(position), _) => Watermark::Sweeping {
            cookie,
            controller,
            issued,
            position,
        },
        (None, true) => Watermark::Paging {
            cookie,
            controller,
            issued,
        },
        (None, false) => Watermark::Current {
            cookie,
            controller,
            issued,
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROLLER: &str = "dc1.corp.test";
    const THEN: i64 = 1_000;
    const NOW: i64 = 2_000;
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

    fn paging(cookie: &str, issued: i64) -> Watermark {
        Watermark::Paging {
            cookie: cookie.to_owned(),
            controller: CONTROLLER.to_owned(),
            issued,
        }
    }

    fn sweeping(cookie: &str, issued: i64, position: Guid) -> Watermark {
        Watermark::Sweeping {
            cookie: cookie.to_owned(),
            controller: CONTROLLER.to_owned(),
            issued,
            position,
        }
    }

    fn current(cookie: &str, issued: i64) -> Watermark {
        Watermark::Current {
            cookie: cookie.to_owned(),
            controller: CONTROLLER.to_owned(),
            issued,
        }
    }

    fn check(cases: Vec<(&str, Watermark, PageEnd, Result<Move, CookieMismatch>)>) {
        for (name, stored, page, expected) in cases {
            let now = Timestamp::from_millis(NOW);
            assert_eq!(moved(&stored, &page, CONTROLLER, now), expected, "{name}");
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
