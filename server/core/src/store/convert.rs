//! What columns hold as text, and the types that it stands for.

use crate::{CoreError, Result};
use domain::Front;
use sea_orm::sea_query::LikeExpr;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr, sync::Arc};

/// The longest text to search for, characters.
const MAX_SEARCH: usize = 100;

/// Text that was validated before it was stored.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error| wrong(text, &error))
}

/// JSON.
pub(crate) fn read_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| wrong(text, &error))
}

/// The name of an enum's variant in JSON.
pub(crate) fn read_word<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(text.into()).map_err(|error| wrong(text, &error))
}

/// As JSON.
pub(crate) fn write_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| CoreError::Internal(format!("writing JSON: {error}")))
}

/// What stands in front of something.
pub(crate) fn read_front(text: Option<&str>) -> Result<Front> {
    text.map_or_else(|| Ok(Front::default()), read_json)
}

/// The same for the routing table; `None`: everything passes.
pub(crate) fn shared_front(text: Option<&str>) -> Result<Option<Arc<Front>>> {
    text.map(read_json).transpose()
}

fn wrong(text: &str, error: &dyn Display) -> CoreError {
    let start: String = text.chars().take(200).collect();
    CoreError::Internal(format!("the database holds {start:?}: {error}"))
}

/// A pattern for what contains this text, lower-cased; the column must be, too. `None`: no text was given.
pub(crate) fn contains(search: Option<&str>) -> Result<Option<LikeExpr>> {
    let Some(search) = search.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if search.chars().count() > MAX_SEARCH {
        return Err(CoreError::invalid("search", format!("search for at most {MAX_SEARCH} characters")));
    }
    Ok(Some(pattern(search)))
}

/// A pattern for what contains this text, lower-cased.
pub(crate) fn pattern(text: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}
