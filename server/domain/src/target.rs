//! Where a domain or a route leads.

use crate::schema::written_as;
use crate::{BackendAddress, ServiceId, ServiceName, Subdomain, Tag, TunnelId, headers::Authority};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Where a rule leads, as pages and the API show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TargetFields", into = "TargetFields")]
pub enum Target {
    /// Nowhere: a domain that serves by its routes only.
    #[default]
    None,
    /// To the backends of a service.
    Service {
        /// The service.
        id: ServiceId,
        /// What its owner calls it.
        name: ServiceName,
        /// Only to those that carry this tag; `None`: to all of them.
        tag: Option<Tag>,
    },
    /// To a tunnel.
    Tunnel {
        /// The tunnel.
        id: TunnelId,
        /// Its subdomain.
        subdomain: Subdomain,
    },
    /// Elsewhere, by the client itself.
    Redirect(Redirect),
}

/// A target as a rule's fields in JSON: what an owner asks for, in any of the ways in which it can be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TargetFields {
    /// A service by its name, among the owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// A service by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// The tag that backends of the service must carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_backends_tag: Option<Tag>,
    /// A tunnel by its subdomain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Subdomain>,
    /// A tunnel by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<TunnelId>,
    /// Where clients are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// A service that is made for this: of one backend, at this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
}

/// More than one target, or a tag without a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Which one is meant?
    #[error("give one target: a service, a tunnel, an address or a redirect")]
    Several,
    /// Only services have tags.
    #[error("a tag chooses among the backends of a service; a tunnel, an address and a redirect have none")]
    Tag,
    /// A half of a pair that belongs together.
    #[error("a shown target names both id and name")]
    Incomplete,
}

impl TargetFields {
    /// Whether no target is named.
    pub fn is_none(&self) -> bool {
        self.kinds() == 0 && self.enabled_backends_tag.is_none()
    }

    fn names_service(&self) -> bool {
        self.service.is_some() || self.service_id.is_some()
    }

    fn names_tunnel(&self) -> bool {
        self.tunnel.is_some() || self.tunnel_id.is_some()
    }

    fn kinds(&self) -> usize {
        [self.names_service(), self.names_tunnel(), self.redirect.is_some(), self.address.is_some()]
            .into_iter()
            .filter(|named| *named)
            .count()
    }

    /// Makes sure that at most one target is named, and no tag without a service. A tag alone is a service's: that
    /// which is used where none is named.
    ///
    /// # Errors
    /// See [`TargetError`].
    pub fn check(&self) -> Result<(), TargetError> {
        if self.kinds() > 1 {
            return Err(TargetError::Several);
        }
        if self.enabled_backends_tag.is_some() && !self.names_service() && self.kinds() > 0 {
            return Err(TargetError::Tag);
        }
        Ok(())
    }
}

impl TryFrom<TargetFields> for Target {
    type Error = TargetError;

    fn try_from(fields: TargetFields) -> Result<Self, TargetError> {
        fields.check()?;
        match fields {
            TargetFields { service_id: Some(id), service: Some(name), enabled_backends_tag: tag, .. } => {
                Ok(Self::Service { id, name, tag })
            }
            TargetFields { tunnel_id: Some(id), tunnel: Some(subdomain), .. } => Ok(Self::Tunnel { id, subdomain }),
            TargetFields { redirect: Some(redirect), .. } => Ok(Self::Redirect(redirect)),
            fields if fields.is_none() => Ok(Self::None),
            _ => Err(TargetError::Incomplete),
        }
    }
}

impl From<Target> for TargetFields {
    fn from(target: Target) -> Self {
        let none = Self::default();
        match target {
            Target::None => none,
            Target::Service { id, name, tag } => {
                Self { service_id: Some(id), service: Some(name), enabled_backends_tag: tag, ..none }
            }
            Target::Tunnel { id, subdomain } => Self { tunnel_id: Some(id), tunnel: Some(subdomain), ..none },
            Target::Redirect(redirect) => Self { redirect: Some(redirect), ..none },
        }
    }
}

