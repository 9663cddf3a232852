//! What stands in front of tunnels, domains and routes: said over the API, met by requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::answer::{Answer, OPEN, call, member};
use crate::setup::{answers, backend, create, delete, get, nobody, post, put, visitor};
use crate::support::{Body, Client, Origin, Switchboard, full, text, until};

const SOON: Duration = Duration::from_secs(20);

/// A web server that reads what it gets, says how much that was, and counts who came.
struct Reader {
    origin: Origin,
    asked: Arc<AtomicUsize>,
    /// How many bodies broke off.
    broken: Arc<AtomicUsize>,
}

impl Reader {
    async fn start() -> Self {
        let (asked, broken) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (count, broke) = (asked.clone(), broken.clone());
        let origin = Origin::start(move |request| {
            let is_check = request.uri().path() == "/health";
            count.fetch_add(usize::from(!is_check), Ordering::SeqCst);
            let broke = broke.clone();
            async move {
                match request.into_body().collect().await {
                    Ok(body) => Response::new(full(format!("read {}", body.to_bytes().len()))),
                    Err(_) => {
                        broke.fetch_add(1, Ordering::SeqCst);
                        Response::builder().status(400).body(Body::default()).unwrap()
                    }
                }
            }
        });
        Self { origin: origin.await, asked, broken }
    }
}

/// A switchboard that believes what this machine says of clients.
async fn behind_a_proxy() -> Switchboard {
    // Its first account is made while nobody else can reach it.
    let home = Switchboard::start().await.stop().await;
    let mut switchboard = Switchboard::start_in(home, &[("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.1")]).await;
    switchboard.sign_in().await;
    switchboard
}

