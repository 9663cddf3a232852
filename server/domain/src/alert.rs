//! Alerts: what somebody wants to be told of, and how.

use crate::text::{present, text_type};
use crate::{AlertId, BackendAddress, BackendAddressError, Email, ServiceId, Timestamp, TunnelId, UserId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// No telephone serves a tunnel that was served before.
    TunnelOffline,
    /// The health checks of a backend fail.
    BackendUnhealthy,
    /// Of a minute's answers, a larger share has a status of 500 or above.
    ErrorShare,
    /// The 95th percentile of the time to a response's head is longer.
    Latency,
}

/// A word that is no [`AlertKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use tunnel_offline, backend_unhealthy, error_share or latency")]
pub struct UnknownAlertKind;

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::TunnelOffline, Self::BackendUnhealthy, Self::ErrorShare, Self::Latency];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TunnelOffline => "tunnel_offline",
            Self::BackendUnhealthy => "backend_unhealthy",
            Self::ErrorShare => "error_share",
            Self::Latency => "latency",
        }
    }

    /// Whether a figure is compared with a limit.
    pub fn has_limit(self) -> bool {
        matches!(self, Self::ErrorShare | Self::Latency)
    }

    /// Whether it can be about one tunnel.
    pub fn is_of_tunnels(self) -> bool {
        self != Self::BackendUnhealthy
    }

    /// Whether it can be about one service.
    pub fn is_of_services(self) -> bool {
        self != Self::TunnelOffline
    }
}

impl FromStr for AlertKind {
    type Err = UnknownAlertKind;

    fn from_str(text: &str) -> Result<Self, UnknownAlertKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownAlertKind)
    }
}

/// What its owner calls an alert: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct AlertName(String);

/// Why a text is not accepted as an alert's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlertNameError {
    /// Nothing was given.
    #[error("enter a name, such as shop is down")]
    Empty,
    /// Too long for a list and the subject of a mail.
    #[error("an alert's name has at most 64 characters")]
    TooLong,
    /// Line breaks and the like.
    #[error("an alert's name has no control characters")]
    ControlCharacter,
}

impl FromStr for AlertName {
    type Err = AlertNameError;

    fn from_str(text: &str) -> Result<Self, AlertNameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AlertNameError::Empty);
        }
        if text.chars().count() > 64 {
            return Err(AlertNameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AlertNameError::ControlCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

text_type!(AlertName, AlertNameError);

/// The longest address of a webhook, bytes.
const MAX_WEBHOOK: usize = 1000;

/// Where notices are posted to: `http://` or `https://`, a host, and a path with or without a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

/// Why a text is not a webhook's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// Another scheme, or none.
    #[error("a webhook's address begins with https:// or http://, such as https://hooks.example.com/switchboard")]
    Scheme,
    /// Longer than 1000 bytes.
    #[error("a webhook's address has at most {MAX_WEBHOOK} characters")]
    TooLong,
    /// Host or port.
    #[error(transparent)]
    Address(#[from] BackendAddressError),
    /// What follows the host.
    #[error("the path of a webhook has only letters, digits and signs of ASCII, and no #; write others with %")]
    Path,
}

impl WebhookUrl {
    /// Where to connect to, and the path with the query to ask for there.
    ///
    /// # Errors
    /// Never for a value of this type.
    pub fn parts(&self) -> Result<(BackendAddress, String), WebhookUrlError> {
        parts(&self.0)
    }

    /// The address without what may be a secret: path and query.
    pub fn origin(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host..].find(['/', '?']).map_or(&self.0, |at| &self.0[..host + at])
    }
}

impl FromStr for WebhookUrl {
    type Err = WebhookUrlError;

    fn from_str(text: &str) -> Result<Self, WebhookUrlError> {
        let text = text.trim();
        if text.len() > MAX_WEBHOOK {
            return Err(WebhookUrlError::TooLong);
        }
        parts(text)?;
        Ok(Self(text.to_owned()))
    }
}

text_type!(WebhookUrl, WebhookUrlError);

fn parts(text: &str) -> Result<(BackendAddress, String), WebhookUrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(WebhookUrlError::Scheme)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(WebhookUrlError::Scheme);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let address = format!("{scheme}://{authority}").parse()?;
    // What http::uri::PathAndQuery takes, and what cannot be read in two ways.
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
    if !plain {
        return Err(WebhookUrlError::Path);
    }
    Ok((address, if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }))
}

