//! Services, store, authentication and live data of switchboard.
//!
//! [`Services`] is the one handle: pages, REST API, proxy and tunnel endpoint call it in the same process. Who may do
//! what is decided here and nowhere above: a method that concerns somebody's data wants a [`Viewer`] or a
//! [`TokenHolder`], and only this crate makes them. Nothing here knows HTTP or Leptos.

mod accounts;
mod alerts;
mod announcing;
mod audit;
mod auth;
mod backup;
mod changes;
mod connections;
mod declared;
mod drafts;
mod edit;
mod engine;
mod error;
mod expected;
mod fronts;
mod hosts;
mod idempotency;
mod inspector;
mod live;
mod news;
mod nodes;
mod page;
mod passes;
mod personal_tokens;
mod pools;
mod presence;
mod purge;
mod reach;
mod regions;
mod relays;
mod replayer;
mod resealing;
mod revisions;
mod routes;
mod routing;
mod sealing;
mod secret;
mod server_limits;
mod services;
mod sessions;
mod settings;
mod signing;
mod store;
mod switching;
mod tickets;
mod tokens;
mod touched;
mod traffic;
mod tunnels;
mod verifier;

pub use accounts::{
    AccountPatch, AccountQuery, Accounts, Challenge, Enrolment, Errand, HandedLink, Journey, Proven, RecoveryCodes,
    SignIn, SignInMethod, SignInOutcome,
};
pub use alerts::{AlertEventQuery, Alerts, Courier, Notice};
pub use announcing::{AnnouncedService, Announcement, AnnouncementRefused, Announcements};
pub use audit::{Audit, AuditQuery};
pub use auth::{Administrator, TokenHolder, Viewer};
pub use backup::{BackedUp, BackupError, Restored, back_up, restore};
pub use changes::{Change, Changes, Follower, Gathered};
pub use connections::Connections;
pub use declared::{AnnouncedTags, Declaration, Declared, Plan, Planned, Reach};
pub use drafts::{Drafts, Fields};
pub use edit::{DomainRef, Reference, ServiceRef};
pub use engine::Engine;
pub use error::{CoreError, OpenError, Result};
pub use expected::Expected;
pub use hosts::{DomainQuery, Hosts};
pub use idempotency::{Begun, ClaimedKey, Idempotency, IdempotencyKey, KeptAnswer};
pub use inspector::{
    Captured, CapturedBody, CapturedHead, CapturedMessage, ExchangeFeed, ExchangeNews, Found, Inspected, Inspector,
    Record, Room, StoredBody,
};
pub use live::Watch;
pub use nodes::{NodeNews, Nodes};
pub use page::{Listing, Page};
pub use passes::{
    BadgeOf, Doorstep, Entrance, Gate, Passes, Redeemed, TICKET_PARAMETER, browser_hash, is_let_in, new_browser_secret,
};
pub use personal_tokens::PersonalTokens;
pub use pools::{BackendQuery, Pools, ServiceQuery};
pub use presence::{Presence, PresenceGuard};
pub use reach::{ConnectPolicy, Outside, PolicyError};
pub use regions::Regions;
pub use relays::{RelayedClient, RelayedRequest, Relays};
pub use replayer::{ReplayOrder, Replayer, Sent};
pub use resealing::{GivenUp, ResealError, Resealed, give_up_sealed, reseal};
pub use revisions::{RevisionQuery, RevisionSide, Revisions};
pub use routes::{RouteQuery, Routes};
pub use routing::{
    BackendEntry, BackendOrigin, HostEntry, RegionEntry, Routing, RoutingChanges, RoutingSnapshot, RuleEntry,
    RunningSwitch, ServiceEntry, TargetEntry,
};
pub use secret::{LinkSecret, Secret, SigningSecret, TokenSecret};
pub use server_limits::ServerLimits;
pub use services::Services;
pub use sessions::{ApiSessions, ApiTokens, WebSessionRecord, WebSessions};
pub use settings::{
    DatabaseUrl, DatabaseUrlError, InspectorSettings, Limits, OidcSettings, OidcSignUp, RoutingSettings, Settings,
    SignupPolicy, UnknownSignupPolicy,
};
pub use signing::SigningKeys;
pub use switching::{SwitchEnd, SwitchHow, SwitchRequest, Switches};
pub use tokens::{ShortProof, ShortToken, StoredToken, TokenEnd, TokenProof, TokenRefused, TokenStanding, Tokens};
pub use touched::Touched;
pub use traffic::{
    Answered, Given, Held, InFlight, Lately, Meter, Now, Overall, SessionMeter, Subject, Tallied, Tally, Traffic,
};
pub use tunnels::{
    AttachRefused, AttachRequest, Attached, Claim, NewTunnel, RoutingEntry, TelephoneNews, TunnelPatch, TunnelQuery,
    TunnelSort, Tunnels, WantedService,
};
pub use verifier::Verifier;
