//! Backends: origins in a service.

use crate::schema::written_as;
use crate::{
    BackendAddress, BackendId, RegionName, ServiceId, ServiceName, Subdomain, Tags, Timestamp, TunnelId, UserId,
    email::Email,
    text::{present, text_type},
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What its owner names a backend by, in the API its `id`: 1 to 100 letters, digits and inner `.`, `_`, `-`, `:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct BackendName(String);

/// Why a text is not accepted as a backend's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a backend's id has 1 to 100 letters, digits, dots, underscores, colons and hyphens, and starts with a letter or digit"
)]
pub struct BackendNameError;

text_type!(BackendName, BackendNameError);

impl FromStr for BackendName {
    type Err = BackendNameError;

    fn from_str(text: &str) -> Result<Self, BackendNameError> {
        let text = text.trim();
        let shaped = text.len() <= 100
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b));
        if shaped { Ok(Self(text.to_owned())) } else { Err(BackendNameError) }
    }
}

impl From<BackendId> for BackendName {
    fn from(id: BackendId) -> Self {
        Self(id.to_string())
    }
}

/// How large a backend's share is beside the others': 1 to 100, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Weight(u8);

/// The number is no weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a weight is a number from 0 to 100")]
pub struct WeightError;

impl Weight {
    /// As a number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<u16> for Weight {
    type Error = WeightError;

    fn try_from(number: u16) -> Result<Self, WeightError> {
        u8::try_from(number).ok().filter(|number| *number <= 100).map(Self).ok_or(WeightError)
    }
}

impl From<Weight> for u16 {
    fn from(weight: Weight) -> Self {
        weight.0.into()
    }
}

/// What its owner has decided about a backend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BackendState {
    /// Serves.
    #[default]
    Running,
    /// Gets no new clients: requests in flight end, and clients tied to it stay.
    Draining,
    /// Serves nobody.
    Stopped,
}

impl BackendState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Draining, Self::Stopped];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

/// The text names no [`BackendState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("choose running, draining or stopped")]
pub struct UnknownBackendState;

impl FromStr for BackendState {
    type Err = UnknownBackendState;

    fn from_str(text: &str) -> Result<Self, UnknownBackendState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownBackendState)
    }
}

/// A backend, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Backend {
    /// What its owner names it by.
    pub id: BackendName,
    /// What the server names it by; also when its owner does not.
    pub key: BackendId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Its service.
    pub service_id: ServiceId,
    /// What its owner calls the service.
    pub service: ServiceName,
    /// Where it is, when it is an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
    /// Whether the certificate of an https address is verified.
    pub tls_verify: bool,
    /// The tunnel that it is, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<TunnelId>,
    /// The tunnel's subdomain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Subdomain>,
    /// Whether the tunnel's telephones announce it: it is there as long as they say so.
    #[serde(default)]
    pub announced: bool,
    /// Its labels.
    pub tags: Tags,
    /// Its share.
    pub weight: Weight,
    /// Where it lives; `None`: wherever the node is that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// What its owner has decided.
    pub state: BackendState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// All that an owner decides about a backend: asked for when it is created, kept by its revisions, exported and applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BackendSpec {
    /// Whose it is; the service's owner when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// What its owner names it by; made when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<BackendName>,
    /// Its service by name; `default` when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// Its service by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// Where it is; either this or a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
    /// Whether the certificate of an https address is verified.
    pub tls_verify: bool,
    /// The tunnel that it is, by its subdomain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Subdomain>,
    /// The tunnel that it is, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<TunnelId>,
    /// Its labels.
    pub tags: Tags,
    /// Its share.
    pub weight: Weight,
    /// Where it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// Whether it serves.
    pub state: BackendState,
}

impl Default for BackendSpec {
    fn default() -> Self {
        Self {
            owner: None,
            id: None,
            service: None,
            service_id: None,
            address: None,
            tls_verify: true,
            tunnel: None,
            tunnel_id: None,
            tags: Tags::default(),
            weight: Weight::default(),
            region: None,
            state: BackendState::default(),
        }
    }
}

/// What is to be changed of a backend; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BackendPatch {
    /// What its owner names it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<BackendName>,
    /// Another service, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// Another service, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_id: Option<ServiceId>,
    /// Another address, also instead of a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<BackendAddress>,
    /// Whether the certificate of an https address is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_verify: Option<bool>,
    /// Another tunnel by its subdomain, also instead of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Subdomain>,
    /// Another tunnel by its id, also instead of an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel_id: Option<TunnelId>,
    /// All of its labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Where it lives; null: wherever the node is that asks.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub region: Option<Option<RegionName>>,
    /// Whether it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<BackendState>,
}

impl BackendPatch {
    /// Makes the changes.
    pub fn apply(self, spec: &mut BackendSpec) {
        if self.service.is_some() || self.service_id.is_some() {
            (spec.service, spec.service_id) = (self.service, self.service_id);
        }
        if self.address.is_some() || self.tunnel.is_some() || self.tunnel_id.is_some() {
            (spec.address, spec.tunnel, spec.tunnel_id) = (self.address, self.tunnel, self.tunnel_id);
        }
        if self.id.is_some() {
            spec.id = self.id;
        }
        spec.tls_verify = self.tls_verify.unwrap_or(spec.tls_verify);
        if let Some(tags) = self.tags {
            spec.tags = tags;
        }
        spec.weight = self.weight.unwrap_or(spec.weight);
        if let Some(region) = self.region {
            spec.region = region;
        }
        spec.state = self.state.unwrap_or(spec.state);
    }
}

written_as!(Weight, u16, "How much of the traffic a backend gets, compared with the others; 0 to 100, 0 for none.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_bare_call_is_a_whole_backend() {
        let spec: BackendSpec =
            serde_json::from_str(r#"{"id":"web-1","address":"10.0.0.7:8080","tags":["v1","blue","v1"]}"#).unwrap();
        assert_eq!((spec.tls_verify, spec.weight.get(), spec.state), (true, 1, BackendState::Running));
        assert_eq!(spec.tags.iter().count(), 2);
        assert!(serde_json::from_str::<BackendSpec>(r#"{"adress":"a:1"}"#).is_err());
        assert!(serde_json::from_str::<BackendSpec>(r#"{"weight":101}"#).is_err());
        assert!(serde_json::from_str::<BackendSpec>(r#"{"id":"a/b"}"#).is_err());
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut spec: BackendSpec =
            serde_json::from_str(r#"{"id":"a","address":"10.0.0.7:8080","region":"eu","tags":["v1"]}"#).unwrap();
        let patch = |json: &str| serde_json::from_str::<BackendPatch>(json).unwrap();
        patch(r#"{"state":"draining"}"#).apply(&mut spec);
        assert_eq!((spec.state, spec.region.is_some(), spec.address.is_some()), (BackendState::Draining, true, true));
        patch(r#"{"region":null,"tunnel":"blog"}"#).apply(&mut spec);
        assert_eq!((spec.region, spec.address, spec.tags.iter().count()), (None, None, 1));
        assert_eq!(spec.tunnel.unwrap().as_str(), "blog");
    }
}
