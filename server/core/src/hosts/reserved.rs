//! Host names that nobody may claim, or only an administrator.

use crate::{CoreError, Result, TargetEntry, Viewer, edit::Desk};
use domain::{HostPattern, Hostname, MountPath};

impl Desk {
    /// Makes sure that this host may be a domain of whoever asks.
    pub(crate) fn check_host(&self, actor: &Viewer, host: &HostPattern) -> Result<()> {
        let reserved = |message: String| Err(CoreError::conflict("reserved_host", message));
        if self.is_dashboard(host) {
            return if actor.is_admin() {
                Ok(())
            } else {
                reserved(format!("{host} is the address of this server's dashboard"))
            };
        }
        if lies_under(host.hostname(), self.tunnel_domain()) {
            return reserved(format!(
                "{host} lies in the domain of this server's tunnels; choose a tunnel's subdomain"
            ));
        }
        Ok(())
    }

    /// Makes sure that the dashboard goes on serving its host.
    pub(crate) fn check_target(&self, host: &HostPattern, target: &TargetEntry) -> Result<()> {
        if self.is_dashboard(host) && *target != TargetEntry::None {
            let message = format!("{host} is the dashboard's; let routes lead elsewhere, not the domain itself");
            return Err(CoreError::conflict("reserved_host", message));
        }
        Ok(())
    }

    /// Makes sure that a route does not hide a part of the dashboard.
    pub(crate) fn check_mount(&self, host: Option<&HostPattern>, mount: &MountPath) -> Result<()> {
        if !host.is_some_and(|host| self.is_dashboard(host)) {
            return Ok(());
        }
        match self.settings().reserved_mounts.iter().find(|reserved| reserved.overlaps(mount)) {
            Some(reserved) => {
                let message = format!("{reserved} is the dashboard's on this host; choose a mount beside it");
                Err(CoreError::conflict("reserved_mount", message))
            }
            None => Ok(()),
        }
    }

    fn is_dashboard(&self, host: &HostPattern) -> bool {
        matches!(host, HostPattern::Exact(host) if self.dashboard() == Some(host))
    }
}

/// Whether a host is another one, or lies under it.
fn lies_under(host: &Hostname, other: &Hostname) -> bool {
    let front = host.as_str().strip_suffix(other.as_str());
    front.is_some_and(|front| front.is_empty() || front.ends_with('.'))
}
