//! Where a backend is.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv6Addr};
use std::{fmt, str::FromStr};

use crate::{Hostname, schema::written_as, text::as_text};

/// The longest address, bytes.
const MAX_LENGTH: usize = 300;
/// The longest path of a Unix socket that Linux can bind, bytes.
const MAX_SOCKET_PATH: usize = 107;

/// The address of a backend. Its text is canonical: `host:port` for HTTP/1.1, `https://host` or `https://host:port`,
/// `h2c://host:port` for HTTP/2 without TLS, `unix:/absolute/path` for HTTP/1.1 over a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BackendAddress {
    /// A server reached over TCP.
    Tcp {
        /// What it speaks.
        scheme: BackendScheme,
        /// Its name or IP address.
        host: BackendHost,
        /// Its port, not 0.
        port: u16,
    },
    /// A server on the switchboard's own machine that listens at this absolute path.
    Unix(String),
}

/// What a backend that is reached over TCP speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackendScheme {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 or HTTP/1.1 over TLS, whichever the server prefers.
    Https,
    /// HTTP/2 without TLS, known beforehand (RFC 9113 section 3.3).
    H2c,
}

/// The machine of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BackendHost {
    /// To be looked up.
    Name(Hostname),
    /// An address, written without brackets and as IPv4 where it is one.
    Ip(IpAddr),
}

/// Why a text is not a backend's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendAddressError {
    /// Nothing was given.
    #[error("enter an address such as 10.0.0.5:3000, https://app.example.com, h2c://grpc:50051 or unix:/run/app.sock")]
    Empty,
    /// Longer than 300 bytes.
    #[error("an address has at most {MAX_LENGTH} characters")]
    TooLong,
    /// It has a scheme that backends are not reached by.
    #[error("{0:?} is not a scheme of backends; use http, https, h2c or unix")]
    Scheme(String),
    /// The host is neither a name nor an IP address.
    #[error("{0:?} is not a host; give a name such as app.example.com, or an IP address (IPv6 in brackets)")]
    Host(String),
    /// There is no port, and the scheme has none of its own.
    #[error("add the port, as in {0}:3000")]
    NoPort(String),
    /// The port is not within 1 to 65535.
    #[error("{0:?} is not a port; it must be within 1 and 65535")]
    Port(String),
    /// A user name or password stands before the host.
    #[error("leave out the user name and password; let the application check who asks")]
    UserInfo,
    /// A path follows the host.
    #[error(
        "leave out the path: requests keep their own; give only scheme, host and port, and let a route strip or add prefixes"
    )]
    Path,
    /// A query or fragment follows.
    #[error("leave out what begins with ? or #: requests keep their own query; give only scheme, host and port")]
    Query,
    /// What follows `unix:` is not the path of a socket.
    #[error(
        "unix: needs the absolute path of a socket, at most {MAX_SOCKET_PATH} bytes, for instance unix:/run/app.sock"
    )]
    UnixPath,
}

use BackendAddressError as Error;

impl BackendAddress {
    /// What a `Host` field for this server says when a request has none (RFC 9112 section 3.2): the port is left out
    /// where it is the scheme's own.
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp { scheme, host, port } if scheme.default_port() == *port => host.to_string(),
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Whether it is reached with TLS.
    pub fn is_secure(&self) -> bool {
        matches!(self, Self::Tcp { scheme: BackendScheme::Https, .. })
    }

    fn parse_unix(path: &str) -> Result<Self, Error> {
        let path = path.strip_prefix("//").unwrap_or(path);
        let valid = path.starts_with('/') && !path.ends_with('/') && path.len() <= MAX_SOCKET_PATH;
        let valid = valid && !path.contains("//") && !path.chars().any(char::is_control);
        let climbs = path.split('/').any(|segment| matches!(segment, "." | ".."));
        if valid && !climbs { Ok(Self::Unix(path.to_owned())) } else { Err(Error::UnixPath) }
    }
}

impl BackendScheme {
    fn default_port(self) -> u16 {
        if self == Self::Https { 443 } else { 80 }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            "h2c" => Some(Self::H2c),
            _ => None,
        }
    }
}

impl FromStr for BackendHost {
    type Err = BackendAddressError;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || Error::Host(text.to_owned());
        if let Some(inside) = text.strip_prefix('[') {
            let inside = inside.strip_suffix(']').ok_or_else(malformed)?;
            let address: Ipv6Addr = inside.parse().map_err(|_| malformed())?;
            return Ok(Self::Ip(address.to_canonical()));
        }
        match text.parse() {
            Ok(address @ IpAddr::V4(_)) => Ok(Self::Ip(address)),
            Ok(IpAddr::V6(_)) => Err(malformed()),
            Err(_) => text.parse().map(Self::Name).map_err(|_| malformed()),
        }
    }
}

