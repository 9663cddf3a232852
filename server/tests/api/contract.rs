//! Every answer in these tests is what the API's document says: its status, its media type, its fields and no others,
//! and the code of a refusal.

use std::collections::BTreeSet;

use http::{HeaderMap, Method, header};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::Client;

/// The document of the server under test; all tests of a process test the same server.
pub(crate) async fn document(client: &Client) -> &'static Value {
    static DOCUMENT: OnceCell<Value> = OnceCell::const_new();
    DOCUMENT
        .get_or_init(async || {
            let (status, mut document) = client.get("/api/v1/openapi.json").await;
            assert_eq!(status, 200);
            forbid_other_fields(&mut document);
            document
        })
        .await
}

/// Checks an answer, if it is one of the API.
pub(crate) async fn check(client: &Client, method: &Method, path: &str, status: u16, headers: &HeaderMap, body: &[u8]) {
    let Some(path) = path.strip_prefix("/api/v1") else { return };
    let path = path.split('?').next().unwrap();
    let document = document(client).await;
    let Some((template, item)) = find(document, path) else {
        assert_eq!(status, 404, "{method} {path} is not in the document");
        return;
    };
    // The router answers HEAD as GET, without the body (RFC 9110 section 9.3.2).
    let is_head = method == Method::HEAD;
    let name = if is_head { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let Some(operation) = item.get(name) else {
        assert_eq!(status, 405, "{method} {template} is not in the document");
        return;
    };
    let place = format!("{method} {template} {status}");
    let response = operation["responses"].get(status.to_string());
    let response =
        response.unwrap_or_else(|| panic!("{place} is not in the document: {}", String::from_utf8_lossy(body)));
    let Some(content) = response["content"].as_object() else {
        assert!(body.is_empty(), "{place} has a body, in the document it has none");
        return;
    };
    let media_type = headers[header::CONTENT_TYPE].to_str().unwrap().split(';').next().unwrap();
    let content = content.get(media_type).unwrap_or_else(|| panic!("{place} is {media_type}"));
    if is_head || media_type != "application/json" {
        return;
    }
    let value: Value = serde_json::from_slice(body).unwrap();
    let schema = json!({"allOf": [content["schema"]], "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&value).map(|error| format!("{} {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{place}: {errors:#?} {value:#}");
    if let Some(code) = value["error"]["code"].as_str() {
        let told = response["description"].as_str().unwrap();
        assert!(told.contains(&format!("`{code}`")), "{place} says {code}, which the document does not: {told}");
    }
}

/// The path of the document that is meant: of several the one with fewer variables.
fn find<'d>(document: &'d Value, path: &str) -> Option<(&'d str, &'d Value)> {
    let parts: Vec<_> = path.split('/').collect();
    let matches = |template: &str| {
        let named: Vec<_> = template.split('/').collect();
        named.len() == parts.len()
            && named.iter().zip(&parts).all(|(name, part)| name == part || (name.starts_with('{') && !part.is_empty()))
    };
    let paths = document["paths"].as_object().unwrap().iter().filter(|(template, _)| matches(template));
    paths.min_by_key(|(template, _)| template.matches('{').count()).map(|(template, item)| (template.as_str(), item))
}

/// Objects have the fields that are described, and no others. (The document itself lets them grow.)
fn forbid_other_fields(document: &mut Value) {
    let mut parts = BTreeSet::new();
    parts_of(document, &mut parts);
    for (name, schema) in document["components"]["schemas"].as_object_mut().unwrap() {
        let has_fields = schema.get("properties").is_some() || schema.get("allOf").is_some();
        if has_fields && !parts.contains(&format!("#/components/schemas/{name}")) {
            schema["unevaluatedProperties"] = false.into();
        }
    }
}

/// The schemas that are a part of others.
fn parts_of(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for part in fields.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                parts.extend(part["$ref"].as_str().map(str::to_owned));
            }
            fields.values().for_each(|value| parts_of(value, parts));
        }
        Value::Array(values) => values.iter().for_each(|value| parts_of(value, parts)),
        _ => {}
    }
}
