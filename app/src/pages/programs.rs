//! The programs that are signed in, on the settings page.

use super::visit::Visit;
use crate::components::signed_in::signed_in_list;
use leptos::prelude::*;
use server_core::{CoreError, Page};

/// As many as anybody may have.
pub(super) const ALL: Page = Page { limit: 100, cursor: None };

/// Each with a button that ends it, and one that ends all.
pub(super) async fn section(visit: &Visit) -> Result<AnyView, CoreError> {
    let programs = visit.services.api_sessions().list(&visit.viewer, ALL).await?.items;
    let all = (programs.len() > 1).then(|| {
        view! {
            <form method="post" action="/web/action/end_programs">
                <button class="button">"Sign out all programs"</button>
            </form>
        }
    });
    Ok(view! {
        <section class="card" aria-labelledby="programs-title">
            <h2 id="programs-title">"Signed-in programs"</h2>
            <p>"What has signed in to the API with your password. Programs with a personal token are not among them."</p>
            {signed_in_list(&programs, None)}
            {all}
        </section>
    }
    .into_any())
}
