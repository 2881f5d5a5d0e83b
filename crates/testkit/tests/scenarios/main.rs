//! Scenarios: what administrators were promised, each as a file that reads like what happens.
//!
//! The files lie in `crates/testkit/scenarios`; docs/scenarios.md describes how they are written. A file is a test
//! whose name is its title: `cargo test -p lockstep-testkit --test scenarios renaming`.

#![expect(clippy::expect_used, clippy::panic, reason = "all of it is a test")]

mod agent;
mod answer;
mod cost;
mod domain;
mod expect;
mod large;
mod line;
mod script;
#[path = "../../../server/tests/it/sinks.rs"]
#[expect(dead_code, reason = "scenarios look at mails only")]
mod sinks;
mod stage;
mod standing;
mod twins;
mod unwell;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Plays a file. What goes wrong is told with its place, as compilers do it.
fn play(file: &str) {
    let path = folder().join(file);
    let played = script::read(&path).and_then(|scenario| {
        let titled = snake(&scenario.title) == file.trim_end_matches(".scenario");
        match titled {
            true => stage::play(&scenario),
            false => Err(script::Wrong::at(1)(format!(
                "the file of {:?} is called {}.scenario",
                scenario.title,
                snake(&scenario.title)
            ))),
        }
    });
    if let Err(wrong) = played {
        panic!("{}:{}: {}", path.display(), wrong.line, wrong.what);
    }
}

/// A sentence as the name of a test.
fn snake(title: &str) -> String {
    let mut name = String::new();
    for letter in title.chars() {
        match letter.is_alphanumeric() {
            true => name.extend(letter.to_lowercase()),
            false if name.ends_with('_') || letter == '\'' => {}
            false => name.push('_'),
        }
    }
    name.trim_end_matches('_').to_owned()
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const PLAYED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                play(concat!(stringify!($name), ".scenario"));
            }
        )*
    };
}

