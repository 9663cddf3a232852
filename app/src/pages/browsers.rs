//! The browsers that the viewer is signed in with.

use crate::components::signed_in::signed_in_list;
use domain::WebSession;
use leptos::prelude::*;

/// Each with a button that ends it, and one that ends all others.
pub(super) fn section(sessions: &[WebSession]) -> AnyView {
    let has_others = sessions.iter().any(|session| !session.current);
    let others = has_others.then(|| {
        view! {
            <form method="post" action="/web/action/end_other_sessions">
                <button class="button">"Sign out all others"</button>
            </form>
        }
    });
    view! {
        <section class="card" aria-labelledby="browsers-title">
            <h2 id="browsers-title">"Signed-in browsers"</h2>
            {signed_in_list(sessions, None)}
            {others}
        </section>
    }
    .into_any()
}
