//! Heads: fields as they were received, and what is in some of them.

use crate::inspector::{cookies, query, set_cookie};
use domain::{HeadField, MessageHead};
use leptos::prelude::*;

/// A table of names and values. `what` it is, for those who do not see it.
pub fn pairs(what: &'static str, pairs: &[(String, String)]) -> AnyView {
    let rows = pairs.iter().map(|(name, value)| row(name, value, false)).collect_view();
    table(what, rows.into_any())
}

fn table(what: &'static str, rows: AnyView) -> AnyView {
    view! {
        <table class="fields-table">
            <caption class="visually-hidden">{what}</caption>
            <thead class="visually-hidden">
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Value"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(name: &str, value: &str, masked: bool) -> AnyView {
    let mark = masked.then(|| view! { " " <span class="masked">"masked"</span> });
    view! {
        <tr>
            <th scope="row">{name.to_owned()}</th>
            <td>{value.to_owned()} {mark}</td>
        </tr>
    }
    .into_any()
}

/// The fields in their order, as they were written.
pub fn fields(what: &'static str, fields: &[HeadField]) -> AnyView {
    if fields.is_empty() {
        return view! { <p class="muted">"None."</p> }.into_any();
    }
    let rows = fields.iter().map(|field| row(&field.name, &field.value, field.masked)).collect_view();
    table(what, rows.into_any())
}

/// A part that opens, with how many there are.
pub fn part(title: &'static str, count: usize, is_open: bool, content: AnyView) -> AnyView {
    view! {
        <details class="part" open=is_open>
            <summary>{title} " " <span class="count">{count}</span></summary>
            {content}
        </details>
    }
    .into_any()
}

/// The fields behind the body.
pub fn trailers(head: &MessageHead) -> Option<AnyView> {
    (!head.trailers.is_empty()).then(|| part("Trailers", head.trailers.len(), true, fields("Trailers", &head.trailers)))
}

/// The query of a target, decoded.
pub fn query_of(path: &str) -> Option<AnyView> {
    let query = query(path);
    (!query.is_empty()).then(|| part("Query", query.len(), true, pairs("Query", &query)))
}

/// The cookies of a request.
pub fn cookies_sent(head: &MessageHead) -> Option<AnyView> {
    let fields = head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("cookie"));
    let cookies = fields.flat_map(|field| cookies(&field.value).into_iter().map(|cookie| (cookie, field.masked)));
    let rows: Vec<_> = (cookies.filter(|((name, _), _)| !name.is_empty()))
        .map(|((name, value), masked)| row(&name, &value, masked))
        .collect();
    (!rows.is_empty()).then(|| part("Cookies", rows.len(), false, table("Cookies", rows.into_any())))
}

/// The cookies that a response sets.
pub fn cookies_set(head: &MessageHead) -> Option<AnyView> {
    let fields = head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("set-cookie"));
    let cookies = fields.map(|field| (set_cookie(&field.value), field.masked));
    let rows: Vec<_> = (cookies.filter(|(cookie, _)| !cookie.name.is_empty()))
        .map(|(cookie, masked)| match cookie.attributes.is_empty() {
            true => row(&cookie.name, &cookie.value, masked),
            false => row(&cookie.name, &format!("{}; {}", cookie.value, cookie.attributes), masked),
        })
        .collect();
    (!rows.is_empty()).then(|| part("Cookies set", rows.len(), false, table("Cookies set", rows.into_any())))
}
