//! The page of what stands in front of something.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::Switchboard;

#[tokio::test]
async fn it_is_said_with_a_form() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (status, tunnel) = client.post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await;
    assert_eq!(status, 201, "{tunnel}");
    let id = tunnel["id"].as_str().unwrap();
    let (mut browser, page) = (Browser::signed_in(&switchboard).await, format!("/web/tunnels/{id}/front"));
    assert!(browser.open(&format!("/web/tunnels/{id}")).await.body.contains(&page));
    let of = format!("tunnel:{id}");
    let form = [
        ("of", of.as_str()),
        ("allow", "203.0.113.0/24\r\n2001:db8::/32"),
        ("deny", ""),
        ("maintenance", "on"),
        ("maintenance_message", "Back at <noon>."),
        ("retry_after_seconds", "60"),
        ("max_body", "1000"),
    ];
    let saved = browser.submit("/web/action/set_front", &form).await;
    assert_eq!(saved.goes_to(), format!("{page}?done=front_set"));
    let (_, front): (u16, Value) = client.get(&format!("/api/v1/tunnels/{id}/front")).await;
    let expected = json!({
        "allow": ["203.0.113.0/24", "2001:db8::/32"],
        "maintenance": {"message": "Back at <noon>.", "retry_after_seconds": 60},
        "body_limit": 1000,
    });
    assert_eq!(front, expected);
    let shown = browser.open(&page).await.body;
    for part in ["203.0.113.0/24", "Back at &lt;noon", "value=\"1000\"", "Let everything pass"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }

    // What was entered comes back with the reason, and nothing was changed.
    let wrong: Vec<_> = form
        .into_iter()
        .map(|(name, value)| if name == "allow" { (name, "10.0.0.0/8 nowhere") } else { (name, value) })
        .collect();
    let back = browser.submit("/web/action/set_front", &wrong).await.goes_to().to_owned();
    assert!(back.starts_with(&page) && back.contains("field=allow"), "{back}");
    let shown = browser.open(&back).await.body;
    assert!(shown.contains("10.0.0.0/8 nowhere") && shown.contains("is neither an address nor a network"), "{shown}");
    assert_eq!(client.get(&format!("/api/v1/tunnels/{id}/front")).await.1, expected);

    let opened = browser.submit("/web/action/open_front", &[("of", &of)]).await;
    assert_eq!(opened.goes_to(), format!("{page}?done=front_set"));
    assert_eq!(client.get(&format!("/api/v1/tunnels/{id}/front")).await.1, json!({}));
    for place in ["domains", "routes"] {
        let nothing = browser.open(&format!("/web/{place}/{id}/front")).await;
        assert_eq!(nothing.status, 404);
    }
}

#[tokio::test]
async fn passwords_are_in_no_address_and_on_no_page() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (status, tunnel) = client.post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await;
    assert_eq!(status, 201, "{tunnel}");
    let (id, mut browser) = (tunnel["id"].as_str().unwrap(), Browser::signed_in(&switchboard).await);
    let (of, page) = (format!("tunnel:{id}"), format!("/web/tunnels/{id}/front"));
    let form = [
        ("of", of.as_str()),
        ("rate_limits", "100/60 client\r\n1000/1 all burst 2000"),
        ("most_at_once", "50"),
        ("realm", "Preview"),
        ("basic_users", "ada: a quiet evening\r\nbob:an:other one"),
        ("page_4xx", "<h1>no</h1>"),
        ("page_503", "<h1>later</h1>"),
        ("page_5xx", "<h1>{status}</h1>"),
        ("max_headers", "4096"),
        ("deny", "198.51.100.0/24 203.0.113.9"),
    ];
    assert_eq!(browser.submit("/web/action/set_front", &form).await.goes_to(), format!("{page}?done=front_set"));
    let expected = json!({
        "rate_limits": [
            {"requests": 100, "seconds": 60, "per": "client"},
            {"requests": 1000, "seconds": 1, "burst": 2000, "per": "all"},
        ],
        "max_in_flight": 50,
        "basic_auth": {"realm": "Preview", "users": [{"name": "ada"}, {"name": "bob"}]},
        "error_pages": {"4xx": "<h1>no</h1>", "503": "<h1>later</h1>", "5xx": "<h1>{status}</h1>"},
        "header_limit": 4096,
        "deny": ["198.51.100.0/24", "203.0.113.9"],
    });
    let front = async || client.get(&format!("/api/v1/tunnels/{id}/front")).await.1;
    assert_eq!(front().await, expected);
    let shown = browser.open(&page).await.body;
    assert!(shown.contains("100/60 client\n1000/1 all burst 2000") && shown.contains("ada\nbob"), "{shown}");
    assert!(!shown.contains("evening") && !shown.contains("argon2"), "{shown}");

    let wrong = [("of", of.as_str()), ("basic_users", "ada: a loud evening\neve"), ("rate_limits", "1/1 all")];
    let back = browser.submit("/web/action/set_front", &wrong).await.goes_to().to_owned();
    assert!(
        back.contains("field=basic_users") && back.contains("rate_limits=1") && !back.contains("evening"),
        "{back}"
    );
    assert!(browser.open(&back).await.body.contains("A name alone keeps a password"));
    assert_eq!(front().await, expected, "nothing was changed");
}

