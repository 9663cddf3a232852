//! The tables' rows.

pub(crate) mod alert_events;
pub(crate) mod alerts;
pub(crate) mod api_sessions;
pub(crate) mod backends;
pub(crate) mod capture_settings;
pub(crate) mod capture_usage;
pub(crate) mod domains;
pub(crate) mod nodes;
pub(crate) mod regions;
pub(crate) mod request_contents;
pub(crate) mod request_messages;
pub(crate) mod revisions;
pub(crate) mod routes;
pub(crate) mod services;
pub(crate) mod switches;
pub(crate) mod tokens;
pub(crate) mod traffic_breakdowns;
pub(crate) mod traffic_rollups;
pub(crate) mod traffic_runs;
pub(crate) mod traffic_totals;
pub(crate) mod tunnel_requests;
pub(crate) mod tunnel_sessions;
pub(crate) mod tunnels;
pub(crate) mod users;
pub(crate) mod web_sessions;
