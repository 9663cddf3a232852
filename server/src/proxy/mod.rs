//! Carries requests to telephones and backends, and their answers back.

mod answer;
mod attempts;
mod body;
mod capture;
mod deadline;
mod exchange;
mod forward;
mod headers;
mod messages;
mod patience;
mod pool;
mod problem;
mod redirect;
mod relay;
mod seen_heads;
mod tunnel;
mod upgrade;
mod upstream;

pub use body::ProxiedBody;
pub use capture::Replay;
pub use forward::{Proxy, Timeouts};
pub use problem::{Problem, own_pages};
pub(crate) use relay::client as relayed_client;
