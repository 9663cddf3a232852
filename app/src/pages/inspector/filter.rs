//! What the list is narrowed to: a form whose address is the list itself.

use super::{asked::Asked, place::Place};
use crate::components::{confirm::confirm_with, notice};
use domain::{ExchangeFilter, ExchangeKind};
use leptos::prelude::*;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const STATUSES: [(&str, &str); 6] = [
    ("", "Any"),
    ("2xx", "2xx success"),
    ("3xx", "3xx redirects"),
    ("4xx", "4xx client errors"),
    ("5xx", "5xx server errors"),
    ("1xx", "1xx upgrades"),
];
const KINDS: [(&str, ExchangeKind); 4] = [
    ("HTTP", ExchangeKind::Http),
    ("Event streams", ExchangeKind::EventStream),
    ("WebSockets", ExchangeKind::WebSocket),
    ("Other protocols", ExchangeKind::Upgrade),
];

/// The form, what is wrong with what it asks for, and what can be done with what it finds.
pub fn form(asked: &Asked, place: &Place, found: (usize, bool)) -> AnyView {
    let filter = &asked.filter;
    let value = |name: &'static str| {
        filter.pairs().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value).unwrap_or_default()
    };
    let wrong = asked.wrong.as_ref().map(|wrong| notice::error(sentence(&wrong.to_string())));
    let path = asked.all();
    let clear = (!filter.is_empty()).then(|| {
        view! { <a class="button button-quiet" href=path.as_str().to_owned()>"Clear"</a> }
    });
    view! {
        {wrong}
        <div class="inspector-tools">
            <form method="get" action=path.as_str().to_owned() class="filter" role="search" aria-label="Requests">
                {search(value("q"))}
                {select("status", "Status", STATUSES.iter().map(|(value, text)| ((*value).to_owned(), *text)), &value("status"))}
                {select(
                    "method",
                    "Method",
                    std::iter::once((String::new(), "Any")).chain(METHODS.iter().map(|method| ((*method).to_owned(), *method))),
                    &value("method"),
                )}
                {more(filter, &value)}
                <button class="button">"Show"</button>
                {clear}
            </form>
            {acts(asked, place, found)}
        </div>
    }
    .into_any()
}

fn search(value: String) -> AnyView {
    view! {
        <div class="field">
            <label for="filter-q">"Path or host"</label>
            <input id="filter-q" type="search" name="q" value=value maxlength="200" placeholder="/api/orders" />
        </div>
    }
    .into_any()
}

/// What one looks for less often.
fn more(filter: &ExchangeFilter, value: &impl Fn(&'static str) -> String) -> AnyView {
    const SELDOM: [&str; 11] =
        ["header", "body", "min_ms", "max_ms", "min_bytes", "max_bytes", "from", "to", "kind", "pinned", "errors"];
    let used = SELDOM.iter().filter(|name| !value(name).is_empty()).count();
    let used = (used > 0).then(|| view! { " " <span class="count">{used}</span> });
    let text = |name: &'static str, label: &'static str, hint: &'static str| {
        let id = format!("filter-{name}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id type="text" name=name value=value(name) maxlength="200" placeholder=hint autocapitalize="none" spellcheck="false" />
            </div>
        }
    };
    let number = |name: &'static str, label: &'static str| {
        let id = format!("filter-{name}");
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id type="number" name=name value=value(name) min="0" />
            </div>
        }
    };
    let time = |name: &'static str, label: &'static str| {
        let id = format!("filter-{name}");
        // Browsers take no zone here.
        let value = value(name).trim_end_matches('Z').to_owned();
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input id=id type="datetime-local" step="1" name=name value=value />
            </div>
        }
    };
    let tick = |name: &'static str, label: &'static str, ticked: bool| {
        let id = format!("filter-{name}");
        view! {
            <div class="field field-tick">
                <input type="checkbox" id=id.clone() name=name value="true" checked=ticked />
                <label for=id>{label}</label>
            </div>
        }
    };
    let kinds = std::iter::once((String::new(), "Any"))
        .chain(KINDS.iter().map(|(text, kind)| (kind.as_str().to_owned(), *text)));
    view! {
        <details class="filter-more">
            <summary class="button button-quiet">"More" {used}</summary>
            <div class="filter-panel">
                <div class="fields-row">
                    {text("header", "Header", "name, or name: value")}
                    {text("body", "In a body or message", "some text")}
                </div>
                <div class="fields-row">{number("min_ms", "At least, ms")} {number("max_ms", "At most, ms")}</div>
                <div class="fields-row">{number("min_bytes", "At least, bytes")} {number("max_bytes", "At most, bytes")}</div>
                <div class="fields-row">{time("from", "From, UTC")} {time("to", "Until, UTC")}</div>
                {select("kind", "Kind", kinds, &value("kind"))}
                {tick("errors", "Only what went wrong", filter.errors)}
                {tick("pinned", "Only pinned ones", filter.pinned)}
                <button class="button">"Show"</button>
            </div>
        </details>
    }
    .into_any()
}

fn select(
    name: &'static str,
    label: &'static str,
    values: impl Iterator<Item = (String, &'static str)>,
    chosen: &str,
) -> AnyView {
    let id = format!("filter-{name}");
    let mut is_known = chosen.is_empty();
    let mut options: Vec<_> = values
        .map(|(value, text)| {
            let is_chosen = value == chosen;
            is_known |= is_chosen;
            view! { <option value=value selected=is_chosen>{text.to_owned()}</option> }
        })
        .collect();
    if !is_known {
        // One that was written into the address by hand, such as `status=404`.
        options.push(view! { <option value=chosen.to_owned() selected=true>{chosen.to_owned()}</option> });
    }
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <select id=id name=name>{options.into_iter().collect_view()}</select>
        </div>
    }
    .into_any()
}

/// What can be done with all that is found: so many, and whether there are more.
fn acts(asked: &Asked, place: &Place, (count, more): (usize, bool)) -> AnyView {
    if count == 0 {
        return ().into_any();
    }
    let query = asked.filter.to_query();
    let gap = if query.is_empty() { "" } else { "&" };
    let har = format!("/web/data/requests/har?of={}{gap}{query}", place.key());
    let count = match (count, more) {
        (count, true) => format!("all of them, more than {count},"),
        (1, false) => "the one request".to_owned(),
        (count, false) => format!("all {count} requests"),
    };
    let subject = match asked.filter.is_empty() {
        true => format!("{count} of {}", place.name),
        false => format!("{count} of {} that are as the search says", place.name),
    };
    let consequence = "What was kept of them is removed, pinned ones too, and cannot be brought back.";
    let fields = vec![("of", place.key()), ("filter", query), ("back", asked.list().as_str().to_owned())];
    view! {
        <div class="actions">
            <a class="button button-quiet button-small" href=har download="">"HAR"</a>
            {confirm_with("delete_requests", fields, "Delete", subject, consequence)}
        </div>
    }
    .into_any()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
