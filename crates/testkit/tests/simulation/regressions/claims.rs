//! H18: two configurations that want the same.

use super::*;

fn second(admin: Admin) -> [Step; 2] {
    [Step::AdminOfSecond(admin), Step::Settle { order: 0 }]
}

fn cycle_of_second() -> [Step; 2] {
    [Step::WakeSecond(Wake::Clock), Step::Settle { order: 0 }]
}

/// A unit, and a user who is not in it.
fn unit_and_user() -> [Step; 2] {
    [
        create(UNIT, Class::Unit, WELL_KNOWN.head),
        create(USER, Class::User, WELL_KNOWN.users),
    ]
}

#[test]
fn h18_who_moves_from_one_scope_to_another_stays_the_same_object() {
    holds_for(
        plain(),
        only(UNIT),
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(OTHER_UNIT, Class::Unit, WELL_KNOWN.head),
                create(USER, Class::User, UNIT),
            ],
            cycle(),
            second(Admin::Configure(only(OTHER_UNIT))),
            cycle_of_second(),
            [moved(USER, OTHER_UNIT)],
            cycle_of_second(),
            cycle(),
            cycle_of_second(),
        ],
    );
}

#[test]
fn h18_a_claimant_has_its_turn_when_the_owner_lets_go() {
    holds(history![
        unit_and_user(),
        cycle(),
        second(Admin::Configure(Wishes::default())),
        cycle_of_second(),
        [configure(only(UNIT)), Step::Settle { order: 0 }],
        cycle(),
        cycle_of_second(),
    ]);
}

#[test]
fn h18_what_is_handed_over_is_the_heirs() {
    holds_for(
        plain(),
        only(UNIT),
        history![
            unit_and_user(),
            cycle(),
            second(Admin::Configure(Wishes::default())),
            cycle_of_second(),
            [configure(Wishes::default()), Step::Settle { order: 0 }],
            // Refused, refused once more, and then not tried again for hours.
            cycle(),
            cycle(),
            second(Admin::HandOver),
            cycle(),
        ],
    );
}

#[test]
fn h18_what_the_heir_had_before_is_its_own_again() {
    holds(history![
        unit_and_user(),
        cycle(),
        second(Admin::Configure(Wishes::default())),
        [configure(only(UNIT)), Step::Settle { order: 0 }],
        cycle(),
        cycle_of_second(),
        [configure(Wishes::default()), Step::Settle { order: 0 }],
        cycle(),
        second(Admin::HandOver),
        cycle(),
    ]);
}

#[test]
fn h18_who_left_one_scope_for_another_is_a_member_of_groups_of_both() {
    let others = Wishes {
        excluded: vec![UNIT],
        ..Wishes::default()
    };
    holds(history![
        [
            create(UNIT, Class::Unit, WELL_KNOWN.head),
            create(GROUP, Class::SecurityGroup, UNIT),
            create(USER, Class::User, WELL_KNOWN.users),
        ],
        cycle(),
        [configure(only(UNIT)), Step::Settle { order: 0 }],
        cycle(),
        second(Admin::Configure(others)),
        cycle_of_second(),
        [member(GROUP, USER)],
        cycle(),
    ]);
}
