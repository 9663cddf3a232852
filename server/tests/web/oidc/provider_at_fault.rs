//! A provider that is away, slow, or answers anything: people are told, and can go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Response;
use tokio::net::TcpListener;

use super::setup::{ANYONE, is_in, sign_in, with};
use crate::browser::Browser;
use crate::support::{Body, Fault, Origin, Provider, Switchboard, full};

/// Somebody within this machine, who should not be asked anything.
async fn inside() -> (Origin, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Response::<Body>::new(full(r#"{"keys": []}"#)) }
    })
    .await;
    (origin, asked)
}

async fn is_told(browser: &mut Browser, refused: &str) {
    assert_eq!(refused, "/web/login?next=%2Fweb%2Ftokens&error=oidc_away");
    let page = browser.open(refused).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("does not answer as it should") && page.body.contains("Continue with"));
    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    assert_eq!(browser.submit("/web/action/sign_in", &account).await.goes_to(), "/web", "by password as ever");
}

#[tokio::test]
async fn one_that_cannot_be_asked_keeps_nobody_from_the_dashboard() {
    // Taken and given back: nobody is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = Provider::on(listener);
    let switchboard = with(&provider, &[]).await;
    drop(provider);
    let mut browser = Browser::new(&switchboard);
    let refused = browser.open("/web/login/oidc?next=%2Fweb%2Ftokens").await.goes_to().to_owned();
    is_told(&mut browser, &refused).await;
}

/// Each on a server of its own: one that could not be asked is left alone for a while.
async fn is_there_a_way_back(faults: Vec<Fault>) {
    for fault in faults {
        let provider = Provider::start().await;
        let switchboard = with(&provider, &[]).await;
        provider.fail(fault.clone());
        let mut browser = Browser::new(&switchboard);
        let answer = browser.open("/web/login/oidc?next=%2Fweb%2Ftokens").await;
        assert_eq!(answer.status, 303, "{fault:?}");
        is_told(&mut browser, answer.goes_to()).await;
        assert!(browser.journey.is_none());
    }
}

#[tokio::test]
async fn whatever_it_answers_there_is_a_way_back() {
    is_there_a_way_back(vec![Fault::Silent, Fault::Garbage, Fault::Endless, Fault::Error, Fault::OtherIssuer]).await;
}

#[tokio::test]
async fn wherever_it_leads_nobody_goes_there() {
    let (origin, asked) = inside().await;
    let at = format!("http://{}/keys", origin.address);
    is_there_a_way_back(vec![
        Fault::Redirect(at.clone()),
        Fault::KeysAt(at),
        Fault::KeysAt("ftp://127.0.0.1/keys".to_owned()),
        Fault::BrowsersTo("javascript:alert(1)".to_owned()),
    ])
    .await;
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody inside was asked");
}

#[tokio::test]
async fn the_same_when_it_happens_on_the_way_back() {
    let (origin, asked) = inside().await;
    let provider = Provider::start().await;
    let switchboard = with(&provider, ANYONE).await;
    assert_eq!(sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to(), "/web");
    for fault in [
        Fault::Silent,
        Fault::Garbage,
        Fault::Endless,
        Fault::OddTokens,
        Fault::Redirect(format!("http://{}/token", origin.address)),
    ] {
        let mut browser = Browser::new(&switchboard);
        provider.fail(Fault::Nothing);
        let back = super::setup::there_and_back(&mut browser, &provider, "/web/login/oidc").await;
        provider.fail(fault.clone());
        let answer = browser.open(&back).await;
        assert_eq!(answer.goes_to(), "/web/login?error=oidc_away", "{fault:?}");
        assert!(!is_in(&mut browser).await);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody inside was asked");
}

#[tokio::test]
async fn what_it_names_within_a_network_is_reached_only_where_that_is_allowed() {
    let (origin, asked) = inside().await;
    let tokens = format!("http://{}/token", origin.address);
    for (networks, reached) in [("10.0.0.0/8", 0), ("127.0.0.1", 1)] {
        let provider = Provider::start().await;
        provider.fail(Fault::TokensAt(tokens.clone()));
        let switchboard = with(&provider, &[("SWITCHBOARD_MEMBER_NETWORKS", networks)]).await;
        let refused = sign_in(&mut Browser::new(&switchboard), &provider).await;
        assert_eq!(refused.goes_to(), "/web/login?error=oidc_away");
        assert_eq!(asked.load(Ordering::Relaxed), reached, "{networks}");
    }
}

#[tokio::test]
async fn one_that_was_away_is_asked_again() {
    let provider = Provider::start().await;
    let switchboard = with(&provider, ANYONE).await;
    provider.fail(Fault::Error);
    let mut browser = Browser::new(&switchboard);
    for _ in 0..3 {
        assert!(browser.open("/web/login/oidc").await.goes_to().contains("error=oidc_away"));
    }
    provider.fail(Fault::Nothing);
    let limit = std::time::Duration::from_secs(60);
    crate::support::until(limit, "it is asked again", async || {
        browser.open("/web/login/oidc").await.goes_to().starts_with(&provider.issuer())
    })
    .await;
    assert_eq!(sign_in(&mut browser, &provider).await.goes_to(), "/web");
}
