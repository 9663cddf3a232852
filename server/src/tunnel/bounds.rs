//! How much one telephone may have under way, on however many lines.

use std::sync::Arc;

use telephone::line::SessionBudget;
use wire::control::Limits;
use wire::plain::{MAX_REQUESTS, VERSION};

use super::plain::Budget;

/// What the lines of one session may take together.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Of all of them.
    pub(super) lines: SessionBudget,
    /// Of those that speak version 1.0, besides.
    pub(super) plain: Arc<Budget>,
}

impl Bounds {
    /// Of a session that is opened in this version of the line.
    pub(super) fn of(version: &str) -> Self {
        let plain = version == VERSION;
        let streams = if plain { MAX_REQUESTS } else { Limits::default().max_streams };
        Self { lines: SessionBudget::new(streams), plain: Arc::default() }
    }
}
