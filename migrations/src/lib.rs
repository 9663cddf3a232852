//! The steps that bring the database's tables up to date, the same for SQLite and PostgreSQL.
//!
//! Rules, because two versions of the server may run at once while one replaces the other:
//! - **Expand first.** A step only adds: tables, indexes, columns that may be null or have a default. The running older
//!   version goes on working.
//! - **Contract later.** What is no longer read or written is dropped by a step of a later release, never in the release
//!   that stopped using it.
//! - A step that was released is never edited; a mistake is mended by a further step.
//! - A step is one file, `mYYYYMMDD_NNNNNN_what.rs`, listed below in order.

#![expect(elided_lifetimes_in_paths, reason = "the trait is declared without them, and async_trait wants both alike")]

use sea_orm_migration::prelude::*;

mod m20260801_000001_accounts;
mod m20260801_000002_tunnels;
mod m20260801_000003_traffic;
mod m20261121_000004_routing;
mod m20261122_000005_breakdowns;
mod m20261122_000006_exchanges;
mod m20261122_000007_alerts;
mod m20261122_000008_tunnel_sessions;
mod m20261122_000010_fronts;
mod m20261122_000011_personal_tokens;
mod m20261122_000012_idempotency_keys;
mod m20261122_000013_account_links;
mod m20261122_000014_audit;
mod m20261122_000015_second_factor;
mod m20261122_000016_token_rotation;
mod m20261122_000017_identities;
mod m20261122_000018_sign_in_in_front;
mod m20261122_000019_signing_keys;
mod m20261122_000020_sealing;
mod m20261122_000021_programs;
mod m20261123_000022_security_settings;
mod m20261123_000023_former_names;
mod m20261124_000024_drafts;

/// All steps.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260801_000001_accounts::Migration),
            Box::new(m20260801_000002_tunnels::Migration),
            Box::new(m20260801_000003_traffic::Migration),
            Box::new(m20261121_000004_routing::Migration),
            Box::new(m20261122_000005_breakdowns::Migration),
            Box::new(m20261122_000006_exchanges::Migration),
            Box::new(m20261122_000007_alerts::Migration),
            Box::new(m20261122_000008_tunnel_sessions::Migration),
            Box::new(m20261122_000010_fronts::Migration),
            Box::new(m20261122_000011_personal_tokens::Migration),
            Box::new(m20261122_000012_idempotency_keys::Migration),
            Box::new(m20261122_000013_account_links::Migration),
            Box::new(m20261122_000014_audit::Migration),
            Box::new(m20261122_000015_second_factor::Migration),
            Box::new(m20261122_000016_token_rotation::Migration),
            Box::new(m20261122_000017_identities::Migration),
            Box::new(m20261122_000018_sign_in_in_front::Migration),
            Box::new(m20261122_000019_signing_keys::Migration),
            Box::new(m20261122_000020_sealing::Migration),
            Box::new(m20261122_000021_programs::Migration),
            Box::new(m20261123_000022_security_settings::Migration),
            Box::new(m20261123_000023_former_names::Migration),
            Box::new(m20261124_000024_drafts::Migration),
        ]
    }
}
