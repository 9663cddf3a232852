//! Sending a request again: a form with all that is kept of it, to be changed before.

use super::{asked::Asked, body::Body, place::Place};
use crate::{
    components::{field::Field, form::FormState},
    format,
    pages::Visit,
};
use domain::{BodyInfo, Exchange, ExchangeKind, MOST_REPLAYS, ReplayTarget, ServiceId};
use leptos::prelude::*;
use server_core::{BackendQuery, CoreError, Page, TunnelQuery, TunnelSort};
use std::collections::BTreeSet;

/// The name of the form in addresses.
pub const FORM: &str = "replay";
/// The names of its fields; those of the list's filter are others.
const FIELDS: [&str; 6] =
    ["replay_method", "replay_path", "replay_headers", "replay_body", "replay_to", "replay_times"];
/// The largest body that is put into the form, bytes. Larger ones are sent as they were, or replaced.
const MOST_TEXT: usize = 16 * 1024;
/// How many tunnels and backends are offered.
const MOST_OFFERED: u32 = 100;
/// The most lines of text that a field is high at first.
const MOST_LINES: u8 = 14;

/// What becomes of the body.
enum Form {
    /// It is in the form, as text.
    Shown(String),
    /// It is at hand, but not fit for a form.
    Kept,
    /// It is not at hand as it was: why.
    Missing(String),
}

/// The form.
pub async fn form(
    visit: &Visit,
    place: &Place,
    asked: &Asked,
    exchange: &Exchange,
    body: &Body<'_>,
) -> Result<AnyView, CoreError> {
    if matches!(exchange.summary.kind, ExchangeKind::WebSocket | ExchangeKind::Upgrade) {
        return Ok(details(
            false,
            view! { <p>"What both ends said after a switch of protocols cannot be sent again."</p> }.into_any(),
        ));
    }
    let state = FormState::of(&visit.query, Some(FORM));
    let targets = targets(visit, exchange.summary.service, &state).await?;
    let summary = &exchange.summary;
    let back = asked.exchange(summary.id).as_str().to_owned();
    let head = head(exchange);
    let fields = view! {
        <p class="field-hint">
            "It goes through the same rules as a visitor's request, to nobody but what you own, and is recorded with its bodies."
        </p>
        <form method="post" action="/web/action/replay_request" class="form replay">
            {state.summary(&FIELDS)}
            <div class="replay-line">
                {Field::text(FORM, "replay_method", "Method").required().at_most(32).value(summary.method.clone()).state(&state).view()}
                {Field::text(FORM, "replay_path", "Path and query").required().at_most(8_000).value(path(exchange)).state(&state).view()}
            </div>
            <div class="replay-to">
                {targets}
                {Field::number(FORM, "replay_times", "How often", 1, MOST_REPLAYS.into())
                    .required()
                    .value("1")
                    .hint("One after the other.")
                    .state(&state)
                    .view()}
            </div>
            {Field::text(FORM, "replay_headers", "Header fields")
                .lines(lines(&head))
                .at_most(40_000)
                .value(head)
                .hint("One a line, as Name: value. What says [masked] is not sent; put the real value in its place.")
                .state(&state)
                .view()}
            {body_fields(body_of(exchange, body), &state)}
            <button class="button button-primary">"Send again"</button>
            <input type="hidden" name="of" value=place.key() />
            <input type="hidden" name="id" value=summary.id.to_string() />
            <input type="hidden" name="back" value=back />
        </form>
    };
    Ok(details(state.is_refused(), fields.into_any()))
}

fn details(open: bool, content: AnyView) -> AnyView {
    view! {
        <details class="part" id="replay" open=open>
            <summary class="button button-small">"Replay"</summary>
            {content}
        </details>
    }
    .into_any()
}

/// Path and query; in the list they may be cut.
fn path(exchange: &Exchange) -> String {
    let line = exchange.request.as_ref().and_then(|head| head.start_line.split(' ').nth(1));
    line.filter(|target| target.starts_with('/')).unwrap_or(&exchange.summary.path).to_owned()
}

fn head(exchange: &Exchange) -> String {
    let Some(head) = &exchange.request else { return format!("Host: {}", exchange.summary.host) };
    head.fields.iter().map(|field| format!("{}: {}\n", field.name, field.value)).collect()
}

/// How high a field is that shows all of a text, if that is not too much.
fn lines(text: &str) -> u8 {
    u8::try_from(text.lines().count()).map_or(MOST_LINES, |lines| lines.clamp(3, MOST_LINES))
}

fn body_of(exchange: &Exchange, body: &Body<'_>) -> Form {
    let info = &exchange.request_body;
    if !info.whole && info.size > 0 {
        return Form::Missing(why_missing(info));
    }
    match body.content() {
        None if exchange.request_body.size == 0 => Form::Shown(String::new()),
        // A browser takes the first line's end away.
        Some(content) if !content.cut && content.bytes.len() <= MOST_TEXT && !content.bytes.starts_with(b"\n") => {
            content.text().map_or(Form::Kept, |text| Form::Shown(text.to_owned()))
        }
        _ => Form::Kept,
    }
}

