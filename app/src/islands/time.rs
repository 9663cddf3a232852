//! Moments, as "5 min ago" with the exact time behind it.

use crate::format;
use domain::Timestamp;
use leptos::prelude::*;

/// A moment relative to now; the exact one in its `datetime` and tooltip.
pub fn moment(at: Timestamp, now: i64) -> impl IntoView + use<> {
    let iso = iso(at);
    view! { <time datetime=iso.clone() title=iso>{format::ago(at.timestamp(), now)}</time> }
}

/// RFC 3339 in UTC, to the second.
#[cfg(not(feature = "hydrate"))]
pub fn iso(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// RFC 3339 in UTC. The browser formats it, so that chrono's tables need not be in the program.
#[cfg(feature = "hydrate")]
pub fn iso(at: Timestamp) -> String {
    let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(at.timestamp() as f64 * 1_000.0));
    String::from(date.to_iso_string()).replace(".000Z", "Z")
}

/// Now, seconds since the Unix epoch.
#[cfg(not(feature = "hydrate"))]
pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// Now, seconds since the Unix epoch.
#[cfg(feature = "hydrate")]
pub fn now() -> i64 {
    super::browser::now()
}

/// A [`moment`] that stays right while the page is open.
#[island]
pub fn TimeAgo(
    /// The moment.
    at: Timestamp,
) -> impl IntoView {
    let clock = RwSignal::new(now());
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        loop {
            gloo_timers::future::TimeoutFuture::new(15_000).await;
            clock.set(now());
        }
    });
    let iso = iso(at);
    view! { <time datetime=iso.clone() title=iso>{move || format::ago(at.timestamp(), clock.get())}</time> }
}
