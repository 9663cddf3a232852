//! Lists: `{items, next_cursor}`, asked for with `limit` and `cursor`.

use serde::{Deserialize, Serialize};
use server_core::{Listing, Page};
use utoipa::{IntoParams, ToSchema};

use crate::api::error::{ApiError, ApiResult};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;
/// Longer than any cursor that was handed out.
const MAX_CURSOR: usize = 2_048;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    /// What is on this page.
    items: Vec<T>,
    /// Give it as `cursor` for the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// The query string of a list that is asked for as a whole.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn page(self) -> ApiResult<Page> {
        page(self.limit, self.cursor)
    }
}

impl<T> From<Listing<T>> for List<T> {
    fn from(listing: Listing<T>) -> Self {
        Self { items: listing.items, next_cursor: listing.next_cursor }
    }
}

impl<T> List<T> {
    /// A page of what each of these is shown as.
    pub(super) fn map<F>(listing: Listing<F>, shown: impl FnMut(F) -> T) -> Self {
        Self { items: listing.items.into_iter().map(shown).collect(), next_cursor: listing.next_cursor }
    }
}

/// The page that a query string asks for.
pub(super) fn page(limit: Option<u32>, cursor: Option<String>) -> ApiResult<Page> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("limit lies between 1 and {MAX_LIMIT}")));
    }
    if cursor.as_ref().is_some_and(|cursor| cursor.len() > MAX_CURSOR) {
        return Err(ApiError::invalid("cursor", "this is no cursor; take next_cursor of the page before"));
    }
    Ok(Page { limit, cursor })
}
