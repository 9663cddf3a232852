use std::fmt;
use std::path::{Path, PathBuf};

use url::{Host, Url};

/// The web server that requests are forwarded to.
///
/// Its `Display` form is canonical: the same server is always written the same way, since the switchboard finds a
/// telephone's tunnel of last time again by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A server reached over TCP.
    Tcp {
        /// Host name or address, without the brackets of an IPv6 address.
        host: String,
        /// Port.
        port: u16,
        /// How it is spoken to.
        scheme: Scheme,
    },
    /// A server that listens on a Unix domain socket, at an absolute path.
    Unix(PathBuf),
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1.
    Http,
    /// TLS, and HTTP/2 or HTTP/1.1, as the server prefers.
    Https,
    /// HTTP/2 without TLS and without asking first (RFC 9113 section 3.3), as servers of gRPC speak it.
    H2c,
}

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is none of the forms that are understood.
    #[error(
        "{0:?} is not a port, host:port or URL; try 3000, localhost:3000, https://localhost:8443, h2c://localhost:50051 or \
         unix:/run/app.sock"
    )]
    Form(String),
    /// The port is not within 1 to 65535.
    #[error("{0:?} is not a port: it must be within 1 and 65535")]
    Port(String),
    /// The URL's scheme is not one that can be forwarded to.
    #[error("{0:?} is not a scheme requests can be forwarded to; use http, https, h2c or unix")]
    Scheme(String),
    /// The URL says more than where the server is.
    #[error("the target must not have a {0}: requests keep their own path; give scheme, host and port only")]
    Surplus(&'static str),
    /// There is no path after `unix:`, or the working directory is not known.
    #[error("unix: needs the path of a socket, for instance unix:/run/app.sock")]
    UnixPath,
}

impl Target {
    /// Understands a port (`3000`), `host:port`, an `http`, `https` or `h2c` URL, or `unix:PATH`.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            return Self::parse_unix(path);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = parse_port(text)?;
            return Ok(Self::Tcp { host: "localhost".to_owned(), port, scheme: Scheme::Http });
        }
        if text.contains("://") {
            return Self::parse_url(text, text);
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !text.contains('/') => {
                parse_port(port)?;
                Self::parse_url(&format!("http://{text}"), text)
            }
            _ => Err(TargetError::Form(text.to_owned())),
        }
    }

    fn parse_unix(path: &str) -> Result<Self, TargetError> {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(TargetError::UnixPath);
        }
        std::path::absolute(Path::new(path)).map(Self::Unix).map_err(|_| TargetError::UnixPath)
    }

    fn parse_url(url: &str, text: &str) -> Result<Self, TargetError> {
        // Of a scheme that the library does not know it would not understand the host.
        let h2c = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("h2c://"));
        let url = if h2c { format!("http{}", &url[3..]) } else { url.to_owned() };
        let url = Url::parse(&url).map_err(|error| match error {
            url::ParseError::InvalidPort => TargetError::Port(text.to_owned()),
            _ => TargetError::Form(text.to_owned()),
        })?;
        let scheme = match url.scheme() {
            "http" if h2c => Scheme::H2c,
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(TargetError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Surplus("user name or password"));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(TargetError::Surplus("path"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(TargetError::Surplus("query"));
        }
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(TargetError::Form(text.to_owned())),
        };
        match url.port_or_known_default() {
            Some(port) if port > 0 => Ok(Self::Tcp { host, port, scheme }),
            _ => Err(TargetError::Port(text.to_owned())),
        }
    }

    /// What a `Host` header for this server says when the request has none (RFC 9112 §3.2).
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Tcp { host, port, scheme } => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                if *port == scheme.default_port() { host } else { format!("{host}:{port}") }
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http | Self::H2c => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
        })
    }
}

fn parse_port(text: &str) -> Result<u16, TargetError> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| TargetError::Port(text.to_owned()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { scheme, .. } => write!(f, "{scheme}://{}", self.authority()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, TargetError};

    #[track_caller]
    fn canonical(text: &str) -> String {
        Target::parse(text).map(|target| target.to_string()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_spelling_of_a_server_has_one_canonical_form() {
        for text in ["3000", "localhost:3000", "http://localhost:3000", "http://LOCALHOST:3000/", " 3000 "] {
            assert_eq!(canonical(text), "http://localhost:3000", "{text}");
        }
        assert_eq!(canonical("https://app.test"), "https://app.test");
        assert_eq!(canonical("https://app.test:443"), "https://app.test");
        assert_eq!(canonical("80"), "http://localhost");
        assert_eq!(canonical("h2c://localhost:50051"), "h2c://localhost:50051");
        assert_eq!(canonical("H2C://GRPC.test/"), "h2c://grpc.test");
        assert_eq!(canonical("h2c://[::1]:50051"), "h2c://[::1]:50051");
        assert_eq!(canonical("[::1]:3000"), "http://[::1]:3000");
        assert_eq!(canonical("unix:/run/app.sock"), "unix:/run/app.sock");
        assert_eq!(canonical("unix:///run/app.sock"), "unix:/run/app.sock");
        assert!(canonical("unix:app.sock").ends_with("/app.sock"));
    }

    #[test]
    fn what_is_not_a_target_is_explained() {
        use TargetError::{Form, Port, Scheme, Surplus, UnixPath};
        let error = |text| Target::parse(text).map(|target| target.to_string()).expect_err(text);
        assert!(matches!(error(""), Form(_)));
        assert!(matches!(error("localhost"), Form(_)));
        assert!(matches!(error("0"), Port(_)));
        assert!(matches!(error("65536"), Port(_)));
        assert!(matches!(error("localhost:http"), Port(_)));
        assert!(matches!(error("http://localhost:99999"), Port(_)));
        assert!(matches!(error("ftp://localhost"), Scheme(_)));
        assert_eq!(error("http://localhost/api"), Surplus("path"));
        assert_eq!(error("http://localhost?x"), Surplus("query"));
        assert_eq!(error("h2c://localhost:50051/pkg.Service"), Surplus("path"));
        assert_eq!(error("http://u:p@localhost"), Surplus("user name or password"));
        assert_eq!(error("unix:"), UnixPath);
    }
}
