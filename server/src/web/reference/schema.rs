//! What a value looks like.

use std::fmt::Write as _;

use serde_json::Value;

use super::{inline, operation::table, text};
use crate::html::escape;

/// A schema of its own, with a table of its fields.
pub(super) fn named(html: &mut String, name: &str, schema: &Value) {
    let name = escape(name);
    let _ =
        write!(html, "<details class=\"disclosure\" id=\"schema-{name}\"><summary><code>{name}</code></summary>\n<p>");
    if let Some(description) = schema["description"].as_str() {
        let _ = write!(html, "{} ", inline(description));
    }
    let parts: Vec<&Value> = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![schema],
    };
    let has_fields = parts.iter().any(|part| part["properties"].is_object());
    if !has_fields {
        let _ = write!(html, "It is {}.", kind(schema));
    }
    html.push_str("</p>\n");
    for part in &parts {
        if part.get("$ref").is_some() {
            let _ = writeln!(html, "<p>It has the fields of {}.</p>", kind(part));
        }
    }
    if has_fields {
        fields(html, &name, &parts);
    }
    html.push_str("</details>\n");
}

fn fields(html: &mut String, name: &str, parts: &[&Value]) {
    table(html, &format!("Fields of {name}"), ["Field", "Type", "Meaning"]);
    for part in parts {
        let required = part["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            let always = if required.iter().any(|required| required == name) { ", always" } else { "" };
            let _ = writeln!(
                html,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}{always}</td><td>{}</td></tr>",
                escape(name),
                kind(field),
                inline(text(&field["description"])),
            );
        }
    }
    html.push_str("</tbody></table></div>\n");
}

/// A schema in a few words.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.strip_prefix("#/components/schemas/")) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[key].as_array() {
            let kinds: Vec<_> = choices.iter().map(kind).collect();
            return kinds.join(if key == "allOf" { " and " } else { " or " });
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> =
            values.iter().map(|value| format!("<code>{}</code>", escape(&value.to_string()))).collect();
        return values.join(", ");
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let kinds: Vec<_> = kinds.iter().map(|kind| of_type(text(kind), schema)).collect();
            kinds.join(" or ")
        }
        kind => of_type(text(kind), schema),
    }
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "" => "anything".to_owned(),
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["properties"].is_object() => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields: Vec<_> =
                fields.map(|(name, field)| format!("<code>{}</code>: {}", escape(name), kind(field))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        name => match schema["format"].as_str() {
            Some(format) => format!("{} ({})", escape(name), escape(format)),
            None => escape(name),
        },
    }
}
