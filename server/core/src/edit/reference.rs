//! Things named by their id or by the name that people gave them.

use domain::{DomainId, HostPattern, ServiceId, ServiceName};
use std::str::FromStr;

/// Names a thing by its id, or by its name among what the viewer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference<I, N> {
    /// By its id; also when it is deleted.
    Id(I),
    /// By its name: what has it now, else what was deleted with it last.
    Name(N),
}

/// Names a service.
pub type ServiceRef = Reference<ServiceId, ServiceName>;

/// Names a domain.
pub type DomainRef = Reference<DomainId, HostPattern>;

impl<I: FromStr, N: FromStr> FromStr for Reference<I, N> {
    type Err = N::Err;

    fn from_str(text: &str) -> Result<Self, N::Err> {
        text.parse().map(Self::Id).or_else(|_| text.parse().map(Self::Name))
    }
}

impl From<ServiceId> for ServiceRef {
    fn from(id: ServiceId) -> Self {
        Self::Id(id)
    }
}

impl From<ServiceName> for ServiceRef {
    fn from(name: ServiceName) -> Self {
        Self::Name(name)
    }
}

impl From<DomainId> for DomainRef {
    fn from(id: DomainId) -> Self {
        Self::Id(id)
    }
}

impl From<HostPattern> for DomainRef {
    fn from(host: HostPattern) -> Self {
        Self::Name(host)
    }
}
