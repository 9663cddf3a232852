//! The API's document: OpenAPI 3.1, made from the handlers, and completed with what all of them have in common.
//!
//! A handler describes what is its own: what it takes, what it answers, and which refusals only it knows. Names of
//! operations, ids in paths, and the refusals that every call shares are added here, so that none can be forgotten.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use utoipa::{
    OpenApi,
    openapi::{self, path::PathItem},
};

use super::{error::Problem, v1};

/// Where the API is.
pub(crate) const BASE: &str = "/api/v1";

/// The document as it is sent. It is made when somebody asks for it, and of what it is made from nothing stays: that takes ten
/// times as much memory, more than all the rest of an idle server.
pub(crate) static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document().to_string()));

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What the first part of a path is about, and what an id after it is.
const TAGS: [(&str, &str, &str); 24] = [
    ("auth", "Signing in: accounts, access tokens and refresh tokens.", ""),
    ("me", "The account that asks.", ""),
    ("users", "Everybody's accounts, for administrators.", "The account's id."),
    ("invitations", "Who may make an account.", "The invitation's id."),
    ("tokens", "What telephones sign in with.", "The token's id."),
    ("tunnels", "Named public entries that telephones serve.", "The tunnel's id."),
    ("services", "Named pools of backends.", "The service's name or id."),
    ("backends", "Servers in services.", "What its owner calls the backend, or its key."),
    ("domains", "Host names, and what serves them where no route does.", "The host name, or the domain's id."),
    ("routes", "Mounts with a target of their own.", "The route's id."),
    ("traffic", "What was measured of all that the caller has.", ""),
    ("alerts", "What somebody wants to be told of.", "The alert's id."),
    ("regions", "Where backends and nodes live.", "The region's id."),
    ("sessions", "Signed-in browsers.", "The session's id."),
    ("programs", "Signed-in programs.", "The session's id."),
    ("identities", "Accounts at providers of sign-ins.", "The identity's id."),
    ("security", "What holds for everybody's security.", ""),
    ("limits", "What the whole switchboard carries.", ""),
    ("audit", "What has to do with security.", ""),
    ("nodes", "The switchboard processes on this database.", ""),
    ("revisions", "Who changed what.", "The revision's id."),
    ("requests", "Recorded requests.", "The recorded request's id."),
    ("body", "Bodies of recorded requests.", "`request` or `response`."),
    ("openapi.json", "This document.", ""),
];

#[derive(OpenApi)]
#[openapi(info(title = "Switchboard"), components(schemas(Problem<'_>)))]
struct Common;

/// Makes the document.
pub(crate) fn document() -> Value {
    let mut document = Common::openapi();
    document.merge(v1::routes().into_openapi());
    // Whatever utoipa makes can be written; were it otherwise, the tests of the document would fail.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    complete(&mut document);
    document
}

/// The paths where something is made or replaced that must not be made or replaced twice.
pub(super) fn makers(routes: &openapi::OpenApi) -> BTreeSet<String> {
    let paths = routes.paths.paths.iter();
    let makes = |path: &str, item: &PathItem| {
        let post = item.post.as_ref().and_then(|post| serde_json::to_value(post).ok());
        post.is_some_and(|post| happens_once(path, "post", &post))
    };
    paths.filter(|(path, item)| makes(path, item)).map(|(path, _)| path.clone()).collect()
}

fn complete(document: &mut Value) {
    let info = "What the dashboard's pages do, for programs. Sign in at `/auth/login`, and send the access token with each \
                request. Lists are asked for page by page, with `limit` and `cursor`. `docs/api.md` tells the whole story.";
    document["info"]["description"] = info.into();
    document["servers"] = json!([{"url": BASE}]);
    document["security"] = json!([{"bearer": []}]);
    let scheme = json!({"type": "http", "scheme": "bearer", "description": "The access token of `/auth/login`, or a personal token with one of the scopes that a call names."});
    let tunnel = json!({"type": "http", "scheme": "bearer", "description": "The secret of a tunnel token."});
    document["components"]["securitySchemes"] = json!({"bearer": scheme, "tunnel_token": tunnel});
    let tags = TAGS.iter().map(|(name, description, _)| json!({"name": name, "description": description}));
    document["tags"] = tags.collect();
    let mut codes = BTreeSet::new();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        let is_tagged = is_tagged(path, item);
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete_operation(path, method, operation, is_tagged);
                codes.extend(codes_of(operation));
            }
        }
    }
    codes.insert("method_not_allowed".to_owned());
    document["components"]["schemas"]["FrontPatch"] = nullable(document["components"]["schemas"]["Front"].clone());
    describe(&mut document["components"]["schemas"]);
    document["components"]["schemas"]["ProblemDetail"]["properties"]["code"]["enum"] = codes.into_iter().collect();
    let header = |text: &str, kind: &str| json!({"description": text, "schema": {"type": kind}});
    document["components"]["headers"] = json!({
        "RequestId": header("The request, as it is called in the server's log.", "string"),
        "ETag": header("What it is, for `If-Match` and `If-None-Match`.", "string"),
        "RetryAfter": header("When to come back, seconds.", "integer"),
    });
}

