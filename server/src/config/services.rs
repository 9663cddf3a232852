//! What the services need to know of the settings.

use server_core::{InspectorSettings, Outside, RoutingSettings, Settings};
use std::{net::SocketAddr, sync::Arc};

use super::{Config, DataDir, DataDirError, Oidc};

/// Far beyond what a person needs, and a bound on what a stolen token can fill.
const MAX_TUNNELS_PER_USER: u32 = 200;

impl Config {
    /// Where what members enter may lead, on a server that listens on `own`.
    pub fn outside(&self, own: Vec<SocketAddr>) -> Arc<Outside> {
        Arc::new(Outside { own, allowed: self.accounts.member_networks.clone() })
    }

    /// The settings of the services of a server that listens on `bound`, and whose members' things lead where `outside`
    /// says. Makes the signing key at the first start.
    ///
    /// # Errors
    /// When the signing key can neither be read nor made.
    pub fn for_services(
        &self,
        folder: &DataDir,
        bound: SocketAddr,
        outside: Arc<Outside>,
    ) -> Result<Settings, DataDirError> {
        let jwt_secret = self.accounts.jwt_secret.clone().map_or_else(|| folder.signing_key(), Ok)?;
        Ok(Settings {
            database_url: self.storage.database_url.clone(),
            public_url: self.addresses.public_url(bound),
            tunnel_domain: self.addresses.tunnel_domain.clone(),
            signup: self.accounts.signup,
            session_lifetime: self.accounts.session_lifetime,
            jwt_secret,
            sealing_key: self.accounts.sealing_key.clone().map_or_else(|| folder.sealing_key(), Ok)?,
            serves: false,
            loopback_only: self.addresses.loopback_only(),
            max_tunnels_per_user: MAX_TUNNELS_PER_USER,
            name_cooldown: self.accounts.name_cooldown,
            routing: RoutingSettings::default(),
            inspector: InspectorSettings {
                level: self.capture.level,
                rate: self.capture.rate,
                disk: self.capture.disk,
                node: self.node.name.clone(),
            },
            outside,
            oidc: self.oidc.as_ref().map(Oidc::for_services),
        })
    }
}
