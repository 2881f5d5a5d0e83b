//! The clock of the service's machine is wrong.

use super::*;

const DAY: i32 = 1_440;

/// The cookie was issued when the clock was far ahead: by the clock that was put right it is new, and tombstones have
/// been collected all the same.
#[test]
fn h15_a_cookie_is_as_old_as_the_controllers_say_whatever_the_own_clock_shows() {
    for (ahead, back) in [(69, -69), (200, -200)] {
        holds(history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                // Its canary outlives the user.
                create(OTHER, Class::User, WELL_KNOWN.users),
            ],
            [Step::Clock(ahead * DAY)],
            cycle(),
            [
                Step::Ad(Change::Delete { label: USER }),
                Step::Time(70 * 1_440),
                Step::Clock(back * DAY),
                Step::Expunge,
            ],
            cycle(),
        ]);
    }
}
