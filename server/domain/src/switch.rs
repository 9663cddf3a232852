//! Switches: the enabled tag of a domain or route becomes another.

use crate::{DomainId, RouteId, SwitchId, SwitchNow, Tag, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Identifies a rule: what has a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum RuleId {
    /// A domain, with its own target.
    Domain(DomainId),
    /// A route.
    Route(RouteId),
}

/// How a switch goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SwitchMode {
    /// All traffic at once.
    #[default]
    AtOnce,
    /// In steps, see [`SwitchPlan`].
    Gradual,
}

impl SwitchMode {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Gradual => "gradual",
        }
    }
}

/// Where a switch has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SwitchState {
    /// It is on its way.
    Running,
    /// All traffic goes to the new tag.
    Done,
    /// It went back by itself, because a limit was crossed.
    Returned,
    /// Somebody ended it before it was done.
    Cancelled,
}

impl SwitchState {
    /// The name used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a gradual switch goes, and when it goes back by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SwitchPlan {
    /// Its steps, in order. A switch that is made at once has one with all traffic, for as long as it is watched.
    pub steps: Vec<SwitchStep>,
    /// Back when more than this share of the new tag's answers are errors; 0 to 1. 0.05 when nothing is said, since a tag
    /// that fails must not go on failing until somebody looks; `null` for never.
    pub max_error_rate: Option<f64>,
    /// Back when the new tag's 95th percentile of latency is above so many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u32>,
}

/// Why a plan is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SwitchPlanError {
    /// Too few or too many steps.
    #[error("a gradual switch has 1 to {} steps", SwitchPlan::MOST_STEPS)]
    Steps,
    /// A share that is none, or falls.
    #[error("the percentages of a switch lie between 1 and 100, and none is smaller than the one before")]
    Percent,
    /// A step that is too short, or all of them too long.
    #[error("a step lasts at least a second, and all of them together at most 7 days")]
    Seconds,
    /// A share of errors that is none.
    #[error("max_error_rate is a number from 0 to 1, such as 0.05 for 5 of 100")]
    ErrorRate,
}

impl Default for SwitchPlan {
    fn default() -> Self {
        Self { steps: Vec::new(), max_error_rate: Some(0.05), max_latency_ms: None }
    }
}

impl SwitchPlan {
    /// The most steps.
    pub const MOST_STEPS: usize = 20;
    /// The longest time that all steps may take together, seconds.
    pub const LONGEST: u64 = 7 * 24 * 3600;

    /// Makes sure that it can be followed.
    ///
    /// # Errors
    /// See [`SwitchPlanError`].
    pub fn check(&self) -> Result<(), SwitchPlanError> {
        if !(1..=Self::MOST_STEPS).contains(&self.steps.len()) {
            return Err(SwitchPlanError::Steps);
        }
        let mut before = 1;
        for step in &self.steps {
            if !(before..=100).contains(&step.percent) {
                return Err(SwitchPlanError::Percent);
            }
            before = step.percent;
        }
        if self.steps.iter().any(|step| step.seconds == 0) || self.seconds() > Self::LONGEST {
            return Err(SwitchPlanError::Seconds);
        }
        if self.max_error_rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            return Err(SwitchPlanError::ErrorRate);
        }
        Ok(())
    }

    /// How long all steps take, in seconds.
    pub fn seconds(&self) -> u64 {
        self.steps.iter().map(|step| u64::from(step.seconds)).sum()
    }

    /// The new tag's share so many seconds after the beginning, in percent; `None` when all steps are over.
    pub fn percent_after(&self, seconds: u64) -> Option<u8> {
        let mut end = 0;
        self.steps.iter().find_map(|step| {
            end += u64::from(step.seconds);
            (seconds < end).then_some(step.percent)
        })
    }
}

/// How a switch that is made at once is watched, and when it goes back by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SwitchWatch {
    /// For how long, in seconds.
    pub seconds: u32,
    /// As in [`SwitchPlan`].
    pub max_error_rate: Option<f64>,
    /// As in [`SwitchPlan`].
    pub max_latency_ms: Option<u32>,
}

