use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use wire::Secret;
use wire::control::{Announcement, MAX_SERVICES, Metadata};

use super::demand::{Lines, QUIET};
use super::supervisor::{self, Shared};
use super::threads::Threads;
use super::token::{TokenSource, is_token};
use super::{AgentHandle, StartError};
use crate::forward::Forwarder;
use crate::server_url::ServerUrl;
use crate::target::{Scheme, Target};
use crate::tls::Tls;

/// The largest number of lines of one agent.
const MAX_LINES: usize = 16;

/// How an agent is set up.
#[derive(Debug)]
pub struct Builder {
    server: String,
    token: Secret,
    token_file: Option<PathBuf>,
    target: Option<Target>,
    subdomain: Option<String>,
    services: Vec<Announcement>,
    metadata: Metadata,
    lines: Lines,
    own_threads: bool,
    ca_file: Option<PathBuf>,
    insecure: bool,
    host_header: Option<String>,
}

impl Builder {
    pub(super) fn new(server: String, token: Secret) -> Self {
        let metadata = Metadata { agent_version: Some(env!("CARGO_PKG_VERSION").to_owned()), ..Metadata::default() };
        Self {
            server,
            token,
            token_file: None,
            target: None,
            subdomain: None,
            services: Vec::new(),
            metadata,
            lines: Lines { least: 1, most: 1, quiet: QUIET },
            own_threads: false,
            ca_file: None,
            insecure: false,
            host_header: None,
        }
    }

    /// The file that the token was read from. It is read again every few seconds, and when a token is refused: what it
    /// holds then is signed in with from then on, so that sessions do not end with short-lived tokens and old secrets.
    #[must_use]
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token_file = Some(path.into());
        self
    }

    /// The web server to forward to.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// The subdomain wanted. Without one the server gives the same one as last time, or a random one.
    #[must_use]
    pub fn subdomain(mut self, subdomain: impl Into<String>) -> Self {
        self.subdomain = Some(subdomain.into());
        self
    }

    /// Announces one more service: the local server joins the pool behind this host and path for as long as the
    /// telephone is connected.
    #[must_use]
    pub fn announce(mut self, service: Announcement) -> Self {
        self.services.push(service);
        self
    }

    /// A name for this telephone, shown in the dashboard.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.metadata.name = Some(name.into());
        self
    }

    /// Where this telephone runs.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.metadata.region = Some(region.into());
        self
    }

    /// How many lines serve the tunnel at once, 1 to 16; to the outside they are one telephone.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        self.connections_within(connections..=connections)
    }

    /// How many lines serve the tunnel at once, at least and at most, 1 to 16. There are more than the least while many
    /// requests are under way and keep those that there are busy.
    #[must_use]
    pub fn connections_within(mut self, connections: RangeInclusive<usize>) -> Self {
        let least = (*connections.start()).clamp(1, MAX_LINES);
        self.lines = Lines { least, most: (*connections.end()).clamp(least, MAX_LINES), ..self.lines };
        self
    }

    /// How long there has to be little work until a line that is not needed any more is let go; a minute unless this
    /// says otherwise.
    #[must_use]
    pub fn quiet(mut self, quiet: Duration) -> Self {
        self.lines.quiet = quiet;
        self
    }

    /// Whether each line but the first has a thread of its own, so that they share nothing, instead of all running on
    /// the runtime that starts the agent. For an agent that is the whole program and has a single-threaded runtime.
    #[must_use]
    pub fn own_threads(mut self, own_threads: bool) -> Self {
        self.own_threads = own_threads;
        self
    }

    /// A PEM file with roots to trust besides the system's, for the switchboard and for the local server.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Trusts whatever certificate the local server shows. The switchboard's is always verified.
    #[must_use]
    pub fn insecure_target(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// What replaces the `Host` of each request on its way to the local server.
    #[must_use]
    pub fn host_header(mut self, host: impl Into<String>) -> Self {
        self.host_header = Some(host.into());
        self
    }

    /// Starts the agent on the current Tokio runtime. It dials in the background; see [`AgentHandle::ready`].
    ///
    /// # Panics
    /// When called outside of a Tokio runtime.
    pub fn start(self) -> Result<AgentHandle, StartError> {
        let server = ServerUrl::parse(&self.server)?;
        if !is_token(self.token.expose()) {
            return Err(StartError::Token);
        }
        let target = self.target.ok_or(StartError::NoTarget)?;
        if self.services.len() > MAX_SERVICES {
            return Err(StartError::Services);
        }
        let host = self.host_header.map(host_header).transpose()?;
        let verifying = |needed: bool| needed.then(|| Tls::verifying(self.ca_file.as_deref())).transpose();
        let target_tls = match &target {
            Target::Tcp { scheme: Scheme::Https, .. } if self.insecure => Some(Tls::unverified()?),
            Target::Tcp { scheme, .. } => verifying(*scheme == Scheme::Https)?,
            Target::Unix(_) => None,
        };
        let shared = Shared {
            server_tls: verifying(server.tls)?,
            server,
            token: TokenSource::new(self.token, self.token_file),
            local_url: target.to_string(),
            subdomain: self.subdomain,
            services: self.services,
            metadata: self.metadata,
            forwarder: Forwarder::new(target, target_tls, host),
        };
        let mut threads = Threads::new(self.own_threads);
        threads.reach(self.lines.least).map_err(StartError::Threads)?;
        Ok(supervisor::start(shared, self.lines, threads))
    }
}

/// Whether it may stand in a `Host` header.
pub fn is_host_header(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\@?#".contains(&byte))
}

fn host_header(host: String) -> Result<HeaderValue, StartError> {
    match HeaderValue::try_from(&host) {
        Ok(value) if is_host_header(&host) => Ok(value),
        _ => Err(StartError::HostHeader(host)),
    }
}
