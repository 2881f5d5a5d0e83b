//! H21: sets that come in ranges.

use super::*;

#[test]
fn h21_a_group_that_is_large_both_ways_is_read_in_full() {
    let setup = Setup {
        range: 1,
        ..plain()
    };
    let groups = [GROUP, INNER, INNERMOST];
    let mut steps: Vec<Step> = groups
        .map(|label| create(label, Class::SecurityGroup, WELL_KNOWN.users))
        .into();
    steps.extend([
        create(USER, Class::User, WELL_KNOWN.users),
        create(OTHER, Class::User, WELL_KNOWN.users),
        member(GROUP, USER),
        member(GROUP, OTHER),
        member(INNER, GROUP),
        member(INNERMOST, GROUP),
        set(GROUP, "admindescription", "Group_1"),
    ]);
    steps.extend(cycle());
    steps.push(set(GROUP, "admindescription", ""));
    steps.extend(cycle());
    holds_for(setup, Wishes::default(), steps);
}

#[test]
fn h21_a_member_that_goes_while_a_set_is_read_hides_no_other() {
    let setup = Setup {
        range: 1,
        ..plain()
    };
    let members = [USER, OTHER, INNER, INNERMOST];
    for (target, count) in members
        .into_iter()
        .flat_map(|target| (50..90).step_by(3).map(move |count| (target, count)))
    {
        let mut steps = vec![
            create(USER, Class::User, WELL_KNOWN.users),
            create(OTHER, Class::User, WELL_KNOWN.users),
            create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
            create(INNER, Class::SecurityGroup, WELL_KNOWN.users),
            create(INNERMOST, Class::SecurityGroup, WELL_KNOWN.users),
            set(GROUP, "admindescription", "Group_1"),
        ];
        steps.extend(members.map(|target| member(GROUP, target)));
        steps.extend(cycle());
        steps.extend([
            set(GROUP, "admindescription", ""),
            Step::Wake(Wake::Clock),
            Step::Turns { count, order: 0 },
            no_member(GROUP, target),
            Step::Settle { order: 0 },
        ]);
        holds_for(setup.clone(), Wishes::default(), steps);
    }
}
