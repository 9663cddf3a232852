//! `/api/v1/docs`: the API's document as a page. It has no script, and takes nothing from elsewhere.

mod operation;
mod schema;

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use axum::{Router, body::Bytes, response::Html, routing::get};
use serde_json::Value;

use super::Assets;
use crate::{
    api::document::{BASE, document},
    html::escape,
};

/// The page, made once, when somebody asks for it.
pub(super) fn routes(assets: &Assets) -> Router {
    let (assets, made) = (assets.clone(), Arc::new(OnceLock::<Bytes>::new()));
    let answer = async move || Html(made.get_or_init(|| page(&document(), &assets).into()).clone());
    Router::new().route(&format!("{BASE}/docs"), get(answer))
}

fn page(document: &Value, assets: &Assets) -> String {
    let link = |name: &str| assets.href(name).unwrap_or_else(|| format!("/pkg/{name}"));
    let (style, icon) = (escape(&link("main.css")), escape(&link("favicon.svg")));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" data-theme=\"system\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>REST API – Switchboard</title>\
         <link rel=\"stylesheet\" href=\"{style}\"><link rel=\"icon\" type=\"image/svg+xml\" href=\"{icon}\"></head>\n\
         <body><main><div class=\"page-head\"><h1>REST API</h1>\
         <p><a href=\"/web\">Dashboard</a> · <a href=\"{BASE}/openapi.json\">OpenAPI 3.1</a></p></div>\n\
         <p class=\"lead\">{}</p>\n",
        inline(text(&document["info"]["description"]))
    );
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    for tag in tags {
        section(&mut html, document, tag);
    }
    html.push_str("<section class=\"card\" aria-labelledby=\"schemas\"><h2 id=\"schemas\">Schemas</h2>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        schema::named(&mut html, name, schema);
    }
    html.push_str("</section>\n</main></body></html>\n");
    html
}

/// The calls of one tag; nothing where there are none.
fn section(html: &mut String, document: &Value, tag: &Value) {
    let name = text(&tag["name"]);
    let paths = document["paths"].as_object().into_iter().flatten();
    let calls = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    let mut calls = calls.filter(|(_, _, operation)| operation["tags"][0] == tag["name"]).peekable();
    if calls.peek().is_none() {
        return;
    }
    let (id, description) = (escape(name), inline(text(&tag["description"])));
    let _ = writeln!(
        html,
        "<section class=\"card\" aria-labelledby=\"tag-{id}\"><h2 id=\"tag-{id}\">{id}</h2><p>{description}</p>"
    );
    for (path, method, operation) in calls {
        operation::write(html, path, method, operation);
    }
    html.push_str("</section>\n");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text with `` `code` `` as HTML.
fn inline(text: &str) -> String {
    let mut html = String::new();
    for (part, is_code) in text.split('`').zip([false, true].into_iter().cycle()) {
        let part = escape(part);
        if is_code {
            // Writing to a `String` does not fail.
            let _ = write!(html, "<code>{part}</code>");
        } else {
            html.push_str(&part);
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text() {
        assert_eq!(inline("a <b> `c & d`"), "a &lt;b&gt; <code>c &amp; d</code>");
    }
}
