//! A link that was just made, shown once to be handed on.

use crate::{components::command::copyable, pages::Visit};
use leptos::prelude::*;
use server_core::HandedLink;

/// The link that the page's address speaks of; nothing where it speaks of none.
pub fn handed(visit: &Visit) -> Option<AnyView> {
    let id = visit.query.get_str("link")?.parse().ok();
    let link = id.and_then(|id| visit.services.accounts().reveal(&visit.viewer, id));
    Some(link.map_or_else(gone, |link| shown(&link)))
}

fn shown(link: &HandedLink) -> AnyView {
    let mailed = match &link.mailed {
        Some(Ok(())) => "It was mailed as well.".to_owned(),
        Some(Err(error)) => format!("It could not be mailed: {error}. Hand it over yourself."),
        None => "This server sends no mail: hand it over yourself, by a way that nobody else reads.".to_owned(),
    };
    let until = link.expires_at.format("%Y-%m-%d %H:%M UTC").to_string();
    view! {
        <section class="card card-accent" aria-labelledby="link-title">
            <h2 id="link-title">"The link, shown this once"</h2>
            {copyable(link.expose(), "link")}
            <p>"It works once, until " {until} ". Whoever has it gets in. " {mailed}</p>
        </section>
    }
    .into_any()
}

fn gone() -> AnyView {
    view! {
        <p class="notice notice-warning">
            "The link was shown once and is not kept. If you did not copy it, make another; the earlier one then ends."
        </p>
    }
    .into_any()
}
