//! Services: named pools of backends, and how requests are spread over them.

use crate::schema::written_as;
use crate::{
    ServiceId, Tag, Timestamp, UserId,
    email::Email,
    health_check::HealthCheck,
    text::{is_plain_name, text_type},
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The name of a service: 1 to 63 lower-case letters, digits and inner `.`, `_`, `-`; not an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

/// Why a text is not accepted as a service's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceNameError {
    /// Something else than a plain name.
    #[error("a service's name has 1 to 63 letters, digits, dots, underscores and hyphens, such as shop")]
    Malformed,
    /// Where a name or an id may be given, it would be taken for the id.
    #[error("a service's name cannot look like an id; choose a word")]
    Id,
}

text_type!(ServiceName, ServiceNameError);

impl ServiceName {
    /// The service that is used where none is named.
    pub fn default_service() -> Self {
        Self("default".into())
    }
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;

    fn from_str(text: &str) -> Result<Self, ServiceNameError> {
        let text = text.trim().to_ascii_lowercase();
        if !is_plain_name(&text, 63) {
            return Err(ServiceNameError::Malformed);
        }
        if text.parse::<ServiceId>().is_ok() {
            return Err(ServiceNameError::Id);
        }
        Ok(Self(text))
    }
}

/// How a backend is chosen among those that may serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Of two at random, the one with fewer requests in flight for its weight.
    #[default]
    TwoChoices,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastConnections,
    /// At random, as often as their weights say.
    Weighted,
}

impl Balance {
    /// All of them, in the order in which forms offer them.
    pub const ALL: [Self; 4] = [Self::TwoChoices, Self::RoundRobin, Self::LeastConnections, Self::Weighted];

    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoChoices => "two_choices",
            Self::RoundRobin => "round_robin",
            Self::LeastConnections => "least_connections",
            Self::Weighted => "weighted",
        }
    }
}

/// The text names no [`Balance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("choose two_choices, round_robin, least_connections or weighted")]
pub struct UnknownBalance;

impl FromStr for Balance {
    type Err = UnknownBalance;

    fn from_str(text: &str) -> Result<Self, UnknownBalance> {
        Self::ALL.into_iter().find(|balance| balance.as_str() == text).ok_or(UnknownBalance)
    }
}

/// What makes requests of one client go to one backend, as long as it may serve.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Affinity {
    /// Nothing does.
    #[default]
    None,
    /// A cookie that switchboard sets.
    Cookie {
        /// The cookie's name; one made from the service when it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<FieldName>,
    },
    /// The client's address.
    ClientAddress,
    /// The value of a request header.
    Header {
        /// The header's name.
        name: FieldName,
    },
}

/// The name of a header or cookie: 1 to 128 characters of an RFC 9110 section 5.6.2 token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct FieldName(String);

/// Why a text is not accepted as the name of a header or cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no name of a header or cookie; use letters, digits and hyphens, at most 128")]
pub struct FieldNameError;

text_type!(FieldName, FieldNameError);

impl FromStr for FieldName {
    type Err = FieldNameError;

    fn from_str(text: &str) -> Result<Self, FieldNameError> {
        let text = text.trim();
        if text.len() <= 128 && crate::headers::is_token(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(FieldNameError)
        }
    }
}

/// How a service deals with backends that fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawResilience", into = "RawResilience")]
pub struct Resilience {
    /// How often a request that is safe to repeat is tried on another backend; 0 to 10.
    pub retries: u8,
    /// Over how many seconds a backend that came back gets its full share; 0 to 3,600.
    pub slow_start_seconds: u32,
    /// After how many failures in a row a backend is left out for a while; 0: never; at most 1,000.
    pub eject_after: u32,
    /// For how many seconds; 1 to 3,600.
    pub eject_seconds: u32,
    /// The most requests in flight on one backend; 0: no limit of its own; at most 1,000,000.
    pub max_in_flight: u32,
}