scenarios! {
    a_change_made_by_hand_in_the_cloud_on_a_synced_attribute_is_refused
    a_changed_department_reaches_the_cloud_on_the_next_cycle_and_no_other_attribute_changes
    a_child_ou_of_a_scoped_ou_is_in_scope
    a_cloud_user_with_an_admin_role_is_not_taken_over_and_the_log_says_why
    a_configuration_in_staging_is_compared_with_the_one_that_provisions_the_same_objects
    a_constant_mapping_fills_every_user_an_expression_of_an_empty_text_clears_the_target
    a_contact_without_a_primary_address_is_skipped
    a_critical_system_object_a_conflict_object_and_an_object_marked_by_admindescription_user_or_group_never_appear
    a_custom_ad_attribute_appears_in_discovery_without_a_restart_then_can_be_mapped
    a_default_value_if_null_is_applied_at_creation_and_never_on_update
    a_deleted_group_is_removed_for_good_while_its_user_members_stay
    a_distribution_group_without_a_mail_address_is_skipped_a_security_group_without_one_is_synced
    a_group_synced_before_its_member_exists_shows_the_member_after_the_member_syncs_without_a_restart
    a_manager_outside_what_is_provisioned_is_left_empty_logged_once_as_a_reference_failure_and_does_not_count_towards_quarantine
    a_mapping_marked_only_during_creation_never_changes_an_existing_user
    a_nested_group_inside_a_scoping_group_contributes_none_of_its_members
    a_restart_with_empty_criteria_clears_quarantine_watermark_and_escrows_but_not_the_links
    a_restart_with_watermark_only_keeps_escrows_with_escrows_only_forgets_them
    a_second_user_with_the_same_proxy_address_is_created_with_that_value_held_back_and_a_recorded_conflict_and_the_value_is_added_in_the_next_cycle_after_the_conflict_ends
    a_user_created_in_a_scoped_ou_appears_in_the_cloud_directory_within_two_cycles_of_a_2_minute_schedule
    a_user_moved_from_a_scoped_to_an_unscoped_ou_is_soft_deleted_and_the_same_cloud_object_is_restored_when_the_user_comes_back_into_scope_inside_30_days
    a_user_who_moves_from_one_configurations_scope_to_anothers_stays_one_object_when_the_one_that_lets_go_runs_first
    a_user_who_moves_from_one_configurations_scope_to_anothers_stays_one_object_when_the_one_that_takes_over_runs_first
    a_user_with_a_verified_upn_suffix_keeps_it_an_unverified_one_gets_mailnickname_initial_domain_per_the_five_published_scenarios
    a_user_without_samaccountname_and_one_named_msol_or_aad_never_appears
    adding_more_than_1_500_members_to_a_scoping_group_in_one_delta_does_not_fail
    after_an_agent_restart_the_next_delta_continues_from_the_stored_watermark_without_a_full_read
    after_four_weeks_in_quarantine_the_job_is_disabled
    after_restart_sync_every_in_scope_object_is_re_evaluated_and_existing_links_are_kept_no_duplicates
    allow_deletes_performs_exactly_the_staged_deletes_and_the_next_cycle_is_healthy
    an_agent_that_does_not_answer_within_90_seconds_ends_the_attempt_with_a_timeout_error
    an_attribute_of_the_live_schema_reaches_a_named_extension_of_the_directory
    an_existing_cloud_user_with_the_same_primary_smtp_or_upn_is_taken_over_gets_the_anchor_and_its_on_prem_attributes_win
    an_expression_error_fails_only_its_object_with_the_message_of_error_not_the_job
    blocking_soft_match_makes_the_same_case_create_nothing_and_report_the_block
    changing_only_on_prem_mail_never_changes_the_cloud_upn
    deleting_a_configuration_leaves_every_synced_object_in_the_directory
    deleting_a_scoping_group_stops_the_cycle_and_deletes_nobody
    disable_then_enable_continues_from_the_watermark_without_re_reading_everything
    each_held_delete_appears_in_the_log_as_stageddelete_with_its_object
    each_log_entry_names_job_cycle_source_id_target_id_steps_changed_attributes_with_old_and_new_values_duration_and_status
    every_default_mapping_of_a_mail_system_takes_its_attribute_over_with_its_type
    extensionattribute1_15_arrive_trimmed_description_arrives_trimmed_and_at_most_448_characters
    fewer_than_5_000_failing_objects_never_quarantine_the_job_5_000_that_are_more_than_40_of_all_do_and_5_000_of_12_500_do_not
    fixing_the_cause_lets_the_next_attempt_lift_the_quarantine_by_itself
    functions_give_the_documented_results_of_their_examples
    groups_of_any_size_are_synced
    h14_a_renamed_unit_renames_everybody_below_it_however_deep
    h17_a_full_evaluation_keeps_the_decisions_that_were_made_once
    h18_what_tells_of_a_move_to_another_domain_is_believed_once_and_deletes_nobody_who_is_there
    h18_who_moves_to_another_domain_of_the_forest_stays_one_object_whichever_of_the_two_is_read_first
    h19_unique_values_that_are_swapped_or_used_again_within_one_cycle_end_right
    h23_the_scope_graph_forgets_circles_and_an_exclusion_that_is_gone_stops_the_cycle
    h25_sources_that_never_report_their_changes_are_refused
    h7_a_scoping_group_that_becomes_the_primary_group_keeps_its_member
    h9_who_changed_while_out_of_scope_comes_back_as_he_is_by_then
    in_quarantine_the_cycle_rate_drops_step_by_step_to_once_a_day_and_one_mail_is_sent_per_reason
    members_from_another_forest_are_joined_by_sid
    members_whom_a_removed_configuration_had_leave_the_groups_of_others
    members_whom_another_configuration_of_the_domain_provisions_are_members
    on_demand_of_an_object_out_of_scope_reports_that_fact_and_does_what_the_documented_switch_says
    on_demand_on_an_unchanged_user_reports_skipped_with_a_redundancy_reason
    on_demand_provisioning_of_one_dn_returns_import_scope_match_and_action_steps_with_attribute_values
    on_demand_provisioning_takes_a_group_of_any_size
    random_functions_are_refused_unless_a_mapping_is_applied_only_during_creation
    redacted_values_show_as_redact_in_the_log_while_the_real_value_reaches_the_target
    references_that_are_mapped_to_none_are_left_alone
    removing_a_mapping_triggers_a_full_evaluation_and_the_attribute_is_no_longer_written
    renaming_a_scoping_group_deletes_no_member
    renaming_or_moving_a_scoped_ou_deletes_no_user_and_leaves_the_job_healthy
    scoping_to_an_empty_ou_and_running_deletes_them_subject_to_the_threshold
    staging_tells_which_members_managers_and_owners_would_be_otherwise
    the_guard_counts_contacts_together_with_users_and_groups
    the_log_entry_of_a_create_says_create_and_of_an_update_says_update
    the_same_user_synced_by_two_configurations_with_the_same_anchor_does_not_become_two_users
    the_second_cycle_with_no_ad_change_exports_nothing_and_reports_zero_exports
    the_source_anchor_equals_base64_of_ms_ds_consistencyguid_when_set_else_of_objectguid_and_changing_it_afterwards_stops_that_object_with_an_explicit_error
    two_configurations_for_two_forests_run_without_touching_each_others_objects
    two_cycles_of_400_deletes_each_threshold_500_both_go_through
    what_a_full_import_did_not_see_is_left_to_the_administrator_who_has_it_deleted_under_the_guard_or_kept
    what_was_allowed_or_rejected_does_not_count_towards_the_threshold_any_more_and_a_guard_that_trips_again_is_told_again
    when_499_objects_leave_scope_in_one_cycle_with_threshold_500_all_are_deleted
    when_500_leave_in_one_cycle_none_is_deleted_the_job_goes_to_quarantine_with_reason_toomanydeletes_and_one_mail_is_sent
    with_a_group_of_50_000_members_added_in_one_go_the_next_delta_succeeds
    with_no_agent_alive_the_job_reports_noactiveagents_and_deletes_nothing
    without_allow_deletes_putting_the_objects_back_in_scope_and_restarting_deletes_nothing
}