/// An alert, as pages and the API show it: never its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What its owner calls it.
    pub name: AlertName,
    /// What it is about.
    pub kind: AlertKind,
    /// Only about this tunnel.
    pub tunnel_id: Option<TunnelId>,
    /// Only about this service. Without either, it is about all that its owner has.
    pub service_id: Option<ServiceId>,
    /// From which figure on: a share from 0 to 1, or milliseconds; `None` for kinds that need none.
    pub limit: Option<f64>,
    /// How long a state has to last before it is told, seconds.
    pub for_seconds: u32,
    /// Where notices are posted to.
    pub webhook: Option<WebhookUrl>,
    /// Where notices are mailed to.
    pub email: Option<Email>,
    /// Whether it is looked after.
    pub enabled: bool,
    /// Of how many things this node has told that they are not as they should be, and not yet that they are again.
    pub firing: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What is asked for when an alert is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AlertSpec {
    /// What its owner calls it.
    pub name: AlertName,
    /// What it is about; stays as it is.
    pub kind: AlertKind,
    /// Only about this tunnel.
    #[serde(default)]
    pub tunnel_id: Option<TunnelId>,
    /// Only about this service.
    #[serde(default)]
    pub service_id: Option<ServiceId>,
    /// From which figure on; for kinds that need one.
    #[serde(default)]
    pub limit: Option<f64>,
    /// How long a state has to last before it is told, seconds; 0 to 86,400.
    #[serde(default = "a_minute")]
    pub for_seconds: u32,
    /// Where notices are posted to; this or `email`.
    #[serde(default)]
    pub webhook: Option<WebhookUrl>,
    /// Where notices are mailed to; a member's are mailed to the member.
    #[serde(default)]
    pub email: Option<Email>,
    /// Whether it is looked after.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn a_minute() -> u32 {
    60
}

fn yes() -> bool {
    true
}

/// What is to be different about an alert; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AlertPatch {
    /// What its owner calls it.
    pub name: Option<AlertName>,
    /// Only about this tunnel.
    #[serde(deserialize_with = "present")]
    pub tunnel_id: Option<Option<TunnelId>>,
    /// Only about this service.
    #[serde(deserialize_with = "present")]
    pub service_id: Option<Option<ServiceId>>,
    /// From which figure on.
    #[serde(deserialize_with = "present")]
    pub limit: Option<Option<f64>>,
    /// How long a state has to last, seconds.
    pub for_seconds: Option<u32>,
    /// Where notices are posted to; takes the place of an address of e-mail.
    #[serde(deserialize_with = "present")]
    pub webhook: Option<Option<WebhookUrl>>,
    /// Where notices are mailed to; takes the place of a webhook.
    #[serde(deserialize_with = "present")]
    pub email: Option<Option<Email>>,
    /// Whether it is looked after.
    pub enabled: Option<bool>,
}

impl AlertPatch {
    /// The alert as it will be. Naming one way of delivery alone takes the other away.
    pub fn apply(self, spec: &mut AlertSpec) {
        let (to_webhook, to_email) =
            (self.webhook.as_ref().is_some_and(Option::is_some), self.email.as_ref().is_some_and(Option::is_some));
        if to_webhook && self.email.is_none() {
            spec.email = None;
        }
        if to_email && self.webhook.is_none() {
            spec.webhook = None;
        }
        if self.tunnel_id.flatten().is_some() && self.service_id.is_none() {
            spec.service_id = None;
        }
        if self.service_id.flatten().is_some() && self.tunnel_id.is_none() {
            spec.tunnel_id = None;
        }
        spec.name = self.name.unwrap_or_else(|| spec.name.clone());
        spec.tunnel_id = self.tunnel_id.unwrap_or(spec.tunnel_id);
        spec.service_id = self.service_id.unwrap_or(spec.service_id);
        spec.limit = self.limit.unwrap_or(spec.limit);
        spec.for_seconds = self.for_seconds.unwrap_or(spec.for_seconds);
        spec.webhook = self.webhook.unwrap_or_else(|| spec.webhook.take());
        spec.email = self.email.unwrap_or_else(|| spec.email.take());
        spec.enabled = self.enabled.unwrap_or(spec.enabled);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_webhook_has_a_host_and_a_path() {
        for (text, host, path) in [
            ("https://hooks.example.com/a/b?c=d", "https://hooks.example.com", "/a/b?c=d"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000", "/"),
            ("https://example.com?x", "https://example.com", "/?x"),
        ] {
            let (address, target) = text.parse::<WebhookUrl>().unwrap().parts().unwrap();
            assert_eq!((address.to_string().as_str(), target.as_str()), (host, path), "{text}");
        }
        for text in [
            "",
            "hooks.example.com",
            "ftp://example.com/",
            "unix:///run/x",
            "h2c://example.com/",
            "https:///x",
            "https://user:pw@example.com/",
            "https://example.com/#x",
            "https://example.com/a b",
            "https://example.com/\u{e4}",
            "https://example.com:0/",
        ] {
            assert!(text.parse::<WebhookUrl>().is_err(), "{text}");
        }
        let url: WebhookUrl = "https://hooks.example.com:8443/services/T0/secret".parse().unwrap();
        assert_eq!(url.origin(), "https://hooks.example.com:8443");
    }

    #[test]
    fn one_way_of_delivery_takes_the_place_of_the_other() {
        let mut spec: AlertSpec =
            serde_json::from_str(r#"{"name":"a","kind":"latency","limit":5,"webhook":"https://a.example/"}"#).unwrap();
        assert_eq!((spec.for_seconds, spec.enabled), (60, true));
        let patch: AlertPatch = serde_json::from_str(r#"{"email":"a@example.com","limit":null}"#).unwrap();
        patch.apply(&mut spec);
        assert_eq!((spec.webhook.is_some(), spec.email.is_some(), spec.limit), (false, true, None));
    }
}
