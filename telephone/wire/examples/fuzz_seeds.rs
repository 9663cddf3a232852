//! Writes what fuzzing begins with into a folder: valid messages of each kind, for each target of `fuzz/` its own.
//! `cargo xtask fuzz` runs it.

use std::path::Path;
use std::{env, fs, io};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use wire::control::{Announcement, AuthChallenge, Control, Drain, ErrorCode, Init, Limits, Metadata, Refusal};
use wire::head::{RequestHead, ResponseHead, encode_trailers};
use wire::mux::{Event, Mux, Settings, Side};
use wire::plain::{Http, HttpCancel, HttpError, HttpRequest, HttpResponse};
use wire::websocket::{Opcode, put_close, put_message};
use wire::{Secret, VERSION};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = env::args_os().nth(1).ok_or("usage: fuzz_seeds FOLDER")?;
    let folder = Path::new(&folder);
    frames(folder)?;
    control(folder)?;
    heads(folder)?;
    websocket(folder)?;
    observers(folder)?;
    http(folder)
}

fn put(folder: &Path, target: &str, name: &str, seed: &[u8]) -> io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), seed)
}

fn request() -> Result<RequestHead, http::uri::InvalidUri> {
    let headers = HeaderMap::from_iter([
        (header::HOST, HeaderValue::from_static("blog.example.com")),
        (header::ACCEPT, HeaderValue::from_static("*/*")),
    ]);
    let upgrade = Some(HeaderValue::from_static("websocket"));
    Ok(RequestHead { method: Method::POST, target: "/path?query=1".parse()?, headers, upgrade })
}

fn response() -> ResponseHead {
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain")),
        (header::SET_COOKIE, HeaderValue::from_static("a=b")),
    ]);
    ResponseHead { status: StatusCode::OK, headers }
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("\"x\""))])
}

/// What each end of one exchange says to the other.
fn frames(folder: &Path) -> Outcome {
    let mut server = Mux::new(Side::Server, Settings::default());
    let mut telephone = Mux::new(Side::Telephone, Settings::default());
    let (mut down, mut up) = (Vec::new(), Vec::new());
    let id = server.open(&request()?, false)?;
    server.send_data(id, Bytes::from_static(b"a body"), false)?;
    deliver(&mut server, &mut telephone, &mut down)?;
    let Some(Event::Request { id: there, .. }) = telephone.next_event() else { return Err("no request".into()) };
    telephone.respond(there, &response(), false)?;
    telephone.send_data(there, Bytes::from_static(b"an answer"), false)?;
    telephone.send_trailers(there, &trailers())?;
    deliver(&mut telephone, &mut server, &mut up)?;
    server.send_trailers(id, &trailers())?;
    deliver(&mut server, &mut telephone, &mut down)?;
    let cancelled = server.open(&request()?, true)?;
    server.reset(cancelled, wire::frame::ResetCode::CANCEL);
    deliver(&mut server, &mut telephone, &mut down)?;
    for choice in [0, 2, 4, 22, 62, 64] {
        put(folder, "frames", &format!("up-{choice}"), &[&[choice], &up[..]].concat())?;
        put(folder, "frames", &format!("down-{choice}"), &[&[choice | 1], &down[..]].concat())?;
    }
    Ok(())
}

fn deliver(from: &mut Mux, to: &mut Mux, seed: &mut Vec<u8>) -> Outcome {
    while let Some(message) = from.next_message(16 * 1024) {
        seed.extend_from_slice(&u16::try_from(message.len())?.to_be_bytes());
        seed.extend_from_slice(&message);
        to.receive(message)?;
    }
    Ok(())
}

fn control(folder: &Path) -> Outcome {
    let challenge = AuthChallenge {
        versions: vec![VERSION.to_owned()],
        heartbeat_s: 2,
        limits: Limits::default(),
        server: "switchboard".to_owned(),
    };
    let init = Init {
        version: VERSION.to_owned(),
        token: Secret::new("sbt_x"),
        local_url: "http://localhost:3000".to_owned(),
        metadata: Metadata::default(),
        subdomain: Some("blog".to_owned()),
        services: vec![Announcement {
            host: Some("*.example.com".to_owned()),
            path: Some("/api".to_owned()),
            tag: Some("blue".to_owned()),
            service: None,
        }],
        resume: Some("0".to_owned()),
        join: None,
        limits: Limits::default(),
        heads: true,
    };
    let refusal = Refusal { code: ErrorCode::TokenInvalid, message: "no".to_owned() };
    let messages = [
        Control::AuthChallenge(challenge),
        Control::Init(init),
        Control::Ready,
        Control::Ping { timestamp: 1 },
        Control::Error(refusal),
        Control::Drain(Drain::default()),
    ];
    for (n, message) in messages.iter().enumerate() {
        put(folder, "control", &format!("control-{n}"), message.encode()?.as_bytes())?;
    }
    let request_id = "1".to_owned();
    let response = r#"{"request_id":"1","status":200,"headers":{"set-cookie":["a=b","c=d"]},"body":"Ym9keQ=="}"#;
    let response: HttpResponse = serde_json::from_str(response)?;
    let exchanges = [
        Http::HttpRequest(HttpRequest::new(request_id.clone(), &request()?, b"body")),
        Http::HttpResponse(response),
        Http::HttpError(HttpError { request_id: request_id.clone(), error: "down".to_owned(), message: String::new() }),
        Http::HttpCancel(HttpCancel { request_id }),
    ];
    for (n, exchange) in exchanges.iter().enumerate() {
        put(folder, "control", &format!("plain-{n}"), exchange.encode()?.as_bytes())?;
    }
    Ok(())
}

