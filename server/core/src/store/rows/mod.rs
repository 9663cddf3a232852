//! The tables' rows.

pub(crate) mod api_sessions;
pub(crate) mod tokens;
pub(crate) mod traffic_rollups;
pub(crate) mod traffic_runs;
pub(crate) mod traffic_totals;
pub(crate) mod tunnel_domains;
pub(crate) mod tunnels;
pub(crate) mod users;
pub(crate) mod web_sessions;