impl FromStr for BackendAddress {
    type Err = BackendAddressError;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(Error::TooLong);
        }
        if let Some(path) = strip_scheme(text, "unix:") {
            return Self::parse_unix(path);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((name, rest)) => {
                let name = name.to_ascii_lowercase();
                (Some(BackendScheme::parse(&name).ok_or(Error::Scheme(name))?), rest)
            }
            None => (None, text),
        };
        if rest.contains(['?', '#']) {
            return Err(Error::Query);
        }
        // A lone slash is how browsers write an address.
        let authority = rest.strip_suffix('/').filter(|_| scheme.is_some()).unwrap_or(rest);
        if authority.contains('/') {
            return Err(Error::Path);
        }
        if authority.contains('@') {
            return Err(Error::UserInfo);
        }
        let (host, port) = split_port(authority);
        let host: BackendHost = host.parse()?;
        let port = match (port, scheme) {
            (Some(port), _) => parse_port(port)?,
            (None, Some(scheme @ (BackendScheme::Http | BackendScheme::Https))) => scheme.default_port(),
            (None, _) => return Err(Error::NoPort(host.to_string())),
        };
        Ok(Self::Tcp { scheme: scheme.unwrap_or(BackendScheme::Http), host, port })
    }
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Host and port; a colon within the brackets of an IPv6 address separates nothing.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let outside = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[outside..].rfind(':') {
        Some(colon) => (&authority[..outside + colon], Some(&authority[outside + colon + 1..])),
        None => (authority, None),
    }
}

/// Digits only: `u16` would also take a plus sign.
fn parse_port(text: &str) -> Result<u16, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or_else(|| Error::Port(text.to_owned()))
}

impl fmt::Display for BackendHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for BackendAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { scheme: BackendScheme::Http, host, port } => write!(f, "{host}:{port}"),
            Self::Tcp { scheme: BackendScheme::H2c, host, port } => write!(f, "h2c://{host}:{port}"),
            Self::Tcp { scheme: BackendScheme::Https, .. } => write!(f, "https://{}", self.authority()),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

as_text!(BackendAddress, BackendAddressError);

written_as!(
    BackendAddress,
    String,
    "Where a backend is: `host:port`, `http://host`, `https://host`, `h2c://host` or `unix:/path`."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn canonical(text: &str) -> String {
        text.parse::<BackendAddress>().map_or_else(|error| panic!("{text}: {error}"), String::from)
    }

    #[test]
    fn every_spelling_of_a_backend_has_one_canonical_form() {
        for text in ["app:3000", "http://app:3000", "HTTP://APP:3000/", " app:3000 "] {
            assert_eq!(canonical(text), "app:3000", "{text}");
        }
        assert_eq!(canonical("http://app"), "app:80");
        assert_eq!(canonical("10.0.0.5:3000"), "10.0.0.5:3000");
        assert_eq!(canonical("[::1]:3000"), "[::1]:3000");
        assert_eq!(canonical("[0:0::1]:3000"), "[::1]:3000");
        assert_eq!(canonical("[::ffff:10.0.0.5]:3000"), "10.0.0.5:3000");
        assert_eq!(canonical("https://app.test"), "https://app.test");
        assert_eq!(canonical("https://app.test:443/"), "https://app.test");
        assert_eq!(canonical("https://app.test:8443"), "https://app.test:8443");
        assert_eq!(canonical("https://bücher.example"), "https://xn--bcher-kva.example");
        assert_eq!(canonical("h2c://grpc:50051"), "h2c://grpc:50051");
        assert_eq!(canonical("unix:/run/app.sock"), "unix:/run/app.sock");
        assert_eq!(canonical("UNIX:///run/app.sock"), "unix:/run/app.sock");
    }

    #[test]
    fn what_is_no_address_is_explained() {
        for (text, error) in [
            ("", Error::Empty),
            ("app", Error::NoPort("app".into())),
            ("3000", Error::Host("3000".into())),
            ("h2c://grpc", Error::NoPort("grpc".into())),
            ("app:0", Error::Port("0".into())),
            ("app:", Error::Port(String::new())),
            ("app:+1", Error::Port("+1".into())),
            ("app:65536", Error::Port("65536".into())),
            (":3000", Error::Host(String::new())),
            ("::1:3000", Error::Host("::1".into())),
            ("[::1:3000", Error::Host("[::1".into())),
            ("[::1]x:3000", Error::Host("[::1]x".into())),
            ("1.2.3:80", Error::Host("1.2.3".into())),
            ("ftp://app:21", Error::Scheme("ftp".into())),
            ("http://u:p@app", Error::UserInfo),
            ("http://app/api", Error::Path),
            ("app:3000/", Error::Path),
            ("http://app?x", Error::Query),
            ("http://app/#x", Error::Query),
            ("unix:", Error::UnixPath),
            ("unix:app.sock", Error::UnixPath),
            ("unix:/run/../app.sock", Error::UnixPath),
            ("unix:/run//app.sock", Error::UnixPath),
        ] {
            assert_eq!(text.parse::<BackendAddress>(), Err(error), "{text:?}");
        }
        assert_eq!(format!("{}:1", "a".repeat(300)).parse::<BackendAddress>(), Err(Error::TooLong));
        assert_eq!(format!("unix:/{}", "a".repeat(107)).parse::<BackendAddress>(), Err(Error::UnixPath));
    }

    proptest::proptest! {
        #[test]
        fn an_address_is_read_as_it_is_written(
            scheme in "(http://|https://|h2c://|unix:|)", host in "[a-z0-9.:\\[\\]/@-]{1,30}", port in "(:[0-9]{1,5}|)"
        ) {
            if let Ok(address) = format!("{scheme}{host}{port}").parse::<BackendAddress>() {
                let text = address.to_string();
                proptest::prop_assert!(text.len() <= MAX_LENGTH);
                proptest::prop_assert_eq!(text.parse::<BackendAddress>(), Ok(address));
            }
        }
    }
}
