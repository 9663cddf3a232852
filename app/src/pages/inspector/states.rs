//! What the inspector says when there is nothing to look at, or not everything.

use super::place::Place;
use crate::{
    components::{command::command, confirm::act},
    format,
};
use domain::{CaptureLevel, CaptureSettings, RecorderHealth, Timestamp};
use leptos::prelude::*;

/// The keys, as the page tells them.
const KEYS: [(&str, &str); 6] = [
    ("j", "next"),
    ("k", "previous"),
    ("/", "search"),
    ("r", "replay"),
    ("c", "copy as cURL"),
    ("Esc", "back to the list"),
];

/// Nothing was captured yet: why, and how to begin.
pub fn nothing_yet(place: &Place, settings: &CaptureSettings) -> AnyView {
    if settings.level == CaptureLevel::Off {
        return view! {
            <section class="empty">
                <h2>"Nothing is captured here"</h2>
                <p>"Capture is off for this " {place.kind()} ". Requests pass, and nothing of them is kept."</p>
                {act(
                    "set_capture_level",
                    vec![("of", place.key()), ("level", CaptureLevel::Bodies.as_str().to_owned())],
                    "Switch it on",
                    "with headers and bodies",
                )}
            </section>
        }
        .into_any();
    }
    let line = place.url.as_ref().map(|url| command(format!("curl -i {url}")));
    view! {
        <section class="empty">
            <h2>"No request has been captured yet"</h2>
            <p>"Send the first one. It appears here at once."</p>
            {line}
        </section>
    }
    .into_any()
}

/// The right side before anything was chosen; `empty` is what it says until something is captured.
pub fn nothing_chosen_of(empty: Option<AnyView>) -> AnyView {
    match empty {
        Some(empty) => view! {
            <div class="when-empty">{empty}</div>
            <div class="when-not-empty">{nothing_chosen()}</div>
        }
        .into_any(),
        None => nothing_chosen(),
    }
}

/// What is on the right side before anything was chosen.
pub fn nothing_chosen() -> AnyView {
    view! {
        <div class="exchange-empty">
            <p>"Choose a request to see what was asked and what was answered."</p>
        </div>
    }
    .into_any()
}

/// The exchange of the address is no longer there.
pub fn gone() -> AnyView {
    view! {
        <div class="exchange-empty">
            <h2>"This request is no longer kept"</h2>
            <p>"It was deleted, or it was older than what is kept here. Pinned ones stay."</p>
        </div>
    }
    .into_any()
}

/// How far a search in heads and bodies has come.
pub fn looked_until(until: Option<Timestamp>) -> Option<AnyView> {
    let until = crate::islands::time::iso(until?);
    Some(
        view! {
            <p class="field-hint inspector-note">
                "Searched back to " <time datetime=until.clone()>{until.clone()}</time> "; what is older was not looked at yet."
            </p>
        }
        .into_any(),
    )
}

/// What the recorder could not keep.
pub fn recorder(health: &RecorderHealth, in_full: bool) -> Option<AnyView> {
    if health.trouble.is_some() {
        let said = health.trouble.clone().filter(|_| in_full).map(|said| view! { <p class="mono">{said}</p> });
        return Some(
            view! {
                <section class="notice notice-warning" aria-label="The recorder is in trouble">
                    <p>
                        <strong>"Requests are not recorded at the moment."</strong>
                        " The database takes none. Traffic is not touched by that, and recording goes on by itself once it can."
                    </p>
                    {said}
                </section>
            }
            .into_any(),
        );
    }
    let parts = [
        (health.dropped_rate, "came faster than is recorded"),
        (health.dropped_busy, "were more than the recorder could take"),
        (health.dropped_database, "were not taken by the database"),
    ];
    let told: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{} {why}", format::count(*count)))
        .collect();
    (!told.is_empty()).then(|| {
        view! {
            <p class="field-hint">
                "Not all requests of this server could be recorded since it was started: " {told.join(", ")} ". None of them was slowed down or lost for that."
            </p>
        }
        .into_any()
    })
}

/// The keys that the page knows.
pub fn keys() -> AnyView {
    let keys = KEYS.map(|(key, does)| view! { <li><kbd>{key}</kbd> " " {does}</li> });
    view! {
        <ul class="keys needs-scripts" aria-label="Keys">
            {keys.into_iter().collect_view()}
        </ul>
    }
    .into_any()
}
