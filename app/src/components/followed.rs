//! Parts of a page that follow what is measured: its program asks the server for them every few seconds, as long as the
//! page shows what happens now.

use crate::pages::Visit;
use domain::Window;
use leptos::prelude::*;

/// What asks for the followed parts alone, as the page's program does.
pub fn is_asked(visit: &Visit) -> bool {
    visit.query.get_str("part") == Some("followed")
}

/// A part under a name of its own in the page.
pub fn followed(name: &'static str, window: Window, content: AnyView) -> AnyView {
    view! {
        <div class="followed" id=name data-follow=window.is_live().then_some("")>
            {content}
        </div>
    }
    .into_any()
}
