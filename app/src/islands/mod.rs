//! What is alive in the browser. Everything else on a page is plain HTML.

mod backend_cells;
#[cfg(feature = "hydrate")]
mod browser;
mod chart;
mod copy;
mod desk;
#[cfg(feature = "hydrate")]
mod desk_events;
#[cfg(feature = "hydrate")]
mod draw;
#[cfg(feature = "hydrate")]
mod echarts;
mod figure;
#[cfg(feature = "hydrate")]
mod followed;
#[cfg(feature = "hydrate")]
mod history;
mod live_feed;
mod recent;
#[cfg(feature = "hydrate")]
mod request_feed;
mod request_list;
mod rule_switch;
mod sessions;
#[cfg(feature = "hydrate")]
mod socket;
pub(crate) mod time;
mod tunnel_cells;

pub use backend_cells::{BackendCount, BackendFigure, BackendHealth, PoolHealth, health_words, worst};
pub use chart::{ChartKind, TrafficChart};
pub use copy::CopyButton;
pub use desk::{Desk, Inspected};
pub use figure::Figure;
pub use live_feed::{Feed, Link, LiveFeed};
pub use recent::RecentRequests;
pub use request_list::RequestList;
pub use rule_switch::{RuleSwitch, enabled};
pub use sessions::{Sessions, local_words};
pub use time::TimeAgo;
pub use tunnel_cells::{Sparkline, TunnelBadge, TunnelRate, TunnelSessions};
