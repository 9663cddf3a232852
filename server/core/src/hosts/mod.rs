//! Domains: host names with an owner.

mod claims;
mod reserved;
mod rows;
mod service;

use crate::edit::Desk;
use domain::ServiceId;
pub(crate) use rows::{check_kept, find, spec_of};

/// Domains.
#[derive(Debug)]
pub struct Hosts {
    pub(crate) desk: Desk,
}

/// Which domains to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainQuery {
    /// Only those whose host contains this text.
    pub search: Option<String>,
    /// Only those that lead to this service.
    pub service: Option<ServiceId>,
    /// Only those that are verified, or only those that are not.
    pub verified: Option<bool>,
    /// The deleted ones instead of the others.
    pub deleted: bool,
}
