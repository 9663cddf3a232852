//! One call: what it takes and what it answers.

use std::fmt::Write as _;

use serde_json::Value;

use super::{inline, schema, text};
use crate::{api::document::BASE, html::escape};

pub(super) fn write(html: &mut String, path: &str, method: &str, operation: &Value) {
    let (id, summary) = (escape(text(&operation["operationId"])), inline(text(&operation["summary"])));
    let (method, path) = (method.to_ascii_uppercase(), escape(path));
    let _ = writeln!(
        html,
        "<details class=\"disclosure\" id=\"{id}\"><summary><code>{method} {BASE}{path}</code> {summary}</summary>"
    );
    if let Some(description) = operation["description"].as_str() {
        let _ = writeln!(html, "<p>{}</p>", inline(description));
    }
    access(html, &operation["security"][0]);
    parameters(html, &id, operation);
    if let Some(body) = operation["requestBody"]["content"].as_object() {
        let kinds: Vec<_> = body.values().map(|content| schema::kind(&content["schema"])).collect();
        let _ = writeln!(html, "<p>The body is JSON: {}.</p>", kinds.join(" or "));
    }
    responses(html, &id, operation);
    html.push_str("</details>\n");
}

/// Who may.
fn access(html: &mut String, security: &Value) {
    let scopes = security["bearer"].as_array().map(|scopes| scopes.iter().map(text).collect::<Vec<_>>());
    let told = match scopes.as_deref() {
        None => "Needs no token.".to_owned(),
        Some([]) => "Needs an access token.".to_owned(),
        Some(scopes) => {
            let scopes: Vec<_> = scopes.iter().map(|scope| format!("<code>{}</code>", escape(scope))).collect();
            format!("Needs an access token, or a personal token with {}.", scopes.join(" or "))
        }
    };
    // Writing to a `String` does not fail.
    let _ = writeln!(html, "<p>{told}</p>");
}

fn parameters(html: &mut String, id: &str, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else { return };
    table(html, &format!("Parameters of {id}"), ["Parameter", "In", "Type", "Meaning"]);
    for parameter in parameters {
        let required = if parameter["required"] == true { ", required" } else { "" };
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}{required}</td><td>{}</td><td>{}</td></tr>",
            escape(text(&parameter["name"])),
            escape(text(&parameter["in"])),
            schema::kind(&parameter["schema"]),
            inline(text(&parameter["description"])),
        );
    }
    html.push_str("</tbody></table></div>\n");
}

fn responses(html: &mut String, id: &str, operation: &Value) {
    table(html, &format!("Answers of {id}"), ["Status", "Media type", "Body", "Meaning"]);
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let (mut types, mut kinds) = (Vec::new(), Vec::new());
        for (media_type, content) in response["content"].as_object().into_iter().flatten() {
            types.push(escape(media_type));
            kinds.push(schema::kind(&content["schema"]));
        }
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(status),
            types.join("<br>"),
            kinds.join("<br>"),
            inline(text(&response["description"])),
        );
    }
    html.push_str("</tbody></table></div>\n");
}

/// Opens a table; its name is HTML. It scrolls where it does not fit, also by keyboard.
pub(super) fn table<const N: usize>(html: &mut String, name: &str, heads: [&str; N]) {
    let _ = write!(
        html,
        "<div class=\"table-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{name}\">\
         <table class=\"table table-dense\"><thead><tr>"
    );
    for head in heads {
        let _ = write!(html, "<th scope=\"col\">{head}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
}
