//! Signing in in front of tunnels and domains, with the dashboard's accounts: browsers on their way there and back.

mod backends;
mod guest;
mod lasting;
mod nodes;
mod provider;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::browser::Browser;
use crate::support::{Body, Origin, until, within};
use guest::{BADGE, ENTRY, Guest, HOSTS, SOON, Setting, anybody, link_on, on_dashboard, path_of};

#[tokio::test]
async fn who_is_signed_in_is_let_in_and_named() {
    let setting = Setting::with(anybody()).await;
    let mut bob = setting.bob().await;
    for host in HOSTS {
        let mut guest = Guest::of(&setting.switchboard, host);
        let sent = guest.open("/a/b?c=d&e").await;
        assert!(sent.headers["cache-control"] == "no-store" && sent.headers["referrer-policy"] == "no-referrer");
        let way = on_dashboard(sent.location());
        let signed_out = Browser::new(&setting.switchboard).open(&way).await;
        let next = signed_out.goes_to().to_owned();
        assert!(next.starts_with("/web/login?next=%2Fweb%2Fenter%3Fto%3DaHR0c"), "{next}");
        let question = bob.open(&way).await.body;
        assert!(question.contains(host) && question.contains("bob@example.com"), "{question}");
        assert!(!question.contains("0;url="), "nobody is told of Bob before he says so: {question}");
        let back = guest.open(&path_of(&link_on(&question))).await;
        assert_eq!(back.location(), "/a/b?c=d&e");
        assert!(guest.jar[BADGE].len() > 40, "{:?}", guest.jar);
        // What a client says of itself is worth nothing.
        let claims = [
            ("accept", "text/html"),
            ("x-switchboard-user", "eve@example.com"),
            ("x_switchboard_user", "eve@example.com"),
            ("remote-user", "eve@example.com"),
            ("x-forwarded-email", "eve@example.com"),
            ("x-forwarded-groups", "eve"),
            ("connection", "x-switchboard-user"),
        ];
        guest.jar.insert("theirs".to_owned(), "1".to_owned());
        let seen = guest.ask(Method::POST, "/form", &claims).await;
        assert!(seen.status == 200 && seen.body.starts_with("POST /form"), "{}", seen.body);
        for told in ["x-switchboard-user", "x-forwarded-user", "remote-user"] {
            assert!(seen.body.contains(&format!("\n{told}: bob@example.com\n")), "{told}: {}", seen.body);
        }
        assert!(!seen.body.contains("eve") && seen.body.contains("\ncookie: theirs=1\n"), "{}", seen.body);
        assert!(!seen.body.contains("switchboard-visitor") && !seen.body.contains("switchboard-entry"));
    }
    // An owner's own host asks nothing.
    let mut owner = Browser::signed_in(&setting.switchboard).await;
    let mut guest = Guest::of(&setting.switchboard, "shop.localhost");
    let sent = guest.open("/").await;
    let page = owner.open(&on_dashboard(sent.location())).await;
    let onward = page.headers[header::REFRESH].to_str().unwrap();
    assert!(onward.starts_with("0;url=http://shop.localhost:"), "{onward}");
    let log = setting.switchboard.client().get("/api/v1/audit?kind=entered").await.1;
    let first = &log["items"][1];
    assert_eq!((&first["account_email"], &first["detail"]), (&json!("bob@example.com"), &json!("shop.localhost")));
    let refused = setting.switchboard.figure("switchboard_requests_refused_total{reason=\"sign_in\"}").await;
    assert!(refused >= 3.0, "{refused}");
    let explained =
        setting.switchboard.client().post("/api/v1/routes/explain", &json!({"url": "http://shop.localhost/"})).await.1;
    assert!(explained.to_string().contains("the tunnel asks for an account of the dashboard"), "{explained}");
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn what_is_no_page_is_told_to_sign_in() {
    let setting = Setting::with(anybody()).await;
    for host in HOSTS {
        let mut guest = Guest::of(&setting.switchboard, host);
        let page = ("accept", "text/html");
        for (method, fields, status) in [
            (Method::GET, &[][..], 401),
            (Method::GET, &[("accept", "application/json")], 401),
            (Method::HEAD, &[page], 303),
            (Method::POST, &[page], 401),
            (Method::DELETE, &[page], 401),
            (Method::OPTIONS, &[("origin", "http://evil.example"), ("access-control-request-method", "GET")], 401),
            (Method::GET, &[("connection", "upgrade"), ("upgrade", "websocket")], 401),
            // A token of the API is for the API.
            (Method::GET, &[("authorization", "Bearer sbp_0000000000000000000000000000000000000000000")], 401),
        ] {
            let seen = guest.ask(method.clone(), "/x", fields).await;
            assert_eq!(seen.code(), (status, "sign_in_required"), "{method} {fields:?}");
            if status == 401 {
                assert_eq!(seen.headers["www-authenticate"], "Switchboard");
                assert!(!guest.jar.contains_key(BADGE) && !seen.headers.contains_key("location"));
            }
        }
    }
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn a_ticket_is_good_once_for_one_browser_at_one_host() {
    let setting = Setting::with(anybody()).await;
    let mut bob = setting.bob().await;
    let [shop, app] = HOSTS.map(|host| Guest::of(&setting.switchboard, host));
    for (own, other) in [(&shop, &app), (&app, &shop)] {
        let mut guest = own.clone();
        // Eve has a ticket of her own, and has others follow it: what they do would be done as Eve.
        let ticket = guest.ticket(&mut bob, "/").await;
        let mut victim = own.clone();
        victim.open("/").await;
        assert_eq!(victim.open(&ticket).await.code(), (403, "sign_in_failed"));
        assert!(!victim.jar.contains_key(BADGE));
        assert_eq!(guest.open(&ticket).await.code(), (403, "sign_in_failed"), "it was used, though in vain");

        let ticket = guest.ticket(&mut bob, "/").await;
        let mut elsewhere = other.clone();
        elsewhere.jar.clone_from(&guest.jar);
        assert_eq!(elsewhere.open(&ticket).await.code(), (403, "sign_in_failed"), "it is for another host");
        let mut without = own.clone();
        without.jar.insert("other".to_owned(), guest.jar[ENTRY].clone());
        assert_eq!(guest.ask(Method::POST, &ticket, &[("accept", "text/html")]).await.status, 401);
        assert_eq!(guest.open(&ticket).await.location(), "/");
        // Twice: in the browser that is in already it leads on, in a copy it does nothing.
        assert_eq!(guest.open(&ticket).await.location(), "/");
        let mut copy = own.clone();
        copy.jar.insert(ENTRY.to_owned(), guest.jar[ENTRY].clone());
        assert_eq!(copy.open(&ticket).await.code(), (403, "sign_in_failed"));

        // The badge is for this host, and nobody can make one.
        elsewhere.jar.clone_from(&guest.jar);
        assert_eq!(elsewhere.open("/").await.status, 303);
        for forged in ["", "x", &"A".repeat(200), &guest.jar[BADGE][1..], &bob.cookie.clone().unwrap()[12..]] {
            let mut forger = own.clone();
            forger.jar.insert(BADGE.to_owned(), forged.to_owned());
            assert_eq!(forger.open("/").await.status, 303, "{forged}");
        }
        assert_eq!(guest.open("/").await.status, 200);
        let mut worthless = own.clone();
        worthless.open("/").await;
        for ticket in ["", "x", &guest.jar[BADGE]] {
            let path = format!("/?switchboard-ticket={ticket}");
            assert_eq!(worthless.open(&path).await.code(), (403, "sign_in_failed"), "{ticket}");
        }
    }
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn the_way_back_leads_nowhere_else() {
    let setting = Setting::with(anybody()).await;
    let mut bob = setting.bob().await;
    let mut guest = Guest::of(&setting.switchboard, "shop.localhost");
    for (path, back) in [
        ("//evil.example/x", "/evil.example/x"),
        ("/\\evil.example", "/evil.example"),
        ("/%2F%2Fevil.example", "/%2F%2Fevil.example"),
        ("/?next=http://evil.example", "/?next=http://evil.example"),
    ] {
        guest.jar.remove(BADGE);
        let ticket = guest.ticket(&mut bob, path).await;
        let seen = guest.open(&ticket).await;
        assert_eq!(seen.location(), back, "{path}");
    }
    let browser = "0".repeat(64);
    let port = setting.switchboard.address.port();
    for to in [
        "http://evil.example/".to_owned(),
        format!("http://shop.localhost@evil.example:{port}/"),
        format!("http://eve@shop.localhost:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        "http://shop.localhost:1/".to_owned(),
        format!("ftp://shop.localhost:{port}/"),
        format!("//shop.localhost:{port}/"),
        "javascript:alert(1)".to_owned(),
        "/web".to_owned(),
        String::new(),
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("to", &BASE64_URL_SAFE_NO_PAD.encode(&to)), ("browser", &browser)])
            .finish();
        let page = bob.open(&format!("/web/enter?{query}")).await;
        assert_eq!(page.status, 404, "{to}");
        assert!(!page.body.contains("switchboard-ticket"), "{to}");
    }
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn only_the_listed_are_let_in_and_the_owner() {
    let setting = Setting::with(anybody()).await;
    let mut bob = setting.bob().await;
    let client = setting.switchboard.client();
    let account = json!({"email": "eve@example.com", "password": "yet another long one"});
    assert_eq!(client.post("/api/v1/auth/register", &account).await.0, 201);
    let domain = "/api/v1/domains/app.example.com/front";
    for (wrong, text) in [
        (json!({"who": "listed"}), "list 1 to 100"),
        (json!({"who": "listed", "accounts": ["nobody@example.com"]}), "nobody here has the address"),
        (json!({"who": "listed", "accounts": ["eve@example.com", "EVE@example.com"]}), "twice"),
        (json!({"who": "anybody", "accounts": ["eve@example.com"]}), "choose listed"),
    ] {
        let (status, said) = client.patch(domain, &json!({"sign_in": wrong})).await;
        assert!(status == 422 && said.to_string().contains(text), "{said}");
    }
    let mut guest = Guest::of(&setting.switchboard, "app.example.com");
    assert_eq!(guest.enter(&mut bob, "/").await.status, 200);
    let listed = json!({"sign_in": {"who": "listed", "accounts": ["eve@example.com"]}});
    let (status, said) = client.patch(domain, &listed).await;
    assert_eq!((status, &said), (200, &listed), "ids are nobody's business");
    until(SOON, "Bob is sent away", async || guest.open("/").await.status == 303).await;
    assert_eq!(guest.ask(Method::GET, "/", &[]).await.code(), (403, "not_let_in"));
    let sent = guest.open("/").await;
    let page = bob.open(&on_dashboard(sent.location())).await;
    assert!(page.status == 403 && page.body.contains("does not let you in"), "{}", page.body);
    assert!(!page.body.contains("switchboard-ticket"));
    let log = client.get("/api/v1/audit?kind=entry_refused").await.1;
    assert_eq!(log["items"][0]["account_email"], "bob@example.com");
    // Whoever takes a listed address later is somebody else.
    let mut eve = Browser::new(&setting.switchboard);
    let account = [("email", "eve@example.com"), ("password", "yet another long one")];
    assert_eq!(eve.submit("/web/action/sign_in", &account).await.goes_to(), "/web");
    let mut hers = Guest::of(&setting.switchboard, "app.example.com");
    assert_eq!(hers.enter(&mut eve, "/").await.status, 200);
    let move_to = |email: &'static str, password: &'static str| [("email", email), ("current_password", password)];
    let moved = eve.submit("/web/action/change_email", &move_to("moved@example.com", "yet another long one")).await;
    assert!(moved.goes_to().contains("done=email_changed"), "{moved:?}");
    let taken = bob.submit("/web/action/change_email", &move_to("eve@example.com", "a different long one")).await;
    assert!(taken.goes_to().contains("done=email_changed"), "{taken:?}");
    assert_eq!(guest.ask(Method::GET, "/", &[]).await.code(), (403, "not_let_in"));
    assert_eq!(hers.open("/").await.status, 200);
    let mut owner = Browser::signed_in(&setting.switchboard).await;
    let mut own = Guest::of(&setting.switchboard, "app.example.com");
    assert_eq!(own.enter(&mut owner, "/").await.status, 200, "the owner always is");
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let setting = Setting::with(anybody()).await;
    let client = setting.switchboard.client();
    let mut bob = setting.bob().await;
    let sign_in = [("email", "bob@example.com"), ("password", "a different long one")];
    let users = client.get("/api/v1/users?search=bob").await.1;
    let id = users["items"][0]["id"].as_str().unwrap().to_owned();
    for (end, host) in ["sign out", "password", "deactivate"].into_iter().zip(HOSTS.into_iter().cycle()) {
        let mut guest = Guest::of(&setting.switchboard, host);
        assert_eq!(guest.enter(&mut bob, "/").await.status, 200, "{end}");
        match end {
            "sign out" => {
                bob.submit("/web/action/sign_out", &[]).await.goes_to();
                bob.submit("/web/action/sign_in", &sign_in).await.goes_to();
            }
            "password" => {
                let mut other = Browser::new(&setting.switchboard);
                other.submit("/web/action/sign_in", &sign_in).await.goes_to();
                let new = "a whole new long one";
                let change = [("current_password", sign_in[1].1), ("new_password", new), ("repeated_password", new)];
                let changed = other.submit("/web/action/change_password", &change).await;
                assert!(changed.goes_to().contains("done=password_changed"), "{changed:?}");
                bob = other;
            }
            _ => {
                let (status, said) = client.post(&format!("/api/v1/users/{id}/deactivate"), &json!({})).await;
                assert_eq!(status, 200, "{said}");
            }
        }
        until(SOON, &format!("{end}: Bob is out"), async || guest.open("/").await.status == 303).await;
    }
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn an_open_connection_ends_with_the_session() {
    let setting = Setting::with(anybody()).await;
    let mut bob = setting.bob().await;
    // A server that says hello on another protocol, and then waits.
    let origin = Origin::start(async |mut request| {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let mut socket = TokioIo::new(upgraded);
            socket.write_all(b"hello").await.ok();
            // Nothing comes: it waits until the connection ends.
            socket.read_u8().await.ok();
        });
        let response = http::Response::builder().status(101).header(header::CONNECTION, "upgrade");
        response.header(header::UPGRADE, "greeting").body(Body::default()).unwrap()
    })
    .await;
    let telephone = setting.switchboard.telephone("greets", &origin).await;
    let id = setting.switchboard.tunnel("greets").await["id"].as_str().unwrap().to_owned();
    let client = setting.switchboard.client();
    assert_eq!(client.patch(&format!("/api/v1/tunnels/{id}/front"), &anybody()).await.0, 200);
    let mut guest = Guest::of(&setting.switchboard, "greets.localhost");
    until(SOON, "somebody is asked", async || guest.open("/").await.status == 303).await;
    let ticket = guest.ticket(&mut bob, "/").await;
    assert_eq!(guest.open(&ticket).await.location(), "/");
    let request = guest
        .client
        .request(Method::GET, "/")
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "greeting")
        .header(header::COOKIE, format!("{BADGE}={}", guest.jar[BADGE]))
        .body(Body::default())
        .unwrap();
    let mut connection = guest.client.connect().await;
    let response = connection.send_request(request).await.unwrap();
    assert_eq!(response.status(), 101);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut hello = [0; 5];
    socket.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello");
    // Another browser of Bob's is not his.
    let mut other = Browser::new(&setting.switchboard);
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    other.submit("/web/action/sign_in", &account).await.goes_to();
    other.submit("/web/action/sign_out", &[]).await.goes_to();
    assert_ne!(guest.open("/x").await.status, 303, "he is still in");
    bob.submit("/web/action/sign_out", &[]).await.goes_to();
    let ended = within(SOON, "the connection ends", socket.read(&mut hello)).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    telephone.shutdown().await;
    setting.telephone.shutdown().await;
}

#[tokio::test]
async fn a_link_lets_in_without_signing_in_and_a_password_is_asked_for_besides() {
    let setting = Setting::with(anybody()).await;
    let client = setting.switchboard.client();
    let id = setting.switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
    let front = format!("/api/v1/tunnels/{id}/front");
    let (status, link) = client.post(&format!("{front}/links"), &json!({"name": "a", "expires_in": 600})).await;
    assert_eq!(status, 201, "{link}");
    let mut guest = Guest::of(&setting.switchboard, "shop.localhost");
    let path = format!("/?{}", link["query"].as_str().unwrap());
    until(SOON, "the link works", async || {
        guest.open(&path).await.status == 303 && guest.open("/").await.status == 200
    })
    .await;
    let seen = guest.ask(Method::GET, "/", &[("x-switchboard-user", "eve")]).await;
    assert!(seen.status == 200 && !seen.body.contains("switchboard-user"), "{}", seen.body);

    let both = json!({"basic_auth": {"users": [{"name": "ada", "password": "correct horse"}]}});
    assert_eq!(client.patch(&front, &both).await.0, 200);
    let mut bob = setting.bob().await;
    let mut guest = Guest::of(&setting.switchboard, "shop.localhost");
    let ticket = guest.ticket(&mut bob, "/").await;
    assert_eq!(guest.open(&ticket).await.location(), "/");
    until(SOON, "the password is asked for", async || guest.open("/").await.code() == (401, "password_required")).await;
    let basic = ("authorization", "Basic YWRhOmNvcnJlY3QgaG9yc2U=");
    assert_eq!(guest.ask(Method::GET, "/", &[basic]).await.status, 200);
    let mut nobody = Guest::of(&setting.switchboard, "shop.localhost");
    assert_eq!(nobody.ask(Method::GET, "/", &[basic]).await.code(), (401, "sign_in_required"));
    setting.telephone.shutdown().await;
    drop(setting.origin);
}
