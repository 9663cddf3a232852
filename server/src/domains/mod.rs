//! Whose a domain is. A member's domain is routed only after its owner has shown control of it.

mod check;
mod file;
mod names;
mod record;
mod watch;

pub use check::{CheckFailed, DomainChecker, Verified, VerifiedBy};
pub use names::{Asked, LookupError, Names};
pub use watch::Watch;
