//! The behaviours of scope, mapping, matching, references and provisioning on demand, numbered as in the list that
//! Lockstep is measured by: which scenario shows each, and, where Active Directory itself decides part of it (what a
//! rename, a move, a delete, a group's value or an attribute looks like on the wire), which end-to-end test shows the
//! same on a Samba domain controller.

use crate::PLAYED;
use std::path::Path;

/// A behaviour: its number, the scenarios that show it, and its twins on a domain controller, `module::test`.
type Behaviour = (u8, &'static [&'static str], &'static [&'static str]);

const BEHAVIOURS: &[Behaviour] = &[
    (
        2,
        &[
            "a_changed_department_reaches_the_cloud_on_the_next_cycle_and_no_other_attribute_changes",
        ],
        &["changes::attributes_set_changed_and_cleared_arrive_one_by_one"],
    ),
    (
        18,
        &[
            "a_user_moved_from_a_scoped_to_an_unscoped_ou_is_soft_deleted_and_the_same_cloud_object_is_restored_when_the_user_comes_back_into_scope_inside_30_days",
        ],
        &["scope::who_leaves_the_scope_is_deleted_and_comes_back_with_what_changed_meanwhile"],
    ),
    (
        19,
        &["a_deleted_group_is_removed_for_good_while_its_user_members_stay"],
        &["changes::members_come_and_go_one_by_one_and_groups_nest"],
    ),
    (
        20,
        &["renaming_or_moving_a_scoped_ou_deletes_no_user_and_leaves_the_job_healthy"],
        &["scope::the_scope_is_followed_when_its_organizational_unit_is_renamed_or_moved"],
    ),
    (
        21,
        &["renaming_a_scoping_group_deletes_no_member"],
        &["scope_groups::the_scoping_group_is_followed_member_by_member_and_by_its_guid"],
    ),
    (
        22,
        &["deleting_a_scoping_group_stops_the_cycle_and_deletes_nobody"],
        &["scope_groups::deleting_a_scoping_group_stops_the_cycle_and_deletes_nobody"],
    ),
    (
        23,
        &["a_nested_group_inside_a_scoping_group_contributes_none_of_its_members"],
        &["scope_groups::a_nested_group_inside_a_scoping_group_contributes_none_of_its_members"],
    ),
    (
        24,
        &["a_child_ou_of_a_scoped_ou_is_in_scope"],
        &["changes::an_organizational_unit_that_is_renamed_or_moved_takes_everyone_below_along"],
    ),
    (
        25,
        &["with_a_group_of_50_000_members_added_in_one_go_the_next_delta_succeeds"],
        &["changes::one_more_member_of_a_large_group_is_one_value_on_the_way"],
    ),
    (
        26,
        &["groups_of_any_size_are_synced"],
        &["front::a_group_of_a_hundred_thousand_in_one_message_does_not_fill_the_agent"],
    ),
    (
        27,
        &["adding_more_than_1_500_members_to_a_scoping_group_in_one_delta_does_not_fail"],
        &["rules::more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change"],
    ),
    (
        47,
        &[
            "on_demand_provisioning_of_one_dn_returns_import_scope_match_and_action_steps_with_attribute_values",
        ],
        &["rules::more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change"],
    ),
    (
        48,
        &["on_demand_on_an_unchanged_user_reports_skipped_with_a_redundancy_reason"],
        &["rules::more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change"],
    ),
    (
        49,
        &[
            "on_demand_of_an_object_out_of_scope_reports_that_fact_and_does_what_the_documented_switch_says",
        ],
        &["rules::more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change"],
    ),
    (
        50,
        &["on_demand_provisioning_takes_a_group_of_any_size"],
        &["rules::more_than_fifteen_hundred_members_of_a_scoping_group_come_in_one_change"],
    ),
    (
        51,
        &[
            "a_user_with_a_verified_upn_suffix_keeps_it_an_unverified_one_gets_mailnickname_initial_domain_per_the_five_published_scenarios",
        ],
        &[],
    ),
    (
        52,
        &["changing_only_on_prem_mail_never_changes_the_cloud_upn"],
        &[],
    ),
    (
        53,
        &[
            "a_second_user_with_the_same_proxy_address_is_created_with_that_value_held_back_and_a_recorded_conflict_and_the_value_is_added_in_the_next_cycle_after_the_conflict_ends",
        ],
        &["histories::a_duplicate_user_principal_name_is_held_back_and_released"],
    ),
    (
        54,
        &[
            "the_source_anchor_equals_base64_of_ms_ds_consistencyguid_when_set_else_of_objectguid_and_changing_it_afterwards_stops_that_object_with_an_explicit_error",
        ],
        &["rules::attributes_of_every_kind_arrive_and_the_anchor_is_the_consistency_guid"],
    ),
    (
        55,
        &[
            "an_existing_cloud_user_with_the_same_primary_smtp_or_upn_is_taken_over_gets_the_anchor_and_its_on_prem_attributes_win",
        ],
        &[],
    ),
    (
        56,
        &["a_cloud_user_with_an_admin_role_is_not_taken_over_and_the_log_says_why"],
        &[],
    ),
    (
        57,
        &["blocking_soft_match_makes_the_same_case_create_nothing_and_report_the_block"],
        &[],
    ),
    (
        58,
        &[
            "a_critical_system_object_a_conflict_object_and_an_object_marked_by_admindescription_user_or_group_never_appear",
        ],
        &["rules::what_is_never_synchronised_stays_home_and_the_log_says_why"],
    ),
    (
        59,
        &["a_user_without_samaccountname_and_one_named_msol_or_aad_never_appears"],
        &["rules::what_is_never_synchronised_stays_home_and_the_log_says_why"],
    ),
    (
        60,
        &[
            "a_distribution_group_without_a_mail_address_is_skipped_a_security_group_without_one_is_synced",
        ],
        &["rules::what_is_never_synchronised_stays_home_and_the_log_says_why"],
    ),
    (
        61,
        &["a_contact_without_a_primary_address_is_skipped"],
        &["rules::what_is_never_synchronised_stays_home_and_the_log_says_why"],
    ),
    (
        62,
        &[
            "extensionattribute1_15_arrive_trimmed_description_arrives_trimmed_and_at_most_448_characters",
            "every_default_mapping_of_a_mail_system_takes_its_attribute_over_with_its_type",
        ],
        &["rules::attributes_of_every_kind_arrive_and_the_anchor_is_the_consistency_guid"],
    ),
    (
        63,
        &["a_mapping_marked_only_during_creation_never_changes_an_existing_user"],
        &[],
    ),
    (
        64,
        &["a_default_value_if_null_is_applied_at_creation_and_never_on_update"],
        &[],
    ),
    (
        65,
        &["a_constant_mapping_fills_every_user_an_expression_of_an_empty_text_clears_the_target"],
        &[],
    ),
    (
        66,
        &["removing_a_mapping_triggers_a_full_evaluation_and_the_attribute_is_no_longer_written"],
        &["planning::changes_in_ad_and_in_the_configuration_are_planned_together"],
    ),
    (
        67,
        &["a_custom_ad_attribute_appears_in_discovery_without_a_restart_then_can_be_mapped"],
        &["histories::an_attribute_that_is_mapped_later_arrives_as_it_is_by_then"],
    ),
    (
        68,
        &["functions_give_the_documented_results_of_their_examples"],
        &[],
    ),
    (
        69,
        &["an_expression_error_fails_only_its_object_with_the_message_of_error_not_the_job"],
        &[],
    ),
    (
        70,
        &[
            "a_group_synced_before_its_member_exists_shows_the_member_after_the_member_syncs_without_a_restart",
        ],
        &[
            "rules::a_reference_out_of_scope_is_told_once_and_is_there_when_its_target_comes_into_scope",
        ],
    ),
    (
        71,
        &[
            "a_manager_outside_what_is_provisioned_is_left_empty_logged_once_as_a_reference_failure_and_does_not_count_towards_quarantine",
        ],
        &[
            "rules::a_reference_out_of_scope_is_told_once_and_is_there_when_its_target_comes_into_scope",
        ],
    ),
    (
        76,
        &["the_log_entry_of_a_create_says_create_and_of_an_update_says_update"],
        &["changes::a_renamed_moved_disabled_and_enabled_user_is_the_same_object"],
    ),
    (
        77,
        &[
            "each_log_entry_names_job_cycle_source_id_target_id_steps_changed_attributes_with_old_and_new_values_duration_and_status",
        ],
        &["rules::what_is_never_synchronised_stays_home_and_the_log_says_why"],
    ),
    (
        78,
        &["redacted_values_show_as_redact_in_the_log_while_the_real_value_reaches_the_target"],
        &[],
    ),
    (
        79,
        &["two_configurations_for_two_forests_run_without_touching_each_others_objects"],
        &["references::a_member_from_another_forest_is_joined_by_its_sid_once_it_is_there"],
    ),
    (
        80,
        &[
            "the_same_user_synced_by_two_configurations_with_the_same_anchor_does_not_become_two_users",
        ],
        &[
            "job_life::of_two_configurations_that_claim_the_same_objects_the_second_goes_on_when_the_first_ends",
        ],
    ),
    (
        85,
        &["a_change_made_by_hand_in_the_cloud_on_a_synced_attribute_is_refused"],
        &["command_line::what_synchronisation_owns_cannot_be_changed_through_the_api"],
    ),
];

/// The numbers of all.
pub(crate) fn numbers() -> impl Iterator<Item = u8> {
    BEHAVIOURS.iter().map(|(number, ..)| *number)
}

#[test]
fn every_behaviour_has_its_scenario_and_the_twins_that_are_named_exist() {
    let all = [2]
        .into_iter()
        .chain(18..=27)
        .chain(47..=71)
        .chain(76..=80)
        .chain([85]);
    assert_eq!(numbers().collect::<Vec<u8>>(), all.collect::<Vec<u8>>());
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for (number, scenarios, twins) in BEHAVIOURS {
        assert!(!scenarios.is_empty(), "{number} has no scenario");
        for scenario in *scenarios {
            assert!(
                PLAYED.contains(scenario),
                "{number}: there is no scenario {scenario}"
            );
        }
        for twin in *twins {
            let (module, test) = twin.split_once("::").expect("a twin is module::test");
            let source = std::fs::read_to_string(modules.join(format!("{module}.rs")));
            let source = source.unwrap_or_default();
            let is_there = source.contains(&format!("#[test]\nfn {test}() {{"));
            assert!(is_there, "{number}: there is no test {twin}");
        }
    }
}
