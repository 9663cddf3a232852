//! Regions and nodes: where backends and switchboards live.

use crate::{
    NodeId, RegionId, Timestamp,
    text::{is_plain_name, text_type},
};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The name of a region: 1 to 63 lower-case letters, digits and inner `.`, `_`, `-`, such as `eu-west`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct RegionName(String);

/// Why a text is not accepted as a region's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a region's name has 1 to 63 letters, digits, dots, underscores and hyphens, such as eu-west")]
pub struct RegionNameError;

text_type!(RegionName, RegionNameError);

impl FromStr for RegionName {
    type Err = RegionNameError;

    fn from_str(text: &str) -> Result<Self, RegionNameError> {
        let text = text.trim().to_ascii_lowercase();
        if is_plain_name(&text, 63) { Ok(Self(text)) } else { Err(RegionNameError) }
    }
}

/// A region, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// What backends and nodes call it.
    pub name: RegionName,
    /// Where other regions reach it: scheme, host and port, without a path.
    pub public_url: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// All that is decided about a region: asked for when it is created, kept by its revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegionSpec {
    /// What backends and nodes call it.
    pub name: RegionName,
    /// Where other regions reach it: `http://` or `https://`, host and port, without a path.
    pub public_url: String,
}

/// What is to be changed of a region; what is missing stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RegionPatch {
    /// What backends and nodes call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<RegionName>,
    /// Where other regions reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

impl RegionPatch {
    /// Makes the changes.
    pub fn apply(self, spec: &mut RegionSpec) {
        if let Some(name) = self.name {
            spec.name = name;
        }
        if let Some(public_url) = self.public_url {
            spec.public_url = public_url;
        }
    }
}

/// A switchboard process, as it last told of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// What its operator calls it; one process at a time has a name.
    pub name: String,
    /// Where it is.
    pub region: Option<RegionName>,
    /// Which version it runs.
    pub version: String,
    /// Where it says it is reached.
    pub public_url: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it last said that it is there.
    pub seen_at: Timestamp,
}
