//! The services through their public interface, each scenario on SQLite and on PostgreSQL.
//!
//! On SQLite a scenario is a test. On PostgreSQL all of them are one test, because nextest runs each test in a process
//! of its own and one server, started once, is enough for all.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod alerts;
mod announced;
mod audit;
mod declared;
mod drafts;
mod hosts;
mod idempotency;
mod inspector;
mod personal_tokens;
mod pools;
mod races;
mod revisions;
mod routes;
mod routing;
mod sealing;
mod sessions;
mod signing;
mod support;
mod tokens;
mod traffic;
mod tunnels;

use std::pin::Pin;

macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("data/switchboard.db").display());
                crate::$module::$name(crate::support::Db::new(&url)).await;
            })*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn all_scenarios_on_postgresql() {
            let server = test_postgres::Server::start().unwrap();
            $(
                println!("{}::{}", stringify!($module), stringify!($name));
                let db = support::Db::new(&server.new_database(stringify!($name)).unwrap());
                // Each on the heap, and made in a frame that ends with that: together they are too large for a stack.
                let scenario: fn(support::Db) -> Pin<Box<dyn Future<Output = ()>>> = |db| Box::pin($module::$name(db));
                scenario(db).await;
            )*
        }
    };
}

scenarios! {
    accounts::the_first_account_is_made_once,
    accounts::the_set_up_code_is_needed_when_others_reach_the_server,
    accounts::sign_up_follows_the_policy,
    accounts::bad_input_is_refused,
    accounts::guessing_is_slowed_down,
    accounts::a_new_password_ends_all_other_sessions,
    accounts::an_email_can_be_changed_and_taken_again,
    accounts::a_link_ends_by_itself,
    audit::a_stranger_cannot_fill_the_log,
    audit::what_is_old_goes_from_the_log,
    audit::who_does_much_pushes_out_nobody_else,
    alerts::so_much_is_kept_of_what_was_told,
    drafts::what_was_entered_comes_back_to_who_has_entered_it,
    sessions::a_browser_session_is_stored_and_ended,
    sessions::a_session_lasts_no_longer_than_one_may_whatever_its_row_says,
    sessions::others_sessions_are_out_of_reach,
    sessions::a_refresh_token_works_once,
    sessions::an_access_token_ends_with_its_session,
    signing::a_key_that_was_replaced_runs_out,
    signing::nodes_hear_of_a_new_key,
    signing::at_once_means_now,
    signing::only_what_was_issued_is_a_token,
    sealing::what_is_used_as_it_is_entered_is_sealed,
    sealing::what_an_earlier_version_wrote_is_sealed,
    sealing::a_new_key_takes_the_place_of_the_old_one,
    sealing::a_key_that_is_lost_is_done_without,
    sealing::of_two_keys_only_that_of_the_first_to_start_does,
    sealing::a_key_that_was_replaced_meanwhile_seals_nothing,
    idempotency::a_key_is_claimed_answered_and_released,
    idempotency::an_answer_survives_the_server_and_opens_with_its_key_only,
    idempotency::the_oldest_of_a_thousand_keys_is_forgotten,
    personal_tokens::a_personal_token_lives_and_ends,
    personal_tokens::personal_tokens_are_their_owners_and_not_without_end,
    tokens::a_token_lives_and_ends,
    tokens::an_old_secret_stays_good_for_a_time,
    tokens::a_token_is_exchanged_for_a_short_lived_one,
    tokens::others_tokens_are_out_of_reach,
    tokens::a_secret_is_shown_once,
    tokens::a_list_comes_in_pages,
    tokens::what_was_revoked_goes,
    tunnels::a_tunnel_is_made_changed_deleted_and_restored,
    tunnels::bad_input_is_named,
    tunnels::others_tunnels_are_out_of_reach,
    tunnels::a_name_is_taken_until_it_is_deleted,
    tunnels::a_list_is_searched_sorted_and_paged,
    tunnels::a_telephone_gets_its_tunnel_back,
    tunnels::what_two_telephones_say_at_once_is_both_kept,
    tunnels::a_telephone_is_refused,
    tunnels::of_fifty_claims_one_owner_wins,
    tunnels::a_user_has_so_many_tunnels,
    tunnels::a_tunnel_does_not_take_the_dashboards_name,
    tunnels::a_name_is_kept_from_others_when_its_tunnel_has_another,
    tunnels::the_oldest_deleted_tunnels_go,
    tunnels::so_many_names_are_kept_for_one_owner,
    tunnels::what_the_database_takes_back_by_itself_holds_nobody_up,
    announced::what_is_announced_is_made_once,
    announced::what_is_no_longer_announced_is_taken_back,
    announced::a_telephone_without_a_tag_does_not_change_sides,
    announced::what_a_person_made_is_left_alone,
    announced::an_announcement_is_refused_whole,
    announced::a_members_host_is_verified_first,
    announced::a_token_announces_what_it_may,
    announced::what_is_announced_is_in_no_document,
    announced::of_twenty_telephones_one_makes_it,
    pools::a_pool_is_made_changed_deleted_and_restored,
    pools::a_bare_backend_goes_to_the_default_service,
    pools::what_no_backend_can_be_is_named,
    pools::others_pools_are_out_of_reach,
    pools::lists_are_searched_and_paged,
    pools::a_user_has_so_many_of_each,
    hosts::a_domain_is_made_changed_deleted_and_restored,
    hosts::a_members_domain_is_verified_first,
    hosts::an_administrator_may_skip_the_check_of_a_domain,
    hosts::a_claim_that_nobody_verifies_gives_way,
    hosts::what_is_restored_is_verified_as_long_as_nobody_else_was,
    hosts::what_was_deleted_long_ago_is_removed,
    hosts::of_what_a_member_has_deleted_the_newest_is_kept,
    hosts::a_gradual_switch_keeps_the_tag_until_it_is_done_or_goes_back,
    hosts::some_hosts_are_reserved,
    hosts::others_domains_are_out_of_reach,
    hosts::a_service_in_use_stays,
    hosts::a_tag_is_switched,
    hosts::a_tunnels_custom_domains_are_domains,
    routes::a_route_is_made_changed_deleted_and_restored,
    routes::no_mount_lies_under_another,
    routes::what_no_route_can_be_is_named,
    routes::others_routes_are_out_of_reach,
    routes::routes_are_listed,
    revisions::every_change_leaves_a_revision,
    revisions::what_is_done_to_a_tunnel_is_told,
    revisions::what_was_is_put_back,
    revisions::the_oldest_revisions_go,
    declared::what_is_exported_can_be_applied,
    declared::a_document_creates_changes_and_deletes,
    declared::a_document_is_applied_whole_or_not_at_all,
    declared::an_administrator_declares_everybodys,
    routing::the_engine_reads_what_may_serve,
    routing::a_change_is_heard_of_elsewhere,
    routing::regions_and_nodes_are_known,
    routing::tunnels_domains_are_kept,
    races::of_a_hundred_claims_one_wins,
    races::who_comes_too_late_hears_it_before_anything_else,
    inspector::an_exchange_is_recorded_masked_and_deleted,
    inspector::exchanges_are_found_by_each_part_of_a_filter,
    inspector::an_open_exchange_is_closed,
    inspector::what_is_old_or_too_much_goes,
    traffic::figures_survive_a_restart,
    traffic::what_was_not_measured_is_a_gap,
    traffic::a_watch_begins_with_everything_and_goes_on_by_the_second,
    traffic::a_watch_ends_with_the_tunnel,
    traffic::figures_outlive_their_tunnel,
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let error = support::Db::new(&format!("sqlite://{}", file.join("switchboard.db").display())).try_open().await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("switchboard.db") && text.contains("--data-dir"), "{text}");

    // Nobody listens where a listener has just been.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://me:hidden@127.0.0.1:{port}/switchboard");
    let text = support::Db::new(&url).try_open().await.unwrap_err().to_string();
    assert!(text.contains("--database-url") && text.contains("127.0.0.1") && text.contains("refused"), "{text}");
    assert!(!text.contains("hidden"), "the password is shown: {text}");
}
