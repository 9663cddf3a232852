//! The services for a command that serves nobody.

use server_core::Services;

use super::Failure;
use crate::config::{Config, DataDir};

/// Opens the database of these settings and brings it up to date. A server may be running on it meanwhile.
pub(super) async fn services(config: &Config) -> Result<Services, Failure> {
    let folder = DataDir::open(&config.storage)?;
    let settings = config.for_services(&folder, config.addresses.listen, config.outside(Vec::new()))?;
    Ok(Services::open(settings).await?)
}
