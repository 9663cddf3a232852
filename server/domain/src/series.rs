//! Measurements over time.

use crate::Sample;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How far back a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Range {
    /// The last five minutes in steps of a second, still growing.
    #[default]
    #[serde(rename = "live")]
    Live,
    /// An hour in minutes.
    #[serde(rename = "1h")]
    Hour,
    /// A day in steps of five minutes.
    #[serde(rename = "24h")]
    Day,
    /// A week in hours.
    #[serde(rename = "7d")]
    Week,
    /// 30 days in steps of four hours.
    #[serde(rename = "30d")]
    Month,
}

impl Range {
    /// All of them, shortest first.
    pub const ALL: [Self; 5] = [Self::Live, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name used in URLs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The length of the whole range, seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Live => 300,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
        }
    }

    /// The length of one step, seconds.
    pub fn step(self) -> i64 {
        match self {
            Self::Live => 1,
            Self::Hour => 60,
            Self::Day => 300,
            Self::Week => 3_600,
            Self::Month => 4 * 3_600,
        }
    }
}

impl FromStr for Range {
    type Err = UnknownRange;

    fn from_str(text: &str) -> Result<Self, UnknownRange> {
        Self::ALL.into_iter().find(|range| range.as_str() == text).ok_or(UnknownRange)
    }
}

/// The text names no [`Range`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown range; use one of live, 1h, 24h, 7d, 30d")]
pub struct UnknownRange;

/// Samples in the order of time. A step for which nothing was recorded because the server was not running has no
/// sample: that is a gap, not a zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Series {
    /// The length of one step, seconds.
    pub step: i64,
    /// The start of the first step that the range covers, seconds since the Unix epoch.
    pub from: i64,
    /// The end of the last one.
    pub until: i64,
    /// What was measured.
    pub samples: Vec<Sample>,
    /// All of it together. Its percentiles are those of all answers, which could not be had from those of the steps.
    pub whole: Sample,
}
