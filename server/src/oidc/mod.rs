//! Sign-in with an OpenID Connect provider: the authorization code flow with PKCE (OpenID Connect Core section 3.1, RFC 7636).
//!
//! [`Provider`] is asked twice: for the address to send a browser to, and what a code is worth that the browser brings
//! back. What it says then, `server-core` turns into an account. Everything that the provider answers comes from outside:
//! it has a deadline and a size, redirects are not followed, and other hosts that it names are reached only where a
//! member's backends may be.

mod ask;
mod error;
mod known;
mod provider;

pub use error::OidcError;
pub(crate) use provider::CALLBACK;
pub use provider::{Departure, Provider};
