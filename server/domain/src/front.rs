//! What stands in front of a tunnel, a domain or a route: who may come in, and with how much.

use crate::{
    Email, Timestamp, UserId,
    rate::{LONGEST_RATE, MOST_REQUESTS},
    schema::written_as,
    text::{as_text, text_type},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
    str::FromStr,
};

/// How many networks a list may have.
const MOST_NETWORKS: usize = 1_000;
/// The longest text of a maintenance page, characters.
const LONGEST_MESSAGE: usize = 2_000;
/// The longest time after which somebody is asked to come back: 30 days, in seconds.
const LONGEST_WAIT: u32 = 30 * 24 * 60 * 60;
/// The largest limit of a body: 16 TiB, in bytes.
const LARGEST_BODY: u64 = 16 << 40;
/// What header fields may be limited to, bytes. No client makes do with less than the least; no server of ours takes more
/// than the most.
const HEADER_LIMITS: RangeInclusive<u32> = 256..=32 * 1024;
/// How many accounts a front may list.
const MOST_ACCOUNTS: usize = 100;
/// How many names with passwords there may be.
const MOST_USERS: usize = 20;
/// How many bytes a second a limit may be.
const BANDWIDTHS: RangeInclusive<u64> = 16_384..=1_000_000_000_000;
/// How many links.
pub const MOST_LINKS: usize = 20;
/// How many limits of rates.
const MOST_RATES: usize = 4;
/// How many pages of one's own, and how large each may be, bytes.
const MOST_PAGES: (usize, usize) = (8, 16 * 1024);

/// A network, or one address, in CIDR notation (RFC 4632). Its text has no bits set beyond its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network; write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32")]
pub struct NetworkError(String);

written_as!(Network, String, "A network, or one address, in CIDR notation, such as `192.0.2.0/24`.");

impl Network {
    /// The first and the last of its addresses, as IPv6 has them: those of IPv4 are mapped (RFC 4291 section 2.5.5.2).
    pub fn bounds(self) -> (Ipv6Addr, Ipv6Addr) {
        (in_ipv6(self.0.network()), in_ipv6(self.0.broadcast()))
    }

    /// Whether the address is one of its own, in whichever of the two forms.
    pub fn contains(self, address: IpAddr) -> bool {
        let (first, last) = self.bounds();
        (first..=last).contains(&in_ipv6(address))
    }

    /// Whether all addresses of `other` are its own.
    pub fn covers(self, other: Self) -> bool {
        let ((first, last), (least, most)) = (self.bounds(), other.bounds());
        first <= least && most <= last
    }
}

/// The address as IPv6 has it.
pub fn in_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let text = text.trim();
        let one = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let network = text.parse::<IpNet>().or_else(|_| one());
        let network = network.map_err(|_| NetworkError(text.chars().take(60).collect()))?.trunc();
        // What is written in the form that maps IPv4 is IPv4.
        match network {
            IpNet::V6(mapped) if mapped.prefix_len() >= 96 && mapped.addr().to_ipv4_mapped().is_some() => {
                let address = mapped.addr().to_canonical();
                IpNet::new(address, mapped.prefix_len() - 96).map(Self).map_err(|_| NetworkError(text.to_owned()))
            }
            network => Ok(Self(network)),
        }
    }
}

as_text!(Network, NetworkError);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// What visitors are told while nobody is let in: 1 to 2,000 characters, line breaks among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Message(String);

/// The text is too long, or has characters that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message has 1 to {LONGEST_MESSAGE} characters, and no control characters but line breaks")]
pub struct MessageError;

text_type!(Message, MessageError);

impl FromStr for Message {
    type Err = MessageError;

    fn from_str(text: &str) -> Result<Self, MessageError> {
        let text = text.trim().replace("\r\n", "\n");
        let count = text.chars().count();
        let plain = text.chars().all(|c| c == '\n' || !c.is_control());
        if (1..=LONGEST_MESSAGE).contains(&count) && plain { Ok(Self(text)) } else { Err(MessageError) }
    }
}

