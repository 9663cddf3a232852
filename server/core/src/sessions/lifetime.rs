//! How long browsers stay signed in however much they are used.

use crate::store::rows::web_sessions::{Column, Model};
use chrono::TimeDelta;
use domain::Timestamp;
use sea_orm::{ColumnTrait, Condition};
use std::time::Duration;

/// After this time a session ends, whenever it was used last. It is counted from the row's making, so that another setting
/// holds for sessions that have begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime(TimeDelta);

impl Lifetime {
    /// Saturates where there is no such time.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self(TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX))
    }

    /// When a session that began then ends at the latest.
    pub(super) fn end(self, created_at: Timestamp) -> Timestamp {
        created_at.checked_add_signed(self.0).unwrap_or(Timestamp::MAX_UTC)
    }

    /// When the session ends if it is not used any more.
    pub(super) fn end_of(self, row: &Model) -> Timestamp {
        row.expires_at.min(self.end(row.created_at))
    }

    /// Those that have not ended by themselves at this moment.
    pub(crate) fn standing(self, moment: Timestamp) -> Condition {
        let begun_after = moment.checked_sub_signed(self.0).unwrap_or(Timestamp::MIN_UTC);
        Condition::all().add(Column::ExpiresAt.gt(moment)).add(Column::CreatedAt.gt(begun_after))
    }
}
