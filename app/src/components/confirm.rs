//! An act that asks once: it names what will happen and how to undo it. Works without scripts.

use leptos::prelude::*;

/// A button that opens the question; in it the real form, sent to `action` with `id`.
pub fn confirm(
    action: &'static str,
    id: String,
    verb: &'static str,
    subject: String,
    consequence: &'static str,
) -> AnyView {
    view! {
        <details class="confirm" name="confirm">
            <summary class="button button-quiet button-small">
                {verb} <span class="visually-hidden">" " {subject.clone()}</span>
            </summary>
            <form method="post" action=format!("/web/action/{action}") class="confirm-body">
                <p>
                    <strong>{verb} " " {subject} "?"</strong>
                    " "
                    {consequence}
                </p>
                <input type="hidden" name="id" value=id />
                <button class="button button-danger button-small">{verb}</button>
            </form>
        </details>
    }
    .into_any()
}
