//! What the services need to know of the settings.

use server_core::{InspectorSettings, RoutingSettings, Settings};
use std::net::SocketAddr;

use super::{Config, DataDir, DataDirError};

/// Far beyond what a person needs, and a bound on what a stolen token can fill.
const MAX_TUNNELS_PER_USER: u32 = 200;

impl Config {
    /// The settings of the services of a server that listens on `bound`. Makes the signing key at the first start.
    ///
    /// # Errors
    /// When the signing key can neither be read nor made.
    pub fn for_services(&self, folder: &DataDir, bound: SocketAddr) -> Result<Settings, DataDirError> {
        let jwt_secret = self.accounts.jwt_secret.clone().map_or_else(|| folder.signing_key(), Ok)?;
        Ok(Settings {
            database_url: self.storage.database_url.clone(),
            public_url: self.addresses.public_url(bound),
            tunnel_domain: self.addresses.tunnel_domain.clone(),
            signup: self.accounts.signup,
            jwt_secret,
            loopback_only: self.addresses.loopback_only(),
            max_tunnels_per_user: MAX_TUNNELS_PER_USER,
            routing: RoutingSettings::default(),
            inspector: InspectorSettings {
                level: self.capture.level,
                rate: self.capture.rate,
                disk: self.capture.disk,
                node: self.node.name.clone(),
            },
        })
    }
}