/// Nobody is let in: everybody gets 503.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Maintenance {
    /// What visitors are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// After how many seconds it is worth coming back, up to 30 days; 0 or nothing: unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// What a browser shows when it asks for the password: 1 to 100 visible ASCII characters and spaces, but quotes and
/// backslashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Realm(String);

/// The text cannot be shown there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a realm has 1 to 100 ASCII characters, without quotes and backslashes")]
pub struct RealmError;

text_type!(Realm, RealmError);

impl FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let text = text.trim();
        let plain = text.bytes().all(|b| (b == b' ' || b.is_ascii_graphic()) && b != b'"' && b != b'\\');
        if (1..=100).contains(&text.len()) && plain { Ok(Self(text.to_owned())) } else { Err(RealmError) }
    }
}

/// The name of somebody who is let in: 1 to 64 characters, no colon among them (RFC 7617 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct BasicName(String);

/// The text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters, without colons and control characters")]
pub struct BasicNameError;

text_type!(BasicName, BasicNameError);

impl FromStr for BasicName {
    type Err = BasicNameError;

    fn from_str(text: &str) -> Result<Self, BasicNameError> {
        let text = text.trim();
        let plain = !text.chars().any(|c| c == ':' || c.is_control());
        if (1..=64).contains(&text.chars().count()) && plain { Ok(Self(text.to_owned())) } else { Err(BasicNameError) }
    }
}

/// Somebody's password, 8 to 128 characters; where it is stored, its hash. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct BasicPassword(String);

/// The text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 8 to 128 characters, and no control characters")]
pub struct BasicPasswordError;

impl BasicPassword {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for BasicPassword {
    type Err = BasicPasswordError;

    fn from_str(text: &str) -> Result<Self, BasicPasswordError> {
        let good = (8..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if good { Ok(Self(text.to_owned())) } else { Err(BasicPasswordError) }
    }
}

impl TryFrom<String> for BasicPassword {
    type Error = BasicPasswordError;

    fn try_from(text: String) -> Result<Self, BasicPasswordError> {
        text.parse()
    }
}

impl From<BasicPassword> for String {
    fn from(password: BasicPassword) -> Self {
        password.0
    }
}

impl fmt::Debug for BasicPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicPassword(…)")
    }
}

/// Who is let in with a password (RFC 7617).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    /// What browsers show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<Realm>,
    /// Who, 1 to 20.
    pub users: Vec<BasicUser>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicUser {
    /// The name.
    pub name: BasicName,
    /// The password. Never shown: where it is missing, the one of before stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<BasicPassword>,
}

/// A link that lets whoever has it in, where otherwise a password is asked for, until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShareLink {
    /// What its owner calls it.
    pub name: BasicName,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The SHA-256 of its secret. Never shown: where it is missing, the link of before stays; if there is none, it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<LinkHash>,
}

/// What is asked for when a link is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewShareLink {
    /// What its owner calls it.
    pub name: BasicName,
    /// How long it is good, seconds, from 60 to 7,776,000, which is 90 days.
    pub expires_in: u32,
}

/// SHA-256 in 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct LinkHash(String);

/// The text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 64 hexadecimal digits, in lower case")]
pub struct LinkHashError;

text_type!(LinkHash, LinkHashError);

impl FromStr for LinkHash {
    type Err = LinkHashError;

    fn from_str(text: &str) -> Result<Self, LinkHashError> {
        let good = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if good { Ok(Self(text.to_owned())) } else { Err(LinkHashError) }
    }
}

impl fmt::Debug for LinkHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkHash(…)")
    }
}

/// So many requests in so much time. As text: `100/60 client burst 20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many, 1 to 1,000,000.
    pub requests: u32,
    /// In how many seconds, 1 to 86,400. They come back one by one, not all at its end.
    pub seconds: u32,
    /// How many at once after a quiet time; `requests` when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Of whom.
    #[serde(default)]
    pub per: RatePer,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RatePer {
    /// Those of one client: of an IPv4 address, or of an IPv6 network of 64 bits.
    #[default]
    Client,
    /// All.
    All,
}

