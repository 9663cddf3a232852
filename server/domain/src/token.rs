//! Tunnel tokens: what a telephone signs in with.

use crate::schema::written_as;
use crate::{HostPattern, MountPath, Network, RequestRate, Subdomain, Tag, Timestamp, TokenId, text::text_type};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, str::FromStr};

/// What a token allows. A list that is missing allows everything, one that is empty nothing.
///
/// Who may serve some subdomains only may announce no host, unless it is listed: a token given away for one tunnel must
/// not take the requests of others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct TokenScope {
    /// Only tunnels with these subdomains, at least one, at most 50; `None`: any of the owner's, and new ones.
    pub subdomains: Option<Vec<Subdomain>>,
    /// The hosts for which services may be announced, at most 50.
    pub hosts: Option<Vec<HostPattern>>,
    /// The paths under which they may be, at most 50.
    pub paths: Option<Vec<MountPath>>,
    /// The tags that they may carry, at most 50.
    pub tags: Option<Vec<Tag>>,
    /// The networks that telephones may come from, at least one, at most 50.
    pub networks: Option<Vec<Network>>,
    /// How many telephones may be connected to a node at once, at least one.
    pub max_sessions: Option<u32>,
    /// How many requests a node gives to all of them together; a short-lived token has that of its token.
    pub rate_limit: Option<RequestRate>,
}

/// A scope as JSON: what it is called first says whether there is a list of subdomains.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct Written {
    /// Whether subdomains are listed.
    r#type: Kind,
    /// Only tunnels with these subdomains, at least one, at most 50; `None`: any of the owner's, and new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subdomains: Option<Vec<Subdomain>>,
    /// The hosts for which services may be announced, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosts: Option<Vec<HostPattern>>,
    /// The paths under which they may be, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<MountPath>>,
    /// The tags that they may carry, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Tag>>,
    /// The networks that telephones may come from, at least one, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<Network>>,
    /// How many telephones may be connected to a node at once, at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_sessions: Option<u32>,
    /// How many requests a node gives to all of them together; a short-lived token has that of its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate_limit: Option<RequestRate>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema), schema(as = TokenScopeKind))]
#[serde(rename_all = "snake_case")]
enum Kind {
    AllTunnels,
    Subdomains,
}

/// A scope whose type does not fit what it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope of type subdomains lists them, and one of type all_tunnels does not")]
pub struct TokenScopeError;

impl TryFrom<Written> for TokenScope {
    type Error = TokenScopeError;

    fn try_from(written: Written) -> Result<Self, TokenScopeError> {
        let Written { r#type, subdomains, hosts, paths, tags, networks, max_sessions, rate_limit } = written;
        if (r#type == Kind::Subdomains) != subdomains.is_some() {
            return Err(TokenScopeError);
        }
        Ok(Self { subdomains, hosts, paths, tags, networks, max_sessions, rate_limit })
    }
}

impl From<TokenScope> for Written {
    fn from(scope: TokenScope) -> Self {
        let TokenScope { subdomains, hosts, paths, tags, networks, max_sessions, rate_limit } = scope;
        let r#type = if subdomains.is_some() { Kind::Subdomains } else { Kind::AllTunnels };
        Self { r#type, subdomains, hosts, paths, tags, networks, max_sessions, rate_limit }
    }
}

impl TokenScope {
    /// Only tunnels with these subdomains.
    pub fn only(subdomains: Vec<Subdomain>) -> Self {
        Self { subdomains: Some(subdomains), ..Self::default() }
    }

    /// Whether a telephone with this token may serve `subdomain`.
    pub fn allows(&self, subdomain: &Subdomain) -> bool {
        self.subdomains.as_ref().is_none_or(|subdomains| subdomains.contains(subdomain))
    }

    /// Whether it may announce a service for this host; `None`: for any host.
    pub fn allows_host(&self, host: Option<&HostPattern>) -> bool {
        match &self.hosts {
            Some(hosts) => host.is_some_and(|host| hosts.iter().any(|allowed| allowed.covers(host))),
            None => self.subdomains.is_none(),
        }
    }

    /// Whether it may announce a service for this mount; `None`: for all of a host.
    pub fn allows_path(&self, mount: Option<&MountPath>) -> bool {
        let path = mount.map_or("/", MountPath::as_str);
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(|allowed| allowed.covers(path)))
    }

    /// Whether a service that it announces may carry this tag; `None`: none.
    pub fn allows_tag(&self, tag: Option<&Tag>) -> bool {
        self.tags.as_ref().is_none_or(|tags| tag.is_some_and(|tag| tags.contains(tag)))
    }

    /// Whether a telephone may come from `address`.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.networks.as_ref().is_none_or(|networks| networks.iter().any(|network| network.contains(address)))
    }

