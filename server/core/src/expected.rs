//! Changes that are made only while the thing is still what it was when it was looked at.

use crate::{CoreError, Hosts, Pools, Regions, Result, Routes, Tunnels};
use chrono::TimeDelta;
use domain::Timestamp;

/// Which states of a thing a change is meant for. A state is known by when its owner last changed it, which is later with
/// each change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    #[default]
    Anything,
    /// One of these, by their `updated_at`.
    OneOf(Vec<Timestamp>),
}

impl Expected {
    /// Refuses a change of what was changed since.
    ///
    /// # Errors
    /// `Changed`.
    pub(crate) fn check(&self, updated_at: Timestamp) -> Result<()> {
        match self {
            Self::OneOf(states) if !states.contains(&updated_at) => Err(CoreError::Changed),
            _ => Ok(()),
        }
    }
}

/// When a change is made of what was last changed `before`: always later, also within a millisecond and when the clock
/// was set back.
pub(crate) fn later_than(before: Timestamp) -> Timestamp {
    crate::store::now().max(before + TimeDelta::milliseconds(1))
}

macro_rules! conditional {
    ($($services:ident { $($same:ident),* };)*) => {$(
        impl $services {
            /// The same, but each change and deletion is refused with [`CoreError::Changed`] unless what it is made of
            /// is as expected.
            #[must_use]
            pub fn if_unchanged(&self, expected: Expected) -> Self {
                Self { desk: self.desk.expecting(expected), $($same: self.$same.clone()),* }
            }
        }
    )*};
}

conditional! {
    Pools {};
    Hosts {};
    Routes {};
    Regions {};
    Tunnels { store, presence, traffic, changes, addresses, max_per_user, name_cooldown };
}
