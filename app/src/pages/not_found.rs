//! The page for addresses that lead nowhere.

use crate::{components::layout, ssr};
use http::StatusCode;
use leptos::prelude::*;

/// Nothing is here, or not for this viewer: both look the same.
#[component]
pub fn NotFound() -> impl IntoView {
    ssr::set_status(StatusCode::NOT_FOUND);
    layout::lone(
        "Not found",
        view! {
            <h1>"There is nothing here"</h1>
            <p>"The address may be misspelt, or what it named was deleted or belongs to somebody else."</p>
            <p>
                <a class="button" href="/web">
                    "Go to the overview"
                </a>
            </p>
        },
    )
}