/// A number out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} is a number from {least} to {most}")]
pub struct OutOfRange {
    /// The field.
    pub field: &'static str,
    /// Its smallest value.
    pub least: u32,
    /// Its largest value.
    pub most: u32,
}

pub(crate) fn within(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), OutOfRange> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(OutOfRange { field, least, most }) }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
struct RawResilience {
    /// How often a request that is safe to repeat is tried on another backend; 0 to 10.
    retries: u8,
    /// Over how many seconds a backend that came back gets its full share; 0 to 3,600.
    slow_start_seconds: u32,
    /// After how many failures in a row a backend is left out for a while; 0: never; at most 1,000.
    eject_after: u32,
    /// For how many seconds; 1 to 3,600.
    eject_seconds: u32,
    /// The most requests in flight on one backend; 0: no limit of its own; at most 1,000,000.
    max_in_flight: u32,
}

impl Default for Resilience {
    fn default() -> Self {
        Self { retries: 1, slow_start_seconds: 0, eject_after: 5, eject_seconds: 30, max_in_flight: 0 }
    }
}

impl Default for RawResilience {
    fn default() -> Self {
        Resilience::default().into()
    }
}

impl From<Resilience> for RawResilience {
    fn from(from: Resilience) -> Self {
        let Resilience { retries, slow_start_seconds, eject_after, eject_seconds, max_in_flight } = from;
        Self { retries, slow_start_seconds, eject_after, eject_seconds, max_in_flight }
    }
}

impl TryFrom<RawResilience> for Resilience {
    type Error = OutOfRange;

    fn try_from(raw: RawResilience) -> Result<Self, OutOfRange> {
        let RawResilience { retries, slow_start_seconds, eject_after, eject_seconds, max_in_flight } = raw;
        within("retries", u32::from(retries), 0, 10)?;
        within("slow_start_seconds", slow_start_seconds, 0, 3_600)?;
        within("eject_after", eject_after, 0, 1_000)?;
        within("eject_seconds", eject_seconds, 1, 3_600)?;
        within("max_in_flight", max_in_flight, 0, 1_000_000)?;
        Ok(Self { retries, slow_start_seconds, eject_after, eject_seconds, max_in_flight })
    }
}

/// A service, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Whose it is.
    pub owner_id: UserId,
    /// What its owner calls it.
    pub name: ServiceName,
    /// How a backend is chosen.
    pub balance: Balance,
    /// What ties a client to a backend.
    pub affinity: Affinity,
    /// How backends are watched.
    pub health_check: HealthCheck,
    /// How failures are dealt with.
    pub resilience: Resilience,
    /// The tags of its backends, sorted.
    pub tags: Vec<TagCount>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// A tag within a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TagCount {
    /// The tag.
    pub tag: Tag,
    /// How many backends carry it.
    pub backends: u32,
    /// How many of them are in state `running`.
    pub running: u32,
}

/// All that an owner decides about a service: asked for when it is created, kept by its revisions, exported and applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Whose it is; who asks when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// What its owner calls it; unique among the owner's.
    pub name: ServiceName,
    /// How a backend is chosen.
    #[serde(default)]
    pub balance: Balance,
    /// What ties a client to a backend.
    #[serde(default)]
    pub affinity: Affinity,
    /// How backends are watched.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// How failures are dealt with.
    #[serde(default)]
    pub resilience: Resilience,
}

impl ServiceSpec {
    /// A service with this name, all else as it is by default.
    pub fn named(name: ServiceName) -> Self {
        Self {
            owner: None,
            name,
            balance: Balance::default(),
            affinity: Affinity::default(),
            health_check: HealthCheck::default(),
            resilience: Resilience::default(),
        }
    }
}

/// What is to be changed of a service; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ServicePatch {
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ServiceName>,
    /// How a backend is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// What ties a client to a backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How backends are watched; fields that are missing in it stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<crate::HealthCheckPatch>,
    /// How failures are dealt with; fields that are missing in it stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resilience: Option<ResiliencePatch>,
}

