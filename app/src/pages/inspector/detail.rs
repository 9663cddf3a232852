//! One exchange: what was asked, what was answered, when, and by whom.

use super::{asked::Asked, body::Body, heads, messages, place::Place, states, timing};
use crate::{
    components::confirm::{act, confirm_with},
    format,
    inspector::{Curl, curl, end, error},
    islands::time,
    markup::raw_text,
    pages::Visit,
};
use domain::{
    AnsweredBy, CaptureLevel, Exchange, ExchangeEnd, ExchangeKind, ExchangeSummary, MessageHead, Party, RequestId,
    ServiceId,
};
use leptos::prelude::*;
use server_core::{CoreError, StoredBody};

/// The longest note, characters.
pub const LONGEST_NOTE: u16 = 2_000;

/// The exchange, or that it is gone.
pub async fn view(visit: &Visit, place: &Place, asked: &Asked, id: RequestId) -> Result<AnyView, CoreError> {
    let inspector = visit.services.inspector();
    let exchange = match inspector.get(&visit.viewer, place.of, id).await {
        Ok(exchange) => exchange,
        Err(CoreError::NotFound(_)) => return Ok(states::gone()),
        Err(error) => return Err(error),
    };
    let asked_body = kept(visit, place, &exchange, Party::Client).await?;
    let answer_body = kept(visit, place, &exchange, Party::Server).await?;
    let authority = authority(&exchange, visit);
    let command = curl(&exchange, &authority, asked_body.as_ref().map(|body| body.bytes.as_slice()));
    let request = Body::new(&exchange, Party::Client, asked_body.as_ref());
    let response = Body::new(&exchange, Party::Server, answer_body.as_ref());
    let replay = super::replay::form(visit, place, asked, &exchange, &request).await?;
    let files = format!("/web/data/requests/{id}");
    let file = |name: &str| format!("{files}/{name}?of={}", place.key());
    let keep = asked.keeping(id, CaptureLevel::Headers);
    Ok(view! {
        {head(asked, &exchange.summary, &authority, exchange.secure)}
        {acts(place, asked, &exchange, &file("har"), replay, command)}
        {exchange.summary.note.clone().map(|note| view! { <p class="note">{note}</p> })}
        {trouble(&exchange.summary)}
        {timing::bar(&exchange.timings, exchange.summary.duration_ms)}
        {facts(visit, asked, &exchange)}
        {find(asked, id, &[&request, &response])}
        <div class="exchange-sides">
            {side("Request", exchange.request.as_ref(), heads::query_of(&exchange.summary.path), request.view(asked, &file("body/request")), (Party::Client, keep.clone()))}
            {side("Response", exchange.response.as_ref(), None, response.view(asked, &file("body/response")), (Party::Server, keep))}
        </div>
        {messages::list(&exchange)}
    }
    .into_any())
}

/// The bytes of a body that are kept.
pub async fn kept(
    visit: &Visit,
    place: &Place,
    exchange: &Exchange,
    party: Party,
) -> Result<Option<StoredBody>, CoreError> {
    if super::body::info(exchange, party).kept == 0 {
        return Ok(None);
    }
    visit.services.inspector().body(&visit.viewer, place.of, exchange.summary.id, party).await
}

/// The host that was asked for, with its port where that is known.
fn authority(exchange: &Exchange, visit: &Visit) -> String {
    let fields = exchange.request.iter().flat_map(|head| &head.fields);
    let host = fields.into_iter().find(|field| field.name.eq_ignore_ascii_case("host") && !field.masked);
    let ours = || {
        let port = url::Url::parse(&visit.request.server_url).ok().and_then(|url| url.port());
        port.map_or_else(|| exchange.summary.host.clone(), |port| format!("{}:{port}", exchange.summary.host))
    };
    host.map_or_else(ours, |host| host.value.clone())
}

