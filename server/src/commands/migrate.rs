//! `switchboard migrate`

use super::{Failure, block_on, open};
use crate::config::Config;

/// Opening brings the tables up to date; nothing else is needed.
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    block_on(async {
        open::services(config).await?.close().await;
        println!("The database {} is up to date.", config.storage.database_url);
        Ok(())
    })
}