    /// This scope with what else `asked` limits; a list that is not asked for stays as it is.
    ///
    /// # Errors
    /// The name of a list in which something is asked for that this scope does not allow.
    pub fn narrowed(&self, asked: &Self) -> Result<Self, &'static str> {
        let narrow = Self {
            subdomains: asked.subdomains.clone().or_else(|| self.subdomains.clone()),
            hosts: asked.hosts.clone().or_else(|| self.hosts.clone()),
            paths: asked.paths.clone().or_else(|| self.paths.clone()),
            tags: asked.tags.clone().or_else(|| self.tags.clone()),
            networks: asked.networks.clone().or_else(|| self.networks.clone()),
            max_sessions: asked.max_sessions.or(self.max_sessions),
            rate_limit: self.rate_limit,
        };
        narrow.beyond(self).map_or(Ok(narrow), Err)
    }

    /// In which list this scope allows what `other` does not; `None`: in none.
    pub fn beyond(&self, other: &Self) -> Option<&'static str> {
        fn all<T>(mine: Option<&[T]>, others: bool, allowed: impl Fn(&T) -> bool) -> bool {
            !others || mine.is_some_and(|mine| mine.iter().all(allowed))
        }
        let announces = match &self.hosts {
            Some(hosts) => hosts.iter().all(|host| other.allows_host(Some(host))),
            None => self.subdomains.is_some() || other.allows_host(None),
        };
        let sessions = self.max_sessions.unwrap_or(u32::MAX) <= other.max_sessions.unwrap_or(u32::MAX);
        let lists = [
            ("subdomains", all(self.subdomains.as_deref(), other.subdomains.is_some(), |one| other.allows(one))),
            ("hosts", announces),
            ("paths", all(self.paths.as_deref(), other.paths.is_some(), |one| other.allows_path(Some(one)))),
            ("tags", all(self.tags.as_deref(), other.tags.is_some(), |one| other.allows_tag(Some(one)))),
            ("networks", all(self.networks.as_deref(), other.networks.is_some(), |one| other.allows_network(*one))),
            ("max_sessions", sessions),
        ];
        lists.into_iter().find_map(|(name, within)| (!within).then_some(name))
    }

    fn allows_network(&self, network: Network) -> bool {
        self.networks.as_ref().is_none_or(|networks| networks.iter().any(|allowed| allowed.covers(network)))
    }

    /// Whether there is a place for which it may announce nothing.
    pub fn is_limited_to_places(&self) -> bool {
        self.subdomains.is_some() || self.hosts.is_some() || self.paths.is_some()
    }
}

/// A name that its owner recognises a token by: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct TokenName(String);

/// Why a text is not accepted as a token's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenNameError {
    /// Nothing was given.
    #[error("enter a name, such as the machine that will use the token")]
    Empty,
    /// Too long for a list.
    #[error("a token's name has at most 64 characters")]
    TooLong,
    /// Line breaks and the like.
    #[error("a token's name has no control characters")]
    ControlCharacter,
}

text_type!(TokenName, TokenNameError);

impl FromStr for TokenName {
    type Err = TokenNameError;

