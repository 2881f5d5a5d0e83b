//! Histories that the product once got wrong, in the shortest form that was found.

use crate::agent::Habits;
use crate::directory::{Change, Class, Label, WELL_KNOWN};
use crate::history::{Backing, play};
use crate::network::NetworkFault;
use crate::script::{
    Admin, Filter, Mapping, Passwords, RightsChange, Script, Setup, Step, Told, Wishes,
};
use lockstep_server::job::Wake;

const UNIT: Label = Label(10);
const USER: Label = Label(11);
const OTHER: Label = Label(12);
const GROUP: Label = Label(13);
const INNER: Label = Label(14);
const INNERMOST: Label = Label(15);
const OTHER_UNIT: Label = Label(16);

/// One controller, everything at once, and the guard far away.
fn plain() -> Setup {
    Setup {
        controllers: 1,
        recycle_bin: false,
        page: usize::MAX,
        range: usize::MAX,
        incremental_values: true,
        habits: Habits {
            batch: 100,
            link_batch: 100,
            reads: 100,
            at_a_time: 1,
            slices: 1,
        },
        threshold: Some(500),
    }
}

/// Plays a history of the whole domain.
fn holds(steps: Vec<Step>) {
    holds_for(plain(), Wishes::default(), steps);
}

fn holds_for(setup: Setup, wishes: Wishes, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let script = Script {
        setup,
        wishes,
        steps,
    };
    if let Err(violation) = play(&script, Backing::Memory) {
        panic!("{}\n{}", violation.0, Told(&script));
    }
}

fn create(label: Label, class: Class, parent: Label) -> Step {
    Step::Ad(Change::Create {
        label,
        class,
        parent,
    })
}

fn set(label: Label, attribute: &'static str, value: &str) -> Step {
    let values = match value {
        "" => Vec::new(),
        value => vec![value.to_owned()],
    };
    Step::Ad(Change::Set {
        label,
        attribute,
        values,
    })
}

fn member(source: Label, target: Label) -> Step {
    Step::Ad(Change::Link {
        source,
        attribute: "member",
        target,
    })
}

fn no_member(source: Label, target: Label) -> Step {
    Step::Ad(Change::Unlink {
        source,
        attribute: "member",
        target,
    })
}

fn moved(label: Label, parent: Label) -> Step {
    Step::Ad(Change::Move { label, parent })
}

fn delete(label: Label) -> Step {
    Step::Ad(Change::Delete { label })
}

fn undelete(label: Label) -> Step {
    Step::Ad(Change::Undelete {
        label,
        parent: WELL_KNOWN.users,
    })
}

fn configure(wishes: Wishes) -> Step {
    Step::Admin(Admin::Configure(wishes))
}

/// Who is in this unit takes part.
fn only(unit: Label) -> Wishes {
    Wishes {
        units: vec![unit],
        ..Wishes::default()
    }
}

/// Who is in the group takes part, and who is in the groups in it.
fn in_group() -> Wishes {
    Wishes {
        groups: vec![GROUP],
        nested: true,
        ..Wishes::default()
    }
}

fn user_in_unit() -> [Step; 2] {
    [
        create(UNIT, Class::Unit, WELL_KNOWN.head),
        create(USER, Class::User, UNIT),
    ]
}

fn user_in_group() -> [Step; 3] {
    [
        create(USER, Class::User, WELL_KNOWN.users),
        create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
        member(GROUP, USER),
    ]
}

fn three_groups() -> [Step; 3] {
    [GROUP, INNER, INNERMOST].map(|group| create(group, Class::SecurityGroup, WELL_KNOWN.users))
}

/// A whole cycle.
fn cycle() -> [Step; 2] {
    [Step::Wake(Wake::Clock), Step::Settle { order: 0 }]
}

/// Puts steps and cycles together.
macro_rules! history {
    ($($step:expr),* $(,)?) => {{
        let mut steps: Vec<Step> = Vec::new();
        $(steps.extend($step);)*
        steps
    }};
}

/// The service knows the container only where it was; the agent sees where it is.
#[test]
fn h14_who_comes_into_a_container_that_has_left_the_scope_stays_at_home() {
    for page in [1, usize::MAX] {
        let setup = Setup { page, ..plain() };
        let scope = Wishes {
            units: vec![UNIT],
            ..Wishes::default()
        };
        holds_for(
            setup,
            scope,
            history![
                [
                    create(UNIT, Class::Unit, WELL_KNOWN.head),
                    create(OTHER_UNIT, Class::Unit, UNIT),
                ],
                cycle(),
                [
                    moved(OTHER_UNIT, WELL_KNOWN.head),
                    create(USER, Class::User, OTHER_UNIT),
                    // So it is told after the user.
                    set(OTHER_UNIT, "description", "left"),
                ],
                cycle(),
            ],
        );
    }
}

