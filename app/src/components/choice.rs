//! Fields that offer what to choose from.

use crate::components::form::FormState;
use leptos::prelude::*;

/// A choice among few: each value with the words for it. What was chosen is kept when the form comes back.
pub fn select(
    form: (&str, &FormState),
    name: &'static str,
    label: &'static str,
    values: &[(&'static str, &'static str)],
    chosen: &str,
) -> AnyView {
    let (form, state) = form;
    let chosen = state.value(name).filter(|_| state.is_refused()).unwrap_or_else(|| chosen.to_owned());
    let options = values.iter().map(|(value, text)| {
        view! {
            <option value=*value selected=*value == chosen>
                {*text}
            </option>
        }
    });
    let id = format!("{form}-{name}");
    let error_id = format!("{id}-error");
    let error = state.error_of(name);
    let invalid = error.is_some().then_some("true");
    let described = error.is_some().then(|| error_id.clone());
    let error = error.map(|text| view! { <p class="field-error" id=error_id>{text}</p> });
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            {error}
            <select id=id name=name aria-invalid=invalid aria-describedby=described>
                {options.collect_view()}
            </select>
        </div>
    }
    .into_any()
}

/// A box to tick.
pub fn tick_box(
    form: (&str, &FormState),
    name: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    ticked: bool,
) -> AnyView {
    let (form, state) = form;
    let ticked = if state.is_refused() { state.value(name).is_some() } else { ticked };
    let id = format!("{form}-{name}");
    let hint_id = hint.map(|_| format!("{id}-hint"));
    let hint = hint.map(|text| view! { <p class="field-hint" id=hint_id.clone()>{text}</p> });
    view! {
        <div class="field field-tick">
            <input type="checkbox" id=id.clone() name=name value="on" checked=ticked aria-describedby=hint_id />
            <label for=id>{label}</label>
            {hint}
        </div>
    }
    .into_any()
}

/// The entries that fields of the page offer, see [`Field::offering`](super::field::Field::offering).
pub fn offers(id: &'static str, entries: impl IntoIterator<Item = String>) -> AnyView {
    let options = entries.into_iter().map(|entry| view! { <option value=entry></option> }).collect_view();
    view! { <datalist id=id>{options}</datalist> }.into_any()
}
