//! Routes: mounts on a domain, or on any host.

mod overlap;
mod rows;
mod service;

use crate::edit::Desk;
use domain::{HostPattern, MountPath, ServiceId};
pub(crate) use rows::{check_kept, find, spec_of};

/// Routes.
#[derive(Debug)]
pub struct Routes {
    pub(crate) desk: Desk,
}

/// Which routes to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteQuery {
    /// Only those on this domain.
    pub domain: Option<HostPattern>,
    /// Only those on any host.
    pub any_host: bool,
    /// Only those that lead to this service.
    pub service: Option<ServiceId>,
    /// Only those in whose way this mount would be on the same host.
    pub overlapping: Option<MountPath>,
    /// Only those whose mount or domain contains this text.
    pub search: Option<String>,
    /// The deleted ones instead of the others.
    pub deleted: bool,
}
