//! The dashboard's side of the server: everything of its host but the REST API, health and
//! `/tunnel`; the API's reference, too, as it is a page.

pub mod assets;
mod context;
mod data;
mod guard;
mod live;
mod oidc;
pub(crate) mod own_cookies;
mod pages;
mod plain;
mod reference;
mod requests;
mod router;
pub(crate) mod session;

pub use assets::Assets;
pub use router::{WebSettings, router};