/// `app.example.com` leads to it, and `/api` of that as a route of its own; the id of the route.
async fn served(switchboard: &Switchboard, reader: &Reader) -> String {
    let client = switchboard.client();
    create(&client, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    backend(&client, "web", &reader.origin, &["v1"]).await;
    create(&client, "domains", json!({"domain": "app.example.com", "enabled_backends_tag": "v1"})).await;
    let route = json!({"domain": "app.example.com", "mount": "/api", "enabled_backends_tag": "v1"});
    let route = create(&client, "routes", route).await;
    answers(switchboard, "app.example.com", "/api", 200, "read 0").await;
    route["id"].as_str().unwrap().to_owned()
}

async fn ask(client: &Client, path: &str, fields: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let mut request = client.request(Method::GET, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(Body::default()).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, text(response).await)
}

/// Status and code.
async fn outcome(client: &Client, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let (status, headers, _) = ask(client, path, fields).await;
    (status, headers.get("x-switchboard-error").map_or("", |code| code.to_str().unwrap()).to_owned())
}

/// Waits until a request has this outcome.
async fn becomes(client: &Client, path: &str, fields: &[(&str, &str)], status: u16, code: &str) {
    until(SOON, &format!("{path} {fields:?} is {status} {code}"), async || {
        outcome(client, path, fields).await == (status, code.to_owned())
    })
    .await;
}

async fn refused(switchboard: &Switchboard, reason: &str) -> f64 {
    switchboard.figure(&format!("switchboard_requests_refused_total{{reason=\"{reason}\"}}")).await
}

async fn explained(client: &Client, url: &str, from: &str) -> Value {
    post(client, "routes/explain", json!({"url": url, "client": from})).await.json
}

#[tokio::test]
async fn lists_of_networks_decide_by_who_the_client_is() {
    let switchboard = behind_a_proxy().await;
    let reader = Reader::start().await;
    let route = served(&switchboard, &reader).await;
    let (client, visitor) = (switchboard.client(), visitor(&switchboard, "app.example.com"));
    let lists = json!({"allow": ["203.0.113.0/24", "2001:db8::/32"], "deny": ["203.0.113.7", "::ffff:203.0.113.8"]});
    let said = put(&client, "domains/app.example.com/front", lists).await;
    assert_eq!((said.status, &said.json["deny"]), (200, &json!(["203.0.113.7", "203.0.113.8"])));
    becomes(&visitor, "/", &[("x-forwarded-for", "198.51.100.1")], 403, "network_denied").await;
    let asked = reader.asked.load(Ordering::SeqCst);
    for (from, status) in [
        ("203.0.113.9", 200),
        ("203.0.113.7", 403),
        ("203.0.113.8", 403),
        ("::ffff:203.0.113.8", 403),
        ("::ffff:203.0.113.9", 200),
        ("2001:db8::7", 200),
        ("2001:db9::7", 403),
        // What its own client has claimed is to the left of what the proxy says.
        ("203.0.113.9, 198.51.100.1", 403),
    ] {
        // The domain's lists hold for its routes, too.
        for path in ["/", "/api/x"] {
            assert_eq!(outcome(&visitor, path, &[("x-forwarded-for", from)]).await.0, status, "{from} {path}");
        }
    }
    assert_eq!(reader.asked.load(Ordering::SeqCst) - asked, 6, "who is refused reaches nobody");
    assert!(refused(&switchboard, "network").await >= 10.0);

    // A route has lists of its own besides.
    put(&client, &format!("routes/{route}/front"), json!({"deny": ["203.0.113.9"]})).await;
    becomes(&visitor, "/api", &[("x-forwarded-for", "203.0.113.9")], 403, "network_denied").await;
    assert_eq!(outcome(&visitor, "/", &[("x-forwarded-for", "203.0.113.9")]).await.0, 200);

    let told = explained(&client, "http://app.example.com/api", "203.0.113.9").await;
    assert_eq!((&told["outcome"]["kind"], &told["outcome"]["code"]), (&json!("error"), &json!("network_denied")));
    let steps: Vec<_> = told["steps"].as_array().unwrap().iter().filter(|step| step["about"] == "front").collect();
    assert!(steps[0]["text"].as_str().unwrap().contains("domain's lists"), "{steps:?}");
    assert!(steps[1]["text"].as_str().unwrap().contains("the route denies"), "{steps:?}");
    let told = explained(&client, "http://app.example.com/", "203.0.113.9").await;
    assert_eq!(told["outcome"]["kind"], "service");

    // In the inspector, with the reason.
    let recorded = async || get(&client, "domains/app.example.com/requests?limit=100").await.json.to_string();
    until(SOON, "it is recorded", async || recorded().await.contains("network_denied")).await;

    assert_eq!(delete(&client, "domains/app.example.com/front").await.status, 204);
    becomes(&visitor, "/", &[("x-forwarded-for", "198.51.100.1")], 200, "").await;
}

#[tokio::test]
async fn nobody_chooses_the_address_that_lists_look_at() {
    let switchboard = Switchboard::start().await;
    let reader = Reader::start().await;
    served(&switchboard, &reader).await;
    let visitor = visitor(&switchboard, "app.example.com");
    put(&switchboard.client(), "domains/app.example.com/front", json!({"deny": ["127.0.0.0/8"]})).await;
    becomes(&visitor, "/", &[], 403, "network_denied").await;
    for claim in ["x-forwarded-for", "x-real-ip", "forwarded", "x_forwarded_for", "client-ip", "true-client-ip"] {
        for value in ["203.0.113.9", "for=203.0.113.9"] {
            assert_eq!(outcome(&visitor, "/", &[(claim, value)]).await.0, 403, "{claim}: {value}");
        }
    }
}

#[tokio::test]
async fn during_maintenance_visitors_are_told_and_owners_send_again() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_CAPTURE_LEVEL", "bodies")]).await;
    let reader = Reader::start().await;
    let _telephone = switchboard.telephone("shop", &reader.origin).await;
    let client = switchboard.client();
    let tunnel = format!("tunnels/{}", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    create(&client, "domains", json!({"domain": "shop.example.com", "tunnel": "shop"})).await;
    let (own, domain) = (switchboard.visitor("shop"), visitor(&switchboard, "shop.example.com"));
    becomes(&domain, "/", &[], 200, "").await;
    let (_, headers, _) = ask(&own, "/before", &[]).await;
    let id = headers["x-request-id"].to_str().unwrap().to_owned();

    let message = "Back at noon.\n<b>Sorry</b>";
    let maintenance = json!({"maintenance": {"message": message, "retry_after_seconds": 600}});
    assert_eq!(put(&client, &format!("{tunnel}/front"), maintenance).await.status, 200);
    // However a request comes to the tunnel.
    for visitor in [&own, &domain] {
        becomes(visitor, "/", &[], 503, "maintenance").await;
        let (_, headers, body) = ask(visitor, "/", &[]).await;
        assert_eq!((headers["retry-after"].to_str().unwrap(), body.as_str()), ("600", message));
        let (_, headers, page) = ask(visitor, "/", &[("accept", "text/html")]).await;
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"), "{headers:?}");
        assert!(page.contains("&lt;b>Sorry") && !page.contains("<b>"), "{page}");
    }
    let told = explained(&client, "http://shop.example.com/", "203.0.113.9").await;
    assert_eq!((&told["outcome"]["status"], &told["outcome"]["code"]), (&json!(503), &json!("maintenance")));
    assert!(refused(&switchboard, "maintenance").await >= 4.0);
    let asked = reader.asked.load(Ordering::SeqCst);
    let mut sent = Value::Null;
    until(SOON, "it is sent again", async || {
        let done = post(&client, &format!("{tunnel}/requests/{id}/replay"), json!({})).await;
        sent = done.json;
        done.status == 200
    })
    .await;
    assert_eq!(sent["exchanges"][0]["status"], 200, "{sent}");
    assert_eq!(reader.asked.load(Ordering::SeqCst), asked + 1);

    // What is changed alone, what is not named stays.
    let said = call(&client, "PATCH", &format!("/api/v1/{tunnel}/front"), json!({"maintenance": null})).await;
    assert_eq!((said.status, &said.json), (200, &json!({})));
    becomes(&own, "/", &[], 200, "").await;
}

/// A body whose length is not said before.
fn chunked(pieces: usize, bytes: usize) -> Body {
    let piece = Bytes::from(vec![b'x'; bytes]);
    let frames = (0..pieces).map(move |_| Ok(Frame::data(piece.clone())));
    Body::new(StreamBody::new(stream::iter(frames)))
}

/// As much as is allowed, and when the origin has begun to read that, more.
fn one_piece_too_many(reader: &Reader) -> Body {
    let (asked, before) = (reader.asked.clone(), reader.asked.load(Ordering::SeqCst));
    let piece = || Ok(Frame::data(Bytes::from(vec![b'x'; 1024])));
    let last = async move {
        while asked.load(Ordering::SeqCst) == before {
            sleep(Duration::from_millis(5)).await;
        }
        piece()
    };
    Body::new(StreamBody::new(stream::iter((0..64).map(move |_| piece())).chain(stream::once(last))))
}

async fn upload(client: &Client, body: Body) -> (u16, String) {
    match client.send(client.request(Method::POST, "/up").body(body).unwrap()).await {
        Ok(response) => {
            let code = response.headers().get("x-switchboard-error").map(|code| code.to_str().unwrap().to_owned());
            let status = response.status().as_u16();
            let read = text(response).await;
            (status, code.unwrap_or(read))
        }
        // The answer came while the rest was being sent, and the connection ended.
        Err(error) => (0, error.to_string()),
    }
}

/// The first line that comes back when the body waits for leave to be sent.
async fn expecting(client: &Client, length: usize) -> String {
    let stream = TcpStream::connect(client.address()).await.unwrap();
    let (host, mut stream) = (client.host(), BufReader::new(stream));
    let head = format!("POST /up HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line
}

#[tokio::test]
async fn a_body_is_refused_when_it_says_its_length_and_when_it_turns_out_too_large() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_BODY_LIMIT", "64KiB")]).await;
    let reader = Reader::start().await;
    let route = served(&switchboard, &reader).await;
    let _telephone = switchboard.telephone("shop", &reader.origin).await;
    let client = switchboard.client();
    let direct = visitor(&switchboard, "app.example.com");
    let tunnel = switchboard.visitor("shop");
    let (small, large) = (64 * 1024, 64 * 1024 + 1);
    for visitor in [&direct, &tunnel] {
        let asked = reader.asked.load(Ordering::SeqCst);
        assert_eq!(upload(visitor, full(vec![b'x'; large])).await, (413, "body_too_large".to_owned()));
        assert_eq!(reader.asked.load(Ordering::SeqCst), asked, "nothing of it was sent");
        assert_eq!(upload(visitor, full(vec![b'x'; small])).await, (200, format!("read {small}")));
        assert_eq!(upload(visitor, chunked(64, 1024)).await, (200, format!("read {small}")));
        let broken = reader.broken.load(Ordering::SeqCst);
        assert_eq!(upload(visitor, one_piece_too_many(&reader)).await, (413, "body_too_large".to_owned()));
        until(SOON, "the origin hears of it", async || reader.broken.load(Ordering::SeqCst) == broken + 1).await;
        let asked = reader.asked.load(Ordering::SeqCst);
        assert!(expecting(visitor, large).await.starts_with("HTTP/1.1 413 "), "instead of 100");
        assert_eq!(reader.asked.load(Ordering::SeqCst), asked, "nothing of it was sent");
        // The connection, or a new one, goes on.
        assert_eq!(upload(visitor, full("ok")).await, (200, "read 2".to_owned()));
    }
    assert!(refused(&switchboard, "body").await >= 4.0);
    // Owners say more or less; of those that say something the least counts.
    put(&client, "domains/app.example.com/front", json!({"body_limit": 1_000_000})).await;
    until(SOON, "more is taken", async || upload(&direct, chunked(900, 1024)).await.0 == 200).await;
    put(&client, &format!("routes/{route}/front"), json!({"body_limit": 10})).await;
    let to_route = async |body: Body| {
        let sent = direct.send(direct.request(Method::POST, "/api/up").body(body).unwrap()).await.unwrap();
        sent.status().as_u16()
    };
    until(SOON, "less is taken", async || to_route(full("eleven byte")).await == 413).await;
    assert_eq!(to_route(full("ten bytes!")).await, 200);
}

#[tokio::test]
async fn header_fields_have_the_limit_of_their_owner() {
    let switchboard = Switchboard::start().await;
    let reader = Reader::start().await;
    served(&switchboard, &reader).await;
    let _telephone = switchboard.telephone("shop", &reader.origin).await;
    let id = switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
    let client = switchboard.client();
    let fronts = ["domains/app.example.com/front".to_owned(), format!("tunnels/{id}/front")];
    // What is wrong with it comes before what it expects to find.
    for (limit, status) in [(255, 422), (1_024, 412)] {
        let request = client.request(Method::PUT, &format!("/api/v1/{}", fronts[0])).header("if-match", "W/\"stale\"");
        let request = request.header("content-type", "application/json");
        let request = request.body(full(json!({"header_limit": limit}).to_string())).unwrap();
        assert_eq!(client.send(request).await.unwrap().status(), status);
    }
    for (front, visitor) in fronts.iter().zip([visitor(&switchboard, "app.example.com"), switchboard.visitor("shop")]) {
        let large = "x".repeat(1_000);
        assert_eq!(outcome(&visitor, "/", &[("x-large", &large)]).await.0, 200);
        assert_eq!(put(&client, front, json!({"header_limit": 255})).await.at_fault(), (422, "header_limit"));
        let said = json!({"header_limit": 1_024, "error_pages": {"431": "<p>Fewer cookies, please</p>"}});
        assert_eq!(put(&client, front, said).await.status, 200);
        becomes(&visitor, "/", &[("x-large", &large)], 431, "head_too_large").await;
        assert_eq!(outcome(&visitor, "/", &[]).await.0, 200);
        let (asked, shown) = (reader.asked.load(Ordering::SeqCst), switchboard.figure("switchboard_error_pages_total"));
        let shown = shown.await;
        let (_, _, page) = ask(&visitor, "/", &[("x-large", &large), ("accept", "text/html")]).await;
        assert_eq!(page, "<p>Fewer cookies, please</p>");
        assert_eq!(reader.asked.load(Ordering::SeqCst), asked, "nothing of it was sent");
        assert_eq!(switchboard.figure("switchboard_error_pages_total").await, shown + 1.0);
        let told = explained(&client, &format!("http://{}/", visitor.host()), "127.0.0.1").await.to_string();
        assert!(told.contains("header fields of up to 1024 bytes") && told.contains("errors: 431"), "{told}");
    }
    assert!(refused(&switchboard, "headers").await >= 4.0);
}

#[tokio::test]
async fn each_thing_that_stands_in_front_is_explained() {
    let switchboard = Switchboard::start().await;
    let reader = Reader::start().await;
    served(&switchboard, &reader).await;
    let client = switchboard.client();
    let front = json!({
        "allow": ["203.0.113.0/24"], "header_limit": 4096, "body_limit": 1000, "max_in_flight": 7,
        "rate_limits": [{"per": "client", "requests": 5, "seconds": 10}],
        "bandwidth": [{"direction": "down", "per": "all", "bytes_per_second": 65536}],
        "basic_auth": {"users": [{"name": "ada", "password": "open sesame"}]},
        "error_pages": {"404": "<h1>Not here</h1>"},
    });
    let said = put(&client, "domains/app.example.com/front", front).await;
    assert_eq!(said.status, 200, "{said:?}");
    let link =
        post(&client, "domains/app.example.com/front/links", json!({"name": "preview", "expires_in": 600})).await;
    assert_eq!(link.status, 201, "{link:?}");
    let lines = [
        "the domain's lists of networks let 203.0.113.9 in",
        "the domain takes header fields of up to 4096 bytes in all",
        "the domain takes bodies of up to 1000 bytes",
        "the domain takes 5 requests in 10 s of each client",
        "the domain lets 65536 bytes a second pass down, in all",
        "the domain asks for a password; names that have one: 1",
        "the domain lets in without a password who has a link; links that are good: 1",
        "the domain takes 7 requests at once; under way: 0",
        "the domain has pages of its own for errors: 404",
    ];
    // The rules that requests meet, which a change reaches a moment after it is kept.
    until(SOON, "each of them is told", async || {
        let told = explained(&client, "http://app.example.com/", "203.0.113.9").await;
        let steps = told["steps"].as_array().unwrap();
        let says =
            |line| steps.iter().any(|step| step["about"] == "front" && step["yes"] == true && step["text"] == line);
        lines.into_iter().all(says)
    })
    .await;

    // A domain that has routes only shows its page where it leads nowhere.
    let front = json!({"error_pages": {"404": "<h1>Not here</h1><p>{status} {code} {message}</p>"}});
    create(&client, "domains", json!({"domain": "routes.example.com", "front": front})).await;
    let route = json!({"domain": "routes.example.com", "mount": "/api", "enabled_backends_tag": "v1"});
    create(&client, "routes", route).await;
    answers(&switchboard, "routes.example.com", "/api", 200, "read 0").await;
    let visitor = visitor(&switchboard, "routes.example.com");
    let shown = switchboard.figure("switchboard_error_pages_total").await;
    let page = "<h1>Not here</h1><p>404 no_route Service Not Found</p>";
    assert_eq!(read(&visitor, "/other").await, (404, page.to_owned()));
    assert!(switchboard.figure("switchboard_error_pages_total").await >= shown + 1.0);
    assert_eq!(ask(&visitor, "/other", &[]).await.2, "Service Not Found", "who asks for no page gets none");
}

/// What a browser is shown, with the status.
async fn read(client: &Client, path: &str) -> (u16, String) {
    let (status, _, page) = ask(client, path, &[("accept", "text/html")]).await;
    (status, page)
}

/// Waits until a browser is shown this.
async fn shows(client: &Client, path: &str, status: u16, page: &str) {
    until(SOON, &format!("{path} shows {status} {page:?}"), async || {
        read(client, path).await == (status, page.to_owned())
    })
    .await;
}

#[tokio::test]
async fn an_error_page_for_4xx_or_5xx_is_for_those_that_have_none_of_their_own() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let service = json!({"name": "default", "health_check": {"enabled": false}, "resilience": {"eject_after": 0}});
    create(&client, "services", service).await;
    create(&client, "backends", json!({"id": "gone", "address": nobody().await, "tags": ["v1"]})).await;
    create(&client, "backends", json!({"id": "idle", "address": nobody().await, "tags": ["v2"]})).await;
    let (own, other) = ("<p>own {status} {code}</p>", "<p>{status} {code}</p>");
    let front = json!({"error_pages": {"404": own, "502": own, "4xx": other, "5xx": other}});
    create(&client, "domains", json!({"domain": "app.example.com", "front": front})).await;
    for (mount, tag) in [("/gone", "v1"), ("/idle", "v2")] {
        let route = json!({"domain": "app.example.com", "mount": mount, "enabled_backends_tag": tag});
        create(&client, "routes", route).await;
    }
    assert_eq!(put(&client, "backends/idle", json!({"state": "stopped"})).await.status, 200);
    let visitor = visitor(&switchboard, "app.example.com");
    shows(&visitor, "/", 404, "<p>own 404 no_route</p>").await;
    shows(&visitor, "/gone", 502, "<p>own 502 bad_gateway</p>").await;
    shows(&visitor, "/idle", 503, "<p>503 no_healthy_backend</p>").await;
    // Programs are told what they understand.
    let (status, headers, text) = ask(&visitor, "/gone", &[("accept", "application/json")]).await;
    assert_eq!((status, &headers["x-switchboard-error"]), (502, &"bad_gateway".parse().unwrap()));
    assert_eq!(headers["content-type"], "application/json", "{text}");

    put(&client, "domains/app.example.com/front", json!({"deny": ["127.0.0.0/8"]})).await;
    for path in ["/", "/gone", "/idle"] {
        shows(&visitor, path, 403, "<p>403 network_denied</p>").await;
    }
}

