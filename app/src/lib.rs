//! The dashboard. Pages and components are rendered on the server only; islands are alive in the browser; actions are
//! what the pages' forms are sent to.

#[cfg(feature = "ssr")]
mod actions;
#[cfg(feature = "ssr")]
mod charts;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
pub mod destination;
#[cfg(feature = "ssr")]
mod difference;
mod format;
#[cfg(feature = "ssr")]
mod inspector;
pub mod islands;
mod live;
#[cfg(feature = "ssr")]
mod markup;
#[cfg(feature = "ssr")]
mod messages;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod query;
mod request_log;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
pub mod ssr;
mod summary;
#[cfg(feature = "ssr")]
pub mod theme;
#[cfg(feature = "ssr")]
pub mod way_in;

#[cfg(feature = "ssr")]
pub use {pages::App, shell::shell};
