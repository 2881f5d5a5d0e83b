//! Limits hold what changes too much at once.

use super::*;
use crate::script::Limits;

/// What an administrator allows by then is not decided any more.
#[test]
fn a_member_who_is_back_before_a_held_removal_is_allowed_stays() {
    let limited = Wishes {
        limits: Limits {
            members: Some(1),
            ..Limits::default()
        },
        ..Wishes::default()
    };
    holds_for(
        plain(),
        limited,
        history![
            user_in_group(),
            cycle(),
            [no_member(GROUP, USER)],
            cycle(),
            [
                Step::Admin(Admin::AllowDeletes),
                Step::Settle { order: 0 },
                member(GROUP, USER),
            ],
            cycle(),
        ],
    );
}
