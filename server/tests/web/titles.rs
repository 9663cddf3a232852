//! Each page says in its title what it is, as it is sent: tabs, bookmarks and screen readers name it so before any script
//! runs.

use std::collections::{BTreeMap, BTreeSet};

use app::App;
use futures_util::future::join_all;
use leptos_axum::generate_route_list;
use serde_json::{Value, json};

use crate::browser::{Answer, Browser};
use crate::support::{Origin, Switchboard};

/// How often each page is asked for at once: what is rendered beside others must not differ.
const TIMES: usize = 4;

/// Pages that are for those on their way in; whoever is signed in, or has nothing to go on with, is sent on.
const SENT_ON: [&str; 4] = ["/web/setup", "/web/login/code", "/web/login/second-factor", "/web/enter"];

/// The only title of a document, and not that of a picture in it.
fn title(page: &Answer) -> &str {
    let (head, _) = page.body.split_once("</head>").unwrap();
    let mut titles = head.split("<title>").skip(1).map(|rest| rest.split_once("</title>").unwrap().0);
    let title = titles.next().unwrap_or_default();
    assert_eq!(titles.next(), None, "{head}");
    title
}

async fn create(switchboard: &Switchboard, what: &str, body: Value) -> Value {
    let (status, made) = switchboard.client().post(&format!("/api/v1/{what}"), &body).await;
    assert_eq!(status, 201, "{what}: {made}");
    made
}

/// An address of each page that shows one thing, with the words that stand for it in its route.
async fn things(switchboard: &Switchboard) -> BTreeMap<&'static str, String> {
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let tunnel = create(switchboard, "tunnels", json!({"subdomain": "blog"})).await;
    let service = create(switchboard, "services", json!({"name": "shop", "health_check": {"enabled": false}})).await;
    let backend = json!({"id": "web-1", "address": "10.0.0.1:80", "service": "shop"});
    let backend = create(switchboard, "backends", backend).await["key"].as_str().unwrap().to_owned();
    let domain = create(switchboard, "domains", json!({"domain": "app.example.com", "service": "shop"})).await;
    let route = json!({"domain": "app.example.com", "mount": "/api", "service": "shop"});
    let route = create(switchboard, "routes", route).await;
    let alert = json!({"name": "down", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/"});
    let alert = create(switchboard, "alerts", alert).await;
    let me = switchboard.client().get("/api/v1/me").await.1;
    let token = |made: &Value| made["link"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    let invitation = create(switchboard, "invitations", json!({"email": "bob@example.com"})).await;
    let reset = create(switchboard, &format!("users/{}/reset", id(&me)), Value::Null).await;
    BTreeMap::from([
        ("/web/tunnels/{id}", id(&tunnel)),
        ("/web/services/{id}", id(&service)),
        ("/web/services/{id}/backends/{backend}", format!("{} {backend}", id(&service))),
        ("/web/domains/{id}", id(&domain)),
        ("/web/routes/{id}", id(&route)),
        ("/web/alerts/{id}", id(&alert)),
        ("/web/users/{id}", id(&me)),
        ("/web/invitation", token(&invitation)),
        ("/web/reset", token(&reset)),
    ])
}

/// The route with ids in place of its words; where it has none, with what it is asked with.
fn address(route: &str, things: &BTreeMap<&str, String>) -> String {
    let longest = things.iter().filter(|(page, _)| route.starts_with(**page)).max_by_key(|(page, _)| page.len());
    let mut ids = longest.map(|(_, ids)| ids.split(' ')).into_iter().flatten();
    if let Some(query) = things.get(route).filter(|_| !route.contains('{')) {
        return format!("{route}?{query}");
    }
    let parts = route.split('/').map(|part| if part.starts_with('{') { ids.next().unwrap() } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_page_has_a_title_of_its_own() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let things = things(&switchboard).await;
    let _telephone = switchboard.telephone("blog", &origin).await;
    let routes: BTreeSet<_> = generate_route_list(App).iter().map(|route| route.path().to_owned()).collect();
    assert!(routes.len() > 30 && routes.contains("/web/tunnels/{id}"), "{routes:?}");
    let signed_in = Browser::signed_in(&switchboard).await;
    let mut seen = BTreeMap::new();
    for route in routes {
        let signs_in = ["/web/login", "/web/signup", "/web/invitation", "/web/reset"].contains(&route.as_str());
        let browser = if signs_in { Browser::new(&switchboard) } else { signed_in.clone() };
        let address = address(&route, &things);
        let answers = join_all((0..TIMES).map(|_| {
            let (mut browser, address) = (browser.clone(), address.clone());
            async move { browser.open(&address).await }
        }))
        .await;
        for answer in answers {
            if (300..400).contains(&answer.status) {
                assert!(SENT_ON.contains(&route.as_str()), "{route} leads to {:?}", answer.headers.get("location"));
                continue;
            }
            let title = title(&answer);
            let own = title.strip_suffix(" · Switchboard").unwrap_or_default();
            assert!(!own.is_empty(), "{route} ({}) is called {title:?}", answer.status);
            if let Some(other) = seen.insert(title.to_owned(), route.clone()) {
                assert_eq!(other, route, "both are called {title}");
            }
        }
    }
    assert!(seen.len() > 28, "{seen:?}");
    // Pages that are not there, and those that are refused, are called something, too.
    let mut browser = signed_in;
    for nothing in ["/web/nothing", "/web/tunnels/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"] {
        let page = browser.open(nothing).await;
        assert!(page.status == 404 && title(&page).ends_with(" · Switchboard"), "{nothing}: {}", title(&page));
    }
}