fn heads(folder: &Path) -> Outcome {
    let mut request_head = BytesMut::from(&[0][..]);
    request()?.encode(&mut request_head)?;
    put(folder, "heads", "request", &request_head)?;
    let mut response_head = BytesMut::from(&[1][..]);
    response().encode(&mut response_head)?;
    put(folder, "heads", "response", &response_head)?;
    let mut fields = BytesMut::from(&[2][..]);
    encode_trailers(&trailers(), &mut fields)?;
    put(folder, "heads", "trailers", &fields)?;
    Ok(())
}

fn websocket(folder: &Path) -> Outcome {
    for (first, key) in [(0, Some([1, 2, 3, 4])), (1, None)] {
        for (opcode, payload) in [
            (Opcode::Text, "κόσμε".as_bytes()),
            (Opcode::Binary, &[0xfe; 300]),
            (Opcode::Ping, b"ping"),
            (Opcode::Pong, b""),
        ] {
            let mut frame = BytesMut::new();
            put_message(&mut frame, opcode, key, |out| {
                out.extend_from_slice(payload);
                true
            });
            let whole = [&[first], &frame[..]].concat();
            put(folder, "websocket", &format!("{opcode:?}-{first}"), &whole)?;
            // The first fragment, and the last one.
            let begun = [&[first, frame[0] & 0x7f], &frame[1..], &[0x80], &frame[1..]].concat();
            put(folder, "websocket", &format!("{opcode:?}-{first}-fragments"), &begun)?;
        }
        let mut close = BytesMut::new();
        put_close(&mut close, key, Some((1000, "done")));
        put(folder, "websocket", &format!("Close-{first}"), &[&[first], &close[..]].concat())?;
    }
    Ok(())
}

/// What passes the request inspector: compressed messages as in RFC 7692 §7.2.3, and an event stream.
fn observers(folder: &Path) -> Outcome {
    let hello = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let fragments = [0x41, 0x03, 0xf2, 0x48, 0xcd, 0x89, 0x00, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00];
    for first in [3, 7] {
        put(folder, "observers", &format!("deflate-{first}"), &[&[first], &hello[..], &fragments].concat())?;
    }
    put(folder, "observers", "close", b"\x01\x81\x01a\x88\x06\x03\xe8done")?;
    put(folder, "observers", "masked", b"\x00\x01\x81\x01\x02\x03\x04`\x80\x81\x01\x02\x03\x04`")?;
    Ok(put(folder, "observers", "events", b"\x08\xef\xbb\xbfid: 1\r\ndata: a\r\n\r\n: b\n\ndata: c\r\r")?)
}

/// Messages of HTTP/1.1, as visitors and web servers send them.
fn http(folder: &Path) -> Outcome {
    for (name, fields) in [
        ("plain", "Accept: */*\r\n"),
        ("length", "Content-Length: 5\r\nExpect: 100-continue\r\n"),
        ("chunked", "Transfer-Encoding: chunked\r\nTE: trailers\r\n"),
        ("upgrade", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    ] {
        put(folder, "requests", name, format!("\x10POST /a?b HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())?;
        put(folder, "responses", name, format!("\0HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes())?;
    }
    for (name, fields) in [
        ("host", "Host: A.Example.:8080\r\n"),
        (
            "address",
            "Host: [::1]:80\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.4, 10.0.0.2\r\nX-Forwarded-Proto: https\r\n",
        ),
        (
            "forwarded",
            "Host: a:8080\r\nForwarded: for=198.51.100.4;proto=https, for=\"[2001:db8::1]:80\"\r\nForwarded: for=_a, ,for=b\r\n\
             X-Forwarded-For: 198.51.100.4\r\nX-Forwarded-For: 10.0.0.2\r\n",
        ),
        ("cookies", "Host: a\r\nCookie: __Host-switchboard=a; theme=dark\r\nCookie: %5F%5FHost-switchboard=b\r\n"),
    ] {
        put(folder, "hosts", name, format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes())?;
    }
    for (name, target, fields) in [
        ("token", "/", "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x\r\n"),
        ("tokens", "/", "Authorization: bearer sbp_a\r\nAuthorization: Basic YTpi\r\n"),
        ("password", "/", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
        ("cookies", "/", "Cookie: a=1; switchboard-visitor=b; c\r\nCookie: __Host-switchboard-visitor=d\r\n"),
        ("ticket", "//a?b=c&switchboard-ticket=d&e", "Cookie: switchboard-visitor=b=c\r\n"),
    ] {
        put(folder, "credentials", name, format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())?;
    }
    put(folder, "bodies", "trailers", b"\x085;a=b\r\nhello\r\n0A\r\n0123456789\r\n0\r\nx: y\r\n\r\n")?;
    Ok(put(folder, "bodies", "plain", b"\x015\r\nhello\r\n0\r\n\r\n")?)
}
