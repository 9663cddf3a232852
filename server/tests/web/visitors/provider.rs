//! Visitors whose accounts are a provider's.

use serde_json::json;

use super::guest::{Guest, SOON, anybody, link_on, on_dashboard, path_of};
use crate::browser::Browser;
use crate::oidc::setup::{ANYONE, both, sign_in_from};
use crate::support::{Origin, until};

#[tokio::test]
async fn whoever_signs_in_with_the_provider_is_let_in() {
    let (switchboard, provider) = both(ANYONE).await;
    let origin = Origin::mirror().await;
    let _telephone = switchboard.telephone("shop", &origin).await;
    let tunnel = switchboard.tunnel("shop").await["id"].as_str().unwrap().to_owned();
    let (status, said) = switchboard.client().patch(&format!("/api/v1/tunnels/{tunnel}/front"), &anybody()).await;
    assert_eq!(status, 200, "{said}");
    let mut guest = Guest::of(&switchboard, "shop.localhost");
    until(SOON, "somebody is asked", async || guest.open("/").await.status == 303).await;

    let way = on_dashboard(guest.open("/a?b=c").await.location());
    let mut browser = Browser::new(&switchboard);
    let login = browser.open(&way).await.goes_to().to_owned();
    let page = browser.open(&login).await.body;
    let at = page.find("/web/login/oidc?next=").unwrap_or_else(|| panic!("no way to the provider in {page}"));
    let from = page[at..].split('"').next().unwrap().replace("&amp;", "&");
    // Back from there it goes on to where it was going.
    let on = sign_in_from(&mut browser, &provider, &from).await.goes_to().to_owned();
    assert_eq!(on, way);
    let question = browser.open(&on).await.body;
    assert!(question.contains("grace@example.com"), "{question}");
    let back = guest.open(&path_of(&link_on(&question))).await;
    assert_eq!(back.location(), "/a?b=c");
    let seen = guest.open("/a?b=c").await;
    assert!(seen.status == 200 && seen.body.contains("\nx-switchboard-user: grace@example.com\n"), "{}", seen.body);
    let log = switchboard.client().get("/api/v1/audit?kind=entered").await.1;
    assert_eq!(log["items"][0]["account_email"], json!("grace@example.com"));
}
