//! `docs/protocol.md` says what this crate does: every example in it, every frame, message, code and limit.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use wire::control::{ErrorCode, Limits, MAX_CONTROL};
use wire::frame::{self, Header, Kind, MAX_DATA, ResetCode, put_data_header, put_head_frame};
use wire::head::{
    MAX_HEAD, MAX_HEADERS, MAX_METHOD, MAX_UPGRADE, RequestHead, ResponseHead, decode_trailers, encode_trailers,
};
use wire::mux::{Event, Mux, Received, Settings, Side, StreamId};
use wire::{close, flow, plain};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md"));

/// A fenced block: what is behind the fence, and what is in it.
struct Block {
    kind: &'static str,
    name: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let parts: Vec<_> = DOCUMENT.split("\n```").collect();
    assert_eq!(parts.len() % 2, 1, "a fence without its end");
    let fenced = parts.into_iter().skip(1).step_by(2);
    let blocks = fenced.map(|part| {
        let (info, text) = part.split_once('\n').unwrap();
        let (kind, name) = info.split_once(' ').unwrap_or((info, ""));
        Block { kind, name, text }
    });
    blocks.collect()
}

fn named(kind: &str) -> Vec<(&'static str, &'static str)> {
    blocks().iter().filter(|block| block.kind == kind).map(|block| (block.name, block.text)).collect()
}

/// Hex digits with blanks; from `;` to the end of a line there are words for people.
fn bytes(text: &str) -> Vec<u8> {
    let lines = text.lines().map(|line| line.split(';').next().unwrap());
    hex::decode(lines.flat_map(str::split_whitespace).collect::<String>()).unwrap()
}

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

fn request(method: Method, target: &str, headers: &[(&'static str, &'static str)]) -> RequestHead {
    RequestHead { method, target: target.parse().unwrap(), headers: fields(headers), upgrade: None }
}

fn response(status: u16, headers: &[(&'static str, &'static str)]) -> ResponseHead {
    ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers: fields(headers) }
}

#[test]
fn there_are_no_examples_that_nobody_checks() {
    for Block { kind, name, .. } in blocks() {
        assert!(matches!(kind, "json" | "frame" | "trace" | "text" | "python"), "```{kind} {name}");
        assert_eq!(name.is_empty(), matches!(kind, "text" | "python"), "```{kind} {name}");
    }
}

/// Each JSON example is what its message is encoded as, field by field, and every type of message has one.
#[test]
fn messages() {
    let mut shown = BTreeSet::new();
    for (name, text) in named("json") {
        let example: Value = serde_json::from_str(text).unwrap();
        assert_eq!(example["type"], name, "{text}");
        let encoded = match plain::Message::decode(text).unwrap() {
            plain::Message::Http(message) => message.encode().unwrap(),
            plain::Message::Control(message) => message.encode().unwrap(),
        };
        assert_eq!(serde_json::from_str::<Value>(&encoded).unwrap(), example, "{name}");
        shown.insert(name);
    }
    for name in TYPES {
        assert!(shown.remove(name), "{name} has no example");
    }
    assert!(shown.is_empty(), "{shown:?}");
}

const TYPES: [&str; 16] = [
    "auth_challenge",
    "init",
    "tunnel_created",
    "ready",
    "ping",
    "pong",
    "update_tunnel",
    "tunnel_status",
    "error",
    "renew",
    "renewed",
    "drain",
    "http_request",
    "http_response",
    "http_error",
    "http_cancel",
];

#[test]
fn the_body_of_an_example_is_what_is_said_of_it() {
    let text = named("json").into_iter().find(|(name, _)| *name == "http_response").unwrap().1;
    let plain::Message::Http(plain::Http::HttpResponse(response)) = plain::Message::decode(text).unwrap() else {
        panic!("{text}")
    };
    let (head, body) = response.into_parts(&Method::POST).unwrap();
    assert_eq!((head.status.as_u16(), &body[..]), (200, &b"hi"[..]));
    assert_eq!(head.headers.get_all("set-cookie").iter().count(), 2);
}

