//! What is secret is not stored.

use std::io::Write;
use std::path::Path;

use http::header;
use serde_json::{Value, json};

use super::setup::Setup;

/// No file below a folder holds any of these.
fn nowhere(folder: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere(&path, secrets);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn what_is_called_like_a_secret_is_masked_without_being_named() {
    let setup = Setup::start().await;
    setup.capture(json!({"level": "bodies"})).await;
    let all: Vec<_> = domain::SECRET_PARAMETERS.iter().map(|name| format!("{name}=HIDDEN-{name}")).collect();
    let mut request = setup.post(&format!("/a?code=1&{}", all.join("&")), "text/plain", "");
    let referer = "https://a.example/?Access_Token=HIDDEN-referer#id%5Ftoken=HIDDEN-fragment";
    request.headers_mut().insert("referer", referer.parse().unwrap());
    let exchange = setup.send(request).await;
    let masked: Vec<_> = domain::SECRET_PARAMETERS.iter().map(|name| format!("{name}=[masked]")).collect();
    assert_eq!(exchange["path"], format!("/a?code=1&{}", masked.join("&")));
    assert!(exchange["request"]["start_line"].as_str().unwrap().contains("?code=1&access_token=[masked]&"));

    let form = "user=ada&password=HIDDEN-form&token=HIDDEN-token";
    let form = setup.send(setup.post("/form", "application/x-www-form-urlencoded", form)).await;
    assert_eq!(body(&setup, &form, "request").await, "user=ada&password=[masked]&token=[masked]");

    let home = setup.switchboard.stop().await;
    nowhere(home.path(), &["HIDDEN-"]);
}

/// The body as it is kept.
async fn body(setup: &Setup, exchange: &Value, side: &str) -> String {
    let path = format!("{}/requests/{}/body/{side}", setup.tunnel, exchange["id"].as_str().unwrap());
    setup.api.text(&path).await.1
}

#[tokio::test]
async fn what_is_masked_is_in_no_file() {
    let setup = Setup::start().await;
    let redact = json!({"headers": ["X-Api-Key"], "query": ["token"], "json_paths": ["**.card.number", "pin"]});
    setup.capture(json!({"level": "bodies", "body_limit": 2048, "redact": redact})).await;

    let mut request = setup.post("/a?token=SECRET-query&b=1", "application/json", r#"{"pin": "SECRET-json", "b": 2}"#);
    for (name, value) in [
        ("authorization", "Bearer SECRET-authorization"),
        ("proxy-authorization", "Basic SECRET-proxy"),
        ("cookie", "session=SECRET-cookie; theme=SECRET-theme"),
        ("x-api-key", "SECRET-header"),
        ("referer", "https://a.example/?x=1&token=SECRET-referer"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let exchange = setup.send(request).await;
    assert_eq!(exchange["path"], "/a?token=[masked]&b=1");
    assert_eq!(body(&setup, &exchange, "request").await, r#"{"pin": "[masked]", "b": 2}"#);
    let response: Value = serde_json::from_str(&body(&setup, &exchange, "response").await).unwrap();
    assert_eq!(response, json!({"path": "/a", "card": {"number": "[masked]"}}));
    assert_eq!(exchange["request_body"]["masked"], true);
    let masked =
        exchange["request"]["fields"].as_array().unwrap().iter().filter(|field| field["masked"] == true).count();
    // A proxy's own field does not get past the first proxy, but it is recorded as it was received.
    assert_eq!(masked, 5, "{}", exchange["request"]);
    // Which cookies there were is no secret.
    let value = |side: &str, name: &str| {
        let fields = exchange[side]["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).map(|field| field["value"].clone())
    };
    assert_eq!(value("request", "cookie"), Some(json!("session=[masked]; theme=[masked]")));
    assert_eq!(
        value("response", "set-cookie"),
        Some(json!("session=[masked]; Path=/; Secure; Expires=Wed, 21 Oct 2037 07:28:00 GMT"))
    );
    let id = exchange["id"].as_str().unwrap();
    let (_, archive) = setup.api.get(&format!("{}/requests/{id}/har", setup.tunnel)).await;
    let entry = &archive["log"]["entries"][0];
    let sent = json!([{"name": "session", "value": "[masked]"}, {"name": "theme", "value": "[masked]"}]);
    assert_eq!(entry["request"]["cookies"], sent);
    let set = json!([{
        "name": "session", "value": "[masked]", "path": "/", "secure": true, "expires": "2037-10-21T07:28:00Z",
    }]);
    assert_eq!(entry["response"]["cookies"], set);

    let form = setup.send(setup.post("/form", "application/x-www-form-urlencoded", "token=SECRET-form&c=d")).await;
    assert_eq!(body(&setup, &form, "request").await, "token=[masked]&c=d");

    // What is cut off is masked as far as it goes.
    let long = format!(r#"{{"a": "{}", "pin": "SECRET-long{}"}}"#, "x".repeat(1_900), "y".repeat(1_000));
    let cut = setup.send(setup.post("/cut", "application/json", long)).await;
    assert!(body(&setup, &cut, "request").await.ends_with(r#""pin": "[masked]""#));
    // What is said to be JSON and is none is not stored.
    let broken = setup.send(setup.post("/broken", "application/json", r#"{"pin" "SECRET-broken"}"#)).await;
    let info = &broken["request_body"];
    assert_eq!((&info["kept"], &info["masked"]), (&json!(0), &json!(true)), "{info}");

    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    gzip.write_all(br#"{"pin":"SECRET-gzip"}"#).unwrap();
    let mut packed = setup.post("/gzip", "application/json", gzip.finish().unwrap());
    packed.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    let packed = setup.send(packed).await;
    assert_eq!(body(&setup, &packed, "request").await, r#"{"pin":"[masked]"}"#);
    assert_eq!(packed["request_body"]["content_encoding"], json!(null));

    let home = setup.switchboard.stop().await;
    nowhere(home.path(), &["SECRET-"]);
}