/// What is to be changed of a [`Resilience`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ResiliencePatch {
    /// See [`Resilience::retries`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u8>,
    /// See [`Resilience::slow_start_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_start_seconds: Option<u32>,
    /// See [`Resilience::eject_after`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eject_after: Option<u32>,
    /// See [`Resilience::eject_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eject_seconds: Option<u32>,
    /// See [`Resilience::max_in_flight`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
}

impl ServicePatch {
    /// Makes the changes.
    ///
    /// # Errors
    /// When a number is out of its range afterwards; `spec` is then as it was.
    pub fn apply(self, spec: &mut ServiceSpec) -> Result<(), OutOfRange> {
        let health_check = self.health_check.map(|patch| patch.apply(&spec.health_check)).transpose()?;
        let resilience = self.resilience.map(|patch| patch.apply(&spec.resilience)).transpose()?;
        spec.name = self.name.unwrap_or_else(|| spec.name.clone());
        spec.balance = self.balance.unwrap_or(spec.balance);
        spec.affinity = self.affinity.unwrap_or_else(|| spec.affinity.clone());
        spec.health_check = health_check.unwrap_or_else(|| spec.health_check.clone());
        spec.resilience = resilience.unwrap_or_else(|| spec.resilience.clone());
        Ok(())
    }
}

impl ResiliencePatch {
    fn apply(self, old: &Resilience) -> Result<Resilience, OutOfRange> {
        RawResilience {
            retries: self.retries.unwrap_or(old.retries),
            slow_start_seconds: self.slow_start_seconds.unwrap_or(old.slow_start_seconds),
            eject_after: self.eject_after.unwrap_or(old.eject_after),
            eject_seconds: self.eject_seconds.unwrap_or(old.eject_seconds),
            max_in_flight: self.max_in_flight.unwrap_or(old.max_in_flight),
        }
        .try_into()
    }
}

written_as!(Resilience, RawResilience, "What is done about backends that fail.");

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_name_is_plain_and_no_id() {
        assert_eq!(" Shop.v2 ".parse::<ServiceName>().map(String::from), Ok("shop.v2".into()));
        assert_eq!("".parse::<ServiceName>(), Err(ServiceNameError::Malformed));
        assert_eq!("a/b".parse::<ServiceName>(), Err(ServiceNameError::Malformed));
        assert_eq!("0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00".parse::<ServiceName>(), Err(ServiceNameError::Id));
    }

    #[test]
    fn a_bare_name_is_a_whole_service() {
        let spec: ServiceSpec = serde_json::from_str(r#"{"name":"shop"}"#).unwrap();
        assert_eq!(spec, ServiceSpec::named("shop".parse().unwrap()));
        assert!(serde_json::from_str::<ServiceSpec>(r#"{"name":"shop","balancing":"x"}"#).is_err());
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ServiceSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn numbers_have_ranges() {
        let error = serde_json::from_str::<Resilience>(r#"{"retries":11}"#).unwrap_err().to_string();
        assert!(error.contains("retries is a number from 0 to 10"), "{error}");
        let mut spec = ServiceSpec::named("shop".parse().unwrap());
        let patch: ServicePatch = serde_json::from_str(r#"{"resilience":{"eject_seconds":0}}"#).unwrap();
        assert_eq!(patch.apply(&mut spec).unwrap_err().field, "eject_seconds");
        let patch: ServicePatch =
            serde_json::from_str(r#"{"resilience":{"retries":3},"affinity":{"kind":"cookie"}}"#).unwrap();
        patch.apply(&mut spec).unwrap();
        assert_eq!((spec.resilience.retries, spec.resilience.eject_after), (3, 5));
        assert_eq!(spec.affinity, Affinity::Cookie { name: None });
    }
}
