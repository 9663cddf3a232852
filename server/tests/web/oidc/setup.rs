//! A switchboard with a provider, and the way from one to the other.

use crate::browser::{Answer, Browser};
use crate::support::{Provider, Switchboard};

/// Both, with these settings besides those that are needed.
pub(crate) async fn both(more: &[(&str, &str)]) -> (Switchboard, Provider) {
    let provider = Provider::start().await;
    let switchboard = with(&provider, more).await;
    (switchboard, provider)
}

/// A switchboard by which people sign in at this provider.
pub(crate) async fn with(provider: &Provider, more: &[(&str, &str)]) -> Switchboard {
    let settings = provider.settings();
    let mut settings: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    settings.extend_from_slice(more);
    Switchboard::start_with(&settings).await
}

/// New accounts for everybody.
pub(crate) const ANYONE: &[(&str, &str)] = &[("SWITCHBOARD_OIDC_SIGN_UP", "anyone")];

/// What a browser is sent back with from the provider: path and query.
pub(crate) async fn there_and_back(browser: &mut Browser, provider: &Provider, from: &str) -> String {
    let out = browser.open(from).await.goes_to().to_owned();
    assert!(out.starts_with(&provider.issuer()), "{out}");
    let back = provider.visit(&out).await;
    let at = back.find("/web/login/oidc/callback?").unwrap();
    back[at..].to_owned()
}

/// All of the way; what the dashboard says at its end.
pub(crate) async fn sign_in(browser: &mut Browser, provider: &Provider) -> Answer {
    sign_in_from(browser, provider, "/web/login/oidc").await
}

pub(crate) async fn sign_in_from(browser: &mut Browser, provider: &Provider, from: &str) -> Answer {
    let back = there_and_back(browser, provider, from).await;
    browser.open(&back).await
}

/// Whether somebody is signed in.
pub(crate) async fn is_in(browser: &mut Browser) -> bool {
    browser.open("/web").await.status == 200
}

/// Links what the provider says now with the account that the browser is signed in to.
pub(crate) async fn link(browser: &mut Browser, provider: &Provider, password: &str) -> Answer {
    let form = browser.submit("/web/action/link_identity", &[("current_password", password)]).await;
    let page = browser.open(form.goes_to()).await.body;
    let at = page.find("/web/login/oidc?link=").unwrap_or_else(|| panic!("no link in {page}"));
    let from = page[at..].split('"').next().unwrap().to_owned();
    sign_in_from(browser, provider, &from).await
}