fn complete_operation(path: &str, method: &str, operation: &mut Value, is_tagged: bool) {
    let words = path.split('/').filter(|part| !part.is_empty()).map(|part| part.trim_matches(['{', '}']));
    operation["operationId"] = std::iter::once(method).chain(words).collect::<Vec<_>>().join("_").into();
    operation["tags"] = json!([subject(path)]);
    let ids = ids(path);
    let (has_ids, has_query) = (!ids.is_empty(), operation.get("parameters").is_some());
    if let Value::Array(parameters) = operation["parameters"].take() {
        operation["parameters"] = ids.into_iter().chain(parameters).collect();
    } else if has_ids {
        operation["parameters"] = ids.into();
    } else if let Value::Object(operation) = operation {
        operation.remove("parameters");
    }
    let has_body = operation.get("requestBody").is_some();
    if has_body && path.ends_with("/front") {
        let schema = json!({"$ref": "#/components/schemas/FrontPatch"});
        operation["requestBody"]["content"]["application/json"]["schema"] = schema;
    }
    let is_public = operation.get("security").is_some();
    if is_tagged {
        take_tag(method, operation);
    }
    if happens_once(path, method, operation) {
        take_key(operation);
    }
    if !is_public {
        operation["security"] = json!([{"bearer": scopes(path, method)}]);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if !is_public {
        add(responses, 401, &["unauthorized"]);
        add(responses, 403, &["insufficient_scope"]);
    }
    if has_ids {
        add(responses, 404, &["not_found"]);
    }
    if has_query {
        add(responses, 400, &["invalid_query"]);
        add(responses, 422, &["invalid"]);
    }
    if has_body {
        let malformed = ["malformed_json", "wrong_shape", "unknown_field", "incomplete_body", "not_found"];
        add(responses, 400, &malformed);
        add(responses, 404, &["not_found"]);
        add(responses, 408, &["timeout"]);
        add(responses, 413, &["too_large"]);
        add(responses, 415, &["unsupported_media_type"]);
        add(responses, 422, &["invalid"]);
    }
    add(responses, 500, &["internal"]);
    add(responses, 503, &["unavailable", "timeout"]);
    for (status, response) in responses {
        complete_response(status, response);
    }
}

/// The same object with fields that may all be null, which takes them away.
fn nullable(mut schema: Value) -> Value {
    for field in schema["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(field) = field.as_object_mut() {
            field.remove("default");
        }
        let may_be = field["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
        if !may_be && field.get("oneOf").is_none() {
            *field = json!({"oneOf": [field.take(), {"type": "null"}]});
        }
    }
    schema
}

/// Whether what is at a path has an entity tag: whatever can be both looked at and changed, but for recorded requests.
fn is_tagged(path: &str, item: &Value) -> bool {
    let has = |method: &str| item.get(method).is_some();
    has("get") && (has("put") || has("patch")) && !path.ends_with("/{rid}")
}

/// What [`conditional`](super::conditional) adds to a call.
fn take_tag(method: &str, operation: &mut Value) {
    let (name, description) = match method {
        "get" => ("If-None-Match", "The `ETag` of what one has: 304 when it is still that."),
        "put" | "patch" | "delete" => {
            ("If-Match", "The `ETag` of what one has seen: 412 when it was changed since, with what it is now.")
        }
        _ => return,
    };
    take_header(operation, json!({"name": name, "description": description, "schema": {"type": "string"}}));
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if let Some(done) = responses.get_mut("200") {
        done["headers"]["ETag"] = json!({"$ref": "#/components/headers/ETag"});
    }
    if method == "get" {
        let headers = json!({"ETag": {"$ref": "#/components/headers/ETag"}});
        responses.insert("304".to_owned(), json!({"description": "It is what one has.", "headers": headers}));
    } else {
        add(responses, 412, &["changed_meanwhile"]);
    }
}

fn take_header(operation: &mut Value, mut parameter: Value) {
    parameter["in"] = "header".into();
    match &mut operation["parameters"] {
        Value::Array(parameters) => parameters.push(parameter),
        parameters => *parameters = json!([parameter]),
    }
}

/// What calls end in that put another secret in the place of one, and show it this once.
const REPLACING: [&str; 2] = ["/rotate", "/recovery-codes"];

/// Whether a call makes or replaces something for who asks: sent twice, it would make two, or replace what nobody has seen.
fn happens_once(path: &str, method: &str, operation: &Value) -> bool {
    // Without a word about it, it is for whoever has signed in.
    let of_a_user = operation.get("security").is_none_or(|security| security[0].get("bearer").is_some());
    let makes = operation["responses"].get("201").is_some() || REPLACING.iter().any(|end| path.ends_with(end));
    method == "post" && makes && of_a_user
}

/// What [`idempotency`](super::idempotency) adds to a call.
fn take_key(operation: &mut Value) {
    let description = "Who sends the same request again with the same key, 1 to 255 visible characters, gets the same answer \
                       for 24 hours, and nothing is made or replaced twice.";
    let schema = json!({"type": "string", "minLength": 1, "maxLength": 257});
    take_header(operation, json!({"name": "Idempotency-Key", "description": description, "schema": schema}));
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    add(responses, 400, &["invalid_idempotency_key"]);
    add(responses, 409, &["request_under_way"]);
    add(responses, 422, &["idempotency_key_reused"]);
    let description = "`true`: it was done before, by a request with the same key.";
    let replayed = json!({"description": description, "schema": {"type": "boolean"}});
    let done = responses.iter_mut().filter(|(status, _)| ["200", "201"].contains(&status.as_str()));
    for (_, response) in done {
        response["headers"]["Idempotency-Replayed"] = replayed.clone();
    }
}

/// The scopes of personal tokens that are good for a call, each by itself. Handlers say it with their types; that this says
/// the same, tests find out.
fn scopes(path: &str, method: &str) -> &'static [&'static str] {
    let below = path.split('/').nth(3);
    let of_tunnels = path.starts_with("/tokens")
        || path.starts_with("/tunnels") && !matches!(below, Some("requests" | "capture" | "front"));
    match (path, method) {
        ("/me", _) => &["read", "write", "tunnels"],
        (path, _) if path.starts_with("/me/") => &[],
        ("/security", "put") => &[],
        (path, "post") if path.starts_with("/security/") => &[],
        (path, method) if method != "get" && (path.starts_with("/users") || path.starts_with("/invitations")) => &[],
        (_, "get") if of_tunnels => &["read", "write", "tunnels"],
        (_, "get") | ("/routes/explain", _) => &["read", "write"],
        _ if of_tunnels => &["write", "tunnels"],
        _ => &["write"],
    }
}

