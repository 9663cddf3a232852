//! Recording exchanges, and looking at them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use domain::{
    CaptureLevel, CaptureSettings, ExchangeEnd, ExchangeFilter, ExchangeKind, MessageKind, Party, RequestId, Timings,
    Tunnel,
};
use serde_json::json;
use server_core::{
    Captured, CapturedBody, CapturedHead, CapturedMessage, CoreError, Expected, Inspected, NewTunnel, Page, Record,
    Services, Viewer,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Db, admin, from, member};

/// Services that run until this is dropped.
struct Running {
    services: Services,
    stop: CancellationToken,
    running: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    fn new(services: Services) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (services, stop) = (services.clone(), stop.clone());
            async move { services.run(stop).await }
        });
        Self { services, stop, running: Some(running) }
    }

    /// Stops it once everything is written.
    async fn end(mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        self.services.close().await;
    }
}

async fn tunnel(services: &Services, viewer: &Viewer, name: &str) -> Tunnel {
    let new: NewTunnel = from(json!({ "name": name, "subdomain": name }));
    services.tunnels().create(viewer, new).await.unwrap()
}

fn settings(json: serde_json::Value) -> CaptureSettings {
    from(json)
}

/// An exchange of a tunnel as the engine would hand it over, with both bodies.
fn captured(tunnel: &Tunnel, settings: &Arc<CaptureSettings>, target: &str, status: u16) -> Captured {
    let id = RequestId(Uuid::now_v7());
    let request = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\nCookie: s=SECRET\r\nX-Key: SECRET2\r\n\r\n");
    let response =
        "HTTP/1.1 200 OK\r\nSet-Cookie: s=SECRET\r\nContent-Type: application/json\r\nx-b: 1\r\nX-B: 2\r\n\r\n";
    Captured {
        id,
        request_id: id,
        owner: tunnel.owner_id,
        settings: settings.clone(),
        tunnel: Some(tunnel.id),
        rule: None,
        service: None,
        at: chrono::Utc::now(),
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        secure: false,
        protocol: "HTTP/1.1",
        method: "GET".to_owned(),
        host: "a.example".to_owned(),
        target: target.to_owned(),
        status: Some(status),
        error: None,
        end: ExchangeEnd::Complete,
        kind: ExchangeKind::Http,
        timings: Timings { done_us: Some(1_500), ..Timings::default() },
        answered_by: None,
        request_head: Some(CapturedHead::Raw(Bytes::from(request))),
        response_head: Some(CapturedHead::Raw(Bytes::from(response))),
        content_type: Some("application/json".to_owned()),
        request_body: CapturedBody::default(),
        response_body: CapturedBody { bytes: br#"{"a":1,"pin":"SECRET3"}"#.to_vec(), size: 23, trailers: vec![] },
        messages_left_out: 0,
        replay_of: None,
        room: None,
    }
}

/// Hands an exchange over and waits until it is recorded.
async fn record(services: &Services, viewer: &Viewer, of: Inspected, captured: Captured) -> RequestId {
    let id = captured.id;
    let mut feed = services.inspector().follow(viewer, of).await.unwrap();
    services.inspector().submit(Record::Ended(Box::new(captured)));
    loop {
        let news = feed.next().await.unwrap();
        if news.exchanges.iter().any(|exchange| exchange.id == id && exchange.end != ExchangeEnd::Open) {
            return id;
        }
    }
}

pub async fn an_exchange_is_recorded_masked_and_deleted(db: Db) {
    let running = Running::new(db.open().await);
    let services = &running.services;
    admin(services, "root").await;
    let (viewer, other) = (member(services, "ann").await, member(services, "bob").await);
    let tunnel = tunnel(services, &viewer, "shop").await;
    let of = Inspected::Tunnel(tunnel.id);
    let inspector = services.inspector();

    assert_eq!(inspector.settings(&viewer, of).await.unwrap().level, CaptureLevel::Metadata);
    let wanted = settings(json!({"level": "bodies", "redact": {
        "headers": ["x-key"], "query": ["token"], "json_paths": ["**.pin"],
    }}));
    inspector.set_settings(&viewer, of, Some(wanted.clone()), &Expected::Anything).await.unwrap();
    let wanted = inspector.wanted(None, Some(tunnel.id)).unwrap();
    assert_eq!(wanted.level, CaptureLevel::Bodies);

    let id = record(services, &viewer, of, captured(&tunnel, &wanted, "/a?token=SECRET4&b=1", 200)).await;
    let exchange = inspector.get(&viewer, of, id).await.unwrap();
    assert_eq!(exchange.summary.path, "/a?token=[masked]&b=1");
    let request = exchange.request.unwrap();
    assert_eq!(request.start_line, "GET /a?token=[masked]&b=1 HTTP/1.1");
    let fields: Vec<_> = request.fields.iter().map(|field| (&*field.name, &*field.value, field.masked)).collect();
    assert_eq!(fields, [("Host", "a.example", false), ("Cookie", "s=[masked]", true), ("X-Key", "[masked]", true)]);
    let names: Vec<_> = exchange.response.unwrap().fields.into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["Set-Cookie", "Content-Type", "x-b", "X-B"]);
    assert!(exchange.response_body.masked && !exchange.response_body.whole);
    let body = inspector.body(&viewer, of, id, Party::Server).await.unwrap().unwrap();
    assert_eq!(body.bytes, br#"{"a":1,"pin":"[masked]"}"#);
    assert_eq!(inspector.body(&viewer, of, id, Party::Client).await.unwrap().unwrap().bytes, b"");

    assert!(inspector.pin(&viewer, of, id, true).await.unwrap().pinned);
    assert_eq!(inspector.note(&viewer, of, id, " look ").await.unwrap().note.as_deref(), Some("look"));
    let listed = inspector.list(&viewer, of, &ExchangeFilter::default(), &Page::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.items[0].pinned), (1, true));

    // What is someone else's does not exist.
    let gone = |error: CoreError| assert!(matches!(error, CoreError::NotFound(_)), "{error}");
    gone(inspector.list(&other, of, &ExchangeFilter::default(), &Page::default()).await.unwrap_err());
    gone(inspector.get(&other, of, id).await.unwrap_err());
    gone(inspector.body(&other, of, id, Party::Server).await.unwrap_err());
    gone(inspector.set_settings(&other, of, None, &Expected::Anything).await.unwrap_err());
    gone(inspector.delete_all(&other, of, &ExchangeFilter::default()).await.unwrap_err());
    gone(inspector.follow(&other, of).await.unwrap_err());

    inspector.delete(&viewer, of, id).await.unwrap();
    gone(inspector.get(&viewer, of, id).await.unwrap_err());
    running.end().await;
    db.has_no("SECRET").await;
}

