//! Accounts that are made by way of a provider, and those that are not.

use serde_json::json;

use super::setup::{ANYONE, both, is_in, sign_in, sign_in_from, there_and_back};
use crate::browser::Browser;
use crate::support::{Person, Switchboard};

#[tokio::test]
async fn somebody_gets_an_account_and_comes_back_to_it() {
    let (switchboard, provider) = both(ANYONE).await;
    let mut grace = Browser::new(&switchboard);
    let page = grace.open("/web/login?next=%2Fweb%2Ftokens%3Fa%3Db%26c").await;
    assert!(page.body.contains("Continue with ") && page.body.contains("Example ID"), "{}", page.body);
    let from = "/web/login/oidc?next=%2Fweb%2Ftokens%3Fa%3Db%26c";
    assert!(page.body.contains(&format!("href=\"{from}\"")), "{}", page.body);
    let arrived = sign_in_from(&mut grace, &provider, from).await;
    assert_eq!(arrived.goes_to(), "/web/tokens?a=b&c");
    assert_eq!(grace.journey, None, "what was kept on the way is gone");
    let settings = grace.open("/web/settings").await.body;
    assert!(settings.contains("grace@example.com") && settings.contains(&provider.issuer()));
    assert!(settings.contains("this is the only way in") && !settings.contains("unlink_identity"));

    // The address may change there; it is the same person.
    provider.is(Person { email: Some("hopper@example.com".to_owned()), ..Person::new("grace") });
    let mut elsewhere = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut elsewhere, &provider).await.goes_to(), "/web");
    let settings = elsewhere.open("/web/settings").await.body;
    assert!(settings.contains("grace@example.com") && settings.contains("hopper@example.com"));
    let admin = switchboard.client();
    let users = admin.get("/api/v1/users?search=grace").await.1;
    assert_eq!((&users["items"][0]["role"], users["items"].as_array().unwrap().len()), (&json!("member"), 1));
    let id = users["items"][0]["id"].as_str().unwrap();
    let identities = admin.get(&format!("/api/v1/users/{id}/identities")).await.1;
    assert_eq!(identities["items"][0]["subject"], "grace-at-the-provider");
    let log = admin.get("/api/v1/audit?limit=20").await.1.to_string();
    assert!(log.contains("signed up with Example ID, member") && log.contains("\"with Example ID\""), "{log}");

    // There is no password until one is set, by which it becomes one of two ways in.
    let empty = [("email", "grace@example.com"), ("password", "")];
    assert!(Browser::new(&switchboard).submit("/web/action/sign_in", &empty).await.goes_to().contains("error="));
    let id = identities["items"][0]["id"].as_str().unwrap();
    let only = grace.submit("/web/action/unlink_identity", &[("id", id)]).await;
    assert!(only.goes_to().contains("error=only_way_in"), "{only:?}");
    let new = [("new_password", "a different long one"), ("repeated_password", "a different long one")];
    assert!(grace.submit("/web/action/change_password", &new).await.goes_to().contains("done=password_changed"));
    let mut by_password = Browser::new(&switchboard);
    let account = [("email", "grace@example.com"), ("password", "a different long one")];
    assert_eq!(by_password.submit("/web/action/sign_in", &account).await.goes_to(), "/web");
    let again = grace.submit("/web/action/change_password", &new).await;
    assert!(again.goes_to().contains("field=current_password"), "from now on it is asked for: {again:?}");
    let gone = grace.submit("/web/action/unlink_identity", &[("id", id)]).await;
    assert!(gone.goes_to().contains("done=identity_unlinked"), "{gone:?}");
    // Whoever they are there, they are somebody new here now.
    let mut anew = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut anew, &provider).await.goes_to(), "/web");
    assert!(!anew.open("/web/settings").await.body.contains("grace@example.com"));
}

#[tokio::test]
async fn nobody_gets_one_where_the_setting_does_not_say_so() {
    let (switchboard, provider) = both(&[]).await;
    let mut grace = Browser::new(&switchboard);
    let refused = sign_in(&mut grace, &provider).await.goes_to().to_owned();
    assert!(refused.starts_with("/web/login?error=no_account"), "{refused}");
    assert!(grace.open(&refused).await.body.contains("connect it in the settings"));
    assert!(!is_in(&mut grace).await);
    let users = switchboard.client().get("/api/v1/users").await.1;
    assert_eq!(users["items"].as_array().unwrap().len(), 1);
    let log = switchboard.client().get("/api/v1/audit?kind=sign_in_failed").await.1;
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "{log}");
}

