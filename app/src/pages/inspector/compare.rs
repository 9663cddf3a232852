//! Two exchanges beside each other: what differs.

use super::{
    asked::Asked,
    body::{Body, info},
    detail::{kept, shortened, status},
    place::Place,
    states,
};
use crate::{
    format,
    inspector::{Change, Line, changes, lines},
    pages::Visit,
};
use domain::{Exchange, MessageHead, Party, RequestId};
use leptos::prelude::*;
use server_core::{CoreError, StoredBody};
use std::collections::BTreeMap;

/// An exchange with its bodies.
struct Side {
    exchange: Exchange,
    request: Option<StoredBody>,
    response: Option<StoredBody>,
}

impl Side {
    async fn load(visit: &Visit, place: &Place, id: RequestId) -> Result<Option<Self>, CoreError> {
        let exchange = match visit.services.inspector().get(&visit.viewer, place.of, id).await {
            Ok(exchange) => exchange,
            Err(CoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let request = kept(visit, place, &exchange, Party::Client).await?;
        let response = kept(visit, place, &exchange, Party::Server).await?;
        Ok(Some(Self { exchange, request, response }))
    }

    fn head(&self, party: Party) -> Option<&MessageHead> {
        match party {
            Party::Client => self.exchange.request.as_ref(),
            Party::Server => self.exchange.response.as_ref(),
        }
    }

    fn body(&self, party: Party) -> Body<'_> {
        let bytes = match party {
            Party::Client => self.request.as_ref(),
            Party::Server => self.response.as_ref(),
        };
        Body::new(&self.exchange, party, bytes)
    }
}

/// One is chosen; which other shall it be compared with?
pub async fn choose(visit: &Visit, place: &Place, asked: &Asked, first: RequestId) -> Result<AnyView, CoreError> {
    let Some(side) = Side::load(visit, place, first).await? else { return Ok(states::gone()) };
    let summary = side.exchange.summary;
    let back = asked.exchange(first);
    Ok(view! {
        <div class="exchange-empty">
            <h2>"Compare with which one?"</h2>
            <p>
                "Choose another request in the list, and it is compared with "
                <span class="mono">{summary.method.clone()} " " {shortened(&summary.path)}</span> "."
            </p>
            <p><a class="button button-small" href=back.as_str().to_owned() data-desk="">"Do not compare"</a></p>
        </div>
    }
    .into_any())
}

/// Both, with what differs.
pub async fn view(
    visit: &Visit,
    place: &Place,
    asked: &Asked,
    first: RequestId,
    second: RequestId,
) -> Result<AnyView, CoreError> {
    let (Some(a), Some(b)) = (Side::load(visit, place, first).await?, Side::load(visit, place, second).await?) else {
        return Ok(states::gone());
    };
    let back = asked.exchange(second);
    let swap = asked.comparison(second, first);
    Ok(view! {
        <header class="exchange-head">
            <h2 class="exchange-title">"Comparison"</h2>
            <div class="actions">
                <a class="button button-quiet button-small" href=swap.as_str().to_owned() data-desk="">"Swap"</a>
                <a class="button button-quiet button-small" href=back.as_str().to_owned() data-desk="">"Do not compare"</a>
            </div>
        </header>
        {overview(asked, &a, &b)}
        {party("Request", &a, &b, Party::Client)}
        {party("Response", &a, &b, Party::Server)}
    }
    .into_any())
}

fn overview(asked: &Asked, a: &Side, b: &Side) -> AnyView {
    let (one, two) = (&a.exchange.summary, &b.exchange.summary);
    let row = |name: &'static str, left: String, right: String| {
        let class = if left == right { "" } else { "differs" };
        view! {
            <tr class=class>
                <th scope="row">{name}</th>
                <td>{left}</td>
                <td>{right}</td>
            </tr>
        }
    };
    let link = |id: RequestId, words: &'static str, replay: bool| {
        let href = asked.exchange(id);
        let mark = replay.then(|| view! { " " <span class="badge badge-replay">"Replay"</span> });
        view! { <a href=href.as_str().to_owned() data-desk="">{words}</a> {mark} }
    };
    let by = |side: &Side| {
        let by = side.exchange.answered_by.as_ref();
        by.and_then(|by| {
            by.backend_name.as_ref().map(ToString::to_string).or_else(|| by.session.map(|id| id.to_string()))
        })
        .unwrap_or_else(|| format::NOTHING.into())
    };
    let time = |side: &Side| crate::islands::time::iso(side.exchange.summary.at);
    view! {
        <table class="comparison">
            <caption class="visually-hidden">"Both exchanges"</caption>
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">{link(one.id, "First", one.replay_of.is_some())}</th>
                    <th scope="col">{link(two.id, "Second", two.replay_of.is_some())}</th>
                </tr>
            </thead>
            <tbody>
                <tr class=if one.status == two.status { "" } else { "differs" }>
                    <th scope="row">"Status"</th>
                    <td>{status(one)}</td>
                    <td>{status(two)}</td>
                </tr>
                {row("Method", one.method.clone(), two.method.clone())}
                {row("Host", one.host.clone(), two.host.clone())}
                {row("Path", one.path.clone(), two.path.clone())}
                {row("Duration", format::milliseconds(one.duration_ms), format::milliseconds(two.duration_ms))}
                {row("Received", format::bytes(one.bytes_in), format::bytes(two.bytes_in))}
                {row("Sent back", format::bytes(one.bytes_out), format::bytes(two.bytes_out))}
                {row("Answered by", by(a), by(b))}
                {row("Arrived", time(a), time(b))}
            </tbody>
        </table>
    }
    .into_any()
}