impl RatePer {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::All => "all",
        }
    }
}

/// The text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no limit; write requests/seconds, and whose: 100/60 client, or 1000/1 all burst 2000")]
pub struct RateLimitError(String);

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let wrong = || RateLimitError(text.chars().take(60).collect());
        let mut words = text.split_whitespace();
        let (requests, seconds) = words.next().and_then(|first| first.split_once('/')).ok_or_else(wrong)?;
        let number = |text: &str| text.trim_end_matches('s').parse().map_err(|_| wrong());
        let mut limit =
            Self { requests: number(requests)?, seconds: number(seconds)?, burst: None, per: RatePer::default() };
        while let Some(word) = words.next() {
            match word {
                "client" => limit.per = RatePer::Client,
                "all" => limit.per = RatePer::All,
                "burst" => limit.burst = Some(number(words.next().ok_or_else(wrong)?)?),
                _ => return Err(wrong()),
            }
        }
        Ok(limit)
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.requests, self.seconds, self.per.as_str())?;
        self.burst.map_or(Ok(()), |burst| write!(f, " burst {burst}"))
    }
}

/// So many bytes a second of bodies, and of what goes over a connection that was switched to another protocol. As text:
/// `1000000 down client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// How many, 16,384 to 1,000,000,000,000.
    pub bytes_per_second: u64,
    /// Which way.
    pub direction: Direction,
    /// Whose.
    #[serde(default)]
    pub per: RatePer,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = BandwidthDirection))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From clients.
    Up,
    /// To clients.
    Down,
}

impl Direction {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// The text is no bandwidth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no bandwidth; write bytes a second, which way, and whose: 1000000 down client, or 500000 up all")]
pub struct BandwidthError(String);

impl FromStr for Bandwidth {
    type Err = BandwidthError;

    fn from_str(text: &str) -> Result<Self, BandwidthError> {
        let wrong = || BandwidthError(text.chars().take(60).collect());
        let mut words = text.split_whitespace();
        let bytes_per_second = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        let direction = match words.next() {
            Some("up") => Direction::Up,
            Some("down") => Direction::Down,
            _ => return Err(wrong()),
        };
        let per = match (words.next(), words.next()) {
            (None | Some("client"), None) => RatePer::Client,
            (Some("all"), None) => RatePer::All,
            _ => return Err(wrong()),
        };
        Ok(Self { bytes_per_second, direction, per })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.bytes_per_second, self.direction.as_str(), self.per.as_str())
    }
}

/// Who is let in of those who have an account. The owner of what it stands in front of always is, and so are
/// administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FrontSignIn {
    /// Whether it is anybody.
    pub who: LetIn,
    /// The addresses of those who are, 1 to 100 where `who` is `listed`. They have accounts when they are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Email>,
    /// Their accounts, as they were found when they were listed: whoever takes their address later is somebody else. Shown to
    /// nobody, and what is sent of it is ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub ids: Vec<UserId>,
}

impl FrontSignIn {
    /// Whether it lets this account in that is neither the owner's nor an administrator's.
    pub fn lets_in(&self, user: UserId) -> bool {
        self.who == LetIn::Anybody || self.ids.contains(&user)
    }
}

/// Which accounts are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LetIn {
    /// All.
    Anybody,
    /// Those that are listed.
    Listed,
}

/// For which answers a page is: one status from 400 to 599, or `4xx` or `5xx` for all of them that have none of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PageFor {
    /// One.
    Status(u16),
    /// 4 or 5 hundreds.
    Class(u16),
}

written_as!(PageFor, String, "A status from 400 to 599, or `4xx` or `5xx`.");

/// The text names no answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no errors; use a status from 400 to 599, or 4xx, or 5xx")]
pub struct PageForError(String);

impl FromStr for PageFor {
    type Err = PageForError;

