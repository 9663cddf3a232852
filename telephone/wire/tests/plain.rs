//! Version 1.0: the JSON of its messages, and what becomes of heads and bodies on the way.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use wire::control::{Control, ControlError, MAX_CONTROL};
use wire::head::RequestHead;
use wire::plain::{
    BadResponse, Body, FieldError, Fields, Http, HttpCancel, HttpError, HttpRequest, HttpResponse, MAX_BODY,
    MAX_MESSAGE, Message, find_request_id,
};

fn request(headers: &[(&'static str, &'static [u8])]) -> RequestHead {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }
    RequestHead { method: Method::POST, target: "/a%20b?c=d&e".parse().unwrap(), headers: map, upgrade: None }
}

fn response(message: Value) -> HttpResponse {
    match Message::decode(&message.to_string()).unwrap() {
        Message::Http(Http::HttpResponse(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn refused(message: Value) -> BadResponse {
    response(message).into_parts(&Method::GET).unwrap_err()
}

#[track_caller]
fn check(message: Http, golden: Value) {
    let text = message.encode().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), golden);
    assert_eq!(Message::decode(&text).unwrap(), Message::Http(message));
}

#[test]
fn each_message_has_its_json() {
    let head = request(&[
        ("host", b"x.test"),
        ("transfer-encoding", b"chunked"),
        ("expect", b"100-continue"),
        ("te", b"trailers"),
        ("accept", b"text/html"),
        ("accept", b"*/*"),
    ]);
    check(
        Http::HttpRequest(HttpRequest::new("7".into(), &head, b"hello")),
        json!({
            "type": "http_request", "request_id": "7", "method": "POST", "path": "/a%20b", "query": "c=d&e",
            "headers": {"accept": ["text/html", "*/*"], "content-length": "5", "host": "x.test"}, "body": "aGVsbG8=",
        }),
    );
    check(
        Http::HttpResponse(HttpResponse {
            request_id: "7".into(),
            status: 200,
            headers: Fields::default(),
            body: Body::new(b"hi"),
        }),
        json!({"type": "http_response", "request_id": "7", "status": 200, "headers": {}, "body": "aGk="}),
    );
    check(
        Http::HttpError(HttpError { request_id: "7".into(), error: "timeout".into(), message: "m".into() }),
        json!({"type": "http_error", "request_id": "7", "error": "timeout", "message": "m"}),
    );
    check(Http::HttpCancel(HttpCancel { request_id: "7".into() }), json!({"type": "http_cancel", "request_id": "7"}));
}

#[test]
fn a_request_without_body_announces_none_unless_the_client_did() {
    let bare = HttpRequest::new("1".into(), &request(&[]), b"");
    assert!(bare.headers.0.is_empty());
    let announced = HttpRequest::new("1".into(), &request(&[("content-length", b"0")]), b"");
    assert_eq!(json!(announced.headers), json!({"content-length": "0"}));
}

#[test]
fn what_both_versions_have_is_understood() {
    let ping = Message::decode(r#"{"timestamp":5,"type":"ping"}"#).unwrap();
    assert_eq!(ping, Message::Control(Control::Ping { timestamp: 5 }));
    let long = json!({"type": "drain", "reason": "x".repeat(MAX_CONTROL)}).to_string();
    assert!(matches!(Message::decode(&long).unwrap_err(), ControlError::TooLong(_)));
}

#[test]
fn an_answer_may_leave_out_what_is_empty() {
    for message in [
        json!({"type": "http_response", "request_id": "1", "status": 204}),
        json!({"type": "http_response", "request_id": "1", "status": 204, "headers": null, "body": null, "new": 1}),
    ] {
        let (head, body) = response(message).into_parts(&Method::GET).unwrap();
        assert_eq!((head.status.as_u16(), head.headers.len(), body.len()), (204, 0, 0));
    }
    let error = Message::decode(r#"{"type":"http_error","request_id":"1","message":null}"#).unwrap();
    let bare = HttpError { request_id: "1".into(), error: String::new(), message: String::new() };
    assert_eq!(error, Message::Http(Http::HttpError(bare)));
}

#[test]
fn the_server_frames_the_answer() {
    let sent = json!({
        "type": "http_response", "request_id": "1", "status": 200, "body": "aGk",
        "headers": {"Content-Length": "77", "Transfer-Encoding": "chunked", "Trailer": "x",
                    "Set-Cookie": ["a=1", "b=2"], "X": "y"},
    });
    let (head, body) = response(sent.clone()).into_parts(&Method::GET).unwrap();
    assert_eq!(body, "hi");
    let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!((&head.headers["content-length"], head.headers.len()), (&HeaderValue::from_static("2"), 4));

    let (head, body) = response(sent.clone()).into_parts(&Method::HEAD).unwrap();
    assert_eq!((&head.headers["content-length"], body.len()), (&HeaderValue::from_static("77"), 0));
    for (status, length) in [(304, Some("77")), (204, None), (205, None)] {
        let mut sent = sent.clone();
        sent["status"] = json!(status);
        let (head, body) = response(sent).into_parts(&Method::GET).unwrap();
        assert_eq!(head.headers.get("content-length").map(|value| value.to_str().unwrap()), length, "{status}");
        assert!(body.is_empty());
    }
    let nonsense =
        json!({"type": "http_response", "request_id": "1", "status": 200, "headers": {"content-length": "-1"}});
    let (head, _) = response(nonsense).into_parts(&Method::HEAD).unwrap();
    assert!(head.headers.is_empty());
}

#[test]
fn an_answer_that_makes_no_sense_costs_no_more_than_itself() {
    let with = |field: &str, value: Value| {
        let mut message = json!({"type": "http_response", "request_id": "1", "status": 200});
        message[field] = value;
        refused(message)
    };
    for status in [0, 99, 100, 101, 103, 1000] {
        assert_eq!(with("status", json!(status)), BadResponse::Status(status));
    }
    assert!(matches!(with("body", json!("a*b=")), BadResponse::Base64(_)));
    assert_eq!(with("headers", json!({"a b": "c"})), FieldError::Name("a b".into()).into());
    assert_eq!(with("headers", json!({"": "c"})), FieldError::Name(String::new()).into());
    assert_eq!(with("headers", json!({"a": "b\r\nc: d"})), FieldError::Value("a".into()).into());
    assert_eq!(with("headers", json!({"a": "\u{20ac}"})), FieldError::Value("a".into()).into());
    assert!(matches!(with("headers", json!({"a": vec!["b"; 101]})), BadResponse::Head(_)));
    assert!(matches!(with("headers", json!({"a": "b".repeat(40_000)})), BadResponse::Head(_)));
    let long = Body::new(&vec![0; MAX_BODY + 1]);
    assert_eq!(with("body", json!(long)), BadResponse::TooLong(MAX_BODY + 1));
}

#[test]
fn the_longest_body_fits() {
    let message = HttpRequest::new("1".into(), &request(&[]), &vec![b'x'; MAX_BODY]);
    let text = Http::HttpRequest(message.clone()).encode().unwrap();
    assert!(text.len() < MAX_MESSAGE);
    let Message::Http(Http::HttpRequest(back)) = Message::decode(&text).unwrap() else { panic!("{}", &text[..80]) };
    assert_eq!(back.body.decode().unwrap().len(), MAX_BODY);
}

#[test]
fn what_is_no_message_is_named() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"http_response","status":200}"#,
        r#"{"type":"http_response","request_id":1,"status":200}"#,
        r#"{"type":"http_response","request_id":"1","status":"200"}"#,
        r#"{"type":"http_response","request_id":"1","status":200,"headers":{"a":1}}"#,
        r#"{"type":"http_response","request_id":"1","status":200,"body":[1]}"#,
        r#"{"type":"http_error"}"#,
    ] {
        assert!(matches!(Message::decode(text).unwrap_err(), ControlError::Malformed(_)), "{text}");
    }
    let unknown = Message::decode(r#"{"type":"http_chunk"}"#).unwrap_err();
    assert!(matches!(unknown, ControlError::UnknownType(kind) if kind == "http_chunk"));
    let long = " ".repeat(MAX_MESSAGE + 1);
    assert!(matches!(Message::decode(&long).unwrap_err(), ControlError::TooLong(_)));
}

#[test]
fn the_request_is_found_in_a_part_of_an_answer() {
    for part in [
        r#"{"type":"http_response","request_id":"7","status":200,"body":"AAAA"#,
        r#"{"headers":{"a":"\"request_id\":\"6\""},"request_id" : "7","#,
        r#"AAAA","request_id":"7"}"#,
    ] {
        assert_eq!(find_request_id(part.as_bytes()), Some("7"), "{part}");
    }
    for part in ["", "AAAA", r#""request_id""#, r#""request_id":"#, r#""request_id":7"#, r#""request_id":"7"#] {
        assert_eq!(find_request_id(part.as_bytes()), None, "{part}");
    }
}

#[test]
fn no_debug_output_shows_a_body() {
    let message = HttpRequest::new("1".into(), &request(&[]), b"secret");
    assert!(!format!("{message:?}").contains(&json!(Body::new(b"secret")).to_string()));
}

proptest! {
    /// Whatever bytes a field or a body has, they survive: a value is a string of bytes, not of characters.
    #[test]
    fn bytes_survive(values in prop::collection::vec(prop::collection::vec(0x20_u8..=0xff, 0..40), 1..4), body: Vec<u8>) {
        let mut headers = HeaderMap::new();
        for value in &values {
            // The one byte above the control characters that a field cannot have.
            let value: Vec<_> = value.iter().map(|byte| if *byte == 0x7f { b'~' } else { *byte }).collect();
            headers.append("x-field", HeaderValue::from_bytes(&value).unwrap());
        }
        let message = HttpResponse { request_id: "1".into(), status: 200, headers: Fields::from(&headers), body: Body::new(&body) };
        let text = Http::HttpResponse(message).encode().unwrap();
        let Message::Http(Http::HttpResponse(back)) = Message::decode(&text).unwrap() else { panic!("{text}") };
        let (head, back) = back.into_parts(&Method::GET).unwrap();
        headers.insert("content-length", body.len().into());
        prop_assert_eq!(head.headers, headers);
        prop_assert_eq!(back, Bytes::from(body));
    }

    #[test]
    fn no_text_is_a_panic(text in ".{0,200}", kind in "http_(request|response|error|cancel)", id in ".{0,8}") {
        drop(Message::decode(&text));
        let object = json!({"type": kind, "request_id": id, "status": 200, "body": text, "headers": {id.clone(): text}});
        if let Ok(Message::Http(Http::HttpResponse(response))) = Message::decode(&object.to_string()) {
            drop(response.into_parts(&Method::GET));
        }
    }
}
