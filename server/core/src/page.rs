//! Lists in pages. A cursor is the sort key of the last item, so that what is added or removed meanwhile neither
//! repeats nor hides anything.

use crate::{CoreError, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// The most items on a page.
const MAX_LIMIT: u32 = 100;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many items, 1 to 100.
    pub limit: u32,
    /// Where the last page ended: its [`Listing::next_cursor`].
    pub cursor: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 50, cursor: None }
    }
}

impl Page {
    pub(crate) fn limit(&self) -> Result<usize> {
        if (1..=MAX_LIMIT).contains(&self.limit) {
            Ok(self.limit as usize)
        } else {
            Err(CoreError::invalid("limit", format!("limit is a number from 1 to {MAX_LIMIT}")))
        }
    }

    /// The sort key after which the page starts.
    pub(crate) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong_cursor())?;
        serde_json::from_slice(&json).map(Some).map_err(|_| wrong_cursor())
    }
}

/// The text is no cursor, or one of another list.
pub(crate) fn wrong_cursor() -> CoreError {
    CoreError::invalid("cursor", "this is not a cursor of this list; leave it out to start anew")
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; `None`: this was the last.
    pub next_cursor: Option<String>,
}

/// Cuts what was read, one row more than a page holds, to the page; and says where the next one starts.
pub(crate) fn cut<R, K: Serialize>(rows: &mut Vec<R>, limit: usize, key: impl Fn(&R) -> K) -> Result<Option<String>> {
    if rows.len() <= limit {
        return Ok(None);
    }
    rows.truncate(limit);
    let Some(last) = rows.last() else { return Ok(None) };
    cursor_of(&key(last)).map(Some)
}

/// The cursor of a page that starts after this sort key.
pub(crate) fn cursor_of(key: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(key).map_err(|error| CoreError::Internal(format!("writing a cursor: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
