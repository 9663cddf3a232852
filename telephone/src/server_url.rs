use std::fmt;

use url::{Host, Url};

/// The address of a switchboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

/// Why a text is not the address of a switchboard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// It is not a URL with scheme and host.
    #[error(
        "{0:?} is not the address of a switchboard; give it with its scheme, for instance https://switchboard.example.com"
    )]
    Form(String),
    /// The scheme is neither `http` nor `https`.
    #[error("{0:?} is not a scheme a switchboard is reached with; use https, or http on a network you trust")]
    Scheme(String),
    /// The URL says more than where the server is.
    #[error("the switchboard's address must not have a {0}; give scheme, host and port only")]
    Surplus(&'static str),
}

impl ServerUrl {
    /// Understands `http(s)://host[:port][/]`.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let text = text.trim();
        let form = || ServerUrlError::Form(text.to_owned());
        if !text.contains("://") {
            return Err(form());
        }
        let url = Url::parse(text).map_err(|_| form())?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            other => return Err(ServerUrlError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ServerUrlError::Surplus("user name or password"));
        }
        if url.path() != "/" {
            return Err(ServerUrlError::Surplus("path"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ServerUrlError::Surplus("query"));
        }
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(form()),
        };
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or_else(form)?;
        Ok(Self { host, port, tls })
    }

    /// What a request names in `Host`.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::{ServerUrl, ServerUrlError};

    #[test]
    fn authority_and_canonical_form() {
        for (text, canonical, authority) in [
            ("https://s.test", "https://s.test", "s.test"),
            ("https://s.test:443/", "https://s.test", "s.test"),
            ("http://localhost:8080", "http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "http://[::1]:8080", "[::1]:8080"),
        ] {
            let url = ServerUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((url.to_string().as_str(), url.authority().as_str()), (canonical, authority));
        }
    }

    #[test]
    fn what_is_not_an_address_is_explained() {
        assert!(matches!(ServerUrl::parse("s.test"), Err(ServerUrlError::Form(_))));
        assert!(matches!(ServerUrl::parse("https://"), Err(ServerUrlError::Form(_))));
        assert!(matches!(ServerUrl::parse("ws://s.test"), Err(ServerUrlError::Scheme(_))));
        assert_eq!(ServerUrl::parse("https://s.test/tunnel"), Err(ServerUrlError::Surplus("path")));
    }
}