fn why_missing(info: &BodyInfo) -> String {
    let size = format::bytes(info.size);
    match info {
        BodyInfo { masked: true, .. } => "Parts of the body were masked before it was stored.".to_owned(),
        BodyInfo { kept: 0, .. } => format!("The body of {size} was not kept: bodies are not captured here."),
        BodyInfo { kept, .. } => format!("Of the body of {size} only the first {} were kept.", format::bytes(*kept)),
    }
}

fn body_fields(form: Form, state: &FormState) -> AnyView {
    let field = |value: String| Field::text(FORM, "replay_body", "Body").lines(lines(&value)).value(value);
    match form {
        Form::Shown(text) => view! {
            {field(text).state(state).view()}
            <input type="hidden" name="replay_body_is" value="shown" />
        }
        .into_any(),
        Form::Kept => view! {
            <fieldset class="fields">
                <legend>"Body"</legend>
                {choice(state, "kept", "kept", "As it was")}
                {choice(state, "text", "kept", "The text below")}
                {field(String::new()).state(state).view()}
            </fieldset>
        }
        .into_any(),
        Form::Missing(why) => view! {
            <fieldset class="fields">
                <legend>"Body"</legend>
                <p class="notice notice-warning">{why} " So it cannot be sent as it was."</p>
                {choice(state, "instead", "instead", "The text below in its place")}
                {choice(state, "none", "instead", "No body")}
                {field(String::new()).needed().state(state).view()}
            </fieldset>
        }
        .into_any(),
    }
}

/// One of the ways to send a body; `first` is the one that is chosen at first.
fn choice(state: &FormState, way: &'static str, first: &'static str, words: &'static str) -> AnyView {
    let is_chosen = state.value("replay_body_is").as_deref().unwrap_or(first) == way;
    view! {
        <label class="choice">
            <input type="radio" name="replay_body_is" value=way checked=is_chosen />
            {words}
        </label>
    }
    .into_any()
}

/// Who may get it: whoever host and path lead to, or a tunnel, a tag or a backend of one's own.
async fn targets(visit: &Visit, service: Option<ServiceId>, state: &FormState) -> Result<AnyView, CoreError> {
    let page = || Page { limit: MOST_OFFERED, cursor: None };
    let query = TunnelQuery { sort: TunnelSort::LastActive, ..TunnelQuery::default() };
    let tunnels = visit.services.tunnels().list(&visit.viewer, query, page()).await?.items;
    let backends = match service {
        None => Vec::new(),
        Some(service) => {
            let query = BackendQuery { service: Some(service), ..BackendQuery::default() };
            visit.services.pools().backends(&visit.viewer, query, page()).await?.items
        }
    };
    let tags: BTreeSet<_> = backends.iter().flat_map(|backend| backend.tags.iter().cloned()).collect();
    let chosen = state.value("replay_to").unwrap_or_default();
    let option = |target: ReplayTarget, text: String| {
        let value = key(&target);
        let is_chosen = value == chosen;
        view! { <option value=value selected=is_chosen>{text}</option> }
    };
    let tags = tags.into_iter().map(|tag| option(ReplayTarget::Tag(tag.clone()), tag.to_string())).collect_view();
    let of_pool = backends.iter().map(|it| option(ReplayTarget::Backend(it.key), it.id.to_string())).collect_view();
    let tunnels = tunnels.iter().map(|it| option(ReplayTarget::Tunnel(it.id), it.subdomain.to_string())).collect_view();
    let group = |label: &'static str, options| view! { <optgroup label=label>{options}</optgroup> };
    let error = state.error_of("replay_to").map(|text| view! { <p class="field-error">{text}</p> });
    Ok(view! {
        <div class="field">
            <label for="replay-replay_to">"To"</label>
            {error}
            <select id="replay-replay_to" name="replay_to">
                <option value="">"Whoever host and path lead to"</option>
                {(!backends.is_empty()).then(|| view! { {group("Backends with a tag", tags)} {group("One backend", of_pool)} })}
                {group("A tunnel, under its own host", tunnels)}
            </select>
        </div>
    }
    .into_any())
}

/// What forms call a target.
fn key(target: &ReplayTarget) -> String {
    match target {
        ReplayTarget::Tunnel(id) => format!("tunnel:{id}"),
        ReplayTarget::Tag(tag) => format!("tag:{tag}"),
        ReplayTarget::Backend(id) => format!("backend:{id}"),
    }
}

/// The target that a form names.
pub fn target(text: &str) -> Option<ReplayTarget> {
    let (kind, name) = text.split_once(':')?;
    match kind {
        "tunnel" => name.parse().ok().map(ReplayTarget::Tunnel),
        "tag" => name.parse().ok().map(ReplayTarget::Tag),
        "backend" => name.parse().ok().map(ReplayTarget::Backend),
        _ => None,
    }
}
