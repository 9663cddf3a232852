//! What lists have in common: a filter in the address, and the way to the next page.

use crate::destination::Destination;
use leptos::prelude::*;

/// The button to the next page of a list, if there is one.
pub fn more(list: &Destination, cursor: Option<String>) -> Option<AnyView> {
    let href = list.clone().with("cursor", &cursor?);
    Some(view! { <p><a class="button" href=href.as_str().to_owned()>"Show more"</a></p> }.into_any())
}

/// A text to search for and a state to narrow a list to. `states` are what addresses call them, with the words for them.
pub fn filter(
    path: &'static str,
    search: &str,
    placeholder: &'static str,
    states: &'static [(&'static str, &'static str)],
    state: &str,
) -> AnyView {
    let options = states.iter().map(|(value, text)| {
        view! {
            <option value=*value selected=*value == state>
                {*text}
            </option>
        }
    });
    view! {
        <form method="get" action=path class="filter" role="search">
            <div class="field">
                <label for="filter-q">"Search"</label>
                <input
                    id="filter-q"
                    type="search"
                    name="q"
                    value=search.to_owned()
                    maxlength="100"
                    placeholder=placeholder
                />
            </div>
            <div class="field">
                <label for="filter-state">"State"</label>
                <select id="filter-state" name="state">
                    {options.collect_view()}
                </select>
            </div>
            <button class="button">"Show"</button>
        </form>
    }
    .into_any()
}

/// What the address asks of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The text to search for.
    pub search: String,
    /// The state, one of those that are known, or empty.
    pub state: &'static str,
}

impl Asked {
    /// What is unknown counts as not asked for.
    pub fn of(query: &crate::query::Query, states: &'static [(&'static str, &'static str)]) -> Self {
        let state = query.get_str("state").unwrap_or_default();
        let state = states.iter().find(|(known, _)| *known == state).map_or("", |(known, _)| *known);
        Self { search: query.get_str("q").unwrap_or_default().trim().chars().take(100).collect(), state }
    }

    /// The text to search for, if any.
    pub fn search(&self) -> Option<String> {
        Some(self.search.clone()).filter(|search| !search.is_empty())
    }

    /// Whether anything is asked for.
    pub fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || !self.state.is_empty()
    }

    /// The address that asks for it.
    pub fn address(&self, path: &'static str) -> Destination {
        Destination::page(path).with_some("q", Some(&self.search)).with_some("state", Some(self.state))
    }
}