    fn from_str(text: &str) -> Result<Self, PageForError> {
        match text {
            "4xx" => Ok(Self::Class(4)),
            "5xx" => Ok(Self::Class(5)),
            _ => match text.parse() {
                Ok(status @ 400..=599) => Ok(Self::Status(status)),
                _ => Err(PageForError(text.chars().take(20).collect())),
            },
        }
    }
}

as_text!(PageFor, PageForError);

impl fmt::Display for PageFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Class(hundreds) => write!(f, "{hundreds}xx"),
        }
    }
}

/// What stands in front of one tunnel, domain or route. A domain's holds for its routes too, and a tunnel's however a
/// request comes to it; where there are several, a request has to pass each of them. By default everything passes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Front {
    /// Only clients of these networks are let in; none: of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Network>,
    /// Clients of these networks are not, whatever is allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Network>,
    /// Nobody is, for the time being.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// The most that the header fields of a request may have together, bytes, as HTTP/1.1 writes them: from 256 to 32,768,
    /// which is what the server takes where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_limit: Option<u32>,
    /// The most that the body of a request may have, bytes; nothing: the server's setting `body_limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<u64>,
    /// How many requests may come, at most 4 limits; each has to be kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate_limits: Vec<RateLimit>,
    /// How fast bodies pass, at most 4 limits; each has to be kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bandwidth: Vec<Bandwidth>,
    /// How many may be under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// Only who knows a password is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// Only who is signed in to the dashboard is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<FrontSignIn>,
    /// Links that let in without a password or signing in, at most 20. They are made one by one, with a secret that is shown once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub share_links: Vec<ShareLink>,
    /// Pages for browsers in place of the server's own, as HTML, at most 8 of 16 KiB each: `{status}`, `{code}`, `{message}`
    /// and `{request_id}` stand for what the server would say. Answers of backends stay as they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub error_pages: BTreeMap<PageFor, String>,
}

