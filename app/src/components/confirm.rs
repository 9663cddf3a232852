//! An act that asks once: it names what will happen and how to undo it. Works without scripts.

use leptos::prelude::*;
use std::borrow::Cow;

/// A button that opens the question; in it the real form, sent to `action` with `id`.
pub fn confirm(
    action: &'static str,
    id: String,
    verb: &'static str,
    subject: String,
    consequence: impl Into<Cow<'static, str>>,
) -> AnyView {
    confirm_with(action, vec![("id", id)], verb, subject, consequence)
}

/// The same with more fields than the id.
pub fn confirm_with(
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    verb: &'static str,
    subject: String,
    consequence: impl Into<Cow<'static, str>>,
) -> AnyView {
    let question = format!("{verb} {subject}?");
    confirm_asking(action, fields, verb, subject, question, consequence)
}

/// The same where verb and subject are no question together.
pub fn confirm_asking(
    action: &'static str,
    fields: Vec<(&'static str, String)>,
    verb: &'static str,
    subject: String,
    question: String,
    consequence: impl Into<Cow<'static, str>>,
) -> AnyView {
    let consequence = consequence.into();
    view! {
        <details class="confirm" name="confirm">
            <summary class="button button-quiet button-small">
                {verb} <span class="visually-hidden">" " {subject}</span>
            </summary>
            <form method="post" action=format!("/web/action/{action}") class="confirm-body">
                <p>
                    <strong>{question}</strong>
                    " "
                    {consequence}
                </p>
                {hidden(fields)}
                <button class="button button-danger button-small">{verb}</button>
            </form>
        </details>
    }
    .into_any()
}

/// A button that acts at once: what it does is undone as easily.
pub fn act(action: &'static str, fields: Vec<(&'static str, String)>, verb: &'static str, subject: &str) -> AnyView {
    let subject = subject.to_owned();
    view! {
        <form method="post" action=format!("/web/action/{action}")>
            {hidden(fields)}
            <button class="button button-quiet button-small">
                {verb} <span class="visually-hidden">" " {subject}</span>
            </button>
        </form>
    }
    .into_any()
}

/// Offers to take a deletion back.
pub fn undo(action: &'static str, fields: Vec<(&'static str, String)>, words: &'static str) -> AnyView {
    view! {
        <form method="post" action=format!("/web/action/{action}") class="notice notice-action">
            {hidden(fields)}
            <button class="button button-small">{words}</button>
        </form>
    }
    .into_any()
}

fn hidden(fields: Vec<(&'static str, String)>) -> AnyView {
    fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view()
        .into_any()
}
