//! Answers that are not the provider's, not for this sign-in, or not for this browser.

use super::setup::{ANYONE, both, is_in, sign_in, there_and_back};
use crate::browser::Browser;
use crate::support::Twist;

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_lets_nobody_in() {
    let (switchboard, provider) = both(ANYONE).await;
    // Keys of this kind are the ones that have been taken for shared ones.
    provider.sign_with_rsa("second");
    for twist in [
        Twist::Nonce,
        Twist::NoNonce,
        Twist::Audience,
        Twist::OneMoreAudience,
        Twist::OtherParty,
        Twist::Issuer,
        Twist::Expired,
        Twist::Unsigned,
        Twist::SignedWithPublicKey,
        Twist::SignedWithSecret,
        Twist::OtherKey,
        Twist::AccessToken,
        Twist::NoSubject,
        Twist::Missing,
    ] {
        provider.twist(twist);
        let mut browser = Browser::new(&switchboard);
        let refused = sign_in(&mut browser, &provider).await.goes_to().to_owned();
        let code = if twist == Twist::Missing { "oidc_away" } else { "oidc_untrusted" };
        assert_eq!(refused, format!("/web/login?error={code}"), "{twist:?}");
        assert!(!is_in(&mut browser).await, "{twist:?}");
        assert!(browser.cookie.is_none(), "{twist:?}");
    }
    provider.twist(Twist::Nothing);
    let mut browser = Browser::new(&switchboard);
    assert_eq!(sign_in(&mut browser, &provider).await.goes_to(), "/web");
    assert_eq!(provider.asked("/keys"), 1, "none of that made it ask for keys");
}

#[tokio::test]
async fn an_answer_is_for_the_browser_that_asked_and_once() {
    let (switchboard, provider) = both(ANYONE).await;
    let ended = "/web/login?error=sign_in_ended";
    // Of another browser: somebody is to be signed in to a stranger's account without noticing.
    let mut mallory = Browser::new(&switchboard);
    let back = there_and_back(&mut mallory, &provider, "/web/login/oidc").await;
    let mut nobody = Browser::new(&switchboard);
    assert_eq!(nobody.open(&back).await.goes_to(), ended);
    let mut grace = Browser::new(&switchboard);
    let own = there_and_back(&mut grace, &provider, "/web/login/oidc").await;
    assert_eq!(grace.open(&back).await.goes_to(), ended);
    assert!(grace.journey.is_some(), "which does not end what was begun here");
    let (path, query) = own.split_once('?').unwrap();
    for wrong in [
        path.to_owned(),
        format!("{path}?code=a"),
        format!("{path}?state=&code=a"),
        format!("{path}?{query}&state=another"),
        own.replace("state=", "state=x"),
    ] {
        assert_eq!(grace.open(&wrong).await.goes_to(), ended, "{wrong}");
    }
    assert_eq!(provider.asked("/token"), 0, "no code was shown to anybody");
    // Two of them are nobody's.
    let kept = grace.journey.clone().unwrap();
    grace.journey = Some(format!("{kept}; {}", mallory.journey.clone().unwrap()));
    assert_eq!(grace.open(&own).await.goes_to(), ended);
    grace.journey = Some(format!("{kept}x"));
    assert_eq!(grace.open(&own).await.goes_to(), ended, "changed");
    grace.journey = Some(kept.clone());
    let answered = grace.open(&own).await;
    assert_eq!(answered.goes_to(), "/web");
    assert!(is_in(&mut grace).await);
    // Again, with and without what the browser had kept.
    let mut again = Browser::new(&switchboard);
    assert_eq!(again.open(&own).await.goes_to(), ended);
    again.journey = Some(kept);
    assert_eq!(again.open(&own).await.goes_to(), "/web/login?error=oidc_refused", "a code works once");
    assert!(!is_in(&mut again).await);
}

#[tokio::test]
async fn what_the_provider_sends_back_instead_of_a_code_is_told() {
    let (switchboard, _provider) = both(ANYONE).await;
    for (said, code) in [
        ("error=access_denied", "oidc_declined"),
        ("", "oidc_declined"),
        ("code=a&iss=https%3A%2F%2Fsomebody-else.example.com", "oidc_untrusted"),
        ("code=unknown", "oidc_refused"),
    ] {
        let mut browser = Browser::new(&switchboard);
        let out = browser.open("/web/login/oidc?next=%2Fweb%2Ftokens").await.goes_to().to_owned();
        let state =
            url::Url::parse(&out).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let page = browser.open(&format!("/web/login/oidc/callback?state={state}&{said}")).await;
        assert_eq!(page.goes_to(), format!("/web/login?next=%2Fweb%2Ftokens&error={code}"), "{said}");
        let page = browser.open(page.goes_to()).await;
        assert!(page.status == 200 && page.body.contains("role=\"alert\""), "{}", page.body);
        assert!(page.body.contains("value=\"/web/tokens\""), "it goes on where it was meant to");
    }
}

#[tokio::test]
async fn coming_back_again_and_again_is_slowed_down() {
    let (switchboard, provider) = both(ANYONE).await;
    let mut refused = Vec::new();
    for _ in 0..24 {
        provider.twist(Twist::Nonce);
        let answer = sign_in(&mut Browser::new(&switchboard), &provider).await;
        refused.push(answer.goes_to().to_owned());
    }
    assert!(refused[0].contains("error=oidc_untrusted"), "{refused:?}");
    assert!(refused[23].contains("error=throttled") && refused[23].contains("wait="), "{refused:?}");
    let asked = provider.asked("/token");
    assert!(asked < 24, "who has to wait makes nobody ask: {asked}");
}

#[tokio::test]
async fn new_keys_are_taken_and_not_asked_for_at_will() {
    let (switchboard, provider) = both(ANYONE).await;
    assert_eq!(sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to(), "/web");
    assert_eq!(provider.asked("/keys"), 1);
    provider.rotate("second");
    for _ in 0..3 {
        assert_eq!(sign_in(&mut Browser::new(&switchboard), &provider).await.goes_to(), "/web");
    }
    assert_eq!(provider.asked("/keys"), 2, "once, and by another algorithm");
    provider.rotate("third");
    for _ in 0..3 {
        let refused = sign_in(&mut Browser::new(&switchboard), &provider).await;
        assert_eq!(refused.goes_to(), "/web/login?error=oidc_untrusted");
    }
    assert_eq!(provider.asked("/keys"), 2, "not again within a minute");
    assert_eq!(provider.asked("/.well-known/openid-configuration"), 2);
}
