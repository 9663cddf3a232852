//! Ids, names that validate on construction, and the plain data that pages, the REST API and the browser share.
//!
//! Nothing here does I/O or knows a framework; the crate builds for WebAssembly, where the islands use the same types
//! that the server sends.

mod address;
mod email;
mod host_pattern;
mod hostname;
mod ids;
mod live;
mod mount;
pub mod percent;
mod series;
mod session;
mod subdomain;
mod token;
mod traffic;
mod tunnel;
mod user;

pub use address::{BackendAddress, BackendAddressError, BackendHost, BackendScheme};
pub use email::{Email, EmailError};
pub use host_pattern::{HostPattern, HostPatternError};
pub use hostname::{Hostname, HostnameError};
pub use ids::{IdError, RequestId, TelephoneSessionId, TokenId, TunnelId, UserId, WebSessionId};
pub use live::{LiveDelta, LiveSnapshot, LiveUpdate, TunnelDelta, TunnelNow};
pub use mount::{MountPath, MountPathError};
pub use series::{Range, Series, UnknownRange};
pub use session::{TelephoneSession, WebSession};
pub use subdomain::{Subdomain, SubdomainError};
pub use token::{NewToken, Token, TokenName, TokenNameError, TokenScope};
pub use traffic::{LatencySummary, RecentRequest, Sample, StatusCounts, TunnelStats};
pub use tunnel::{Tunnel, TunnelName, TunnelNameError, TunnelState, TunnelStatus};
pub use user::{Role, User};

/// A moment in UTC; serialised as RFC 3339.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