mod claims;
mod clock;
mod limits;
mod passwords;
mod ranges;

#[test]
fn who_becomes_one_of_those_that_never_take_part_leaves_the_directory() {
    holds(history![
        [create(USER, Class::User, WELL_KNOWN.users)],
        cycle(),
        [set(USER, "admindescription", "User_1")],
    ]);
}

#[test]
fn what_changed_while_an_object_took_no_part_is_there_when_it_comes_back() {
    holds(history![
        [create(USER, Class::User, WELL_KNOWN.users)],
        cycle(),
        [
            set(USER, "admindescription", "User_1"),
            set(USER, "title", "Dr"),
        ],
        cycle(),
        [set(USER, "admindescription", "")],
    ]);
}

#[test]
fn deletions_that_could_not_be_seen_are_found_when_they_can() {
    holds(history![
        [create(USER, Class::User, WELL_KNOWN.users)],
        cycle(),
        [
            Step::Rights(RightsChange::TombstonesHidden(true)),
            delete(USER),
        ],
        cycle(),
        [Step::Rights(RightsChange::TombstonesHidden(false))],
    ]);
}

#[test]
fn a_full_reading_drops_links_that_are_gone() {
    holds(history![
        [
            create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
            Step::Snapshot(0),
            member(GROUP, GROUP),
        ],
        cycle(),
        [Step::Restore {
            controller: 0,
            new_invocation: true,
        }],
    ]);
}

#[test]
fn h24_a_database_that_was_set_back_and_has_counted_on_is_known_by_its_invocation_id() {
    holds(history![
        [
            create(USER, Class::User, WELL_KNOWN.users),
            Step::Snapshot(0),
            set(USER, "title", "Dr"),
        ],
        cycle(),
        [
            Step::Restore {
                controller: 0,
                new_invocation: true,
            },
            // Neither the highest number nor that of the object that was changed last is less than before.
            set(USER, "department", "Sales"),
        ],
    ]);
}

#[test]
fn h16_nothing_more_is_applied_of_a_cycle_when_its_configuration_has_been_paused() {
    let with_passwords = Wishes {
        passwords: Passwords::Lasting,
        ..Wishes::default()
    };
    for (wishes, count) in (4..64)
        .map(|count| (Wishes::default(), count))
        .chain((4..96).map(|count| (with_passwords.clone(), count)))
    {
        let steps = history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [
                set(USER, "title", "Dr"),
                create(OTHER, Class::User, WELL_KNOWN.users),
                Step::Wake(Wake::Clock),
                Step::Turns { count, order: 0 },
                Step::Admin(Admin::Pause(true)),
                Step::Settle { order: 0 },
                Step::Admin(Admin::Pause(false)),
            ],
            cycle(),
        ];
        holds_for(plain(), wishes, steps);
    }
}

#[test]
fn h18_who_moves_to_another_domain_goes_and_comes_back_whole() {
    let leave = || Step::Ad(Change::Leave { label: USER });
    let back = || {
        let (label, parent) = (USER, WELL_KNOWN.users);
        Step::Ad(Change::Return { label, parent })
    };
    for meanwhile in [
        vec![leave()],
        vec![leave(), back()],
        history![[leave()], cycle(), [back()]],
        history![[leave()], cycle(), [back()], cycle(), [leave()]],
        history![[leave()], cycle(), [back(), delete(USER)]],
    ] {
        for page in [1, usize::MAX] {
            let setup = Setup { page, ..plain() };
            let steps = history![
                [
                    create(USER, Class::User, WELL_KNOWN.users),
                    create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                    member(GROUP, USER),
                ],
                cycle(),
                meanwhile.clone(),
                cycle(),
            ];
            holds_for(setup, Wishes::default(), steps);
        }
    }
}

#[test]
fn h18_what_tells_of_a_move_is_not_believed_again_when_who_moved_back_cannot_be_seen() {
    let (label, parent) = (USER, UNIT);
    for between in [Vec::new(), cycle().to_vec()] {
        holds(history![
            user_in_unit(),
            cycle(),
            [Step::Ad(Change::Leave { label })],
            between,
            [Step::Ad(Change::Return { label, parent })],
            cycle(),
            [
                Step::Rights(RightsChange::Closed(UNIT, true)),
                Step::Admin(Admin::RestartFull),
                Step::Settle { order: 0 },
            ],
            cycle(),
        ]);
    }
}

