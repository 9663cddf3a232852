//! Why a request goes where it goes.

use crate::{BackendId, BackendName, BackendState, HealthStatus, RegionName, RuleId, ServiceId, Tag, TunnelId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A request to be explained; it is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// What is asked for, such as `http://app.example.com/shop?id=1`.
    pub url: String,
    /// With which method; `GET` when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// With which headers, as far as they matter: affinity looks at cookies and headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// From which address; that of whoever asks when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
}

/// Why a text is not accepted as a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header is written as Name: value")]
pub struct NoHeader;

impl ExplainRequest {
    /// Reads a header field as people write it, `Name: value`.
    ///
    /// # Errors
    /// When it has no colon.
    pub fn header(text: &str) -> Result<(String, String), NoHeader> {
        let (name, value) = text.split_once(':').ok_or(NoHeader)?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    }
}

/// What becomes of a request, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// The host as it is compared.
    pub host: String,
    /// The path as it is compared.
    pub path: String,
    /// What was looked at, in order.
    pub steps: Vec<ExplainStep>,
    /// What comes of it.
    pub outcome: ExplainOutcome,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExplainStep {
    /// What was decided on.
    pub about: ExplainAbout,
    /// Whether it was so.
    pub yes: bool,
    /// The decision and its reason, for people.
    pub text: String,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExplainAbout {
    /// Whether the request can be understood.
    Request,
    /// Which host it is for.
    Host,
    /// Which mount covers its path.
    Mount,
    /// What stands in front of it.
    Front,
    /// What it leads to.
    Target,
    /// Which tag serves.
    Tag,
    /// Which backend serves.
    Backend,
}

impl ExplainAbout {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Host => "host",
            Self::Mount => "mount",
            Self::Front => "front",
            Self::Target => "target",
            Self::Tag => "tag",
            Self::Backend => "backend",
        }
    }
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExplainOutcome {
    /// The dashboard, the API or the tunnel endpoint answers.
    Dashboard,
    /// It is somebody else's; nothing more is told.
    SomeoneElses,
    /// An error is answered.
    Error {
        /// The HTTP status.
        status: u16,
        /// The code in `X-Switchboard-Error`.
        code: String,
        /// What the client reads.
        message: String,
        /// Who might have served.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<ExplainCandidate>,
    },
    /// The client is sent elsewhere.
    Redirect {
        /// The HTTP status.
        status: u16,
        /// To where.
        location: String,
        /// The domain or route that says so.
        rule: RuleId,
    },
    /// A telephone of a tunnel serves.
    Tunnel {
        /// The tunnel.
        id: TunnelId,
        /// How many telephones there are.
        sessions: u32,
        /// The domain or route that leads there; `None`: the tunnel's own host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<RuleId>,
        /// The path and query that the telephone gets.
        target: String,
    },
    /// A backend of a service serves.
    Service {
        /// The service.
        id: ServiceId,
        /// Its name.
        name: String,
        /// The tag.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<Tag>,
        /// The domain or route that leads there.
        rule: RuleId,
        /// The path and query that the backend gets.
        target: String,
        /// All that carry the tag; one of them is chosen.
        candidates: Vec<ExplainCandidate>,
    },
}

/// A backend that might serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExplainCandidate {
    /// What its owner calls it.
    pub id: BackendName,
    /// What the server calls it.
    pub key: BackendId,
    /// Its address, or the tunnel that it is.
    pub origin: String,
    /// Whether the tunnel's telephones announce it.
    #[serde(default)]
    pub announced: bool,
    /// What its owner has decided.
    pub state: BackendState,
    /// What its health check has found.
    pub health: HealthStatus,
    /// Whether it is left out for a while because it failed.
    pub ejected: bool,
    /// Where it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// How many requests it works on.
    pub in_flight: u32,
    /// Its share.
    pub weight: u32,
    /// Whether it is the one that is chosen.
    pub chosen: bool,
    /// Why it is chosen, or why not.
    pub reason: String,
}
