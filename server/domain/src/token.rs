//! Tunnel tokens: what a telephone signs in with.

use crate::{HostPattern, MountPath, Subdomain, Tag, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

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
}

/// A scope as JSON: what it is called first says whether there is a list of subdomains.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#type: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subdomains: Option<Vec<Subdomain>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hosts: Option<Vec<HostPattern>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paths: Option<Vec<MountPath>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Tag>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        let Written { r#type, subdomains, hosts, paths, tags } = written;
        if (r#type == Kind::Subdomains) != subdomains.is_some() {
            return Err(TokenScopeError);
        }
        Ok(Self { subdomains, hosts, paths, tags })
    }
}

impl From<TokenScope> for Written {
    fn from(scope: TokenScope) -> Self {
        let TokenScope { subdomains, hosts, paths, tags } = scope;
        let r#type = if subdomains.is_some() { Kind::Subdomains } else { Kind::AllTunnels };
        Self { r#type, subdomains, hosts, paths, tags }
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

    /// Whether there is a place for which it may announce nothing.
    pub fn is_limited_to_places(&self) -> bool {
        self.subdomains.is_some() || self.hosts.is_some() || self.paths.is_some()
    }
}

/// A name that its owner recognises a token by: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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

impl TryFrom<String> for TokenName {
    type Error = TokenNameError;

    fn try_from(text: String) -> Result<Self, TokenNameError> {
        text.parse()
    }
}

impl From<TokenName> for String {
    fn from(name: TokenName) -> Self {
        name.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token, as pages and the API show it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When a telephone last signed in with it.
    pub last_used_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is asked for when a token is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}