#[tokio::test]
async fn of_several_error_pages_the_nearest_counts() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let tunnel = create(&client, "tunnels", json!({"subdomain": "shop"})).await;
    let front = json!({
        "maintenance": {"message": "Back soon."},
        "error_pages": {"503": "<p>domain {status}</p>", "4xx": "<p>domain {status}</p>"},
    });
    create(&client, "domains", json!({"domain": "shop.example.com", "tunnel": "shop", "front": front})).await;
    let route = json!({"domain": "shop.example.com", "mount": "/cart", "tunnel": "shop"});
    let route = create(&client, "routes", route).await;
    let visitor = visitor(&switchboard, "shop.example.com");
    for path in ["/", "/cart"] {
        shows(&visitor, path, 503, "<p>domain 503</p>").await;
    }
    // It is nearer, and that the other is for this status alone does not matter.
    let place = format!("routes/{}/front", route["id"].as_str().unwrap());
    assert_eq!(put(&client, &place, json!({"error_pages": {"5xx": "<p>route {status}</p>"}})).await.status, 200);
    shows(&visitor, "/cart", 503, "<p>route 503</p>").await;
    assert_eq!(read(&visitor, "/").await, (503, "<p>domain 503</p>".to_owned()));

    let place = format!("tunnels/{}/front", tunnel["id"].as_str().unwrap());
    assert_eq!(put(&client, &place, json!({"error_pages": {"503": "<p>tunnel {status}</p>"}})).await.status, 200);
    for path in ["/", "/cart"] {
        shows(&visitor, path, 503, "<p>tunnel 503</p>").await;
    }
    // For what neither tunnel nor route has a page, the domain has.
    put(&client, "domains/shop.example.com/front", json!({"deny": ["127.0.0.0/8"]})).await;
    for path in ["/", "/cart"] {
        shows(&visitor, path, 403, "<p>domain 403</p>").await;
    }
}