/// What is wrong with a [`Front`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FrontError {
    /// The field, as in JSON.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Front {
    /// Whether everything passes.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Looks whether it can be as it is.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), FrontError> {
        let wrong = |field, message: String| Err(FrontError { field, message });
        for (field, networks) in [("allow", &self.allow), ("deny", &self.deny)] {
            if networks.len() > MOST_NETWORKS {
                return wrong(field, format!("a list has at most {MOST_NETWORKS} networks"));
            }
        }
        let wait = self.maintenance.as_ref().and_then(|maintenance| maintenance.retry_after_seconds);
        if wait.is_some_and(|seconds| seconds > LONGEST_WAIT) {
            return wrong("maintenance", format!("retry_after_seconds is at most {LONGEST_WAIT}, which is 30 days"));
        }
        if self.header_limit.is_some_and(|bytes| !HEADER_LIMITS.contains(&bytes)) {
            let (least, most) = (HEADER_LIMITS.start(), HEADER_LIMITS.end());
            return wrong("header_limit", format!("a limit of header fields is from {least} to {most} bytes"));
        }
        if self.body_limit.is_some_and(|bytes| bytes > LARGEST_BODY) {
            return wrong("body_limit", format!("a limit of bodies is at most {LARGEST_BODY} bytes"));
        }
        self.check_rates()?;
        self.check_users()?;
        self.check_sign_in()?;
        let mut names = HashSet::new();
        if self.share_links.len() > MOST_LINKS || !self.share_links.iter().all(|link| names.insert(&link.name)) {
            return wrong("share_links", format!("there are at most {MOST_LINKS} links, each with a name of its own"));
        }
        let (most, largest) = MOST_PAGES;
        if self.error_pages.len() > most || self.error_pages.values().any(|page| page.len() > largest) {
            return wrong("error_pages", format!("there are at most {most} pages of {largest} bytes each"));
        }
        Ok(())
    }

    fn check_rates(&self) -> Result<(), FrontError> {
        let wrong = |field, message: String| Err(FrontError { field, message });
        if self.rate_limits.len() > MOST_RATES {
            return wrong("rate_limits", format!("there are at most {MOST_RATES} limits"));
        }
        let amount = 1..=MOST_REQUESTS;
        for limit in &self.rate_limits {
            let burst = limit.burst.is_none_or(|burst| amount.contains(&burst));
            if !amount.contains(&limit.requests) || !(1..=LONGEST_RATE).contains(&limit.seconds) || !burst {
                let message =
                    format!("a limit has 1 to {MOST_REQUESTS} requests and burst, and 1 to {LONGEST_RATE} seconds");
                return wrong("rate_limits", message);
            }
        }
        if self.bandwidth.len() > MOST_RATES {
            return wrong("bandwidth", format!("there are at most {MOST_RATES} limits"));
        }
        if self.bandwidth.iter().any(|limit| !BANDWIDTHS.contains(&limit.bytes_per_second)) {
            let message = format!("a bandwidth is from {} to {} bytes a second", BANDWIDTHS.start(), BANDWIDTHS.end());
            return wrong("bandwidth", message);
        }
        if self.max_in_flight.is_some_and(|most| !amount.contains(&most)) {
            return wrong("max_in_flight", format!("max_in_flight is a number from 1 to {MOST_REQUESTS}"));
        }
        Ok(())
    }

    fn check_users(&self) -> Result<(), FrontError> {
        let Some(auth) = &self.basic_auth else { return Ok(()) };
        let wrong = |message: String| Err(FrontError { field: "basic_auth", message });
        if !(1..=MOST_USERS).contains(&auth.users.len()) {
            return wrong(format!("1 to {MOST_USERS} users have a password each"));
        }
        let mut names = HashSet::new();
        match auth.users.iter().find(|user| !names.insert(&user.name)) {
            Some(twice) => wrong(format!("{} is there twice", twice.name)),
            None => Ok(()),
        }
    }

    fn check_sign_in(&self) -> Result<(), FrontError> {
        let Some(FrontSignIn { who, accounts, .. }) = &self.sign_in else { return Ok(()) };
        let wrong = |message: String| Err(FrontError { field: "sign_in", message });
        let mut known = HashSet::new();
        match who {
            LetIn::Anybody if !accounts.is_empty() => {
                wrong("who is let in: anybody, or those accounts; choose listed to let in these alone".to_owned())
            }
            LetIn::Listed if !(1..=MOST_ACCOUNTS).contains(&accounts.len()) => {
                wrong(format!("list 1 to {MOST_ACCOUNTS} accounts"))
            }
            _ => match accounts.iter().find(|account| !known.insert(*account)) {
                Some(twice) => wrong(format!("{twice} is there twice")),
                None => Ok(()),
            },
        }
    }

    /// The same without passwords and what tells links apart: as it is shown, exported and kept in the history.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.basic_auth.iter_mut().flat_map(|auth| &mut auth.users).for_each(|user| user.password = None);
        self.share_links.iter_mut().for_each(|link| link.secret = None);
        self.sign_in.iter_mut().for_each(|sign_in| sign_in.ids.clear());
        self
    }

    /// The page for an error with this status.
    pub fn page(&self, status: u16) -> Option<&str> {
        let own = self.error_pages.get(&PageFor::Status(status));
        own.or_else(|| self.error_pages.get(&PageFor::Class(status / 100))).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn networks_have_one_spelling() {
        for (text, shown) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            (" 192.0.2.7 ", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::1/32", "2001:db8::/32"),
            ("::1", "::1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown, "{text}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0", "example.com", "::1/129", "10.0.0.1/-1", "0x0a.0.0.1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        let (first, last) = "10.0.0.0/8".parse::<Network>().unwrap().bounds();
        assert_eq!(
            (first.to_string().as_str(), last.to_string().as_str()),
            ("::ffff:10.0.0.0", "::ffff:10.255.255.255")
        );
    }

    #[test]
    fn nothing_is_open_and_the_json_is_flat() {
        let front: Front = serde_json::from_str(
            r#"{"allow":["10.0.0.0/8"],"maintenance":{"message":"Back\r\nsoon"},"body_limit":1000}"#,
        )
        .unwrap();
        assert!(front.check().is_ok() && !front.is_open());
        assert_eq!(front.maintenance.as_ref().unwrap().message.as_ref().unwrap().as_str(), "Back\nsoon");
        assert_eq!(serde_json::to_string(&Front::default()).unwrap(), "{}");
        assert!(serde_json::from_str::<Front>("{}").unwrap().is_open());
        assert!(serde_json::from_str::<Front>(r#"{"allowed":[]}"#).is_err());
        assert!(serde_json::from_str::<Front>(r#"{"maintenance":{"message":""}}"#).is_err());
        let far = Maintenance { retry_after_seconds: Some(LONGEST_WAIT + 1), message: None };
        assert_eq!(Front { maintenance: Some(far), ..Front::default() }.check().unwrap_err().field, "maintenance");
    }

    #[test]
    fn limits_are_written_and_read_alike() {
        for (text, shown) in [
            ("100/60", "100/60 client"),
            ("100/60s client", "100/60 client"),
            (" 1000/1  all burst 2000 ", "1000/1 all burst 2000"),
        ] {
            assert_eq!(text.parse::<RateLimit>().unwrap().to_string(), shown);
        }
        for wrong in ["", "100", "100/", "/60", "100/60 everybody", "100/60 burst", "a/b", "1/-1"] {
            assert!(wrong.parse::<RateLimit>().is_err(), "{wrong}");
        }
        let none = Front { rate_limits: vec!["0/1".parse().unwrap()], ..Front::default() };
        assert_eq!(none.check().unwrap_err().field, "rate_limits");
    }

    #[test]
    fn bandwidths_are_written_and_read_alike() {
        for (text, shown) in [(" 1000000 down ", "1000000 down client"), ("500000  up all", "500000 up all")] {
            assert_eq!(text.parse::<Bandwidth>().unwrap().to_string(), shown);
        }
        for wrong in ["", "1000000", "down", "1000000 sideways", "1000000 up everybody", "1000000 up all all", "-1 up"]
        {
            assert!(wrong.parse::<Bandwidth>().is_err(), "{wrong}");
        }
        let slow = Front { bandwidth: vec!["1000 down".parse().unwrap()], ..Front::default() };
        assert_eq!(slow.check().unwrap_err().field, "bandwidth");
    }

    #[test]
    fn passwords_are_shown_to_nobody() {
        let front: Front = serde_json::from_str(
            r#"{"basic_auth":{"realm":"Staff","users":[{"name":"ada","password":"correct horse"},{"name":"bob"}]}}"#,
        )
        .unwrap();
        assert!(!format!("{front:?}").contains("horse"));
        let shown = serde_json::to_string(&front.clone().masked()).unwrap();
        assert_eq!(shown, r#"{"basic_auth":{"realm":"Staff","users":[{"name":"ada"},{"name":"bob"}]}}"#);
        let mut twice = front;
        twice.basic_auth.as_mut().unwrap().users[1].name = "ada".parse().unwrap();
        assert_eq!(twice.check().unwrap_err().field, "basic_auth");
        assert!(serde_json::from_str::<Front>(r#"{"basic_auth":{"users":[{"name":"a:b"}]}}"#).is_err());
        assert!(
            serde_json::from_str::<Front>(r#"{"basic_auth":{"users":[{"name":"a","password":"short"}]}}"#).is_err()
        );
    }

    #[test]
    fn the_nearest_page_is_taken() {
        let front: Front = serde_json::from_str(r#"{"error_pages":{"5xx":"all","503":"one"}}"#).unwrap();
        assert_eq!((front.page(503), front.page(502), front.page(404)), (Some("one"), Some("all"), None));
        assert!(serde_json::from_str::<Front>(r#"{"error_pages":{"200":"x"}}"#).is_err());
        let large =
            Front { error_pages: BTreeMap::from([(PageFor::Class(5), "x".repeat(16_385))]), ..Front::default() };
        assert_eq!(large.check().unwrap_err().field, "error_pages");
    }
}