#[tokio::test]
async fn an_address_has_to_be_verified_and_of_a_domain_that_is_let_in() {
    let (switchboard, provider) = both(&[("SWITCHBOARD_OIDC_SIGN_UP", "example.com, example.org")]).await;
    let grace = Person::new("grace");
    for (email, email_verified, outcome) in [
        (Some("grace@example.com"), false, "/web/login?error=email_unverified"),
        (None, true, "/web/login?error=email_unverified"),
        (Some("no address"), true, "/web/login?error=email_unverified"),
        (Some("grace@example.net"), true, "/web/login?error=email_domain"),
        (Some("grace@sub.example.com"), true, "/web/login?error=email_domain"),
        (Some("Grace@Example.org"), true, "/web"),
    ] {
        provider.is(Person { email: email.map(str::to_owned), email_verified, ..grace.clone() });
        let answer = sign_in(&mut Browser::new(&switchboard), &provider).await;
        assert_eq!(answer.goes_to(), outcome, "{email:?} {email_verified}");
    }
}

#[tokio::test]
async fn an_address_alone_gets_into_no_account() {
    let (switchboard, provider) = both(ANYONE).await;
    provider.is(Person { email: Some(Switchboard::EMAIL.to_owned()), ..Person::new("mallory") });
    let mut mallory = Browser::new(&switchboard);
    let refused = sign_in(&mut mallory, &provider).await.goes_to().to_owned();
    assert!(refused.starts_with("/web/login?error=link_first"), "{refused}");
    assert!(!is_in(&mut mallory).await);
    assert_eq!(switchboard.client().get("/api/v1/me/identities").await.1["items"], json!([]));
}

#[tokio::test]
async fn what_the_token_leaves_out_is_asked_for() {
    let (switchboard, provider) = both(ANYONE).await;
    provider.tell_by_userinfo();
    let mut grace = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut grace, &provider).await.goes_to(), "/web");
    assert_eq!(provider.asked("/userinfo"), 1);
    assert!(grace.open("/web/settings").await.body.contains("grace@example.com"));
}

#[tokio::test]
async fn the_invited_need_no_password() {
    let (switchboard, provider) = both(&[]).await;
    let admin = switchboard.client();
    let invite = async |email: &str| {
        let (status, made) = admin.post("/api/v1/invitations", &json!({"email": email, "role": "admin"})).await;
        assert_eq!(status, 201, "{made}");
        let link = made["link"].as_str().unwrap().to_owned();
        link[link.find("/web/").unwrap()..].to_owned()
    };
    let page_at = invite("invited@example.org").await;
    let mut grace = Browser::new(&switchboard);
    let page = grace.open(&page_at).await.body;
    let at = page.find("/web/login/oidc?invitation=").unwrap();
    let from = page[at..].split('"').next().unwrap().to_owned();
    // Two ways at once: the link works once.
    let mut other = Browser::new(&switchboard);
    let (one, two) =
        (there_and_back(&mut grace, &provider, &from).await, there_and_back(&mut other, &provider, &from).await);
    assert_eq!(grace.open(&one).await.goes_to(), "/web");
    let refused = other.open(&two).await.goes_to().to_owned();
    assert!(refused.contains("error=link_ended"), "{refused}");
    assert_eq!(other.open(&refused).await.status, 410);
    let users = admin.get("/api/v1/users?search=invited").await.1;
    assert_eq!(users["items"][0]["role"], "admin", "as the invitation says, whatever the address there");
    // Who has an account is not invited into another.
    let page_at = invite("second@example.org").await;
    let from = page_at.replace("/web/invitation?token=", "/web/login/oidc?invitation=");
    let refused = sign_in_from(&mut Browser::new(&switchboard), &provider, &from).await;
    assert!(refused.goes_to().contains("error=identity_taken"), "{refused:?}");
    assert_eq!(other.open(&page_at).await.status, 200, "the invitation is still there");
    let unknown = other.open("/web/login/oidc?invitation=sbi_unknown").await;
    assert!(unknown.goes_to().starts_with("/web/invitation?token="), "{unknown:?}");
}

#[tokio::test]
async fn where_there_is_no_provider_there_is_no_way() {
    let switchboard = Switchboard::start().await;
    let mut anyone = Browser::new(&switchboard);
    assert!(!anyone.open("/web/login").await.body.contains("Continue with"));
    for path in ["/web/login/oidc", "/web/login/oidc/callback?code=a&state=b"] {
        assert_eq!(anyone.open(path).await.status, 404, "{path}");
    }
    let mut admin = Browser::signed_in(&switchboard).await;
    assert!(!admin.open("/web/settings").await.body.contains("identity-title"));
    let refused = admin.submit("/web/action/link_identity", &[("current_password", Switchboard::PASSWORD)]).await;
    assert!(refused.goes_to().contains("error=no_provider"), "{refused:?}");
    assert!(admin.open("/web/users").await.body.contains("oidc_issuer"), "it says how one is set");
}