#[tokio::test]
async fn what_stands_in_front_is_checked_and_kept_in_the_history() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let reader = Reader::start().await;
    let route = served(&switchboard, &reader).await;
    let (client, bob) = (switchboard.client(), member(&switchboard).await);
    let place = format!("routes/{route}/front");
    assert_eq!(get(&client, &place).await.json, json!({}));
    for (front, at) in [
        (json!({"allow": ["10.0.0.0/33"]}), (422, "allow[0]")),
        (json!({"deny": ["example.com"]}), (422, "deny[0]")),
        (json!({"allow": "10.0.0.0/8"}), (400, "allow")),
        (json!({"alow": []}), (400, "alow")),
        (json!({"maintenance": {"message": ""}}), (422, "maintenance.message")),
        (json!({"maintenance": {"retry_after_seconds": 99_999_999}}), (422, "maintenance")),
        (json!({"maintenance": true}), (400, "maintenance")),
        (json!({"body_limit": -1}), (422, "body_limit")),
        (json!({"body_limit": 1_u64 << 60}), (422, "body_limit")),
    ] {
        assert_eq!(put(&client, &place, front.clone()).await.at_fault(), at, "{front}");
    }
    let many: Vec<_> = (0..1_001).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect();
    assert_eq!(put(&client, &place, json!({"allow": many})).await.at_fault(), (422, "allow"));
    for place in [place.clone(), "domains/app.example.com/front".to_owned()] {
        for answer in [get(&bob, &place).await, put(&bob, &place, json!({})).await, delete(&bob, &place).await] {
            assert_eq!(answer.refusal(), (404, "not_found"), "{place}");
        }
        assert_eq!(get(&bob.clone().bearer(""), &place).await.status, 401);
    }

    put(&client, "domains/app.example.com/front", json!({"allow": ["10.0.0.0/8"], "body_limit": 9})).await;
    assert_eq!(
        put(&client, "domains/app.example.com/front", json!({"allow": []})).await.json,
        json!({"body_limit": 9}),
        "what is not named stays"
    );
    // The same as part of the domain.
    put(&client, "domains/app.example.com", json!({"front": {"deny": ["10.9.9.9"]}})).await;
    assert_eq!(get(&client, "domains/app.example.com/front").await.json, json!({"deny": ["10.9.9.9"]}));
    let Answer { json: history, .. } = get(&client, "revisions?limit=1").await;
    let newest = history["items"][0].to_string();
    assert!(newest.contains("10.9.9.9") && newest.contains("body_limit"), "{newest}");
}

