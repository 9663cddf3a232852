//! The messages of a WebSocket or an event stream.

use crate::{format, inspector::dump};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Exchange, ExchangeKind, ExchangeMessage, MessageKind, Party};
use leptos::prelude::*;

/// Messages that a page shows.
const SHOWN: usize = 500;
/// The most of one payload that a page shows, characters.
const LONGEST: usize = 16 * 1024;

/// All that are kept, in the order of time.
pub fn list(exchange: &Exchange) -> Option<AnyView> {
    let has_messages = matches!(exchange.summary.kind, ExchangeKind::WebSocket | ExchangeKind::EventStream);
    if !has_messages && exchange.messages.is_empty() {
        return None;
    }
    let all = exchange.messages.len();
    let rows = exchange.messages.iter().take(SHOWN).map(row).collect_view();
    let left = exchange.messages_left_out + (all.saturating_sub(SHOWN)) as u64;
    let left = (left > 0).then(|| view! { <p class="field-hint">{format::count(left)} " more are not shown."</p> });
    let content = if all == 0 {
        view! { <p class="muted">"None was kept. Messages are kept where bodies are."</p> }.into_any()
    } else {
        view! { <ol class="messages">{rows}</ol> }.into_any()
    };
    Some(
        view! {
            <section class="exchange-part" aria-labelledby="messages-title">
                <h3 id="messages-title">"Messages " <span class="count">{all}</span></h3>
                {content}
                {left}
            </section>
        }
        .into_any(),
    )
}

fn row(message: &ExchangeMessage) -> AnyView {
    let (class, from) = match message.from {
        Party::Client => ("message message-client", "client"),
        Party::Server => ("message message-server", "server"),
    };
    let kind = match message.kind {
        MessageKind::Text => "text",
        MessageKind::Binary => "binary",
        MessageKind::Ping => "ping",
        MessageKind::Pong => "pong",
        MessageKind::Close => "close",
        MessageKind::Event => "event",
    };
    let at = format::milliseconds(message.at_us as f64 / 1_000.0);
    let payload = payload(message);
    let masked = message.masked.then(|| view! { <span class="masked">"parts masked"</span> });
    view! {
        <li class=class>
            <p class="message-about">
                <span>"from the " {from}</span>
                <span>{kind}</span>
                <span class="number">"at " {at}</span>
                <span class="number">{format::bytes(message.size)}</span>
                {masked}
            </p>
            {payload}
        </li>
    }
    .into_any()
}

fn payload(message: &ExchangeMessage) -> Option<AnyView> {
    let text = match message.kind {
        MessageKind::Binary => {
            STANDARD.decode(&message.payload).map_or_else(|_| message.payload.clone(), |bytes| dump(&bytes))
        }
        _ => message.payload.clone(),
    };
    if text.is_empty() {
        return None;
    }
    let shown = match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    Some(view! { <pre class="dump">{shown}</pre> }.into_any())
}
