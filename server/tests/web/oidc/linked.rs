//! Sign-ins that are linked with accounts, and taken away.

use http::Method;
use serde_json::{Value, json};

use super::setup::{ANYONE, both, is_in, link, sign_in, sign_in_from, there_and_back};
use crate::browser::Browser;
use crate::support::{Body, Person, Switchboard};

#[tokio::test]
async fn an_account_is_linked_by_its_owner_and_unlinked() {
    let (switchboard, provider) = both(&[]).await;
    let mut ada = Browser::signed_in(&switchboard).await;
    assert!(ada.open("/web/settings").await.body.contains("Connect it"));
    let wrong = ada.submit("/web/action/link_identity", &[("current_password", "not it")]).await;
    assert!(wrong.goes_to().contains("field=current_password"), "{wrong:?}");
    let linked = link(&mut ada, &provider, Switchboard::PASSWORD).await;
    assert_eq!(linked.goes_to(), "/web/settings?done=identity_linked");
    let settings = ada.open("/web/settings").await.body;
    assert!(settings.contains("grace@example.com") && settings.contains("unlink_identity"));
    let twice = ada.submit("/web/action/link_identity", &[("current_password", Switchboard::PASSWORD)]).await;
    assert!(twice.goes_to().contains("error=identity_taken"), "{twice:?}");

    let mut elsewhere = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut elsewhere, &provider).await.goes_to(), "/web");
    assert!(elsewhere.open("/web/settings").await.body.contains(Switchboard::EMAIL));
    let own = switchboard.client();
    let identities = own.get("/api/v1/me/identities").await.1;
    let identity = &identities["items"][0];
    assert_eq!(
        (&identity["issuer"], &identity["email"]),
        (&json!(provider.issuer()), &json!("grace@example.com")),
        "{identity}"
    );
    assert!(identity["last_used_at"].is_string());
    let path = format!("/api/v1/me/identities/{}", identity["id"].as_str().unwrap());
    let request = own.request(Method::DELETE, &path).body(Body::default()).unwrap();
    assert_eq!(own.send(request).await.unwrap().status(), 204);
    assert!(is_in(&mut elsewhere).await, "who is in stays in");
    assert!(sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to().contains("error=no_account"));
    for (kind, times) in [("identity_linked", 1), ("identity_unlinked", 1)] {
        let log = own.get(&format!("/api/v1/audit?kind={kind}")).await.1;
        assert_eq!(log["items"].as_array().unwrap().len(), times, "{log}");
        assert!(log.to_string().contains("grace@example.com at http://"), "{log}");
    }
}

#[tokio::test]
async fn one_who_signs_in_there_has_one_account_here() {
    let (switchboard, provider) = both(ANYONE).await;
    assert_eq!(sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to(), "/web");
    let mut ada = Browser::signed_in(&switchboard).await;
    let taken = link(&mut ada, &provider, Switchboard::PASSWORD).await;
    assert!(taken.goes_to().contains("error=identity_taken"), "{taken:?}");
    assert!(ada.open(taken.goes_to()).await.body.contains("connected with another account"));
}

#[tokio::test]
async fn a_link_is_for_whom_it_was_made_and_in_the_same_browser() {
    let (switchboard, provider) = both(ANYONE).await;
    let mut grace = Browser::new(&switchboard);
    sign_in(&mut grace, &provider).await;
    provider.is(Person::new("mallory"));
    let mut ada = Browser::signed_in(&switchboard).await;
    let form = ada.submit("/web/action/link_identity", &[("current_password", Switchboard::PASSWORD)]).await;
    let ticket = form.goes_to().split_once("linking=").unwrap().1.to_owned();
    let from = format!("/web/login/oidc?link={ticket}");
    for browser in [&mut grace, &mut Browser::new(&switchboard)] {
        let refused = browser.open(&from).await;
        assert!(refused.goes_to().contains("error=sign_in_ended"), "{refused:?}");
    }
    // On the way, the browser is signed out, and somebody else signs in.
    let back = there_and_back(&mut ada, &provider, &from).await;
    ada.cookie = grace.cookie.clone();
    let refused = ada.open(&back).await;
    assert!(refused.goes_to().contains("error=not_signed_in"), "{refused:?}");
    let users = switchboard.client().get("/api/v1/me/identities").await.1;
    assert_eq!(users["items"], json!([]));
    // A form of another site gets nowhere.
    let mut victim = Browser::signed_in(&switchboard).await;
    victim.origin = "https://evil.example".to_owned();
    let form = [("current_password", Switchboard::PASSWORD)];
    assert_eq!(victim.submit("/web/action/link_identity", &form).await.status, 403);
}

#[tokio::test]
async fn who_is_deactivated_stays_out_and_who_is_deleted_is_forgotten() {
    let (switchboard, provider) = both(ANYONE).await;
    let mut grace = Browser::new(&switchboard);
    sign_in(&mut grace, &provider).await;
    let admin = switchboard.client();
    let id = admin.get("/api/v1/users?search=grace").await.1["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(admin.post(&format!("/api/v1/users/{id}/deactivate"), &Value::Null).await.0, 200);
    let refused = sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to().to_owned();
    assert!(refused.contains("error=account_closed"), "{refused}");
    assert!(!is_in(&mut grace).await);
    assert_eq!(admin.delete(&format!("/api/v1/users/{id}")).await.0, 204);
    let mut again = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut again, &provider).await.goes_to(), "/web");
    let anew = admin.get("/api/v1/users?search=grace").await.1;
    assert_ne!(anew["items"][0]["id"].as_str().unwrap(), id, "another account");
}

#[tokio::test]
async fn whoever_is_in_goes_on_and_nobody_is_led_elsewhere() {
    let (switchboard, provider) = both(ANYONE).await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/web/../x", "javascript:alert(1)"] {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let from = format!("/web/login/oidc?next={next}");
        let mut browser = Browser::new(&switchboard);
        assert_eq!(sign_in_from(&mut browser, &provider, &from).await.goes_to(), "/web", "{next}");
        assert_eq!(browser.open(&from).await.goes_to(), "/web", "{next}");
        assert_eq!(browser.open("/web/login/oidc?next=%2Fweb%2Ftokens").await.goes_to(), "/web/tokens");
    }
}
