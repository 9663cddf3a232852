//! Sessions begin and end.

use http::{Method, header};

use crate::browser::Browser;
use crate::support::{Switchboard, full};

#[tokio::test]
async fn who_only_looks_gets_no_cookie() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::new(&switchboard);
    for path in ["/", "/web", "/web/login", "/web/signup", "/nothing"] {
        assert!(browser.open(path).await.headers.get("set-cookie").is_none(), "{path}");
    }
}

#[tokio::test]
async fn signing_in_makes_a_new_session_and_ends_the_one_before() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let mut before = browser.clone();
    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    browser.submit("/web/action/sign_in", &account).await;
    assert_ne!(browser.cookie, before.cookie);
    assert_eq!(browser.open("/web").await.status, 200);
    assert!((300..400).contains(&before.open("/web").await.status), "the old id is worth nothing");

    let mut planted = Browser::new(&switchboard);
    planted.cookie = Some("switchboard=AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    planted.submit("/web/action/sign_in", &account).await;
    assert_ne!(planted.cookie.as_deref(), Some("switchboard=AAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!(planted.open("/web").await.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let mut copy = browser.clone();
    assert!(browser.submit("/web/action/sign_out", &[]).await.goes_to().starts_with("/web/login"));
    assert_eq!(browser.cookie, None);
    assert!((300..400).contains(&copy.open("/web").await.status));
}

#[tokio::test]
async fn a_session_survives_the_server() {
    let switchboard = Switchboard::start().await;
    let browser = Browser::signed_in(&switchboard).await;
    let folder = switchboard.stop().await;
    let switchboard = Switchboard::start_in(folder, &[]).await;
    let mut browser = Browser { cookie: browser.cookie, ..Browser::new(&switchboard) };
    assert_eq!(browser.open("/web").await.status, 200);
}

#[tokio::test]
async fn other_browsers_are_listed_and_can_be_signed_out() {
    let switchboard = Switchboard::start().await;
    let (mut here, mut there) = (Browser::signed_in(&switchboard).await, Browser::signed_in(&switchboard).await);
    let settings = here.open("/web/settings").await;
    assert!(settings.body.contains("127.0.0.1"), "where a browser signed in from is shown");
    assert!(here.submit("/web/action/end_other_sessions", &[]).await.goes_to().starts_with("/web/settings"));
    assert_eq!(here.open("/web").await.status, 200);
    assert!((300..400).contains(&there.open("/web").await.status));
}

#[tokio::test]
async fn a_changed_password_signs_the_others_out() {
    let switchboard = Switchboard::start().await;
    let (mut here, mut there) = (Browser::signed_in(&switchboard).await, Browser::signed_in(&switchboard).await);
    let fields = [
        ("current_password", Switchboard::PASSWORD),
        ("new_password", "another long password"),
        ("repeated_password", "another long password"),
    ];
    let mut copy = here.clone();
    let changed = here.submit("/web/action/change_password", &fields).await;
    assert!(changed.goes_to().contains("done="), "{changed:?}");
    assert!((300..400).contains(&copy.open("/web").await.status), "the session has a new id");
    assert_eq!(here.open("/web").await.status, 200);
    assert!((300..400).contains(&there.open("/web").await.status));
    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    assert!(Browser::new(&switchboard).submit("/web/action/sign_in", &account).await.goes_to().contains("error="));
}

/// A tunnelled application is on a sibling of the dashboard's host, and may set cookies for both.
#[tokio::test]
async fn a_session_is_known_by_one_cookie_with_its_own_name_only() {
    let settings = [("SWITCHBOARD_PUBLIC_URL", "https://localhost"), ("SWITCHBOARD_TRUSTED_PROXIES", "127.0.0.0/8")];
    let account = Switchboard::start().await.stop().await;
    let switchboard = Switchboard::start_in(account, &settings).await;
    let client = switchboard.client().bearer("");
    let ask = async |method: Method, path: &str, cookie: &str, body: String| {
        let request = client.request(method, path).header("x-forwarded-proto", "https").header(header::COOKIE, cookie);
        let request = request.header(header::ORIGIN, "https://localhost");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        client.send(request.body(full(body)).unwrap()).await.unwrap()
    };
    let account = format!("email={}&password={}", Switchboard::EMAIL, Switchboard::PASSWORD.replace(' ', "+"));
    let signed_in = ask(Method::POST, "/web/action/sign_in", "theme=dark", account).await;
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let (name, value) = cookie.split_once('=').unwrap();
    assert_eq!(name, "__Host-switchboard");
    for (cookies, signed_in) in [
        (cookie.clone(), true),
        (format!("theme=dark; {cookie}; other=%20"), true),
        (format!("%70lanted=1; {cookie}"), true),
        (format!("%5F%5FHost-switchboard={value}"), false),
        (format!("__Host-%73witchboard={value}"), false),
        (format!("switchboard={value}"), false),
        (format!("{cookie}; __Host-switchboard=AAAAAAAAAAAAAAAAAAAAAA"), false),
        (format!("__Host-switchboard=AAAAAAAAAAAAAAAAAAAAAA; {cookie}"), false),
    ] {
        let status = ask(Method::GET, "/web", &cookies, String::new()).await.status().as_u16();
        assert_eq!(status == 200, signed_in, "{cookies}: {status}");
    }
}

#[tokio::test]
async fn programs_are_listed_beside_browsers_and_can_be_signed_out() {
    let switchboard = Switchboard::start().await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let program = switchboard.client();
    assert_eq!(program.get("/api/v1/me").await.0, 200);
    let page = browser.open("/web/settings").await.body;
    let form = page.split("action=\"/web/action/end_program\"").nth(1).unwrap();
    let id = form.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let ended = browser.submit("/web/action/end_program", &[("id", &id)]).await;
    let page = browser.open(ended.goes_to()).await.body;
    assert!(page.contains("That program was signed out.") && !page.contains("end_program\""), "{page}");
    assert_eq!(program.get("/api/v1/me").await.0, 401);

    let account = serde_json::json!({"email": Switchboard::EMAIL, "password": Switchboard::PASSWORD});
    let mut programs = Vec::new();
    for _ in 0..2 {
        let (status, tokens) = program.post("/api/v1/auth/login", &account).await;
        assert_eq!(status, 200);
        programs.push(program.clone().bearer(tokens["access_token"].as_str().unwrap()));
    }
    let ended = browser.submit("/web/action/end_programs", &[]).await;
    assert_eq!(ended.goes_to(), "/web/settings?done=programs_ended");
    for program in programs {
        assert_eq!(program.get("/api/v1/me").await.0, 401);
    }
    assert_eq!(browser.open("/web").await.status, 200, "the browser stays");
}
