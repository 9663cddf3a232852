//! DNS as it is now: every question goes to the name servers, and nothing is remembered.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData};

/// How long one question to one name server may take; it is asked twice.
const QUESTION: Duration = Duration::from_secs(2);
/// What is taken of an answer at most.
const MOST_RECORDS: usize = 32;

/// Asks name servers.
#[derive(Debug, Clone)]
pub struct Names {
    servers: Vec<SocketAddr>,
}

/// Why there is no answer of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name is not there at all (RFC 8020).
    #[error("there is no such name")]
    NoSuchName,
    /// The name is there, and has nothing of the kind that was asked for.
    #[error("there is no such record")]
    NoRecord,
    /// The name servers have not answered in time.
    #[error("{0} did not answer")]
    Silent(Asked),
    /// The name servers have answered that they cannot tell.
    #[error("{0} answered {1}")]
    Refused(Asked, String),
    /// Nobody could be asked.
    #[error("{0} cannot be asked: {1}")]
    Failed(Asked, String),
}

/// Who was asked, for error texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(Vec<SocketAddr>);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("the system's name server"),
            [first, others @ ..] => {
                write!(f, "the name server {first}")?;
                others.iter().try_for_each(|server| write!(f, " or {server}"))
            }
        }
    }
}

impl Names {
    /// Will ask these servers, or the system's when there is none among them.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers }
    }

    /// The texts at a name. The strings that a record consists of are joined (RFC 7208 section 3.3), and aliases are
    /// followed.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, LookupError> {
        let found = self.resolver()?.txt_lookup(rooted(name)?).await.map_err(|error| self.explain(&error))?;
        let texts: Vec<_> = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => Some(text.txt_data.concat()),
                _ => None,
            })
            .take(MOST_RECORDS)
            .collect();
        if texts.is_empty() { Err(LookupError::NoRecord) } else { Ok(texts) }
    }

    /// The addresses of a host, as DNS alone knows them.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let found = self.resolver()?.lookup_ip(rooted(host)?).await.map_err(|error| self.explain(&error))?;
        let addresses: Vec<_> = found.iter().take(MOST_RECORDS).collect();
        if addresses.is_empty() { Err(LookupError::NoRecord) } else { Ok(addresses) }
    }

    /// Made anew each time: the system's name servers may be others by now, and an answer of a moment ago is what
    /// somebody who is setting up a record does not want to hear.
    fn resolver(&self) -> Result<TokioResolver, LookupError> {
        let failed = |error: NetError| LookupError::Failed(self.asked(), error.to_string());
        let mut builder = if self.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let servers = self.servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        (options.timeout, options.attempts, options.cache_size) = (QUESTION, 1, 0);
        // What this machine calls a host proves nothing about who owns it.
        options.use_hosts_file = ResolveHosts::Never;
        builder.build().map_err(failed)
    }

    fn asked(&self) -> Asked {
        Asked(self.servers.clone())
    }

    fn explain(&self, error: &NetError) -> LookupError {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
                ResponseCode::NXDomain => LookupError::NoSuchName,
                ResponseCode::NoError => LookupError::NoRecord,
                other => LookupError::Refused(self.asked(), other.to_string()),
            },
            NetError::Dns(DnsError::ResponseCode(code)) => LookupError::Refused(self.asked(), code.to_string()),
            NetError::Timeout => LookupError::Silent(self.asked()),
            other => LookupError::Failed(self.asked(), other.to_string()),
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

/// The name below the root, so that the system's search list adds nothing to it. As bytes: a name that looks like an
/// IP address is a name.
fn rooted(name: &str) -> Result<Name, LookupError> {
    let mut name = Name::from_ascii(name).map_err(|_| LookupError::NoSuchName)?;
    name.set_fqdn(true);
    Ok(name)
}