impl Default for SwitchWatch {
    fn default() -> Self {
        let SwitchPlan { max_error_rate, max_latency_ms, .. } = SwitchPlan::default();
        Self { seconds: 60, max_error_rate, max_latency_ms }
    }
}

impl From<SwitchWatch> for SwitchPlan {
    fn from(watch: SwitchWatch) -> Self {
        let SwitchWatch { seconds, max_error_rate, max_latency_ms } = watch;
        Self { steps: vec![SwitchStep { percent: 100, seconds }], max_error_rate, max_latency_ms }
    }
}

/// A step of a gradual switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SwitchStep {
    /// The new tag's share, in percent.
    pub percent: u8,
    /// How long the step lasts, in seconds.
    pub seconds: u32,
}

/// A switch, as pages and the API show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Switch {
    /// Its id.
    pub id: SwitchId,
    /// What was switched.
    pub rule: RuleId,
    /// The tag before; `None`: all backends served.
    pub from_tag: Option<Tag>,
    /// The tag after; `None`: all backends serve.
    pub to_tag: Option<Tag>,
    /// How it goes.
    pub mode: SwitchMode,
    /// The steps of a gradual one, or how one that was made at once is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<SwitchPlan>,
    /// Where it has got to.
    pub state: SwitchState,
    /// Why it ended before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who started it.
    pub actor_id: UserId,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Switch {
    /// How far it has come at this moment; `None` for one that took the tag away, which is always over.
    pub fn at(&self, moment: Timestamp) -> Option<SwitchNow> {
        let plan = self.plan.clone().unwrap_or_default();
        let passed = u64::try_from((moment - self.started_at).num_seconds()).unwrap_or(0);
        Some(SwitchNow {
            to_tag: self.to_tag.clone()?,
            state: self.state,
            reason: self.reason.clone(),
            percent: plan.percent_after(passed).unwrap_or(100),
            passed: passed.min(plan.seconds()),
            seconds: plan.seconds(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[(u8, u32)]) -> SwitchPlan {
        let steps =
            steps.iter().map(|(percent, seconds)| SwitchStep { percent: *percent, seconds: *seconds }).collect();
        SwitchPlan { steps, ..SwitchPlan::default() }
    }

    #[test]
    fn errors_have_a_limit_unless_it_is_taken_away() {
        let read = |text| serde_json::from_str::<SwitchPlan>(text).map(|plan| plan.max_error_rate).ok();
        assert_eq!(read(r#"{"steps": []}"#), Some(Some(0.05)));
        assert_eq!(read(r#"{"steps": [], "max_error_rate": null}"#), Some(None));
        let unlimited = SwitchPlan { max_error_rate: None, ..SwitchPlan::default() };
        let written = serde_json::to_string(&unlimited).unwrap_or_default();
        assert_eq!(read(&written), Some(None), "{written}");
    }

    #[test]
    fn the_share_rises_step_by_step() {
        let plan = plan(&[(10, 60), (50, 30), (100, 10)]);
        assert_eq!(plan.check(), Ok(()));
        for (seconds, percent) in [
            (0, Some(10)),
            (59, Some(10)),
            (60, Some(50)),
            (89, Some(50)),
            (90, Some(100)),
            (99, Some(100)),
            (100, None),
        ] {
            assert_eq!(plan.percent_after(seconds), percent, "{seconds}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        assert_eq!(plan(&[]).check(), Err(SwitchPlanError::Steps));
        assert_eq!(plan(&[(1, 1); 21]).check(), Err(SwitchPlanError::Steps));
        for steps in [[(0, 1), (1, 1)], [(50, 1), (49, 1)], [(50, 1), (101, 1)]] {
            assert_eq!(plan(&steps).check(), Err(SwitchPlanError::Percent), "{steps:?}");
        }
        assert_eq!(plan(&[(50, 0)]).check(), Err(SwitchPlanError::Seconds));
        assert_eq!(plan(&[(50, 8 * 24 * 3600)]).check(), Err(SwitchPlanError::Seconds));
        let rate = SwitchPlan { max_error_rate: Some(1.5), ..plan(&[(50, 1)]) };
        assert_eq!(rate.check(), Err(SwitchPlanError::ErrorRate));
    }
}