/// Each frame example is what its frame is encoded as, and every kind has one.
#[test]
fn frames() {
    let mut shown: Vec<_> = named("frame").into_iter().map(|(name, text)| (name, bytes(text))).collect();
    let mut check = |name: &str, encode: &dyn Fn(&mut BytesMut)| {
        let place = shown.iter().position(|(shown, _)| *shown == name).unwrap_or_else(|| panic!("{name} is not there"));
        let (_, example) = shown.remove(place);
        let mut encoded = BytesMut::new();
        encode(&mut encoded);
        assert_eq!(hex::encode(&example), hex::encode(&encoded), "{name}");
        let mut message = Bytes::from(example);
        let (header, payload) = Header::decode(&mut message).unwrap();
        assert!(message.is_empty(), "{name}");
        match header.kind {
            Kind::Request => drop(RequestHead::decode(payload).unwrap()),
            Kind::Response => drop(ResponseHead::decode(payload).unwrap()),
            Kind::Trailers => drop(decode_trailers(payload).unwrap()),
            Kind::Data | Kind::Reset | Kind::Stop | Kind::Window => {}
        }
    };
    let head = request(Method::GET, "/a?b=1", &[("host", "x.test"), ("accept", "*/*")]);
    check("REQUEST", &|out| put_head_frame(out, Kind::Request, 1, true, |out| head.encode(out)).unwrap());
    let head = RequestHead { upgrade: Some(HeaderValue::from_static("websocket")), ..request(Method::GET, "/", &[]) };
    check("REQUEST-upgrade", &|out| put_head_frame(out, Kind::Request, 2, false, |out| head.encode(out)).unwrap());
    let head = response(200, &[("set-cookie", "a"), ("set-cookie", "b")]);
    check("RESPONSE", &|out| put_head_frame(out, Kind::Response, 3, false, |out| head.encode(out)).unwrap());
    check("DATA", &|out| {
        put_data_header(out, 4, 5, true);
        out.extend_from_slice(b"hello");
    });
    let trailers = fields(&[("grpc-status", "0")]);
    check("TRAILERS", &|out| {
        put_head_frame(out, Kind::Trailers, 5, true, |out| encode_trailers(&trailers, out)).unwrap();
    });
    check("RESET", &|out| frame::put_reset(out, 6, ResetCode::CANCEL));
    check("STOP", &|out| frame::put_stop(out, 7, ResetCode::NO_ERROR));
    check("WINDOW", &|out| frame::put_window(out, 8, 65_536));
    check("WINDOW-connection", &|out| frame::put_window(out, 0, 2_097_152));
    assert!(shown.is_empty(), "{:?}", shown.iter().map(|(name, _)| name).collect::<Vec<_>>());
}

/// Both ends of a line, and what passed between them.
struct Talk {
    server: Mux,
    telephone: Mux,
    said: Vec<(char, String)>,
}

impl Talk {
    fn new(settings: Settings) -> Self {
        let (server, telephone) = (Mux::new(Side::Server, settings), Mux::new(Side::Telephone, settings));
        Self { server, telephone, said: Vec::new() }
    }

    /// What the server has to say arrives.
    fn down(&mut self) {
        let message = self.server.next_message(64 * 1024).unwrap();
        self.said.push(('>', hex::encode(&message)));
        self.telephone.receive(message).unwrap();
    }

    /// What the telephone has to say arrives.
    fn up(&mut self) {
        let message = self.telephone.next_message(64 * 1024).unwrap();
        self.said.push(('<', hex::encode(&message)));
        self.server.receive(message).unwrap();
    }

    fn asked(&mut self) -> StreamId {
        loop {
            match self.telephone.next_event().unwrap() {
                Event::Request { id, .. } => return id,
                _ => continue,
            }
        }
    }
}

fn read(mux: &mut Mux, id: StreamId) -> Bytes {
    match mux.read(id) {
        Some(Received::Data(data)) => data,
        other => panic!("{other:?}"),
    }
}

