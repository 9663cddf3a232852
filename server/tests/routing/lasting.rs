//! What is open stays open, whatever is changed.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::setup::{make, unchecked_service, until_served, visitor};
use super::support::{Body, Client, Origin, Switchboard, full, streamed, until};

/// Echoes what comes over an upgraded connection, streams at `/events` whatever is sent to `/say`, and else says its name.
async fn origin(events: tokio::sync::broadcast::Sender<Bytes>) -> Origin {
    Origin::start(move |mut request: Request<Incoming>| {
        let (events, mut heard) = (events.clone(), events.subscribe());
        async move {
            if request.headers().contains_key(header::UPGRADE) {
                let upgrade = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    let mut io = TokioIo::new(upgrade.await.unwrap());
                    let mut byte = [0];
                    while io.read_exact(&mut byte).await.is_ok() {
                        io.write_all(&byte).await.unwrap();
                    }
                });
                let switching = Response::builder().status(101).header(header::CONNECTION, "Upgrade");
                return switching.header(header::UPGRADE, "websocket").body(Body::default()).unwrap();
            }
            match request.uri().path() {
                "/events" => {
                    let (sender, body) = streamed();
                    tokio::spawn(async move {
                        while let Ok(event) = heard.recv().await {
                            if sender.send(Ok(Frame::data(event))).await.is_err() {
                                return;
                            }
                        }
                    });
                    events.send(Bytes::from_static(b"!")).unwrap();
                    Response::new(body)
                }
                _ => Response::new(full("old")),
            }
        }
    })
    .await
}

type Socket = TokioIo<hyper::upgrade::Upgraded>;

async fn socket(visitor: &Client, path: &str) -> Socket {
    let request = visitor.request(Method::GET, path).header(header::CONNECTION, "Upgrade");
    let request = request.header(header::UPGRADE, "websocket").body(Body::default()).unwrap();
    let mut response = visitor.send(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap())
}

/// Makes a change, and waits until requests are routed by it: what is made after it is live after it.
async fn change(switchboard: &Switchboard, number: usize, (method, path, body): &(Method, String, Value)) {
    let client = switchboard.client();
    let request = client.request(method.clone(), &format!("/api/v1/{path}"));
    let request = request.header(header::CONTENT_TYPE, "application/json").body(full(body.to_string())).unwrap();
    let response = client.send(request).await.unwrap();
    assert!(response.status().is_success(), "{method} {path} {body}: {}", response.status());
    let marker = format!("marker{number}.example.com");
    make(switchboard, "domains", json!({"domain": marker, "redirect": {"to": "/"}})).await;
    let marker = visitor(switchboard, &marker);
    until(Duration::from_secs(10), "the change is live", async || marker.text("/").await.0 == 302).await;
}

#[tokio::test]
async fn websockets_and_streams_outlive_every_change() {
    let switchboard = Switchboard::start().await;
    let (events, _) = tokio::sync::broadcast::channel(64);
    let (old, tunnelled) = tokio::join!(origin(events.clone()), origin(events.clone()));
    let _telephone = switchboard.telephone("behind", &tunnelled).await;
    unchecked_service(&switchboard, "app", json!({})).await;
    unchecked_service(&switchboard, "far", json!({})).await;
    let address = old.address.to_string();
    make(&switchboard, "backends", json!({"id": "old", "address": address, "tags": ["v1"], "service": "app"})).await;
    make(&switchboard, "backends", json!({"id": "new", "address": address, "tags": ["v2"], "service": "app"})).await;
    make(&switchboard, "backends", json!({"id": "far", "tunnel": "behind", "tags": ["v1"], "service": "far"})).await;
    let domain = json!({"domain": "app.example.com", "service": "app", "enabled_backends_tag": "v1"});
    make(&switchboard, "domains", domain).await;
    let far = json!({"domain": "app.example.com", "mount": "/far", "service": "far", "enabled_backends_tag": "v1"});
    let route = make(&switchboard, "routes", far).await["id"].as_str().unwrap().to_owned();
    let visitor = visitor(&switchboard, "app.example.com");
    until_served(&visitor, "/", "old").await;
    until_served(&visitor, "/far", "old").await;

    let mut sockets = [socket(&visitor, "/").await, socket(&visitor, "/far").await];
    let request = visitor.request(Method::GET, "/events").body(Body::default()).unwrap();
    let mut stream = visitor.send(request).await.unwrap().into_body();
    let app = || "domains/app.example.com".to_owned();
    let tunnel = switchboard.tunnel("behind").await["id"].as_str().unwrap().to_owned();
    let half = json!([{"percent": 50, "seconds": 600}]);
    let changes = [
        (Method::POST, format!("{}/switch", app()), json!({"new_tag": "v2"})),
        (Method::POST, format!("{}/switch", app()), json!({"new_tag": "v1", "plan": {"steps": half}})),
        (Method::POST, format!("{}/switch", app()), json!({"new_tag": "v2"})),
        (Method::PUT, "backends/old".into(), json!({"state": "draining"})),
        (Method::PUT, "backends/old".into(), json!({"state": "stopped"})),
        (Method::PUT, "backends/old".into(), json!({"address": "127.0.0.1:9", "tags": ["v9"], "weight": 7})),
        (Method::PUT, "services/app".into(), json!({"balance": "round_robin", "affinity": {"kind": "cookie"}})),
        (Method::PUT, app(), json!({"http_to_https": true})),
        (Method::PUT, app(), json!({"redirect": {"to": "https://www.example.com"}})),
        (Method::DELETE, "backends/old".into(), Value::Null),
        (Method::PUT, "backends/far".into(), json!({"state": "stopped"})),
        (Method::POST, "regions".into(), json!({"name": "us", "public_url": "https://us.example.com"})),
        (Method::PUT, "backends/far".into(), json!({"region": "us"})),
        (Method::PATCH, format!("tunnels/{tunnel}"), json!({"name": "renamed", "custom_domains": ["far.example.com"]})),
        (Method::PUT, format!("routes/{route}"), json!({"mount": "/farther", "strip_prefix": true})),
        (Method::PUT, format!("routes/{route}"), json!({"enabled": false})),
        (Method::DELETE, format!("routes/{route}"), Value::Null),
        (Method::DELETE, "backends/far".into(), Value::Null),
        (Method::DELETE, "services/far".into(), Value::Null),
        (Method::DELETE, app(), Value::Null),
        (Method::POST, format!("{}/restore", app()), Value::Null),
    ];
    assert_eq!(stream.frame().await.unwrap().unwrap().into_data().unwrap(), "!");
    for (number, what) in changes.iter().enumerate() {
        change(&switchboard, number, what).await;
        let said = [b'a' + u8::try_from(number).unwrap()];
        for socket in &mut sockets {
            let mut heard = [0];
            socket.write_all(&said).await.unwrap();
            socket.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard, said, "{what:?}");
        }
        events.send(Bytes::copy_from_slice(&said)).unwrap();
        assert_eq!(stream.frame().await.unwrap().unwrap().into_data().unwrap(), said.as_slice(), "{what:?}");
    }
}