pub async fn exchanges_are_found_by_each_part_of_a_filter(db: Db) {
    let running = Running::new(db.open().await);
    let services = &running.services;
    let viewer = admin(services, "root").await;
    let tunnel = tunnel(services, &viewer, "shop").await;
    let of = Inspected::Tunnel(tunnel.id);
    let inspector = services.inspector();
    let wanted = Arc::new(settings(json!({"level": "bodies"})));
    let one = record(services, &viewer, of, captured(&tunnel, &wanted, "/One%", 200)).await;
    let mut second = captured(&tunnel, &wanted, "/two", 503);
    second.method = "POST".to_owned();
    second.timings.done_us = Some(2_000_000);
    second.request_body = CapturedBody { bytes: b"Hello World".to_vec(), size: 1_000_000, trailers: vec![] };
    second.replay_of = Some(one);
    let two = record(services, &viewer, of, second).await;
    inspector.pin(&viewer, of, one, true).await.unwrap();

    let find = async |pairs: &[(&str, &str)]| {
        let mut filter = ExchangeFilter::default();
        for (name, value) in pairs {
            assert!(filter.set(name, value).unwrap());
        }
        let found = inspector.list(&viewer, of, &filter, &Page::default()).await.unwrap();
        for item in &found.items {
            assert!(filter.admits(item), "{filter:?}");
        }
        found.items.into_iter().map(|exchange| exchange.id).collect::<Vec<_>>()
    };
    assert_eq!(find(&[]).await, [two, one]);
    for (name, value, expected) in [
        ("method", "post", two),
        ("status", "5xx", two),
        ("status", "200", one),
        ("q", "ONE%", one),
        ("header", "x-key: secret", one),
        ("body", "hello w", two),
        ("min_ms", "1000", two),
        ("max_ms", "1000", one),
        ("min_bytes", "1000000", two),
        ("max_bytes", "100", one),
        ("pinned", "true", one),
        ("errors", "true", two),
        ("replay_of", &one.to_string(), two),
    ] {
        let found = find(&[(name, value)]).await;
        assert!(found.contains(&expected), "{name}={value}");
        assert_eq!(found.len(), if name == "header" { 2 } else { 1 }, "{name}={value}");
    }
    assert!(find(&[("header", "x-key: other")]).await.is_empty());
    assert!(find(&[("body", "nowhere")]).await.is_empty());
    assert!(find(&[("kind", "web_socket")]).await.is_empty());
    assert!(find(&[("to", "2020-01-01T00:00:00Z")]).await.is_empty());
    assert_eq!(find(&[("from", "2020-01-01T00:00:00Z")]).await.len(), 2);
    assert_eq!(inspector.get(&viewer, of, one).await.unwrap().replays, [two]);

    let page = Page { limit: 1, cursor: None };
    let first = inspector.list(&viewer, of, &ExchangeFilter::default(), &page).await.unwrap();
    let next = Page { limit: 1, cursor: first.next_cursor };
    let second = inspector.list(&viewer, of, &ExchangeFilter::default(), &next).await.unwrap();
    assert_eq!((first.items[0].id, second.items[0].id, second.next_cursor), (two, one, None));

    let mut filter = ExchangeFilter::default();
    filter.set("status", "5xx").unwrap();
    assert_eq!(inspector.delete_all(&viewer, of, &filter).await.unwrap(), 1);
    assert_eq!(find(&[]).await, [one]);
    running.end().await;
}