/// What a field of several lines holds, as it is written in the page; `None`: there is no such field.
fn lines_of<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, field) = body.split_once(&format!("name=\"{name}\""))?;
    let (_, text) = field.split_once('>')?;
    text.split_once("</textarea>").map(|(text, _)| text)
}

#[tokio::test]
async fn error_pages_for_any_status_are_shown_changed_added_and_taken_away() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let tunnel = client.post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await.1;
    let id = tunnel["id"].as_str().unwrap();
    let (mut browser, page) = (Browser::signed_in(&switchboard).await, format!("/web/tunnels/{id}/front"));
    let (of, api) = (format!("tunnel:{id}"), format!("/api/v1/tunnels/{id}/front"));
    let front = async || client.get(&api).await.1;
    let pages = json!({"404": "<p>none</p>", "502": "<p>broken</p>", "5xx": "<p>else</p>"});
    assert_eq!(client.patch(&api, &json!({"error_pages": pages})).await.0, 200);

    // There is a field for what was set otherwise, and for what is usual.
    let shown = browser.open(&page).await.body;
    for (name, text) in [
        ("page_404", Some("&lt;p&gt;none&lt;/p&gt;")),
        ("page_502", Some("&lt;p&gt;broken&lt;/p&gt;")),
        ("page_5xx", Some("&lt;p&gt;else&lt;/p&gt;")),
        ("page_503", Some("")),
        ("page_4xx", Some("")),
        ("page_410", None),
    ] {
        assert_eq!(lines_of(&shown, name), text, "{name}: {shown}");
    }

    // One is changed, one taken away, one added, and one is not in the form.
    let form = [
        ("of", of.as_str()),
        ("page_404", "<p>gone</p>"),
        ("page_502", ""),
        ("page_new_for", "410"),
        ("page_new", "<p>never</p>"),
    ];
    assert_eq!(browser.submit("/web/action/set_front", &form).await.goes_to(), format!("{page}?done=front_set"));
    let expected = json!({"error_pages": {"404": "<p>gone</p>", "410": "<p>never</p>", "5xx": "<p>else</p>"}});
    assert_eq!(front().await, expected);
    let shown = browser.open(&page).await.body;
    assert_eq!(lines_of(&shown, "page_410"), Some("&lt;p&gt;never&lt;/p&gt;"), "{shown}");
    assert_eq!(lines_of(&shown, "page_502"), None, "{shown}");

    // What was entered comes back, what was emptied too; also the field of a page that is there no more.
    let wrong = [
        ("of", of.as_str()),
        ("allow", "nowhere"),
        ("page_404", ""),
        ("page_410", "<p>changed</p>"),
        ("page_502", "<p>again</p>"),
        ("page_new_for", "451"),
        ("page_new", "<p>by law</p>"),
    ];
    let back = browser.submit("/web/action/set_front", &wrong).await.goes_to().to_owned();
    assert!(back.contains("field=allow"), "{back}");
    let shown = browser.open(&back).await.body;
    for (name, text) in [
        ("page_404", ""),
        ("page_410", "&lt;p&gt;changed&lt;/p&gt;"),
        ("page_502", "&lt;p&gt;again&lt;/p&gt;"),
        ("page_5xx", "&lt;p&gt;else&lt;/p&gt;"),
        ("page_new", "&lt;p&gt;by law&lt;/p&gt;"),
    ] {
        assert_eq!(lines_of(&shown, name), Some(text), "{name}: {shown}");
    }
    assert!(shown.contains("value=\"451\""), "{shown}");
    assert_eq!(front().await, expected, "nothing was changed");

    for (new, text, field, reason) in [
        ("404", "<p>two</p>", "page_new_for", "There is a page for this already"),
        ("302", "<p>two</p>", "page_new_for", "names no errors"),
        ("", "<p>two</p>", "page_new_for", "Say what the page is for"),
        ("451", "", "page_new", "Write the page"),
    ] {
        let form = [("of", of.as_str()), ("page_new_for", new), ("page_new", text)];
        let back = browser.submit("/web/action/set_front", &form).await.goes_to().to_owned();
        assert!(back.ends_with(&format!("&error=invalid&field={field}")), "{back}");
        let shown = browser.open(&back).await.body;
        assert!(shown.contains(reason), "{new}: {shown}");
    }
    let eight = json!({
        "400": "<p>", "401": "<p>", "403": "<p>", "404": "<p>", "409": "<p>", "410": "<p>", "4xx": "<p>", "5xx": "<p>",
    });
    assert_eq!(client.patch(&api, &json!({"error_pages": eight})).await.0, 200);
    let form = [("of", of.as_str()), ("page_new_for", "451"), ("page_new", "<p>")];
    let back = browser.submit("/web/action/set_front", &form).await.goes_to().to_owned();
    assert!(browser.open(&back).await.body.contains("There are at most 8 error pages"), "{back}");
    assert_eq!(front().await, json!({"error_pages": eight}));
}

