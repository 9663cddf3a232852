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

impl Page {
    /// This page of a short list that was read as a whole.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`, also when what the page before ended with is gone.
    pub fn of<T, K>(&self, items: Vec<T>, key: impl Fn(&T) -> K) -> Result<Listing<T>>
    where
        K: Serialize + DeserializeOwned + PartialEq,
    {
        let limit = self.limit()?;
        let begin = match self.after::<K>()? {
            Some(after) => items.iter().position(|item| key(item) == after).ok_or_else(wrong_cursor)? + 1,
            None => 0,
        };
        let mut items: Vec<_> = items.into_iter().skip(begin).take(limit + 1).collect();
        let next_cursor = cut(&mut items, limit, key)?;
        Ok(Listing { items, next_cursor })
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_short_list_has_pages_too() {
        let page = |limit, cursor| Page { limit, cursor }.of(vec![5, 9, 2], |number| *number);
        let first = page(2, None).unwrap();
        assert_eq!(first.items, [5, 9]);
        let last = page(2, first.next_cursor).unwrap();
        assert_eq!((last.items, last.next_cursor), (vec![2], None));
        assert_eq!(page(3, None).unwrap().next_cursor, None);
        assert_eq!(page(2, Some(cursor_of(&2).unwrap())).unwrap().items, [0; 0]);
        for wrong in [cursor_of(&7).unwrap(), "?".to_owned(), String::new()] {
            assert!(page(2, Some(wrong)).is_err());
        }
        assert!(page(0, None).is_err() && page(101, None).is_err());
    }
}