/// The value of `Authorization` for a name and a password.
fn basic(said: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(said))
}

/// A web server that says what it was asked with.
async fn echo() -> Origin {
    Origin::start(|request| async move {
        let said = request.headers().get("authorization").map_or("nothing", |value| value.to_str().unwrap()).to_owned();
        Response::new(full(said))
    })
    .await
}

#[tokio::test]
async fn who_knows_a_password_is_let_in() {
    let switchboard = behind_a_proxy().await;
    let origin = echo().await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let (client, visitor) = (switchboard.client(), switchboard.visitor("shop"));
    let place = format!("tunnels/{}/front", switchboard.tunnel("shop").await["id"].as_str().unwrap());
    let users = json!([{"name": "ada", "password": "correct horse"}, {"name": "bob", "password": "an other one"}]);
    let said = put(&client, &place, json!({"basic_auth": {"realm": "Preview", "users": users}})).await;
    assert_eq!(
        (said.status, &said.json),
        (200, &json!({"basic_auth": {"realm": "Preview", "users": [{"name": "ada"}, {"name": "bob"}]}}))
    );
    becomes(&visitor, "/", &[], 401, "password_required").await;
    let (_, headers, _) = ask(&visitor, "/", &[]).await;
    assert_eq!(headers["www-authenticate"], "Basic realm=\"Preview\", charset=\"UTF-8\"");
    for right in ["ada:correct horse", "bob:an other one", "ada:correct horse"] {
        let (status, _, body) = ask(&visitor, "/", &[("authorization", &basic(right))]).await;
        assert_eq!((status, body.as_str()), (200, "nothing"), "it is not passed on");
    }
    for wrong in ["ada:an other one", "ada:", "eve:correct horse", ":", "ada:correct horse "] {
        assert_eq!(outcome(&visitor, "/", &[("authorization", &basic(wrong))]).await.0, 401, "{wrong}");
    }
    assert_eq!(outcome(&visitor, "/", &[("authorization", "Bearer x")]).await.0, 401);

    // Guessing is slow, for the one who guesses.
    let guess = basic("ada:guess number one");
    let guessing = [("authorization", guess.as_str()), ("x-forwarded-for", "203.0.113.9")];
    until(SOON, "guessing is throttled", async || outcome(&visitor, "/", &guessing).await.1 == "too_many_attempts")
        .await;
    let (status, headers, _) = ask(&visitor, "/", &guessing).await;
    assert!(status == 429 && headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() <= 6, "{headers:?}");
    let right = basic("bob:an other one");
    let known = [("authorization", right.as_str()), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(outcome(&visitor, "/", &known).await.0, 200, "who is known is not");
    assert!(refused(&switchboard, "password").await >= 8.0);

    // A name alone keeps its password, and a new name needs one.
    let kept = json!({"basic_auth": {"users": [{"name": "ada"}]}});
    assert_eq!(put(&client, &place, kept).await.status, 200);
    becomes(&visitor, "/", &[("authorization", &right)], 401, "password_required").await;
    assert_eq!(outcome(&visitor, "/", &[("authorization", &basic("ada:correct horse"))]).await.0, 200);
    let nobody = json!({"basic_auth": {"users": [{"name": "eve"}]}});
    assert_eq!(put(&client, &place, nobody).await.at_fault(), (422, "basic_auth"));
    for (users, at) in [
        (json!([]), "basic_auth"),
        (json!([{"name": "a:b", "password": "correct horse"}]), "basic_auth.users[0].name"),
        (json!([{"name": "ada", "password": "short"}]), "basic_auth.users[0].password"),
        (json!([{"name": "ada"}, {"name": "ada"}]), "basic_auth"),
    ] {
        assert_eq!(put(&client, &place, json!({"basic_auth": {"users": users}})).await.at_fault(), (422, at));
    }
    // Nobody is told a password or its hash.
    let history = get(&client, "revisions?limit=20").await.json.to_string();
    assert!(history.contains("ada") && !history.contains("horse") && !history.contains("argon2"), "{history}");
}

#[tokio::test]
async fn so_many_requests_may_come() {
    let switchboard = behind_a_proxy().await;
    let reader = Reader::start().await;
    let route = served(&switchboard, &reader).await;
    let (client, visitor) = (switchboard.client(), visitor(&switchboard, "app.example.com"));
    let limits = json!([{"requests": 3, "seconds": 3600}, {"requests": 5, "seconds": 86400, "per": "all"}]);
    put(&client, &format!("routes/{route}/front"), json!({"rate_limits": limits})).await;
    let of = |client: &'static str| [("x-forwarded-for", client)];
    let mut first = HeaderMap::new();
    until(SOON, "the limits are there", async || {
        first = ask(&visitor, "/api", &of("203.0.113.1")).await.1;
        first.contains_key("ratelimit")
    })
    .await;
    assert_eq!(first["ratelimit-policy"], "\"client-3600s\";q=3;w=3600, \"all-86400s\";q=5;w=86400");
    assert!(first["ratelimit"].to_str().unwrap().starts_with("\"client-3600s\";r=2;t=12"), "{first:?}");
    for _ in 0..2 {
        assert_eq!(outcome(&visitor, "/api", &of("203.0.113.1")).await.0, 200);
    }
    let asked = reader.asked.load(Ordering::SeqCst);
    let (status, headers, _) = ask(&visitor, "/api", &of("203.0.113.1")).await;
    assert_eq!((status, &headers["x-switchboard-error"]), (429, &"rate_limited".parse().unwrap()));
    let wait: u32 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1_200).contains(&wait), "{wait}");
    assert!(headers["ratelimit"].to_str().unwrap().starts_with("\"client-3600s\";r=0;t="), "{headers:?}");
    assert_eq!(reader.asked.load(Ordering::SeqCst), asked);
    // Others have their own, until all have had theirs.
    for _ in 0..2 {
        assert_eq!(outcome(&visitor, "/api", &of("203.0.113.2")).await.0, 200);
    }
    assert_eq!(outcome(&visitor, "/api", &of("203.0.113.3")).await, (429, "rate_limited".to_owned()));
    assert_eq!(outcome(&visitor, "/", &of("203.0.113.3")).await.0, 200, "it is the route's");
    // What is changed besides does not let all come again.
    put(&client, &format!("routes/{route}/front"), json!({"deny": ["203.0.113.99"]})).await;
    becomes(&visitor, "/api", &of("203.0.113.99"), 403, "network_denied").await;
    assert_eq!(outcome(&visitor, "/api", &of("203.0.113.1")).await.0, 429);
    assert!(refused(&switchboard, "rate").await >= 3.0);
    let told = explained(&client, "http://app.example.com/api", "203.0.113.9").await.to_string();
    assert!(told.contains("3 requests in 3600 s of each client"), "{told}");
}