#[tokio::test]
async fn a_link_is_made_with_a_form_and_shown_once() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let tunnel = client.post("/api/v1/tunnels", &json!({"subdomain": "shop"})).await.1;
    let id = tunnel["id"].as_str().unwrap();
    let (mut browser, page) = (Browser::signed_in(&switchboard).await, format!("/web/tunnels/{id}/front"));
    let of = format!("tunnel:{id}");
    let form = [("of", of.as_str()), ("link_name", "the <b>review"), ("expires_in", "3600")];
    let made = browser.submit("/web/action/make_link", &form).await;
    assert_eq!(made.goes_to(), format!("{page}?done=link_made"));
    let shown = browser.open(made.goes_to()).await.body;
    assert!(shown.contains("?switchboard-share=sbl_") && shown.contains("the &lt;b"), "{shown}");
    let shown = browser.open(&page).await.body;
    assert!(!shown.contains("sbl_") && shown.contains("the &lt;b"), "{shown}");
    let again = browser.submit("/web/action/make_link", &form).await.goes_to().to_owned();
    assert!(again.contains("error=share_link_exists"), "{again}");
    // Saving the form of all the rest leaves links as they are.
    let saved = browser.submit("/web/action/set_front", &[("of", of.as_str()), ("max_body", "1000")]).await;
    assert_eq!(saved.goes_to(), format!("{page}?done=front_set"));
    let front = client.get(&format!("/api/v1/tunnels/{id}/front")).await.1;
    assert_eq!(front["share_links"][0]["name"], "the <b>review");
    let ended = browser.submit("/web/action/end_link", &form[..2]).await;
    assert_eq!(ended.goes_to(), format!("{page}?done=link_ended"));
    let front = client.get(&format!("/api/v1/tunnels/{id}/front")).await.1;
    assert_eq!(front, json!({"body_limit": 1000}));
}