/// The tables in docs/scenarios.md: which published behaviour is shown where.
#[test]
fn what_the_tables_of_behaviours_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/scenarios.md")).expect("it is there");
    let (_, section) = text
        .split_once("## The job's safety and its memory")
        .expect("the section is there");
    let (tables, _) = section
        .split_once("## On a domain controller")
        .expect("they end there");
    let rows = tables.lines();
    let (mut shown, mut numbers) = (0_usize, BTreeSet::new());
    for row in rows.filter(|row| row.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, sentence, places, remark] = cells[..] else {
            panic!("a row has four cells: {row}");
        };
        numbers.extend(number.parse::<u8>());
        for place in places.split(" · ").chain(remark.split('`')) {
            if place == "scenario" {
                let name = snake(sentence);
                assert!(
                    PLAYED.contains(&name.as_str()),
                    "there is no {name}.scenario"
                );
                shown += 1;
            }
            let Some((file, test)) = place.trim_matches('`').split_once(".rs: ") else {
                continue;
            };
            let folder = match file.split_once('/') {
                Some(("it", name)) => format!("crates/testkit/tests/it/{name}.rs"),
                Some(("server", name)) => format!("crates/server/tests/it/{name}.rs"),
                Some(("engine", name)) => format!("crates/engine/src/{name}.rs"),
                _ => panic!("where is {file}? {row}"),
            };
            let source = std::fs::read_to_string(root.join(&folder)).expect("the file is there");
            assert!(
                source.contains(&format!("fn {test}(")),
                "{folder} has no {test}"
            );
            shown += 1;
        }
    }
    assert!(shown > 80, "only {shown} places were found");
    let missing = twins::numbers().filter(|number| !numbers.contains(number));
    let missing: Vec<u8> = missing.collect();
    assert!(missing.is_empty(), "{missing:?} have no row");
}

#[test]
fn every_file_of_the_folder_is_played() {
    let files = std::fs::read_dir(folder()).expect("the folder of scenarios is there");
    let mut files: Vec<String> = files
        .map(|file| file.expect("the folder can be read").file_name())
        .map(|name| name.to_string_lossy().replace(".scenario", ""))
        .collect();
    files.sort();
    let mut played: Vec<&str> = PLAYED.to_vec();
    played.sort_unstable();
    assert_eq!(files, played, "list them in `scenarios!`");
}
