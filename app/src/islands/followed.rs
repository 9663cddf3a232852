//! Parts of a page that the server renders anew every few seconds: tables of figures that nobody pushes.

use super::browser;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use web_sys::Url;

/// Milliseconds between two of them.
const PAUSE: u32 = 10_000;

/// Keeps the parts of the page that ask for it (see [`followed`](crate::components::followed)) up to date for as long as
/// the page lives.
pub async fn follow() {
    while document().query_selector("[data-follow]").is_ok_and(|found| found.is_some()) {
        TimeoutFuture::new(PAUSE).await;
        if document().hidden() {
            browser::event(&document(), "visibilitychange").await;
        }
        // What cannot be had now stays as it is.
        let _ = renew().await;
    }
}

async fn renew() -> Option<()> {
    let url = Url::new(&window().location().href().ok()?).ok()?;
    url.search_params().set("part", "followed");
    let page = browser::load_page(url.href()).await?;
    let mut next = page.query_selector("[data-follow]").ok()?;
    while let Some(new) = next {
        // It moves into this page, or is done with.
        let old = document().get_element_by_id(&new.id());
        match old.filter(|old| !old.matches(":focus-within").unwrap_or(false)) {
            Some(old) => old.replace_with_with_node_1(&new).ok()?,
            None => new.remove(),
        }
        next = page.query_selector("[data-follow]").ok()?;
    }
    Some(())
}
