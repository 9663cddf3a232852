//! Where a tunnel is reached, as its telephones are told.

use domain::Subdomain;
use wire::control::{Control, TunnelCreated, UpdateTunnel};

/// A tunnel's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its label below the tunnel domain.
    pub subdomain: Subdomain,
    /// The whole of it.
    pub public_url: String,
}

impl Address {
    /// Whether it is the one in `created`.
    pub(super) fn is_in(&self, created: &TunnelCreated) -> bool {
        created.subdomain == self.subdomain.as_str() && created.public_url == self.public_url
    }

    /// Puts it into `created`.
    pub(super) fn put_into(&self, created: &mut TunnelCreated) {
        created.subdomain = self.subdomain.to_string();
        self.public_url.clone_into(&mut created.public_url);
    }
}

/// What a telephone is told that knows an older address than the one in `created`.
pub(super) fn update(created: &TunnelCreated) -> Control {
    Control::UpdateTunnel(UpdateTunnel {
        subdomain: Some(created.subdomain.clone()),
        public_url: Some(created.public_url.clone()),
        ..UpdateTunnel::default()
    })
}