fn head(asked: &Asked, summary: &ExchangeSummary, authority: &str, secure: bool) -> AnyView {
    let scheme = if secure { "https" } else { "http" };
    let url = format!("{scheme}://{authority}{}", summary.path);
    view! {
        <header class="exchange-head">
            <p class="without-wide"><a href=asked.list().as_str().to_owned() data-close="">"Back to the list"</a></p>
            <h2 class="exchange-title">
                <span class="method">{summary.method.clone()}</span>
                " "
                <span class="mono">{url.clone()}</span>
            </h2>
            <p class="exchange-state">
                {status(summary)}
                <span>{kind(summary.kind)}</span>
                <span>{end(summary.end)}</span>
                {summary.pinned.then(|| view! { <span class="badge badge-pinned">"Pinned"</span> })}
                {summary.replay_of.map(|_| view! { <span class="badge badge-replay">"Replay"</span> })}
                {copy(url, "address")}
            </p>
        </header>
    }
    .into_any()
}

/// A button that copies a text. The desk listens to it, since what is loaded later has no islands.
fn copy(text: String, what: &'static str) -> AnyView {
    view! {
        <button type="button" class="button button-quiet button-small needs-scripts" data-copy=text>
            "Copy" <span class="visually-hidden">" " {what}</span>
        </button>
    }
    .into_any()
}

/// The status as a word and a colour; what there is instead when there is none.
pub fn status(summary: &ExchangeSummary) -> AnyView {
    match summary.status {
        Some(status) => view! { <span class=format!("status status-{}xx", status / 100)>{status}</span> }.into_any(),
        None if summary.end == ExchangeEnd::Open => view! { <span class="status">"no answer yet"</span> }.into_any(),
        None => view! { <span class="status status-5xx">"no answer"</span> }.into_any(),
    }
}

fn kind(kind: ExchangeKind) -> &'static str {
    match kind {
        ExchangeKind::Http => "HTTP",
        ExchangeKind::EventStream => "event stream",
        ExchangeKind::WebSocket => "WebSocket",
        ExchangeKind::Upgrade => "another protocol",
    }
}

