//! The JSON of each control message, spelt out: a change here is a change of the protocol.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use wire::Secret;
use wire::control::{
    Announced, Announcement, AuthChallenge, Control, ControlError, Drain, ErrorCode, Init, Join, Limits, MAX_CONTROL,
    Metadata, Refusal, Renew, Renewed, Stats, Status, TunnelCreated, TunnelStatus, UpdateTunnel, Verification,
};

#[track_caller]
fn check(message: Control, golden: Value) {
    let text = message.encode().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), golden);
    assert_eq!(Control::decode(&text).unwrap(), message);
}

#[test]
fn opening() {
    check(
        Control::AuthChallenge(AuthChallenge {
            versions: vec!["2".into(), "1.0".into()],
            heartbeat_s: 15,
            limits: Limits::default(),
            server: "switchboard/0.1.0".into(),
        }),
        json!({
            "type": "auth_challenge", "versions": ["2", "1.0"], "heartbeat_s": 15, "server": "switchboard/0.1.0",
            "limits": {"stream_window": 65536, "connection_window": 4194304, "max_streams": 10000},
        }),
    );
    check(
        Control::Init(Init {
            version: "2".into(),
            token: Secret::new("sbt_x"),
            local_url: "http://localhost:3000".into(),
            metadata: Metadata { name: Some("laptop".into()), ..Metadata::default() },
            subdomain: Some("blog".into()),
            services: Vec::new(),
            resume: None,
            join: None,
            limits: Limits { stream_window: 1, connection_window: 2, max_streams: 3 },
            heads: false,
        }),
        json!({
            "type": "init", "version": "2", "token": "sbt_x", "local_url": "http://localhost:3000",
            "metadata": {"name": "laptop"}, "subdomain": "blog",
            "limits": {"stream_window": 1, "connection_window": 2, "max_streams": 3},
        }),
    );
    check(
        Control::TunnelCreated(TunnelCreated {
            tunnel_id: "t".into(),
            subdomain: "blog".into(),
            public_url: "https://blog.example.com".into(),
            status: Status::Active,
            session_id: "s".into(),
            resume: "r".into(),
            services: Vec::new(),
        }),
        json!({
            "type": "tunnel_created", "tunnel_id": "t", "subdomain": "blog", "public_url": "https://blog.example.com",
            "status": "active", "session_id": "s", "resume": "r",
        }),
    );
    check(Control::Ready, json!({"type": "ready"}));
}

#[test]
fn a_further_socket() {
    check(
        Control::Init(Init {
            version: "2".into(),
            token: Secret::new("sbt_x"),
            local_url: "http://localhost:3000".into(),
            metadata: Metadata::default(),
            subdomain: None,
            services: Vec::new(),
            resume: None,
            join: Some(Join { session_id: "s".into(), resume: "r".into() }),
            limits: Limits { stream_window: 1, connection_window: 2, max_streams: 3 },
            heads: true,
        }),
        json!({
            "type": "init", "version": "2", "token": "sbt_x", "local_url": "http://localhost:3000", "metadata": {},
            "join": {"session_id": "s", "resume": "r"},
            "limits": {"stream_window": 1, "connection_window": 2, "max_streams": 3}, "heads": true,
        }),
    );
    check(
        Control::Error(Refusal { code: ErrorCode::SessionGone, message: "open another".into() }),
        json!({"type": "error", "code": "session_gone", "message": "open another"}),
    );
}

#[test]
fn announced_services() {
    check(
        Control::Init(Init {
            version: "2".into(),
            token: Secret::new("sbt_x"),
            local_url: "http://localhost:3000".into(),
            metadata: Metadata::default(),
            subdomain: None,
            services: vec![
                Announcement {
                    host: Some("shop.example.com".into()),
                    path: Some("/api".into()),
                    tag: Some("blue".into()),
                    service: Some("shop".into()),
                },
                Announcement { host: Some("*.example.com".into()), ..Announcement::default() },
            ],
            resume: None,
            join: None,
            limits: Limits { stream_window: 1, connection_window: 2, max_streams: 3 },
            heads: false,
        }),
        json!({
            "type": "init", "version": "2", "token": "sbt_x", "local_url": "http://localhost:3000", "metadata": {},
            "services": [
                {"host": "shop.example.com", "path": "/api", "tag": "blue", "service": "shop"},
                {"host": "*.example.com"},
            ],
            "limits": {"stream_window": 1, "connection_window": 2, "max_streams": 3},
        }),
    );
    let announced = |host: &str, url: Option<&str>, verification| Announced {
        host: Some(host.into()),
        path: None,
        tag: Some("blue".into()),
        service: "shop".into(),
        public_url: url.map(Into::into),
        verification,
    };
    let verification =
        Verification { record: "_switchboard.example.com".into(), value: "sb-verify=x".into(), url: None };
    check(
        Control::TunnelCreated(TunnelCreated {
            tunnel_id: "t".into(),
            subdomain: "blog".into(),
            public_url: "https://blog.example.com".into(),
            status: Status::Active,
            session_id: "s".into(),
            resume: "r".into(),
            services: vec![
                announced("shop.example.com", Some("https://shop.example.com"), None),
                announced("*.example.com", None, Some(verification)),
            ],
        }),
        json!({
            "type": "tunnel_created", "tunnel_id": "t", "subdomain": "blog", "public_url": "https://blog.example.com",
            "status": "active", "session_id": "s", "resume": "r",
            "services": [
                {"host": "shop.example.com", "tag": "blue", "service": "shop", "public_url": "https://shop.example.com"},
                {"host": "*.example.com", "tag": "blue", "service": "shop",
                 "verification": {"record": "_switchboard.example.com", "value": "sb-verify=x"}},
            ],
        }),
    );
}

