//! Lists in pages.

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

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; `None`: this was the last.
    pub next_cursor: Option<String>,
}
