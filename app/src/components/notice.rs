//! What an action came to, at the top of the page it led to.

use crate::{messages, query::Query};
use leptos::prelude::*;

/// Says what was done, if the address has a code for it.
pub fn done(query: &Query) -> Option<AnyView> {
    let code = query.get_str("done")?;
    let text = messages::done(code)?;
    let class = if messages::waits(code) { "notice notice-warning" } else { "notice notice-done" };
    Some(
        view! {
            <p class=class role="status">
                {text}
            </p>
        }
        .into_any(),
    )
}

/// Says why something was refused that no form of the page shows: errors with a `form` belong to it.
pub fn refused(query: &Query) -> Option<AnyView> {
    if query.get_str("form").is_some() {
        return None;
    }
    let wait = query.get_str("wait").and_then(|wait| wait.parse().ok());
    let text = messages::refusal(query.get_str("error")?, query.get_str("field"), None, wait);
    Some(error(text))
}

/// An error that screen readers say at once.
pub fn error(text: String) -> AnyView {
    view! {
        <p class="notice notice-error" role="alert">
            {text}
        </p>
    }
    .into_any()
}
