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

/// It is nobody's by then, and whoever went on changing it without taking it over would share it with the cloud.
#[test]
fn h18_what_was_given_to_the_cloud_is_taken_over_by_who_had_it_before() {
    holds_for(
        plain(),
        only(OTHER_UNIT),
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(OTHER_UNIT, Class::Unit, WELL_KNOWN.head),
                create(USER, Class::User, OTHER_UNIT),
            ],
            cycle(),
            second(Admin::Configure(only(UNIT))),
            [moved(USER, UNIT)],
            cycle(),
            cycle_of_second(),
            second(Admin::Release),
            [moved(USER, OTHER_UNIT)],
        ],
    );
}

/// Nobody would take them out of the group when Active Directory does.
#[test]
fn members_whom_a_removed_configuration_had_leave_the_groups_of_others_at_once() {
    for removal in [Admin::Remove, Admin::Release, Admin::HandOver] {
        let sales = Wishes {
            groups: vec![GROUP],
            filter: Some(Filter::Sales),
            ..Wishes::default()
        };
        holds_for(
            plain(),
            sales,
            history![
                user_in_group(),
                cycle(),
                second(Admin::Configure(Wishes::default())),
                cycle_of_second(),
                cycle(),
                second(removal),
            ],
        );
    }
}

/// The heir may have a cycle of its own at any moment while it is given what another one had.
#[test]
fn h18_nobody_leaves_the_groups_of_the_heir_while_it_takes_over() {
    let others = Wishes {
        excluded: vec![UNIT],
        ..Wishes::default()
    };
    for (count, order) in (1..60).flat_map(|count| [(count, 1), (count, 2)]) {
        holds_for(
            plain(),
            only(UNIT),
            history![
                [
                    create(UNIT, Class::Unit, WELL_KNOWN.head),
                    create(GROUP, Class::SecurityGroup, UNIT),
                    create(USER, Class::User, WELL_KNOWN.users),
                    member(GROUP, USER),
                ],
                cycle(),
                second(Admin::Configure(others.clone())),
                cycle_of_second(),
                [configure(Wishes::default()), Step::Settle { order: 0 }],
                cycle(),
                [
                    Step::Wake(Wake::Clock),
                    Step::Turns { count, order },
                    Step::AdminOfSecond(Admin::HandOver),
                    Step::Settle { order },
                ],
                cycle(),
            ],
        );
    }
}
