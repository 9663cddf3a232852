//! Exports the islands of `app` to the browser.

#[expect(unused_imports, reason = "without a mention of them the islands are not linked")]
use app::islands::*;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's script before it hydrates the islands.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
