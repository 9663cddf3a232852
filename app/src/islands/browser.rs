//! The few things asked of the browser itself.

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::Promise;
use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AddEventListenerOptions, Document, DomParser, EventTarget, HtmlElement, Response, SupportedType};

/// Waits for an event. Events that happen between two calls are missed.
pub async fn event(target: &EventTarget, name: &str) {
    let options = AddEventListenerOptions::new();
    options.set_once(true);
    let promise = Promise::new(&mut |resolve, _| {
        // Fails only for a callback that is no function, and `resolve` is one.
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(name, &resolve, &options);
    });
    // This promise is never rejected.
    let _ = JsFuture::from(promise).await;
}

/// Waits for an event, but not longer than `limit` milliseconds.
pub async fn event_within(target: &EventTarget, name: &str, limit: u32) {
    let event = std::pin::pin!(event(target, name));
    select(event, TimeoutFuture::new(limit)).await;
}

/// The result of a future, unless it takes longer than `limit` milliseconds.
pub async fn within<F: Future + Unpin>(limit: u32, future: F) -> Option<F::Output> {
    match select(future, TimeoutFuture::new(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Now, seconds since the Unix epoch.
pub fn now() -> i64 {
    (js_sys::Date::now() / 1_000.0) as i64
}

/// The text at an address; `None` when it cannot be had, or not without signing in first.
pub async fn load(address: String) -> Option<String> {
    let response = JsFuture::from(window().fetch_with_str(&address)).await.ok()?.dyn_into::<Response>().ok()?;
    if !response.ok() || response.redirected() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// The page at an address, see [`load`]. Scripts in what a parser made this way never run.
pub async fn load_page(address: String) -> Option<Document> {
    let text = load(address).await?;
    DomParser::new().ok()?.parse_from_string(&text, SupportedType::TextHtml).ok()
}

/// Saves what is at an address as a file.
pub fn save(address: &str, file: &str) {
    let Ok(link) = document().create_element("a") else { return };
    // Names and values are ours.
    let _ = link.set_attribute("href", address);
    let _ = link.set_attribute("download", file);
    if let Some(link) = link.dyn_ref::<HtmlElement>() {
        link.click();
    }
}

/// Copies a text to the clipboard; whether that worked. Browsers have a clipboard only where the page came over https
/// or from this machine.
pub fn copy(text: &str) -> impl Future<Output = bool> + use<> {
    let clipboard = window().navigator().clipboard();
    let writing = (!clipboard.is_undefined()).then(|| clipboard.write_text(text));
    async move {
        match writing {
            Some(writing) => JsFuture::from(writing).await.is_ok(),
            None => false,
        }
    }
}