/// What is to be changed of a target: `None` stays, `Some(None)` is taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TargetChange {
    pub(crate) service: Option<Option<ServiceName>>,
    pub(crate) service_id: Option<Option<ServiceId>>,
    pub(crate) enabled_backends_tag: Option<Option<Tag>>,
    pub(crate) tunnel: Option<Option<Subdomain>>,
    pub(crate) tunnel_id: Option<Option<TunnelId>>,
    pub(crate) redirect: Option<Option<Redirect>>,
    pub(crate) address: Option<BackendAddress>,
}

impl TargetChange {
    /// Makes the change. Naming a target of another kind replaces the old one; another service keeps the tag.
    pub(crate) fn apply(self, target: &mut TargetFields) {
        let service = self.service.is_some() || self.service_id.is_some();
        let tunnel = self.tunnel.is_some() || self.tunnel_id.is_some();
        let given = TargetFields {
            service: self.service.clone().flatten(),
            service_id: self.service_id.flatten(),
            enabled_backends_tag: None,
            tunnel: self.tunnel.clone().flatten(),
            tunnel_id: self.tunnel_id.flatten(),
            redirect: self.redirect.clone().flatten(),
            address: self.address,
        };
        let tag = target.enabled_backends_tag.take();
        let kept = if given.kinds() > 0 || (service && target.names_service()) || (tunnel && target.names_tunnel()) {
            given
        } else if self.redirect.is_some() && target.redirect.is_some() {
            TargetFields::default()
        } else {
            std::mem::take(target)
        };
        *target = kept;
        // A tag stays with services, also when another is named; without any it would mean the default one.
        target.enabled_backends_tag = match self.enabled_backends_tag {
            Some(tag) => tag,
            None => tag.filter(|_| target.names_service()),
        };
    }
}

/// Where clients are sent instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// To what.
    pub to: RedirectTo,
    /// With which status.
    #[serde(default)]
    pub status: RedirectStatus,
    /// Whether what follows the mount in the path, and the query, are kept.
    #[serde(default = "keep")]
    pub keep_path: bool,
}

fn keep() -> bool {
    true
}

/// The address of a redirect: `https://host/path`, `http://…`, or a path on the same host; at most 2,048 characters,
/// without a fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct RedirectTo(String);

/// Why a text is not accepted as the address of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "give an address such as https://www.example.com/shop, or a path on the same host such as /shop; at most 2,048 characters, none of them a space or #"
)]
pub struct RedirectToError;

crate::text::text_type!(RedirectTo, RedirectToError);

impl FromStr for RedirectTo {
    type Err = RedirectToError;

    fn from_str(text: &str) -> Result<Self, RedirectToError> {
        let text = text.trim();
        // RFC 3986 section 2: what is not among these is percent-encoded.
        let characters_ok = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b));
        if !characters_ok || text.len() > 2_048 {
            return Err(RedirectToError);
        }
        if text.starts_with('/') {
            // `//host` would be another host (RFC 3986 section 4.2).
            return if text.starts_with("//") { Err(RedirectToError) } else { Ok(Self(text.to_owned())) };
        }
        let (scheme, rest) = text.split_once("://").ok_or(RedirectToError)?;
        let scheme = scheme.to_ascii_lowercase();
        let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = Authority::parse(host).filter(|_| matches!(scheme.as_str(), "http" | "https"));
        host.map(|host| Self(format!("{scheme}://{}{path}", host.text))).ok_or(RedirectToError)
    }
}

/// The status of a redirect (RFC 9110 section 15.4); a number in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum RedirectStatus {
    /// 301: for good; some clients make a GET of it.
    MovedPermanently,
    /// 302: for now; some clients make a GET of it.
    #[default]
    Found,
    /// 303: for now, with GET.
    SeeOther,
    /// 307: for now, with the same method.
    Temporary,
    /// 308: for good, with the same method.
    Permanent,
}

/// The number is no status of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a redirect's status is 301, 302, 303, 307 or 308")]
pub struct RedirectStatusError;

impl RedirectStatus {
    /// The number.
    pub fn as_u16(self) -> u16 {
        match self {
            Self::MovedPermanently => 301,
            Self::Found => 302,
            Self::SeeOther => 303,
            Self::Temporary => 307,
            Self::Permanent => 308,
        }
    }
}

impl TryFrom<u16> for RedirectStatus {
    type Error = RedirectStatusError;

