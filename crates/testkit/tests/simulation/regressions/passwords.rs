//! H10 and H11: passwords.

use super::*;

fn with_passwords() -> Wishes {
    Wishes {
        passwords: Passwords::Lasting,
        ..Wishes::default()
    }
}

fn with_passwords_of_unit() -> Wishes {
    Wishes {
        units: vec![UNIT],
        ..with_passwords()
    }
}

fn password(label: Label, temporary: bool) -> Step {
    Step::Ad(Change::Password { label, temporary })
}

fn holds_with_passwords(controllers: usize, steps: Vec<Step>) {
    let setup = Setup {
        controllers,
        ..plain()
    };
    holds_for(setup, with_passwords(), steps);
}

#[test]
fn h10_a_password_that_need_not_be_changed_any_more_arrives_though_it_is_not_told_again() {
    holds_with_passwords(
        1,
        history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [password(USER, true)],
            cycle(),
            [Step::Ad(Change::Demand {
                label: USER,
                must: false,
            })],
            cycle(),
        ],
    );
}

#[test]
fn h10_a_password_that_must_be_changed_first_arrives_as_soon_as_the_rules_let_it() {
    let temporary_too = Wishes {
        passwords: Passwords::AlsoTemporary,
        ..Wishes::default()
    };
    holds_with_passwords(
        1,
        history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                password(USER, true),
            ],
            cycle(),
            [configure(temporary_too)],
            cycle(),
        ],
    );
}

#[test]
fn h10_who_changed_the_password_out_of_scope_gets_it_on_coming_back() {
    holds_for(
        plain(),
        with_passwords_of_unit(),
        history![
            user_in_unit(),
            cycle(),
            [moved(USER, WELL_KNOWN.users)],
            cycle(),
            [password(USER, false)],
            cycle(),
            [moved(USER, UNIT)],
            cycle(),
        ],
    );
}

/// The second controller has not heard of the newer password when it is read instead of the first.
fn the_second_lags(temporary: bool) {
    holds_with_passwords(
        2,
        history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                Step::Replicate {
                    from: 0,
                    to: 1,
                    objects: usize::MAX,
                },
                password(USER, temporary),
            ],
            cycle(),
            [
                Step::ControllerDown(0),
                Step::Admin(Admin::RestartFull),
                Step::Settle { order: 0 },
            ],
            cycle(),
            [Step::ControllerUp(0)],
            cycle(),
        ],
    );
}

#[test]
fn h11_a_controller_that_lags_brings_no_older_password() {
    the_second_lags(false);
}

#[test]
fn h11_a_sign_in_with_the_older_password_does_not_bring_it_back() {
    holds_with_passwords(
        1,
        history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [Step::SignIn(USER), password(USER, false)],
            cycle(),
            [Step::SignedIn],
        ],
    );
}

#[test]
fn h11_reading_everything_anew_leaves_a_password_that_was_set_in_the_cloud() {
    holds_with_passwords(
        1,
        history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [
                Step::ResetInCloud(USER),
                Step::Admin(Admin::RestartFull),
                Step::Settle { order: 0 },
                Step::Settle { order: 0 },
            ],
            cycle(),
        ],
    );
}

#[test]
fn h10_a_password_that_was_set_before_a_deletion_that_is_held_is_there_after_it() {
    let setup = Setup {
        recycle_bin: true,
        threshold: Some(1),
        ..plain()
    };
    holds_for(
        setup,
        with_passwords(),
        history![
            [create(USER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [password(USER, false), delete(USER)],
            cycle(),
            [undelete(USER)],
            cycle(),
        ],
    );
}

#[test]
fn h10_who_came_while_passwords_were_switched_off_gets_one_when_they_are_switched_on_again() {
    holds_with_passwords(
        1,
        history![
            [create(OTHER, Class::User, WELL_KNOWN.users)],
            cycle(),
            [
                configure(Wishes::default()),
                create(USER, Class::User, WELL_KNOWN.users),
            ],
            cycle(),
            [configure(with_passwords())],
            cycle(),
        ],
    );
}

#[test]
fn h18_who_left_the_scope_and_moved_to_another_domain_comes_back_with_the_password_of_now() {
    let (label, parent) = (USER, UNIT);
    holds_for(
        plain(),
        with_passwords_of_unit(),
        history![
            user_in_unit(),
            [password(USER, false), password(USER, false)],
            cycle(),
            [moved(USER, WELL_KNOWN.users)],
            cycle(),
            [
                Step::Ad(Change::Leave { label }),
                Step::Ad(Change::Return { label, parent }),
            ],
            cycle(),
        ],
    );
}

#[test]
fn h18_the_password_of_who_moved_to_another_domain_and_back_arrives_though_it_was_written_less_often()
 {
    let (label, parent) = (USER, WELL_KNOWN.users);
    for between in [Vec::new(), cycle().to_vec()] {
        holds_with_passwords(
            1,
            history![
                [
                    create(USER, Class::User, WELL_KNOWN.users),
                    password(USER, false),
                    password(USER, false),
                ],
                cycle(),
                [Step::Ad(Change::Leave { label })],
                between,
                [Step::Ad(Change::Return { label, parent })],
                cycle(),
            ],
        );
    }
}

#[test]
fn h24_a_password_that_has_a_number_from_before_a_database_was_set_back_arrives() {
    holds_with_passwords(
        1,
        history![
            [
                create(USER, Class::User, WELL_KNOWN.users),
                create(OTHER, Class::User, WELL_KNOWN.users),
                password(USER, false),
                Step::Snapshot(0),
                set(OTHER, "title", "Dr"),
                set(OTHER, "title", "Head"),
                set(OTHER, "title", "Clerk"),
            ],
            cycle(),
            [
                Step::Restore {
                    controller: 0,
                    new_invocation: false,
                },
                password(USER, false),
            ],
            cycle(),
        ],
    );
}

/// Nothing of it is believed: whoever has not got the newer one yet, because it must be changed first, does not get the
/// one before it instead.
#[test]
fn h11_a_controller_that_lags_brings_no_password_that_was_replaced_by_one_that_must_be_changed() {
    the_second_lags(true);
}