fn exchange() -> Talk {
    let mut talk = Talk::new(Settings::default());
    let head = request(Method::POST, "/up", &[("host", "x.test"), ("content-length", "5")]);
    let id = talk.server.open(&head, false).unwrap();
    talk.server.send_data(id, "hello".into(), true).unwrap();
    talk.down();
    let id = talk.asked();
    assert_eq!(read(&mut talk.telephone, id), "hello");
    talk.telephone.respond(id, &response(103, &[("link", "</a>")]), false).unwrap();
    talk.up();
    talk.telephone.respond(id, &response(200, &[("trailer", "x-sum")]), false).unwrap();
    talk.telephone.send_data(id, "hi".into(), false).unwrap();
    talk.telephone.send_trailers(id, &fields(&[("x-sum", "7")])).unwrap();
    talk.up();
    talk
}

fn cancel() -> Talk {
    let mut talk = Talk::new(Settings::default());
    let id = talk.server.open(&request(Method::GET, "/", &[]), true).unwrap();
    talk.down();
    talk.server.reset(id, ResetCode::CANCEL);
    talk.down();
    assert_eq!(talk.telephone.active_streams(), 1, "until the application has seen it");
    talk
}

fn early() -> Talk {
    let mut talk = Talk::new(Settings::default());
    let id = talk.server.open(&request(Method::PUT, "/", &[]), false).unwrap();
    talk.server.send_data(id, "abc".into(), false).unwrap();
    talk.down();
    let id = talk.asked();
    talk.telephone.respond(id, &response(413, &[]), true).unwrap();
    talk.telephone.release_recv(id, ResetCode::NO_ERROR);
    talk.up();
    talk
}

fn upgrade() -> Talk {
    let mut talk = Talk::new(Settings::default());
    let head = RequestHead { upgrade: Some(HeaderValue::from_static("echo")), ..request(Method::GET, "/", &[]) };
    let id = talk.server.open(&head, false).unwrap();
    talk.down();
    let asked = talk.asked();
    talk.telephone.respond(asked, &response(101, &[("upgrade", "echo")]), false).unwrap();
    talk.up();
    talk.server.send_data(id, "ping".into(), false).unwrap();
    talk.down();
    talk.telephone.send_data(asked, "ping".into(), true).unwrap();
    talk.up();
    talk.server.send_data(id, Bytes::new(), true).unwrap();
    talk.down();
    talk
}

fn credit() -> Talk {
    let limits = Limits { stream_window: 8, connection_window: 16, ..Limits::default() };
    let settings = Settings { max_stream_window: 8, ..Settings::new(limits, limits) };
    let mut talk = Talk::new(settings);
    let id = talk.server.open(&request(Method::PUT, "/", &[]), false).unwrap();
    assert_eq!(talk.server.send_capacity(id), Ok(8));
    talk.server.send_data(id, "12345678".into(), false).unwrap();
    talk.down();
    assert_eq!(talk.server.send_capacity(id), Ok(0));
    let asked = talk.asked();
    read(&mut talk.telephone, asked);
    talk.up();
    assert_eq!(talk.server.send_capacity(id), Ok(8));
    talk
}

/// Each trace is what two multiplexers say to each other.
#[test]
fn traces() {
    let mut shown = named("trace");
    for (name, talk) in [
        ("exchange", exchange()),
        ("cancel", cancel()),
        ("early", early()),
        ("upgrade", upgrade()),
        ("credit", credit()),
    ] {
        let place = shown.iter().position(|(shown, _)| *shown == name).unwrap_or_else(|| panic!("{name} is not there"));
        let mut example: Vec<(char, String)> = Vec::new();
        for line in shown.remove(place).1.lines() {
            match line.chars().next() {
                Some(way @ ('<' | '>')) => example.push((way, hex::encode(bytes(&line[1..])))),
                // A message goes on over lines that begin with a blank.
                Some(' ') => example.last_mut().unwrap().1.push_str(&hex::encode(bytes(line))),
                other => panic!("{other:?} in {name}"),
            }
        }
        assert_eq!(example, talk.said, "{name}");
    }
    assert!(shown.is_empty(), "{shown:?}");
}

