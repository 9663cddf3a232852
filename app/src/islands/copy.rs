//! A button that copies a text.

use leptos::prelude::*;

/// Copies `text` to the clipboard and says so. Hidden where scripts are off: the text itself is on the page.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What the text is, for the button's name: `Copy` + this.
    what: String,
) -> impl IntoView {
    let outcome = RwSignal::new("");
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        {
            let writing = super::browser::copy(&text);
            leptos::task::spawn_local(async move {
                let copied = writing.await;
                outcome.set(if copied { "Copied" } else { "Select the text and copy it by hand" });
                gloo_timers::future::TimeoutFuture::new(2_500).await;
                outcome.set("");
            });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = &text;
    };
    view! {
        <span class="copy needs-scripts">
            <button type="button" class="button button-quiet button-small" on:click=copy>
                "Copy"
                <span class="visually-hidden">" " {what}</span>
            </button>
            <span class="copy-outcome" role="status" aria-live="polite">
                {move || outcome.get()}
            </span>
        </span>
    }
}