/// What a path is about: recorded requests, wherever they lie, or its first part.
fn subject(path: &str) -> &str {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    if parts.clone().any(|part| part == "requests" || part == "capture") {
        return "requests";
    }
    parts.next().map_or("", |part| if part == "health" { "nodes" } else { part })
}

/// The ids in a path as parameters, each described by what stands before it.
fn ids(path: &str) -> Vec<Value> {
    let parts: Vec<_> = path.split('/').collect();
    let id = |pair: &[&str]| {
        let name = pair[1].strip_prefix('{')?.strip_suffix('}')?;
        let (_, _, description) = TAGS.iter().find(|(tag, ..)| *tag == pair[0])?;
        let schema = match name {
            "side" => json!({"type": "string", "enum": ["request", "response"]}),
            _ => json!({"type": "string"}),
        };
        Some(json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema}))
    };
    parts.windows(2).filter_map(id).collect()
}

/// Adds refusals to those that are there.
fn add(responses: &mut Map<String, Value>, status: u16, codes: &[&str]) {
    let response = responses.entry(status.to_string()).or_insert_with(|| json!({"description": ""}));
    if response.get("content").is_some() {
        return;
    }
    let known = response["description"].as_str().unwrap_or_default().to_owned();
    let codes = codes.iter().map(|code| format!("`{code}`"));
    let new = codes.filter(|code| !known.contains(code.as_str()));
    let all: Vec<_> = Some(known.clone()).filter(|known| !known.is_empty()).into_iter().chain(new).collect();
    response["description"] = all.join(", ").into();
}

fn complete_response(status: &str, response: &mut Value) {
    response["headers"]["X-Request-Id"] = json!({"$ref": "#/components/headers/RequestId"});
    if matches!(status, "429" | "503") {
        response["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"});
    }
    if status.starts_with(['4', '5']) && response.get("content").is_none() {
        response["content"] = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
    }
}

/// Says of each field what it means where readers look for it: of one that may be `null` beside the choice, not within, and
/// of one that tells kinds apart at all.
fn describe(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = without_links(description);
            }
            for (name, field) in fields.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
                let choices = field.get_mut("oneOf").and_then(Value::as_array_mut);
                let within = choices.into_iter().flatten().filter_map(Value::as_object_mut);
                if let Some(description) = within.filter_map(|choice| choice.remove("description")).last() {
                    field["description"] = description;
                }
                let tells_apart = field["enum"].as_array().is_some_and(|values| values.len() == 1);
                if tells_apart && field.get("description").is_none() {
                    field["description"] = format!("Which {name} it is.").into();
                }
            }
            fields.values_mut().for_each(describe);
        }
        Value::Array(values) => values.iter_mut().for_each(describe),
        _ => {}
    }
}

/// A comment in Rust as a text for everybody: without links to other comments, and with JSON's word for nothing.
fn without_links(comment: &str) -> String {
    let text = comment.replace("[`", "`").replace("`None`", "`null`");
    let mut parts = text.split("`]");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(part, |(_, rest)| rest);
        plain.push('`');
        plain.push_str(rest);
    }
    plain
}

/// The codes that an operation's refusals name.
fn codes_of(operation: &Value) -> Vec<String> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let refusals = responses.filter(|(status, _)| status.starts_with(['4', '5']));
    let texts = refusals.filter_map(|(_, response)| response["description"].as_str());
    texts.flat_map(|text| text.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}