#[test]
fn a_reference_to_somebody_in_the_recycle_bin_is_kept_by_every_kind_of_cycle() {
    holds(history![
        [
            create(UNIT, Class::Unit, WELL_KNOWN.head),
            create(USER, Class::User, UNIT),
            create(OTHER, Class::User, WELL_KNOWN.users),
            Step::Ad(Change::Link {
                source: USER,
                attribute: "manager",
                target: OTHER,
            }),
        ],
        cycle(),
        [configure(only(UNIT))],
    ]);
}

#[test]
fn who_was_deleted_and_came_back_between_two_cycles_is_in_no_group() {
    holds(history![
        [
            create(USER, Class::User, WELL_KNOWN.users),
            create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
            member(GROUP, USER),
        ],
        cycle(),
        [delete(USER), undelete(USER)],
    ]);
}

#[test]
fn who_came_back_and_was_made_a_member_again_is_one_in_whatever_order_that_is_told() {
    for attribute in ["title", "description"] {
        let changed = match attribute {
            "title" => USER,
            _ => GROUP,
        };
        holds(history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                member(GROUP, USER),
            ],
            cycle(),
            [
                delete(USER),
                undelete(USER),
                member(GROUP, USER),
                set(changed, attribute, "x"),
            ],
        ]);
    }
}

#[test]
fn memberships_that_come_back_from_the_recycle_bin_of_ad_are_found() {
    let setup = Setup {
        recycle_bin: true,
        ..plain()
    };
    holds_for(
        setup,
        Wishes::default(),
        history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                member(GROUP, USER),
            ],
            cycle(),
            [delete(USER)],
            cycle(),
            [undelete(USER)],
        ],
    );
}

#[test]
fn members_that_the_first_cycle_reads_in_a_later_round_are_members() {
    let wishes = Wishes {
        groups: vec![GROUP],
        ..Wishes::default()
    };
    holds_for(plain(), wishes, history![user_in_group(), cycle(),]);
}

#[test]
fn forgotten_links_leave_no_object_behind() {
    holds(history![
        [create(GROUP, Class::SecurityGroup, WELL_KNOWN.users)],
        cycle(),
        [delete(GROUP), Step::Admin(Admin::RestartLinks)],
    ]);
}

#[test]
fn a_request_that_arrives_late_overwrites_nothing() {
    let setup = Setup { page: 1, ..plain() };
    for after in 1..8 {
        for count in (4..60).step_by(2) {
            let late = Step::Network(NetworkFault::Late { after });
            let begun = Step::Turns { count, order: 0 };
            holds_for(
                setup.clone(),
                Wishes::default(),
                history![
                    [
                        create(USER, Class::User, WELL_KNOWN.users),
                        create(OTHER, Class::User, WELL_KNOWN.users),
                    ],
                    cycle(),
                    [
                        set(USER, "title", "Dr"),
                        set(OTHER, "title", "Head"),
                        Step::Wake(Wake::Clock),
                        begun,
                        late,
                        Step::Turns { count: 4, order: 0 },
                        set(USER, "title", "Clerk"),
                        Step::Settle { order: 0 },
                    ],
                ],
            );
        }
    }
}

#[test]
fn who_was_deleted_and_came_back_keeps_a_place_in_scope_that_a_group_gives() {
    let setup = Setup {
        recycle_bin: true,
        ..plain()
    };
    let wishes = Wishes {
        groups: vec![GROUP],
        ..Wishes::default()
    };
    holds_for(
        setup,
        wishes,
        history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                member(GROUP, USER),
            ],
            cycle(),
            [delete(USER), undelete(USER)],
        ],
    );
}

#[test]
fn who_was_in_a_group_of_the_scope_that_was_deleted_leaves_with_it() {
    holds_for(
        plain(),
        in_group(),
        history![
            three_groups(),
            [member(GROUP, INNER), member(INNER, INNERMOST)],
            cycle(),
            [delete(INNER)],
        ],
    );
}

#[test]
fn h23_groups_that_hold_only_each_other_keep_nobody_in_scope() {
    let ring = || {
        [
            member(INNER, INNERMOST),
            member(INNERMOST, INNER),
            member(INNERMOST, USER),
        ]
    };
    holds_for(
        plain(),
        in_group(),
        history![
            three_groups(),
            [
                create(USER, Class::User, WELL_KNOWN.users),
                member(GROUP, INNER),
            ],
            ring(),
            cycle(),
            [no_member(GROUP, INNER)],
            cycle(),
        ],
    );
}

