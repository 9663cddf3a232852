//! The inspector's part of the API.

use http::{Method, header};
use serde_json::{Value, json};

use super::setup::Setup;
use crate::support::{Body, full, text, whole};

async fn call(setup: &Setup, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { Body::default() } else { full(body.to_string()) };
    let request = setup.api.request(method, path).header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
    let response = setup.api.send(request).await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&whole(response).await).unwrap_or_default())
}

#[tokio::test]
async fn exchanges_are_listed_changed_and_deleted() {
    let setup = Setup::start().await;
    setup.capture(json!({"level": "bodies"})).await;
    let one = setup.send(setup.post("/one?x=y", "text/plain", "Needle in it")).await["id"].as_str().unwrap().to_owned();
    let two = setup.send(setup.get("/missing")).await["id"].as_str().unwrap().to_owned();
    let requests = format!("{}/requests", setup.tunnel);

    for (query, expected) in [
        ("", vec![&two, &one]),
        ("method=POST", vec![&one]),
        ("status=4xx", vec![&two]),
        ("status=404&errors=true", vec![&two]),
        ("q=ONE?X", vec![&one]),
        ("header=content-type:%20text/plain", vec![&one]),
        ("body=needle", vec![&one]),
        ("min_bytes=1000000", vec![]),
        ("kind=http&pinned=&status=", vec![&two, &one]),
        ("to=2020-01-01T00:00:00Z", vec![]),
    ] {
        assert_eq!(setup.found(query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let (status, page) = setup.api.get(&format!("{requests}?limit=1")).await;
    assert_eq!((status, page["items"][0]["id"].as_str()), (200, Some(&*two)));
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(setup.found(&format!("limit=1&cursor={cursor}")).await, [&*one]);
    for (query, status, code) in [
        ("status=9xx", 422, "invalid"),
        ("colour=red", 400, "invalid_query"),
        ("limit=0", 422, "invalid"),
        ("cursor=x", 422, "invalid"),
    ] {
        let refused = setup.api.get(&format!("{requests}?{query}")).await;
        assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (status, Some(code)), "{query}");
    }

    let path = format!("{requests}/{one}");
    let (status, changed) = call(&setup, Method::PATCH, &path, json!({"pinned": true, "note": "look"})).await;
    assert_eq!((status, &changed["pinned"], &changed["note"]), (200, &json!(true), &json!("look")));
    let (_, changed) = call(&setup, Method::PATCH, &path, json!({"note": null})).await;
    assert_eq!((&changed["pinned"], &changed["note"]), (&json!(true), &json!(null)));
    assert_eq!(setup.found("pinned=true").await, [&*one]);

    assert_eq!(call(&setup, Method::DELETE, &format!("{requests}/{two}"), Value::Null).await.0, 204);
    assert_eq!(setup.api.get(&format!("{requests}/{two}")).await.0, 404);
    let (status, deleted) = call(&setup, Method::DELETE, &format!("{requests}?method=GET"), Value::Null).await;
    assert_eq!((status, deleted), (200, json!({"deleted": 0})));
    let (_, deleted) = call(&setup, Method::DELETE, &requests, Value::Null).await;
    assert_eq!(deleted, json!({"deleted": 1}));
}

#[tokio::test]
async fn bodies_and_archives_are_inert_attachments() {
    let setup = Setup::start().await;
    setup.capture(json!({"level": "bodies"})).await;
    let markup = "<script>alert(1)</script>";
    let one = setup.send(setup.post("/hostile", "text/html", markup)).await["id"].as_str().unwrap().to_owned();
    setup.send(setup.get("/two?a=b&a=c")).await;
    let requests = format!("{}/requests", setup.tunnel);
    let request = setup.api.request(Method::GET, &format!("{requests}/{one}/body/request"));
    let response = setup.api.send(request.body(Body::default()).unwrap()).await.unwrap();
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; "));
    assert_eq!(text(response).await, markup);
    assert_eq!(setup.api.get(&format!("{requests}/{one}/body/other")).await.0, 404);

    let (status, archive) = setup.api.get(&format!("{requests}/har")).await;
    assert_eq!((status, &archive["log"]["version"]), (200, &json!("1.2")));
    let entries = archive["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    let query = json!([{"name": "a", "value": "b"}, {"name": "a", "value": "c"}]);
    assert_eq!(entries[0]["request"]["queryString"], query);
    assert_eq!(entries[0]["response"]["status"], 200);
    assert!(entries[0]["response"]["content"]["text"].as_str().unwrap().contains("/two"));
    assert_eq!(entries[1]["request"]["postData"]["text"], markup);
    let (_, archive) = setup.api.get(&format!("{requests}/{one}/har")).await;
    assert_eq!(archive["log"]["entries"].as_array().unwrap().len(), 1);
    let (_, archive) = setup.api.get(&format!("{requests}/har?method=DELETE")).await;
    assert_eq!(archive["log"]["entries"], json!([]));
}

#[tokio::test]
async fn what_is_recorded_can_be_said_of_each() {
    let setup = Setup::start().await;
    let capture = format!("{}/capture", setup.tunnel);
    let usual = setup.api.get(&capture).await.1;
    assert_eq!((&usual["level"], &usual["body_limit"]), (&json!("metadata"), &json!(262_144)));
    let (status, changed) = call(&setup, Method::PATCH, &capture, json!({"level": "headers"})).await;
    assert_eq!((status, &changed["level"]), (200, &json!("headers")));
    let (_, changed) = call(&setup, Method::PUT, &capture, json!({"redact": {"query": ["key"]}})).await;
    assert_eq!((&changed["level"], &changed["redact"]["query"]), (&json!("headers"), &json!(["key"])));
    let refused = call(&setup, Method::PUT, &capture, json!({"keep_hours": 0})).await;
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (422, Some("invalid")));
    assert!(refused.1["error"]["message"].as_str().unwrap().contains("keep_hours"), "{refused:?}");
    assert_eq!(call(&setup, Method::PUT, &capture, json!({"levels": "off"})).await.0, 400);
    assert_eq!(call(&setup, Method::DELETE, &capture, Value::Null).await.0, 204);
    assert_eq!(setup.api.get(&capture).await.1, usual);

    // A domain and a route in front of the tunnel have exchanges of their own, which are the tunnel's as well.
    let domain = json!({"domain": "app.example.com", "tunnel": "shop"});
    let (status, made) = setup.api.post("/api/v1/domains", &domain).await;
    assert_eq!(status, 201, "{made}");
    let route = json!({"domain": "app.example.com", "mount": "/api", "tunnel": "shop"});
    let (status, made) = setup.api.post("/api/v1/routes", &route).await;
    assert_eq!(status, 201, "{made}");
    let route = format!("/api/v1/routes/{}", made["id"].as_str().unwrap());
    let visitor = crate::support::Client::new(setup.switchboard.address, "app.example.com");
    for (path, of) in [("/api/x", route.as_str()), ("/y", "/api/v1/domains/app.example.com")] {
        crate::support::until(super::setup::RECORDED, path, async || {
            assert!(visitor.text(path).await.0 > 0);
            let (status, found) = setup.api.get(&format!("{of}/requests?status=200")).await;
            status == 200
                && found["items"].as_array().is_some_and(|items| items.iter().any(|item| item["path"] == path))
        })
        .await;
        assert!(!setup.found(&format!("status=200&q={path}")).await.is_empty());
        assert_eq!(call(&setup, Method::PUT, &format!("{of}/capture"), json!({"level": "off"})).await.0, 200);
    }

    // To others there is nothing.
    let stranger = setup.api.clone().bearer("");
    for path in [capture.clone(), format!("{}/requests", setup.tunnel), format!("{route}/requests/har")] {
        assert_eq!(stranger.get(&path).await.0, 401, "{path}");
    }
    let nobodys = "/api/v1/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00";
    for path in ["requests", "requests/har", "capture", "requests/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"] {
        assert_eq!(setup.api.get(&format!("{nobodys}/{path}")).await.0, 404, "{path}");
    }
}
