//! What is secret on the way is in no log and no file.

use std::path::Path;

use super::setup::sign_in;
use crate::browser::Browser;
use crate::support::{Client, Programs, Provider, Twist};

fn are_in_no_file(folder: &Path, secrets: &[String]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            are_in_no_file(&path, secrets);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[tokio::test]
async fn no_code_no_token_and_no_secret_gets_into_a_log_or_a_file() {
    let provider = Provider::start().await;
    let settings = provider.settings();
    let mut settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    settings.extend([("SWITCHBOARD_OIDC_SIGN_UP", "anyone"), ("SWITCHBOARD_LOG_LEVEL", "trace")]);
    let mut programs = Programs::start_with(&settings).await;
    let client = Client::new(programs.address, &format!("localhost:{}", programs.address.port()));
    let new = || Browser { client: client.clone(), origin: programs.url(), cookie: None, journey: None };
    let mut kept = Vec::new();
    for twist in [Twist::Nonce, Twist::OtherKey, Twist::Unsigned, Twist::Nothing] {
        provider.twist(twist);
        let mut browser = new();
        let out = browser.open("/web/login/oidc").await.goes_to().to_owned();
        kept.extend(browser.journey.clone());
        let query: Vec<_> = url::Url::parse(&out).unwrap().query_pairs().into_owned().collect();
        kept.extend(query.into_iter().filter(|(name, _)| name == "state" || name == "nonce").map(|(_, value)| value));
        let back = provider.visit(&out).await;
        browser.open(&back[back.find("/web/").unwrap()..]).await;
    }
    let mut grace = new();
    provider.tell_by_userinfo();
    assert_eq!(sign_in(&mut grace, &provider).await.goes_to(), "/web");
    let settings = grace.open("/web/settings").await.body;
    programs.switchboard.terminate();
    assert!(programs.switchboard.ended().await.success());
    let mut secrets = provider.secrets();
    assert!(secrets.len() >= 15, "codes, access tokens and ID tokens");
    secrets.extend(kept);
    secrets.push(Provider::SECRET.to_owned());
    secrets.push(url::form_urlencoded::byte_serialize(Provider::SECRET.as_bytes()).collect());
    let log = programs.switchboard.everything();
    assert!(log.contains("TRACE") && log.contains("a sign-in with a provider failed"), "the log is all there");
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
        assert!(!settings.contains(secret), "{secret} is on a page");
    }
    are_in_no_file(programs.folder(), &secrets);
}