#[test]
fn a_plan_sees_through_nested_groups() {
    holds_for(
        plain(),
        in_group(),
        history![
            [
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                create(INNER, Class::SecurityGroup, WELL_KNOWN.users),
                create(USER, Class::User, WELL_KNOWN.users),
            ],
            cycle(),
            [member(GROUP, INNER), member(INNER, USER)],
        ],
    );
}

#[test]
fn a_plan_reads_what_lies_in_a_container_of_which_nothing_is_known() {
    let hidden = |hidden| Step::Rights(RightsChange::Unreadable(UNIT, hidden));
    let steps = [
        vec![
            create(UNIT, Class::Unit, WELL_KNOWN.head),
            create(USER, Class::User, UNIT),
            create(GROUP, Class::SecurityGroup, UNIT),
            hidden(true),
        ],
        cycle().into(),
        vec![member(GROUP, USER), configure(in_group())],
    ];
    holds(steps.concat());
}

#[test]
fn nothing_is_kept_of_who_took_no_part_where_objects_take_part_and_does_not_lie_there_any_more() {
    let setup = Setup { page: 1, ..plain() };
    let members = Wishes {
        excluded: vec![UNIT],
        filter: Some(Filter::Sales),
        ..in_group()
    };
    holds_for(
        setup,
        Wishes::default(),
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(GROUP, Class::SecurityGroup, UNIT),
                create(OTHER, Class::SecurityGroup, UNIT),
                Step::Wake(Wake::Hand),
                Step::Turns {
                    count: 16,
                    order: 0,
                },
                configure(members),
                Step::Settle { order: 599 },
                member(GROUP, OTHER),
            ],
            cycle(),
        ],
    );
}

#[test]
fn the_guard_counts_the_deletes_of_all_rounds_of_a_cycle_together() {
    let setup = Setup {
        threshold: Some(2),
        ..plain()
    };
    let with_unit = Wishes {
        units: vec![UNIT],
        ..in_group()
    };
    holds_for(
        setup,
        with_unit,
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                create(INNER, Class::SecurityGroup, UNIT),
                create(INNERMOST, Class::SecurityGroup, UNIT),
                member(GROUP, INNER),
                member(INNER, INNERMOST),
            ],
            cycle(),
            [
                configure(in_group()),
                Step::Settle { order: 0 },
                no_member(GROUP, INNER),
            ],
            cycle(),
        ],
    );
}

#[test]
fn what_a_full_reading_did_not_see_is_asked_for_until_there_is_an_answer() {
    let days = |days: u32| Step::Time(1_440 * days);
    for count in (1..60).step_by(3) {
        let ended = Step::Turns { count, order: 0 };
        holds(history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [
                delete(USER),
                days(66),
                Step::Expunge,
                Step::Wake(Wake::Clock),
                ended,
                Step::ControllerDown(0),
            ],
        ]);
    }
}

#[test]
fn of_two_objects_with_one_anchor_that_come_back_in_one_batch_one_is_provisioned() {
    for (one, other) in [(USER, OTHER), (OTHER, USER)] {
        let anchor = |label| Step::Ad(Change::SetAnchor { label, of: GROUP });
        let wishes = Wishes {
            excluded: vec![UNIT],
            ..Wishes::default()
        };
        holds_for(
            plain(),
            wishes,
            history![
                [
                    create(UNIT, Class::Unit, WELL_KNOWN.head),
                    create(one, Class::User, WELL_KNOWN.users),
                    create(other, Class::User, UNIT),
                    anchor(one),
                    anchor(other),
                ],
                cycle(),
                [moved(one, UNIT)],
                cycle(),
                [moved(one, WELL_KNOWN.users), moved(other, WELL_KNOWN.users),],
            ],
        );
    }
}

#[test]
fn a_filter_that_comes_while_a_cycle_runs_deletes_nobody_who_passes_it() {
    let wishes = Wishes {
        filter: Some(Filter::TitleOrWorks),
        ..Wishes::default()
    };
    for count in 1..30 {
        let begun = Step::Turns { count, order: 0 };
        holds(history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [
                Step::Wake(Wake::Clock),
                begun,
                set(USER, "title", "Dr"),
                configure(wishes.clone()),
                Step::Settle { order: 0 },
            ],
        ]);
    }
}

#[test]
fn an_anchor_that_an_object_of_another_kind_has_becomes_free_with_it() {
    holds(history![
        [create(GROUP, Class::SecurityGroup, WELL_KNOWN.users)],
        cycle(),
        [
            create(USER, Class::User, WELL_KNOWN.users),
            Step::Ad(Change::SetAnchor {
                label: USER,
                of: GROUP,
            }),
            delete(GROUP),
        ],
    ]);
}