/// The rows of all tables whose first cell is `code`.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}

/// The second cell of the only row that begins with `name`.
fn cell(name: &str) -> &'static str {
    let rows: Vec<_> = rows().into_iter().filter(|row| row[0] == name).collect();
    assert_eq!(rows.len(), 1, "rows of {name}");
    rows[0][1]
}

#[test]
fn limits() {
    for (name, value) in [
        ("MAX_CONTROL", MAX_CONTROL),
        ("MAX_DATA", MAX_DATA),
        ("MAX_HEAD", MAX_HEAD),
        ("MAX_HEADERS", MAX_HEADERS),
        ("MAX_METHOD", MAX_METHOD),
        ("MAX_UPGRADE", MAX_UPGRADE),
        ("MAX_CREDIT", flow::MAX_CREDIT as usize),
        ("stream_window", Limits::default().stream_window as usize),
        ("connection_window", Limits::default().connection_window as usize),
        ("max_streams", Limits::default().max_streams as usize),
        ("MAX_BODY", plain::MAX_BODY),
        ("MAX_MESSAGE", plain::MAX_MESSAGE),
        ("MAX_REQUESTS", plain::MAX_REQUESTS as usize),
    ] {
        assert_eq!(cell(name).replace(',', "").parse::<usize>().unwrap(), value, "{name}");
    }
}

#[test]
fn codes() {
    for (name, code) in [
        ("NO_ERROR", ResetCode::NO_ERROR),
        ("CANCEL", ResetCode::CANCEL),
        ("REFUSED", ResetCode::REFUSED),
        ("BROKEN", ResetCode::BROKEN),
        ("LIMIT", ResetCode::LIMIT),
        ("INTERNAL", ResetCode::INTERNAL),
        ("CLOSED", ResetCode::CLOSED),
        ("LOST", ResetCode::LOST),
    ] {
        assert_eq!(cell(name).parse(), Ok(code.0), "{name}");
    }
    for (name, code) in [
        ("NORMAL", close::NORMAL),
        ("GOING_AWAY", close::GOING_AWAY),
        ("TOO_BIG", close::TOO_BIG),
        ("PROTOCOL", close::PROTOCOL),
        ("REFUSED_OPENING", close::REFUSED),
        ("HEARTBEAT", close::HEARTBEAT),
        ("OPENING_TIMEOUT", close::OPENING_TIMEOUT),
        ("REPLACED", close::REPLACED),
        ("TUNNEL_GONE", close::TUNNEL_GONE),
        ("TOKEN_GONE", close::TOKEN_GONE),
    ] {
        assert_eq!(cell(name).parse(), Ok(code), "{name}");
    }
    for (name, kind) in [
        ("REQUEST", Kind::Request),
        ("RESPONSE", Kind::Response),
        ("DATA", Kind::Data),
        ("TRAILERS", Kind::Trailers),
        ("RESET", Kind::Reset),
        ("STOP", Kind::Stop),
        ("WINDOW", Kind::Window),
    ] {
        assert_eq!(cell(name).parse(), Ok(kind as u8), "{name}");
    }
}

/// Every error code is in the table, with whether it is for good, and nothing else is.
#[test]
fn error_codes() {
    let listed: BTreeSet<_> =
        rows().into_iter().filter(|row| matches!(row[1], "yes" | "no")).map(|row| row[0]).collect();
    let known: BTreeSet<_> = ErrorCode::known().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(listed.iter().map(|code| (*code).to_owned()).collect::<BTreeSet<_>>(), known);
    for code in ErrorCode::known() {
        let permanent = if code.is_permanent() { "yes" } else { "no" };
        assert_eq!(cell(code.as_str()), permanent, "{code}");
    }
}