fn party(title: &'static str, a: &Side, b: &Side, party: Party) -> AnyView {
    let heads = match (a.head(party), b.head(party)) {
        (Some(one), Some(two)) => headers(one, two),
        _ => view! { <p class="muted">"Not both heads were kept."</p> }.into_any(),
    };
    view! {
        <section class="exchange-part">
            <h3>{title}</h3>
            <h4>"Headers"</h4>
            {heads}
            <h4>"Body"</h4>
            {bodies(a, b, party)}
        </section>
    }
    .into_any()
}

/// The values of each name, in their order.
fn values(head: &MessageHead) -> BTreeMap<String, (String, Vec<String>)> {
    let mut values: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for field in &head.fields {
        let entry = values.entry(field.name.to_ascii_lowercase()).or_insert_with(|| (field.name.clone(), Vec::new()));
        entry.1.push(field.value.clone());
    }
    values
}

fn headers(one: &MessageHead, two: &MessageHead) -> AnyView {
    let (mut first, mut second) = (values(one), values(two));
    let mut names: Vec<_> = first.keys().chain(second.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let all = names.len();
    let differing: Vec<_> = names
        .into_iter()
        .map(|name| (first.remove(&name), second.remove(&name)))
        .filter(|(one, two)| one.as_ref().map(|one| &one.1) != two.as_ref().map(|two| &two.1))
        .collect();
    let alike = all - differing.len();
    let rows: Vec<_> = differing
        .into_iter()
        .map(|(one, two)| {
            let path = one.as_ref().or(two.as_ref()).map(|(name, _)| name.clone()).unwrap_or_default();
            Change { path, before: one.map(|one| one.1.join("\n")), after: two.map(|two| two.1.join("\n")) }
        })
        .collect();
    let alike = format!("{alike} alike.");
    view! {
        {(!rows.is_empty()).then(|| table("Headers that differ", &rows))}
        <p class="muted">{alike}</p>
    }
    .into_any()
}

fn table(caption: &'static str, rows: &[Change]) -> AnyView {
    let side = |text: &Option<String>, class: &'static str| match text {
        Some(text) => view! { <span class=class>{text.clone()}</span> }.into_any(),
        None => view! { <span class="muted">"not there"</span> }.into_any(),
    };
    let rows = rows.iter().map(|row| {
        view! {
            <tr>
                <th scope="row" class="mono">{row.path.clone()}</th>
                <td>{side(&row.before, "mono before")}</td>
                <td>{side(&row.after, "mono after")}</td>
            </tr>
        }
    });
    view! {
        <table class="comparison">
            <caption class="visually-hidden">{caption}</caption>
            <thead>
                <tr>
                    <th scope="col">"Where"</th>
                    <th scope="col">"First"</th>
                    <th scope="col">"Second"</th>
                </tr>
            </thead>
            <tbody>{rows.collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn bodies(a: &Side, b: &Side, party: Party) -> AnyView {
    let (first, second) = (info(&a.exchange, party), info(&b.exchange, party));
    if first.size == 0 && second.size == 0 {
        return view! { <p class="muted">"Neither has one."</p> }.into_any();
    }
    let (one, two) = (a.body(party), b.body(party));
    let (Some(one), Some(two)) = (one.content(), two.content()) else {
        let text = format!(
            "{} and {}. Not of both something was kept.",
            format::bytes(first.size),
            format::bytes(second.size)
        );
        return view! { <p class="muted">{text}</p> }.into_any();
    };
    let part = (one.cut || two.cut).then(|| view! { <p class="field-hint">"Only what was kept is compared."</p> });
    let content = if one.bytes == two.bytes {
        view! { <p class="muted">{format!("Alike, {}.", format::bytes(one.bytes.len() as u64))}</p> }.into_any()
    } else if let (Some(old), Some(new)) = (one.json(), two.json()) {
        let (changes, is_all) = changes(&old.value, &new.value);
        let alike = changes.is_empty().then(|| view! { <p class="muted">"The same JSON, written in another way."</p> });
        view! { {(!changes.is_empty()).then(|| table("JSON that differs", &changes))} {alike} {not_all(is_all)} }
            .into_any()
    } else if let (Some(old), Some(new)) = (one.text(), two.text()) {
        let (lines, is_all) = lines(old, new);
        view! {
            <ol class="diff" tabindex="0">{lines.iter().map(line).collect_view()}</ol>
            {not_all(is_all)}
        }
        .into_any()
    } else {
        let differ = one.bytes.iter().zip(&two.bytes).position(|(a, b)| a != b);
        let at = differ.unwrap_or_else(|| one.bytes.len().min(two.bytes.len()));
        let text =
            format!("{} and {}; they differ from byte {at} on.", format::bytes(first.size), format::bytes(second.size));
        view! { <p>{text}</p> }.into_any()
    };
    view! { {content} {part} }.into_any()
}

fn not_all(is_all: bool) -> Option<AnyView> {
    (!is_all).then(|| view! { <p class="field-hint">"There are more differences than are shown."</p> }.into_any())
}

fn line(line: &Line) -> AnyView {
    let (class, mark, text) = match line {
        Line::Same(text) => ("diff-same", " ", text.as_str()),
        Line::Removed(text) => ("diff-removed", "−", text.as_str()),
        Line::Added(text) => ("diff-added", "+", text.as_str()),
        Line::Gap => ("diff-gap", "…", ""),
    };
    view! { <li class=class><span class="diff-mark">{mark}</span> <span>{text.to_owned()}</span></li> }.into_any()
}