#[test]
fn a_container_that_was_renamed_out_of_scope_has_its_new_name_when_it_is_needed() {
    let wishes = Wishes {
        excluded: vec![UNIT],
        ..Wishes::default()
    };
    holds_for(
        plain(),
        wishes,
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(USER, Class::User, WELL_KNOWN.users),
            ],
            cycle(),
            [
                moved(WELL_KNOWN.users, UNIT),
                Step::Ad(Change::Rename {
                    label: WELL_KNOWN.users,
                    name: "people".to_owned(),
                }),
            ],
            cycle(),
            [configure(Wishes::default())],
        ],
    );
}

#[test]
fn an_anchor_that_an_object_did_not_take_over_stays_free_for_who_is_made_with_it() {
    let anchor = |label| {
        Step::Ad(Change::SetAnchor {
            label,
            of: Label(1_022),
        })
    };
    // The one keeps the anchor that it was made with, so the other has the new one. A new service, which
    // knows nothing of that, gives it to the first of the two and lists the other.
    for (one, other) in [(GROUP, INNER), (INNER, GROUP)] {
        holds(history![
            [create(one, Class::SecurityGroup, WELL_KNOWN.users)],
            cycle(),
            [
                anchor(one),
                create(other, Class::SecurityGroup, WELL_KNOWN.users),
                anchor(other),
            ],
            cycle(),
        ]);
    }
}

#[test]
fn what_the_account_must_not_read_keeps_its_value_in_every_kind_of_reading() {
    let hidden = |hidden| Step::Rights(RightsChange::AttributeHidden("description", hidden));
    holds(history![
        [
            create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
            set(GROUP, "description", "Works"),
        ],
        cycle(),
        [hidden(true), set(GROUP, "displayname", "Works council")],
        cycle(),
        [Step::Admin(Admin::RestartFull), Step::Settle { order: 0 }],
        cycle(),
        [hidden(false)],
    ]);
}

#[test]
fn h13_who_was_hidden_with_all_around_it_is_met_when_anything_of_it_changes() {
    let hidden = |hidden| Step::Rights(RightsChange::Unreadable(UNIT, hidden));
    let made = || {
        [
            create(UNIT, Class::Unit, WELL_KNOWN.head),
            create(USER, Class::User, UNIT),
            create(GROUP, Class::SecurityGroup, UNIT),
        ]
    };
    // When they can be seen again, nothing is told but the name of the one.
    for changed in [USER, GROUP] {
        holds(history![
            [create(OTHER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [hidden(true)],
            made(),
            cycle(),
            [hidden(false)],
            cycle(),
            [set(changed, "displayname", "x")],
            cycle(),
        ]);
    }
}

#[test]
fn h13_who_is_made_in_a_container_that_was_hidden_is_met_when_it_can_be_seen_again() {
    let hidden = |hidden| Step::Rights(RightsChange::Unreadable(UNIT, hidden));
    holds_for(
        plain(),
        only(OTHER_UNIT),
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(OTHER_UNIT, Class::Unit, WELL_KNOWN.head),
            ],
            cycle(),
            [
                create(USER, Class::User, UNIT),
                hidden(true),
                configure(Wishes {
                    mappings: vec![Mapping::Room],
                    ..Wishes::default()
                }),
                Step::Wake(Wake::Change),
                Step::Settle { order: 0 },
            ],
        ],
    );
}

#[test]
fn who_lost_a_replication_conflict_and_gets_another_name_is_provisioned_by_the_new_one() {
    let named = |name: &str| {
        Step::Ad(Change::Rename {
            label: GROUP,
            name: name.to_owned(),
        })
    };
    holds_for(
        plain(),
        in_group(),
        history![
            [
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
                named("x\nCNF:12"),
            ],
            cycle(),
            [configure(Wishes::default()), named("x")],
            cycle(),
        ],
    );
}

#[test]
fn h14_who_moves_into_a_container_that_has_left_the_scope_stays_at_home_whichever_is_told_first() {
    let setup = Setup { page: 1, ..plain() };
    holds_for(
        setup,
        only(UNIT),
        history![
            [
                create(UNIT, Class::Unit, WELL_KNOWN.head),
                create(OTHER_UNIT, Class::Unit, UNIT),
                create(GROUP, Class::SecurityGroup, WELL_KNOWN.users),
            ],
            cycle(),
            [
                moved(OTHER_UNIT, WELL_KNOWN.users),
                moved(GROUP, OTHER_UNIT),
                // It is told last.
                Step::Ad(Change::Rename {
                    label: OTHER_UNIT,
                    name: "Elsewhere".to_owned(),
                }),
            ],
        ],
    );
}
