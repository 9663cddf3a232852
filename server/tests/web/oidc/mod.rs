//! Signing in with an OpenID Connect provider: a small real one, over real sockets.

mod attacks;
mod leaks;
mod linked;
mod new_accounts;
mod over_tls;
mod provider_at_fault;
mod second_factor;
pub(crate) mod setup;