#[tokio::test]
async fn so_many_may_be_under_way_and_pages_are_the_owners() {
    let switchboard = Switchboard::start().await;
    let (open, gate) = (tokio::sync::Semaphore::new(0), Arc::<AtomicUsize>::default());
    let (open, arrived) = (Arc::new(open), gate.clone());
    let wait = open.clone();
    let origin = Origin::start(move |request| {
        let (wait, arrived) = (wait.clone(), arrived.clone());
        async move {
            if request.uri().path() == "/slow" {
                arrived.fetch_add(1, Ordering::SeqCst);
                wait.acquire().await.unwrap().forget();
            }
            Response::new(full("done"))
        }
    })
    .await;
    let client = switchboard.client();
    create(&client, "services", json!({"name": "default", "health_check": {"enabled": false}})).await;
    backend(&client, "web", &origin, &["v1"]).await;
    let page = "<title>{status}</title><p id=m>{message}</p><i>{code} {request_id} {other}</i>";
    let front = json!({"max_in_flight": 2, "error_pages": {"503": page}});
    let domain = json!({"domain": "app.example.com", "enabled_backends_tag": "v1", "front": front});
    create(&client, "domains", domain).await;
    answers(&switchboard, "app.example.com", "/", 200, "done").await;
    let visitor = visitor(&switchboard, "app.example.com");
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let visitor = visitor.clone();
            tokio::spawn(async move { outcome(&visitor, "/slow", &[]).await })
        })
        .collect();
    until(SOON, "both are under way", async || gate.load(Ordering::SeqCst) == 2).await;
    let (status, headers, body) = ask(&visitor, "/", &[("accept", "text/html")]).await;
    assert_eq!((status, &headers["x-switchboard-error"]), (503, &"too_many_at_once".parse().unwrap()));
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    let id = headers["x-request-id"].to_str().unwrap();
    let message = "Service Unavailable - too many requests are under way here";
    let filled = format!("<title>503</title><p id=m>{message}</p><i>too_many_at_once {id} {{other}}</i>");
    assert_eq!(body, filled);
    assert_eq!(ask(&visitor, "/", &[("accept", "application/json")]).await.1["content-type"], "application/json");
    open.add_permits(2);
    for one in slow {
        assert_eq!(one.await.unwrap().0, 200);
    }
    becomes(&visitor, "/", &[], 200, "").await;
    assert!(refused(&switchboard, "busy").await >= 2.0);

    // What is filled in is no markup.
    let maintenance = json!({"maintenance": {"message": "<script>alert('x')</script> {code}"}});
    put(&client, "domains/app.example.com/front", maintenance).await;
    becomes(&visitor, "/", &[], 503, "maintenance").await;
    let (_, _, body) = ask(&visitor, "/", &[("accept", "text/html")]).await;
    assert!(body.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; {code}</p>"), "{body}");
}