    fn try_from(number: u16) -> Result<Self, RedirectStatusError> {
        [Self::MovedPermanently, Self::Found, Self::SeeOther, Self::Temporary, Self::Permanent]
            .into_iter()
            .find(|status| status.as_u16() == number)
            .ok_or(RedirectStatusError)
    }
}

impl From<RedirectStatus> for u16 {
    fn from(status: RedirectStatus) -> Self {
        status.as_u16()
    }
}

written_as!(Target, TargetFields, "Where a rule leads.");

written_as!(RedirectStatus, u16, "The status of a redirect: 301, 302, 303, 307 or 308.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_redirect_goes_to_an_address_or_a_path() {
        for (text, expected) in [
            ("HTTPS://WWW.Example.com/Shop?a=b", "https://www.example.com/Shop?a=b"),
            ("http://10.0.0.1:81", "http://10.0.0.1:81"),
            ("/new", "/new"),
        ] {
            assert_eq!(text.parse::<RedirectTo>().unwrap().as_str(), expected);
        }
        for text in
            ["", "new", "//evil.example", "ftp://a.b", "https://", "https://u:p@a.b", "/a b", "/a#b", "javascript:x"]
        {
            assert_eq!(text.parse::<RedirectTo>(), Err(RedirectToError), "{text:?}");
        }
        let redirect: Redirect = serde_json::from_str(r#"{"to":"/new"}"#).unwrap();
        assert_eq!((redirect.status.as_u16(), redirect.keep_path), (302, true));
        assert!(serde_json::from_str::<Redirect>(r#"{"to":"/new","status":200}"#).is_err());
    }

    #[test]
    fn a_target_is_one_thing() {
        let fields = |json: &str| serde_json::from_str::<TargetFields>(json).unwrap();
        assert_eq!(fields(r#"{"service":"a","tunnel":"b"}"#).check(), Err(TargetError::Several));
        assert_eq!(fields(r#"{"tunnel":"b","enabled_backends_tag":"v1"}"#).check(), Err(TargetError::Tag));
        assert_eq!(fields(r#"{"enabled_backends_tag":"v1"}"#).check(), Ok(()));
        assert!(fields("{}").is_none());
        let target = Target::Redirect(Redirect {
            to: "/x".parse().unwrap(),
            status: RedirectStatus::default(),
            keep_path: false,
        });
        let text = serde_json::to_string(&target).unwrap();
        assert_eq!(text, r#"{"redirect":{"to":"/x","status":302,"keep_path":false}}"#);
        assert_eq!(serde_json::from_str::<Target>(&text).unwrap(), target);
    }

    #[test]
    fn a_change_replaces_keeps_or_removes() {
        let of = |json: &str| serde_json::from_str::<TargetFields>(json).unwrap();
        let changed = |before: &str, change: TargetChange| {
            let mut target = of(before);
            change.apply(&mut target);
            target
        };
        let with_tag = r#"{"service":"a","enabled_backends_tag":"v1"}"#;
        let other = || TargetChange { service: Some(Some("b".parse().unwrap())), ..Default::default() };
        assert_eq!(changed(with_tag, other()), of(r#"{"service":"b","enabled_backends_tag":"v1"}"#));
        assert_eq!(changed(r#"{"tunnel":"t"}"#, other()), of(r#"{"service":"b"}"#));
        let tunnel = TargetChange { tunnel: Some(Some("t".parse().unwrap())), ..Default::default() };
        assert_eq!(changed(with_tag, tunnel), of(r#"{"tunnel":"t"}"#));
        let none = || TargetChange { service_id: Some(None), ..Default::default() };
        assert_eq!(changed(with_tag, none()), TargetFields::default());
        assert_eq!(changed(r#"{"tunnel":"t"}"#, none()), of(r#"{"tunnel":"t"}"#));
        let tag = |tag: Option<&str>| TargetChange {
            enabled_backends_tag: Some(tag.map(|tag| tag.parse().unwrap())),
            ..Default::default()
        };
        assert_eq!(changed(with_tag, tag(Some("v2"))), of(r#"{"service":"a","enabled_backends_tag":"v2"}"#));
        assert_eq!(changed(with_tag, tag(None)), of(r#"{"service":"a"}"#));
        assert_eq!(changed(with_tag, TargetChange::default()), of(with_tag));
    }
}