pub async fn an_open_exchange_is_closed(db: Db) {
    let running = Running::new(db.open().await);
    let services = &running.services;
    let viewer = admin(services, "root").await;
    let tunnel = tunnel(services, &viewer, "shop").await;
    let of = Inspected::Tunnel(tunnel.id);
    let inspector = services.inspector();
    let wanted = Arc::new(settings(json!({"level": "bodies", "redact": {"json_paths": ["pin"]}})));
    let open = |id: Option<RequestId>, end| {
        let mut captured = captured(&tunnel, &wanted, "/socket", 101);
        captured.id = id.unwrap_or(captured.id);
        (captured.kind, captured.end) = (ExchangeKind::WebSocket, end);
        captured.response_body = CapturedBody::default();
        captured
    };
    let begun = open(None, ExchangeEnd::Open);
    let id = begun.id;
    let mut feed = inspector.follow(&viewer, of).await.unwrap();
    inspector.submit(Record::Begun(Box::new(begun)));
    let message = |text: &str| CapturedMessage {
        at_us: 1,
        from: Party::Client,
        kind: MessageKind::Text,
        payload: Bytes::from(text.to_owned()),
        size: text.len() as u64,
        room: None,
    };
    inspector.submit(Record::Messages(id, vec![message(r#"{"pin":"SECRET"}"#), message("hello")]));
    let news = feed.next().await.unwrap();
    assert_eq!((news.exchanges[0].id, news.exchanges[0].end), (id, ExchangeEnd::Open));
    let mut ended = open(Some(id), ExchangeEnd::ClientLeft);
    ended.response_body.size = 7;
    record(services, &viewer, of, ended).await;
    let exchange = inspector.get(&viewer, of, id).await.unwrap();
    assert_eq!((exchange.summary.end, exchange.summary.bytes_out), (ExchangeEnd::ClientLeft, 7));
    let payloads: Vec<_> = exchange.messages.iter().map(|message| &*message.payload).collect();
    assert_eq!(payloads, [r#"{"pin":"[masked]"}"#, "hello"]);

    // What is open when the process ends has broken off.
    let begun = open(None, ExchangeEnd::Open);
    let id = begun.id;
    inspector.submit(Record::Begun(Box::new(begun)));
    while feed.next().await.unwrap().exchanges.iter().all(|exchange| exchange.id != id) {}
    running.end().await;
    let running = Running::new(db.open().await);
    let viewer = running.services.accounts().viewer(viewer.id()).await.unwrap().unwrap();
    let inspector = running.services.inspector();
    loop {
        let exchange = inspector.get(&viewer, of, id).await.unwrap();
        if exchange.summary.end == ExchangeEnd::BrokenOff {
            break;
        }
        tokio::task::yield_now().await;
    }
    running.end().await;
    db.has_no("SECRET\"").await;
}

pub async fn what_is_old_or_too_much_goes(db: Db) {
    let running = Running::new(db.open().await);
    let services = &running.services;
    let viewer = admin(services, "root").await;
    let tunnel = tunnel(services, &viewer, "shop").await;
    let of = Inspected::Tunnel(tunnel.id);
    let inspector = services.inspector();
    let wanted = Arc::new(settings(json!({"level": "bodies", "keep_hours": 1, "keep_mib": 1})));
    inspector.set_settings(&viewer, of, Some(CaptureSettings::clone(&wanted)), &Expected::Anything).await.unwrap();
    let old = |pinned: &str| {
        let mut captured = captured(&tunnel, &wanted, pinned, 200);
        captured.at -= chrono::TimeDelta::hours(2);
        let ms = u64::try_from(captured.at.timestamp_millis()).unwrap();
        captured.id = RequestId(Uuid::new_v7(uuid::Timestamp::from_unix_time(ms / 1_000, 0, 0, 0)));
        captured
    };
    let pinned = record(services, &viewer, of, old("/pinned")).await;
    // It may go the moment that it is there; then there is nothing to pin.
    if inspector.pin(&viewer, of, pinned, true).await.is_ok() {
        let gone = record(services, &viewer, of, old("/old")).await;
        inspector.purge_now().await.unwrap();
        assert!(matches!(inspector.get(&viewer, of, gone).await, Err(CoreError::NotFound(_))));
        assert!(inspector.get(&viewer, of, pinned).await.is_ok());
    }
    let mut ids = vec![];
    for number in 0..8_u8 {
        let mut large = captured(&tunnel, &wanted, "/large", 200);
        let mut seed = u32::from(number) + 1;
        let bytes: Vec<u8> = (0..256 * 1024)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed.to_be_bytes()[0]
            })
            .collect();
        large.response_body = CapturedBody { size: bytes.len() as u64, bytes, trailers: vec![] };
        large.content_type = Some("image/png".into());
        ids.push(record(services, &viewer, of, large).await);
    }
    inspector.purge_now().await.unwrap();
    let kept = inspector.list(&viewer, of, &ExchangeFilter::default(), &Page::default()).await.unwrap();
    let kept: Vec<_> = kept.items.iter().filter(|exchange| !exchange.pinned).map(|exchange| exchange.id).collect();
    assert_eq!(kept, [ids[7], ids[6], ids[5]]);

    services.tunnels().delete(&viewer, tunnel.id).await.unwrap();
    inspector.purge_now().await.unwrap();
    let kept = inspector.list(&viewer, of, &ExchangeFilter::default(), &Page::default()).await.unwrap();
    assert!(kept.items.is_empty());
    running.end().await;
}