    fn from_str(text: &str) -> Result<Self, TokenNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TokenNameError::Empty);
        }
        if text.chars().count() > 64 {
            return Err(TokenNameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(TokenNameError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A token, as pages and the API show it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: TokenName,
    /// The first characters of the secret (`sbt_` and four more), to recognise it by.
    pub prefix: String,
    /// What it allows.
    pub scope: TokenScope,
    /// When it ends by itself; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Until when the secret of before the last rotation is good as well; `None`: it is not.
    pub previous_until: Option<Timestamp>,
    /// When a telephone last signed in with it.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is asked for when a token is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: TokenName,
    /// What it allows.
    #[serde(default)]
    pub scope: TokenScope,
    /// When it ends by itself; in the future.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// How a token gets another secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the old secret stays good, seconds, up to 30 days; 0: it ends at once.
    #[serde(default)]
    pub overlap_seconds: u32,
}

/// What is asked for when a token is exchanged for a short-lived one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NewShortToken {
    /// How long it is good, seconds, from 60 to 86,400; no longer than the token itself.
    pub expires_in: u32,
    /// What it allows, at most what the token does. What is not listed is as the token has it.
    pub scope: TokenScope,
}

impl Default for NewShortToken {
    fn default() -> Self {
        Self { expires_in: 3_600, scope: TokenScope::default() }
    }
}

written_as!(
    TokenScope,
    Written,
    "What a token allows. A list that is missing allows everything, one that is empty nothing."
);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn scope(json: &str) -> TokenScope {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_scope_says_what_it_limits() {
        for json in [
            r#"{"type":"all_tunnels"}"#,
            r#"{"type":"subdomains","subdomains":["blog"]}"#,
            r#"{"type":"all_tunnels","hosts":["*.example.com"],"paths":["/api"],"tags":["blue"]}"#,
            r#"{"type":"all_tunnels","networks":["192.0.2.0/24","2001:db8::1"],"max_sessions":3}"#,
        ] {
            assert_eq!(serde_json::to_string(&scope(json)).unwrap(), json);
        }
        for json in [
            "{}",
            r#"{"type":"subdomains"}"#,
            r#"{"type":"all_tunnels","subdomains":["blog"]}"#,
            // A limit that is misspelt must not be none.
            r#"{"type":"all_tunnels","host":["a.example.com"]}"#,
        ] {
            assert!(serde_json::from_str::<TokenScope>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_allowed() {
        let host = |text: &str| Some(text.parse::<HostPattern>().unwrap());
        let limited =
            scope(r#"{"type":"all_tunnels","hosts":["*.example.com","a.test"],"paths":["/api"],"tags":["b"]}"#);
        for (text, allowed) in
            [("x.example.com", true), ("*.y.example.com", true), ("*.example.com", true), ("a.test", true)]
        {
            assert_eq!(limited.allows_host(host(text).as_ref()), allowed, "{text}");
        }
        for text in ["example.com", "*.test", "b.a.test", "badexample.com"] {
            assert!(!limited.allows_host(host(text).as_ref()), "{text}");
        }
        assert!(!limited.allows_host(None));
        let mount = |text: &str| Some(text.parse::<MountPath>().unwrap());
        assert!(limited.allows_path(mount("/api/v1").as_ref()) && limited.allows_path(mount("/api").as_ref()));
        assert!(!limited.allows_path(mount("/apix").as_ref()) && !limited.allows_path(None));
        assert!(limited.allows_tag(Some(&"b".parse().unwrap())) && !limited.allows_tag(None));
        let everything = TokenScope::default();
        assert!(everything.allows_host(None) && everything.allows_path(None) && everything.allows_tag(None));
    }

    #[test]
    fn a_token_for_a_tunnel_announces_no_host_that_is_not_listed() {
        let tunnel = scope(r#"{"type":"subdomains","subdomains":["blog"]}"#);
        assert!(!tunnel.allows_host(Some(&"a.test".parse().unwrap())) && !tunnel.allows_host(None));
        let both = scope(r#"{"type":"subdomains","subdomains":["blog"],"hosts":["a.test"]}"#);
        assert!(both.allows_host(Some(&"a.test".parse().unwrap())));
    }

    #[test]
    fn a_scope_is_only_made_narrower() {
        let wide = scope(
            r#"{"type":"subdomains","subdomains":["a","b"],"hosts":["*.example.com"],"paths":["/api"],"tags":["x","y"],
               "networks":["10.0.0.0/8","2001:db8::/32"],"max_sessions":5}"#,
        );
        assert_eq!(wide.narrowed(&TokenScope::default()).as_ref(), Ok(&wide));
        let narrow = scope(
            r#"{"type":"subdomains","subdomains":["b"],"hosts":["x.example.com"],"paths":["/api/v1"],"tags":["y"],
               "networks":["10.1.0.0/16","2001:db8:1::/48"],"max_sessions":1}"#,
        );
        assert_eq!(wide.narrowed(&narrow).as_ref(), Ok(&narrow));
        for (asked, list) in [
            (r#"{"type":"subdomains","subdomains":["a","c"]}"#, "subdomains"),
            (r#"{"type":"all_tunnels","hosts":["example.com"]}"#, "hosts"),
            (r#"{"type":"all_tunnels","paths":["/"]}"#, "paths"),
            (r#"{"type":"all_tunnels","tags":["z"]}"#, "tags"),
            (r#"{"type":"all_tunnels","networks":["10.0.0.0/7"]}"#, "networks"),
            (r#"{"type":"all_tunnels","networks":["::/0"]}"#, "networks"),
            (r#"{"type":"all_tunnels","max_sessions":6}"#, "max_sessions"),
        ] {
            assert_eq!(wide.narrowed(&scope(asked)), Err(list), "{asked}");
        }
        // A token for one tunnel announces nothing, and neither does what it is exchanged for.
        let tunnel = TokenScope::only(vec!["a".parse().unwrap()]);
        assert_eq!(tunnel.narrowed(&scope(r#"{"type":"all_tunnels","hosts":["x.test"]}"#)), Err("hosts"));
        assert_eq!(TokenScope::default().narrowed(&tunnel).as_ref(), Ok(&tunnel));
        assert_eq!(TokenScope::default().beyond(&wide), Some("subdomains"));
    }

    #[test]
    fn networks_are_of_the_address_that_a_telephone_has() {
        let limited = scope(r#"{"type":"all_tunnels","networks":["192.0.2.0/24"]}"#);
        for (address, allowed) in
            [("192.0.2.7", true), ("::ffff:192.0.2.7", true), ("192.0.3.1", false), ("2001:db8::1", false)]
        {
            assert_eq!(limited.allows_address(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(TokenScope::default().allows_address("192.0.3.1".parse().unwrap()));
    }
}