#[test]
fn session() {
    check(Control::Ping { timestamp: 1 }, json!({"type": "ping", "timestamp": 1}));
    check(Control::Pong { timestamp: 1 }, json!({"type": "pong", "timestamp": 1}));
    check(
        Control::UpdateTunnel(UpdateTunnel { status: Some(Status::Paused), ..UpdateTunnel::default() }),
        json!({"type": "update_tunnel", "status": "paused"}),
    );
    check(
        Control::TunnelStatus(TunnelStatus {
            status: Status::Active,
            stats: Stats { requests: 7, latency_ms: 1.5, uptime_seconds: 60, held: 2, retried: 3 },
            spread_ms: Some(250),
        }),
        json!({
            "type": "tunnel_status", "status": "active",
            "stats": {"requests": 7, "latency_ms": 1.5, "uptime_seconds": 60, "held": 2, "retried": 3},
            "spread_ms": 250,
        }),
    );
    check(
        Control::Error(Refusal { code: ErrorCode::SubdomainTaken, message: "choose another".into() }),
        json!({"type": "error", "code": "subdomain_taken", "message": "choose another"}),
    );
    check(Control::Renew(Renew { token: Secret::new("sbt_y") }), json!({"type": "renew", "token": "sbt_y"}));
    check(Control::Renewed(Renewed { refused: None }), json!({"type": "renewed"}));
    check(
        Control::Renewed(Renewed {
            refused: Some(Refusal { code: ErrorCode::TokenExpired, message: "it has ended".into() }),
        }),
        json!({"type": "renewed", "refused": {"code": "token_expired", "message": "it has ended"}}),
    );
    check(
        Control::Drain(Drain {
            reason: Some("restart".into()),
            deadline_s: Some(30),
            redial_ms: Some(40),
            line: false,
        }),
        json!({"type": "drain", "reason": "restart", "deadline_s": 30, "redial_ms": 40}),
    );
    check(Control::Drain(Drain::default()), json!({"type": "drain"}));
    check(Control::Drain(Drain { line: true, ..Drain::default() }), json!({"type": "drain", "line": true}));
}

#[test]
fn what_a_later_version_adds_is_ignored() {
    let message = Control::decode(r#"{"type":"ready","since":"version 3"}"#).unwrap();
    assert_eq!(message, Control::Ready);
    let message = Control::decode(r#"{"type":"error","code":"quota_of_tomorrow","message":"m"}"#).unwrap();
    assert_eq!(
        message,
        Control::Error(Refusal { code: ErrorCode::Other("quota_of_tomorrow".into()), message: "m".into() })
    );
}

#[test]
fn what_is_not_a_message_is_named() {
    let unknown = Control::decode(r#"{"type":"http_request"}"#).unwrap_err();
    assert!(matches!(unknown, ControlError::UnknownType(kind) if kind == "http_request"));
    for text in ["", "[]", "{}", "nonsense", r#"{"type":"ping"}"#, r#"{"type":"ping","timestamp":-1}"#] {
        assert!(matches!(Control::decode(text).unwrap_err(), ControlError::Malformed(_)), "{text}");
    }
    let long = format!(r#"{{"type":"ready","x":"{}"}}"#, "x".repeat(MAX_CONTROL));
    assert!(matches!(Control::decode(&long).unwrap_err(), ControlError::TooLong(_)));
}

#[test]
fn no_debug_output_shows_the_token() {
    let message = Control::decode(r#"{"type":"init","version":"2","token":"sbt_secret","local_url":"u"}"#).unwrap();
    assert!(!format!("{message:?}").contains("sbt_secret"));
    let message = Control::decode(r#"{"type":"renew","token":"sbt_secret"}"#).unwrap();
    assert!(!format!("{message:?}").contains("sbt_secret"));
}