#[tokio::test]
async fn a_link_lets_in_without_the_password_until_it_ends() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(|request| async move {
        let cookies: Vec<_> = request.headers().get_all("cookie").iter().map(|value| value.to_str().unwrap()).collect();
        let shown = format!("{} {cookies:?}", request.uri());
        Response::new(full(shown))
    })
    .await;
    let _telephone = switchboard.telephone("shared", &origin).await;
    let (client, visitor) = (switchboard.client(), switchboard.visitor("shared"));
    let id = switchboard.tunnel("shared").await["id"].as_str().unwrap().to_owned();
    let (front, links) = (format!("tunnels/{id}/front"), format!("tunnels/{id}/front/links"));
    let users = json!({"basic_auth": {"users": [{"name": "ada", "password": "correct horse"}]}});
    assert_eq!(put(&client, &front, users).await.status, 200);
    becomes(&visitor, "/", &[], 401, "password_required").await;

    let made = post(&client, &links, json!({"name": "review", "expires_in": 600})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let query = made.json["query"].as_str().unwrap();
    let secret = query.strip_prefix("switchboard-share=").unwrap();
    assert_eq!(
        post(&client, &links, json!({"name": "review", "expires_in": 600})).await.refusal(),
        (409, "share_link_exists")
    );
    assert_eq!(post(&client, &links, json!({"name": "b", "expires_in": 59})).await.at_fault(), (422, "expires_in"));
    // It is listed, and what it is told by is not.
    let listed = get(&client, &front).await;
    assert_eq!(listed.json["share_links"][0]["name"], "review");
    assert!(listed.json["share_links"][0].get("secret").is_none());
    let revisions = client.get("/api/v1/revisions").await.1.to_string();
    assert!(revisions.contains("review") && !revisions.contains(secret));

    // Whoever follows it is sent on to the same address with a cookie of the host.
    let path = format!("/a?x=1&{query}&y=2");
    until(SOON, "the link is good", async || ask(&visitor, &path, &[]).await.0 == 303).await;
    let (_, headers, _) = ask(&visitor, &path, &[]).await;
    assert_eq!(headers["location"], "/a?x=1&y=2");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
    assert!(switchboard.figure("switchboard_share_links_followed_total").await >= 2.0);
    let cookie = format!("own=1; {}; other=2", cookie.split(';').next().unwrap());
    let (status, _, body) = ask(&visitor, "/a?x=1", &[("cookie", &cookie)]).await;
    assert_eq!((status, body.as_str()), (200, r#"/a?x=1 ["own=1; other=2"]"#));
    for wrong in ["switchboard-share=sbl_wrong", "switchboard-share=", "own=1"] {
        assert_eq!(outcome(&visitor, "/", &[("cookie", wrong)]).await, (401, "password_required".to_owned()));
    }
    assert_eq!(outcome(&visitor, "/?switchboard-share=sbl_wrong", &[]).await, (403, "link_ended".to_owned()));
    assert!(refused(&switchboard, "link").await >= 1.0);
    let told =
        explained(&client, &format!("http://shared.localhost:{}/", switchboard.address.port()), "127.0.0.1").await;
    assert!(told.to_string().contains("links that are good: 1"), "{told}");

    // What was recorded of it does not have the secret.
    let requests = format!("/api/v1/tunnels/{id}/requests");
    until(SOON, "it is recorded", async || client.get(&requests).await.1.to_string().contains("switchboard-share"))
        .await;
    assert!(!client.get(&requests).await.1.to_string().contains(secret));

    assert_eq!(delete(&client, &format!("{links}?name=nobody")).await.status, 404);
    assert_eq!(delete(&client, &format!("{links}?name=review")).await.status, 204);
    becomes(&visitor, "/", &[("cookie", &cookie)], 401, "password_required").await;
    assert_eq!(outcome(&visitor, &path, &[]).await, (403, "link_ended".to_owned()));
    // Writing what was there before does not bring it back.
    let before = put(&client, &front, json!({"share_links": listed.json["share_links"]})).await;
    assert_eq!((before.status, before.json.get("share_links")), (200, None));
}

#[tokio::test]
async fn a_link_ends_by_itself_and_those_it_let_in_with_it() {
    let switchboard = Switchboard::start().await;
    let origin = echo().await;
    let _telephone = switchboard.telephone("lent", &origin).await;
    let (client, visitor) = (switchboard.client(), switchboard.visitor("lent"));
    let id = switchboard.tunnel("lent").await["id"].as_str().unwrap().to_owned();
    let users = json!({"basic_auth": {"users": [{"name": "ada", "password": "correct horse"}]}});
    assert_eq!(put(&client, &format!("tunnels/{id}/front"), users).await.status, 200);
    let made = post(&client, &format!("tunnels/{id}/front/links"), json!({"name": "short", "expires_in": 60})).await;
    let path = format!("/?{}", made.json["query"].as_str().unwrap());
    until(SOON, "the link is good", async || ask(&visitor, &path, &[]).await.0 == 303).await;
    let (_, headers, _) = ask(&visitor, &path, &[]).await;
    let cookie = headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(outcome(&visitor, "/", &[("cookie", &cookie)]).await.0, 200);
    // The shortest that there is.
    until(Duration::from_secs(120), "its end", async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        ask(&visitor, &path, &[]).await.0 == 403
    })
    .await;
    assert_eq!(outcome(&visitor, "/", &[("cookie", &cookie)]).await, (401, "password_required".to_owned()));
}

#[tokio::test]
async fn whoever_is_too_fast_is_slowed_down() {
    const MIB: usize = 1 << 20;
    let switchboard = Switchboard::start().await;
    let origin = Origin::start(|request| async move {
        let read = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
        Response::new(full(vec![b'x'; if read == 0 { 2 * MIB } else { read }]))
    })
    .await;
    let _telephone = switchboard.telephone("slow", &origin).await;
    let (client, visitor) = (switchboard.client(), switchboard.visitor("slow"));
    let id = switchboard.tunnel("slow").await["id"].as_str().unwrap().to_owned();
    let front = format!("tunnels/{id}/front");
    let too_slow = json!({"bandwidth": [{"bytes_per_second": 1000, "direction": "up"}]});
    assert_eq!(put(&client, &front, too_slow).await.at_fault(), (422, "bandwidth"));
    let limits = json!([{"bytes_per_second": MIB, "direction": "down", "per": "client"},
                        {"bytes_per_second": MIB, "direction": "up", "per": "all"}]);
    assert_eq!(put(&client, &front, json!({"bandwidth": limits})).await.json["bandwidth"], limits);
    let url = format!("http://slow.localhost:{}/", switchboard.address.port());
    until(SOON, "the limits hold", async || {
        explained(&client, &url, "127.0.0.1").await.to_string().contains("1048576 bytes a second pass up, in all")
    })
    .await;

    // Nothing can be faster than the limit lets it, however fast the machine is.
    let begun = std::time::Instant::now();
    assert_eq!(ask(&visitor, "/", &[]).await.2.len(), 2 * MIB);
    assert!(begun.elapsed() >= Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    let sent = visitor.request(Method::POST, "/").body(full(vec![b'y'; 2 * MIB])).unwrap();
    assert_eq!(text(visitor.send(sent).await.unwrap()).await.len(), 2 * MIB);
    assert!(begun.elapsed() >= Duration::from_millis(3_000), "{:?}", begun.elapsed());
    for direction in ["up", "down"] {
        let slowed = format!("switchboard_bodies_slowed_total{{direction=\"{direction}\"}}");
        assert!(switchboard.figure(&slowed).await >= 1.0, "{direction}");
    }
}
