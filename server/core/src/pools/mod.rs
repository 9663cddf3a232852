//! Services, the pools that serve, and the backends in them.

mod backend_rows;
mod backends;
mod service_rows;
mod services;

use crate::edit::Desk;
pub(crate) use backend_rows::{find as find_backend, spec_of as backend_spec, weight_of};
use domain::{ServiceId, Tag};
pub(crate) use service_rows::{find as find_service, spec_of as service_spec};

/// Services and backends.
#[derive(Debug)]
pub struct Pools {
    pub(crate) desk: Desk,
}

/// Which services to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceQuery {
    /// Only those whose name contains this text.
    pub search: Option<String>,
    /// The deleted ones instead of the others.
    pub deleted: bool,
}

/// Which backends to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackendQuery {
    /// Only those of this service.
    pub service: Option<ServiceId>,
    /// Only those that carry this tag.
    pub tag: Option<Tag>,
    /// Only those whose name or address contains this text.
    pub search: Option<String>,
    /// The deleted ones instead of the others.
    pub deleted: bool,
}
