//! Ids, names that validate on construction, and the plain data that pages, the REST API and the browser share.
//!
//! Nothing here does I/O or knows a framework; the crate builds for WebAssembly, where the islands use the same types
//! that the server sends.

mod address;
mod alert;
mod alert_event;
mod audit;
mod backend;
mod backend_live;
mod breakdown;
mod capture;
mod email;
mod exchange;
mod exchange_filter;
mod explain;
mod front;
mod headers;
mod health;
mod health_check;
mod host;
mod host_pattern;
mod hostname;
mod identity;
mod ids;
mod live;
mod mount;
pub mod percent;
mod personal_token;
mod rate;
mod region;
mod replay;
mod revision;
mod route;
mod schema;
mod series;
mod service;
mod session;
mod signing_key;
mod source;
mod subdomain;
mod switch;
mod tag;
mod target;
mod text;
mod token;
mod traffic;
mod tunnel;
mod user;
mod window;

pub use address::{BackendAddress, BackendAddressError, BackendHost, BackendScheme};
pub use alert::{
    Alert, AlertKind, AlertName, AlertNameError, AlertPatch, AlertSpec, UnknownAlertKind, WebhookUrl, WebhookUrlError,
};
pub use alert_event::{AlertDelivery, AlertEvent, AlertState, AlertSubject, UnknownAlertWord};
pub use audit::{AuditEvent, AuditKind, UnknownAuditKind};
pub use backend::{
    Backend, BackendName, BackendNameError, BackendPatch, BackendSpec, BackendState, UnknownBackendState, Weight,
    WeightError,
};
pub use backend_live::BackendLive;
pub use breakdown::{Breakdown, Part, Parts, Share, SlowRequest};
pub use capture::{CaptureLevel, CaptureSettings, CaptureSettingsError, Redaction, UnknownCaptureLevel};
pub use email::{Email, EmailError};
pub use exchange::{
    AnsweredBy, BodyInfo, Exchange, ExchangeEnd, ExchangeKind, ExchangeMessage, ExchangePage, ExchangeSummary,
    HeadField, MessageHead, MessageKind, Party, RecorderHealth, Timings,
};
pub use exchange_filter::{ExchangeFilter, ExchangeFilterError, StatusFilter};
pub use explain::{ExplainAbout, ExplainCandidate, ExplainOutcome, ExplainRequest, ExplainStep, Explanation};
pub use front::{
    Bandwidth, BandwidthError, BasicAuth, BasicName, BasicNameError, BasicPassword, BasicPasswordError, BasicUser,
    Direction, Front, FrontError, FrontSignIn, LetIn, LinkHash, LinkHashError, MOST_LINKS, Maintenance, Message,
    MessageError, Network, NetworkError, NewShareLink, PageFor, PageForError, RateLimit, RateLimitError, RatePer,
    Realm, RealmError, ShareLink, in_ipv6,
};
pub use headers::{
    HeaderChanges, HeaderName, HeaderRules, HeaderRulesError, HeaderValue, HostRewrite, HostRewriteError,
};
pub use health::{CheckResult, HealthChange, HealthReport, HealthStatus};
pub use health_check::{CheckPath, CheckPathError, HealthCheck, HealthCheckPatch, Statuses, StatusesError};
pub use host::{Domain, DomainPatch, DomainSpec, VERIFICATION_PATH, Verification};
pub use host_pattern::{HostPattern, HostPatternError};
pub use hostname::{Hostname, HostnameError};
pub use identity::Identity;
pub use ids::{
    AlertEventId, AlertId, AuditEventId, BackendId, DomainId, DraftId, IdError, IdentityId, InvitationId, NodeId,
    PersonalTokenId, ProgramSessionId, RegionId, RequestId, RevisionId, RouteId, ServiceId, SwitchId,
    TelephoneSessionId, TokenId, TunnelId, UserId, WebSessionId,
};
pub use live::{
    BackendNow, LiveDelta, LiveRequests, LiveSnapshot, LiveUpdate, RuleNow, SwitchNow, TunnelDelta, TunnelNow,
};
pub use masking::{SECRET_PARAMETERS, has_secret_parameter};
pub use mount::{MountPath, MountPathError};
pub use personal_token::{ApiScope, NewPersonalToken, PersonalToken, UnknownApiScope};
pub use rate::{RequestRate, RequestRateError};
pub use region::{Node, Region, RegionName, RegionNameError, RegionPatch, RegionSpec};
pub use replay::{MOST_REPLAYS, ReplayBody, ReplayField, ReplayRequest, ReplayTarget, Replayed, ReplayedExchange};
pub use revision::{Revision, RevisionAction, RevisionKind, UnknownRevisionWord};
pub use route::{Route, RoutePatch, RouteSpec};
pub use series::{Range, Series, UnknownRange};
pub use service::{
    Affinity, Balance, FieldName, FieldNameError, OutOfRange, Resilience, ResiliencePatch, Service, ServiceName,
    ServiceNameError, ServicePatch, ServiceSpec, TagCount, UnknownBalance,
};
pub use session::{LineQuality, LocalFailure, ProgramSession, RoundTrip, SessionRecord, TelephoneSession, WebSession};
pub use signing_key::SigningKey;
pub use source::source;
pub use subdomain::{Subdomain, SubdomainError};
pub use switch::{RuleId, Switch, SwitchMode, SwitchPlan, SwitchPlanError, SwitchState, SwitchStep, SwitchWatch};
pub use tag::{Tag, TagError, Tags, TooManyTags};
pub use target::{
    Redirect, RedirectStatus, RedirectStatusError, RedirectTo, RedirectToError, Target, TargetError, TargetFields,
};
pub use token::{NewShortToken, NewToken, Rotation, Token, TokenName, TokenNameError, TokenScope, TokenScopeError};
pub use traffic::{BackendFigures, LatencySummary, RecentRequest, Sample, SessionFigures, StatusCounts, TunnelStats};
pub use tunnel::{Tunnel, TunnelName, TunnelNameError, TunnelState, TunnelStatus};
pub use user::{Account, Holdings, Invitation, Role, SecondFactor, UnknownRole, User};
pub use window::{Between, HOURS_KEPT, MINUTES_KEPT, Span, Window, WindowError};

/// A moment in UTC; serialised as RFC 3339.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