/// What can be done with it: at once, or in a part that opens.
fn acts(
    place: &Place,
    asked: &Asked,
    exchange: &Exchange,
    har: &str,
    replay: AnyView,
    command: Option<Curl>,
) -> AnyView {
    let summary = &exchange.summary;
    let id = summary.id;
    let fields = |more: &[(&'static str, String)]| {
        let back = asked.exchange(id).as_str().to_owned();
        let mut fields = vec![("of", place.key()), ("id", id.to_string()), ("back", back)];
        fields.extend(more.iter().cloned());
        fields
    };
    let pin = if summary.pinned { "Unpin" } else { "Pin" };
    let compare = asked.exchange(id).with("compare", &id.to_string());
    let subject = format!("{} {}", summary.method, shortened(&summary.path));
    let mut deletion = fields(&[]);
    deletion.retain(|(name, _)| *name != "back");
    deletion.push(("back", asked.list().as_str().to_owned()));
    view! {
        <div class="actions exchange-acts">
            {replay}
            <a class="button button-quiet button-small" href=compare.as_str().to_owned() data-desk="">"Compare with…"</a>
            {command.map(|command| copy_as_curl(&command))}
            <a class="button button-quiet button-small" href=har.to_owned() download="">"HAR"</a>
            {note(place, asked, summary)}
            {act("pin_request", fields(&[("pinned", (!summary.pinned).to_string())]), pin, "this request")}
            {confirm_with(
                "delete_request",
                deletion,
                "Delete",
                subject,
                "What was kept of it is removed, and cannot be brought back.",
            )}
        </div>
    }
    .into_any()
}

/// A path that fits a sentence.
pub fn shortened(path: &str) -> String {
    const LONGEST: usize = 80;
    match path.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}

fn note(place: &Place, asked: &Asked, summary: &ExchangeSummary) -> AnyView {
    let written = summary.note.clone().unwrap_or_default();
    let title = if written.is_empty() { "Write a note" } else { "Change the note" };
    view! {
        <details class="part">
            <summary class="button button-quiet button-small">{title}</summary>
            <form method="post" action="/web/action/note_request" class="form">
                <input type="hidden" name="of" value=place.key() />
                <input type="hidden" name="id" value=summary.id.to_string() />
                <input type="hidden" name="back" value=asked.exchange(summary.id).as_str().to_owned() />
                <div class="field">
                    <label for="note-text">"Note"</label>
                    <textarea id="note-text" name="note" rows="2" maxlength=LONGEST_NOTE>{raw_text(&written)}</textarea>
                </div>
                <button class="button button-small">"Save the note"</button>
            </form>
        </details>
    }
    .into_any()
}

/// What went wrong, when the answer was ours.
fn trouble(summary: &ExchangeSummary) -> Option<AnyView> {
    let code = summary.error.clone()?;
    let meaning = error(&code).unwrap_or("The telephone or the local server gave this reason.");
    Some(
        view! {
            <p class="notice notice-error">
                <strong class="mono">{code.clone()}</strong>
                " "
                {meaning}
            </p>
        }
        .into_any(),
    )
}

fn facts(visit: &Visit, asked: &Asked, exchange: &Exchange) -> AnyView {
    let summary = &exchange.summary;
    let exact = time::iso(summary.at);
    let encrypted = if exchange.secure { "encrypted" } else { "not encrypted" };
    let answered = exchange.answered_by.as_ref().map_or_else(
        || view! { "nobody but the switchboard itself" }.into_any(),
        |by| answered_by(by, summary.service, machine(visit, exchange, by)),
    );
    let original = summary.replay_of.map(|original| {
        view! {
            <dt>"Replay of"</dt>
            <dd>{link(asked, original)} ", " {comparison(asked, original, summary.id, "compare with it")}</dd>
        }
    });
    let replays = (!exchange.replays.is_empty()).then(|| {
        let in_list = (exchange.replays.len() > 1).then(|| {
            let list = asked.all().with("replay_of", &summary.id.to_string());
            view! { <a href=list.as_str().to_owned()>"Show them in the list"</a> }
        });
        let links = exchange.replays.iter().rev().take(20).map(|replay| {
            view! { <li>{link(asked, *replay)} ", " {comparison(asked, summary.id, *replay, "compare")}</li> }
        });
        view! {
            <dt>"Replays"</dt>
            <dd>
                <ul class="plain">{links.collect_view()}</ul>
                {in_list}
            </dd>
        }
    });
    view! {
        <dl class="facts exchange-facts">
            <dt>"Arrived"</dt>
            <dd>
                <time datetime=exact.clone()>{exact.clone()}</time> " (" {time::moment(summary.at, time::now())} ")"
            </dd>
            <dt>"From"</dt>
            <dd>
                <span class="mono">{summary.client.to_string()}</span> " by " {exchange.protocol.clone()} ", " {encrypted}
            </dd>
            <dt>"Answered by"</dt>
            <dd>{answered}</dd>
            <dt>"Bodies"</dt>
            <dd>{format::bytes(summary.bytes_in)} " received, " {format::bytes(summary.bytes_out)} " sent back"</dd>
            <dt>"Request id"</dt>
            <dd class="mono">{exchange.request_id.to_string()}</dd>
            {original}
            {replays}
        </dl>
    }
    .into_any()
}

fn link(asked: &Asked, id: RequestId) -> AnyView {
    let href = asked.exchange(id);
    view! { <a class="mono" href=href.as_str().to_owned() data-desk="">{id.to_string()}</a> }.into_any()
}

fn comparison(asked: &Asked, first: RequestId, second: RequestId, words: &'static str) -> AnyView {
    let href = asked.comparison(first, second);
    view! { <a href=href.as_str().to_owned() data-desk="">{words}</a> }.into_any()
}

/// What the telephone that answered calls its machine, while it is connected here.
fn machine(visit: &Visit, exchange: &Exchange, by: &AnsweredBy) -> Option<String> {
    let connected = visit.services.presence().of(exchange.summary.tunnel?);
    connected.into_iter().find(|session| Some(session.id) == by.session)?.machine
}

fn answered_by(by: &AnsweredBy, service: Option<ServiceId>, machine: Option<String>) -> AnyView {
    let backend = by.backend.map(|id| {
        let name = by.backend_name.as_ref().map_or_else(|| id.to_string(), ToString::to_string);
        match service {
            Some(service) => {
                view! { "backend " <a href=format!("/web/services/{service}/backends/{id}")>{name}</a> }.into_any()
            }
            None => view! { "backend " {name} }.into_any(),
        }
    });
    let session = by.session.map(|id| {
        let gap = if backend.is_some() { ", " } else { "" };
        let machine = machine.map(|name| view! { <span class="strong">{name}</span> ", " });
        view! { {gap} "telephone " {machine} "session " <span class="mono">{id.to_string()}</span> }
    });
    let tag = by.tag.as_ref().map(|tag| view! { ", tag " {crate::components::words::one_tag(tag)} });
    let attempts = (by.attempts > 1).then(|| view! { ", after " {by.attempts} " attempts" });
    let elsewhere = by.elsewhere.then_some(", at a switchboard of another region");
    view! { {backend} {session} {tag} {attempts} {elsewhere} }.into_any()
}

fn copy_as_curl(command: &Curl) -> AnyView {
    let masked = (!command.masked.is_empty()).then(|| {
        let names = command.masked.join(", ");
        view! { <p class="field-hint">"Left out, because their values were masked before they were stored: " {names} "."</p> }
    });
    let body = command.without_body.map(|why| view! { <p class="field-hint">"The body is not in it: " {why} "."</p> });
    view! {
        <details class="part" id="curl">
            <summary class="button button-quiet button-small">"As cURL"</summary>
            <div class="section-head">
                {masked}
                {copy(command.line.clone(), "as cURL")}
            </div>
            <pre class="dump" id="curl-line" tabindex="0">{command.line.clone()}</pre>
            {body}
        </details>
    }
    .into_any()
}

/// A search in the bodies.
fn find(asked: &Asked, id: RequestId, bodies: &[&Body<'_>]) -> Option<AnyView> {
    bodies.iter().any(|body| body.content().is_some_and(|content| content.text().is_some())).then(|| {
        let fields =
            asked.fields(id).into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
        view! {
            <form method="get" action="" class="find" role="search" aria-label="In the bodies" data-desk="">
                {fields.collect_view()}
                <label for="find">"Find in bodies"</label>
                <input id="find" type="search" name="find" value=asked.find.clone() maxlength="100" />
                <button class="button button-small">"Find"</button>
            </form>
        }
        .into_any()
    })
}

/// One side of the exchange. `keep`: the way to have heads kept, where this one was not.
fn side(
    title: &'static str,
    head: Option<&MessageHead>,
    more: Option<AnyView>,
    body: AnyView,
    (party, keep): (Party, String),
) -> AnyView {
    let id = if party == Party::Client { "request-title" } else { "response-title" };
    let head = match head {
        Some(head) => {
            let cookies = match party {
                Party::Client => heads::cookies_sent(head),
                Party::Server => heads::cookies_set(head),
            };
            view! {
                <p class="start-line mono">{head.start_line.clone()}</p>
                {heads::part("Headers", head.fields.len(), true, heads::fields("Headers", &head.fields))}
                {more}
                {cookies}
                {heads::trailers(head)}
            }
            .into_any()
        }
        None => view! {
            {more}
            <p class="muted">"Its head was not kept. " <a href=keep>"Keep heads from now on"</a></p>
        }
        .into_any(),
    };
    view! {
        <section class="exchange-side" aria-labelledby=id>
            <h3 id=id>{title}</h3>
            {head}
            {body}
        </section>
    }
    .into_any()
}
