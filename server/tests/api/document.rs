//! The API's document, beside what the router really has.

use std::collections::BTreeSet;

use http::{Method, header};
use serde_json::{Value, json};

use crate::support::{Body, Client, Switchboard, text};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Path, method and description of each call.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((path.as_str(), method, item.get(method)?)))
    });
    all.collect()
}

async fn read(client: &Client) -> Value {
    let (status, document) = client.get("/api/v1/openapi.json").await;
    assert_eq!(status, 200);
    document
}

#[tokio::test]
async fn everything_is_described() {
    let switchboard = Switchboard::start().await;
    let document = read(&switchboard.client().bearer("")).await;
    assert_eq!(document["openapi"], "3.1.0");
    let (mut ids, mut missing) = (BTreeSet::new(), Vec::new());
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}: its id is another's, too");
        assert!(tags.contains(&&operation["tags"][0]), "{place}: {}", operation["tags"]);
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            missing.push(place.clone());
        }
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "path").collect();
        assert_eq!(named.len(), path.matches('{').count(), "{place}: the ids of its path");
        for parameter in parameters {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{place}: {}", parameter["name"]));
            }
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if response["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{place}: {status}"));
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        fields(name, schema, &mut missing);
    }
    assert!(missing.is_empty(), "nothing is said about: {missing:#?}");
    references(&document, &document);
}

fn fields(name: &str, schema: &Value, missing: &mut Vec<String>) {
    for (field, described) in schema["properties"].as_object().into_iter().flatten() {
        // What a reference leads to may describe it.
        if described["description"].as_str().is_none_or(str::is_empty) && described.get("$ref").is_none() {
            missing.push(format!("{name}.{field}"));
        }
        fields(&format!("{name}.{field}"), described, missing);
    }
    for part in ["allOf", "oneOf"] {
        schema[part].as_array().into_iter().flatten().for_each(|part| fields(name, part, missing));
    }
}

/// Every reference leads somewhere.
fn references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(at) = fields.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(at.trim_start_matches('#')).is_some(), "{at} leads nowhere");
            }
            fields.values().for_each(|value| references(document, value));
        }
        Value::Array(values) => values.iter().for_each(|value| references(document, value)),
        _ => {}
    }
}

/// That nothing is there besides is the router's doing: it takes handlers with their descriptions only, and Clippy
/// refuses its other way in.
#[tokio::test]
async fn what_is_described_is_there_and_other_methods_are_not() {
    let switchboard = Switchboard::start().await;
    let nobody = switchboard.client().bearer("");
    let document = read(&nobody).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let request = nobody.request(method.to_ascii_uppercase().parse().unwrap(), &format!("/api/v1{path}"));
            let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::default()).unwrap();
            let response = nobody.send(request).await.unwrap();
            let status = response.status().as_u16();
            let told = text(response).await;
            match item.get(method) {
                None => assert_eq!(status, 405, "{method} {path}: {told}"),
                // Who needs no access token is told what is wrong with the (empty) body, or is answered.
                Some(operation) if operation["security"] == json!([{}]) => {
                    assert!(matches!(status, 200 | 400), "{method} {path}: {told}");
                }
                Some(_) => assert_eq!(status, 401, "{method} {path}: {told}"),
            }
        }
    }
}

#[tokio::test]
async fn it_can_be_browsed_without_scripts_and_without_signing_in() {
    let switchboard = Switchboard::start().await;
    let nobody = switchboard.client().bearer("");
    let document = read(&nobody).await;
    let request = nobody.request(Method::GET, "/api/v1/docs").body(Body::default()).unwrap();
    let response = nobody.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    let page = text(response).await;
    for (path, method, operation) in operations(&document) {
        let id = format!("id=\"{}\"", operation["operationId"].as_str().unwrap());
        assert_eq!(page.matches(&id).count(), 1, "{method} {path}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    assert!(!page.contains("<script") && !page.contains(" style="), "the page has scripts or styles of its own");
    for attribute in ["href=\"", "src=\""] {
        for target in page.split(attribute).skip(1) {
            assert!(target.starts_with('#') || target.starts_with('/'), "{target:.60}");
            assert!(!target.starts_with("//"), "{target:.60}");
        }
    }
}

#[tokio::test]
async fn no_other_site_may_read_answers() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let asks =
        |method: Method| client.request(method, "/api/v1/me").header(header::ORIGIN, "https://elsewhere.example");
    let preflight = asks(Method::OPTIONS).header("access-control-request-method", "GET");
    for request in [asks(Method::GET), preflight] {
        let response = client.send(request.body(Body::default()).unwrap()).await.unwrap();
        let allowed: Vec<_> =
            response.headers().keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
        assert_eq!(json!(allowed.len()), 0, "{allowed:?}");
    }
}
