//! Keys that are replaced while they are in use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::NewShortToken;
use proptest::{prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner};
use sea_orm::{ConnectionTrait, Database};
use server_core::{Administrator, Services, TokenRefused};

use crate::support::{Db, admin, from, new_token};

/// Moves what was replaced into the past.
async fn replaced_earlier(db: &Db, minutes: i64) {
    let earlier = (chrono::Utc::now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let rows = Database::connect(&db.url).await.unwrap();
    let change = format!("UPDATE signing_keys SET retired_at = '{earlier}' WHERE retired_at IS NOT NULL");
    rows.execute_unprepared(&change).await.unwrap();
    rows.close().await.unwrap();
}

async fn administrator(services: &Services) -> Administrator {
    admin(services, "ada").await.as_admin().unwrap()
}

async fn short(services: &Services, ada: &Administrator) -> String {
    let (token, _) = services.tokens().create(ada, new_token("machine")).await.unwrap();
    let wanted: NewShortToken = from(serde_json::json!({"expires_in": 86_400}));
    services.tokens().exchange(ada, token.id, wanted).await.unwrap().secret.expose().to_owned()
}

pub async fn a_key_that_was_replaced_runs_out(db: Db) {
    let services = db.open().await;
    let ada = administrator(&services).await;
    let keys = services.signing_keys().list(&ada).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["settings"]);
    let access = services.api_sessions().issue(&ada, None).await.unwrap().access_token;
    let telephone = short(&services, &ada).await;
    let keys = services.signing_keys().rotate(&ada, false).await.unwrap();
    assert_eq!((keys.len(), keys[0].retired_at), (2, None));
    assert!(keys[1].id == "settings" && keys[1].access_until < keys[1].telephones_until, "{keys:?}");
    let newer = services.api_sessions().issue(&ada, None).await.unwrap().access_token;
    for token in [&access, &newer] {
        assert_eq!(services.api_sessions().authenticate(token).await.unwrap().id(), ada.id());
    }
    services.tokens().authenticate(&telephone).await.unwrap();

    // An access token lives for 15 minutes: whoever has the old key makes none that is good after that.
    replaced_earlier(&db, 17).await;
    let later = db.open().await;
    assert_eq!(later.api_sessions().authenticate(&access).await.unwrap_err().code(), "unauthorized");
    later.api_sessions().authenticate(&newer).await.unwrap();
    later.tokens().authenticate(&telephone).await.unwrap();
    replaced_earlier(&db, 24 * 60 + 2).await;
    let later = db.open().await;
    assert_eq!(later.tokens().authenticate(&telephone).await.unwrap_err(), TokenRefused::Invalid);
    assert_eq!(later.signing_keys().list(&ada).await.unwrap().len(), 1);

    // What is over for good goes; the key of the settings stays replaced.
    later.signing_keys().rotate(&ada, false).await.unwrap();
    replaced_earlier(&db, 24 * 60 + 2).await;
    let later = db.open().await;
    assert_eq!(later.api_sessions().authenticate(&newer).await.unwrap_err().code(), "unauthorized");
    let keys = later.signing_keys().list(&ada).await.unwrap();
    assert_eq!((keys.len(), keys[0].id.len()), (1, 36));
    assert!(later.api_sessions().authenticate(&access).await.is_err());
}

pub async fn nodes_hear_of_a_new_key(db: Db) {
    let (one, other) = (db.open().await, db.open().await);
    let ada = administrator(&one).await;
    let before = other.api_sessions().issue(&ada, None).await.unwrap();
    one.signing_keys().rotate(&ada, false).await.unwrap();
    let made = one.api_sessions().issue(&ada, None).await.unwrap();
    // It knew the keys of before, and was not told: the name of the key makes it look.
    assert_eq!(other.api_sessions().authenticate(&made.access_token).await.unwrap().id(), ada.id());
    one.api_sessions().authenticate(&before.access_token).await.unwrap();
    let there = other.api_sessions().issue(&ada, None).await.unwrap();
    assert_eq!(one.api_sessions().authenticate(&there.access_token).await.unwrap().id(), ada.id());
}

pub async fn at_once_means_now(db: Db) {
    let services = db.open().await;
    let ada = administrator(&services).await;
    let session = services.api_sessions().issue(&ada, None).await.unwrap();
    let telephone = short(&services, &ada).await;
    assert_eq!(services.signing_keys().rotate(&ada, true).await.unwrap().len(), 1);
    assert_eq!(services.api_sessions().authenticate(&session.access_token).await.unwrap_err().code(), "unauthorized");
    assert_eq!(services.tokens().authenticate(&telephone).await.unwrap_err(), TokenRefused::Invalid);
    let renewed = services.api_sessions().refresh(&session.refresh_token, None).await.unwrap();
    assert_eq!(services.api_sessions().authenticate(&renewed.access_token).await.unwrap().id(), ada.id());
    // However often: what is kept of old keys has a bound.
    for _ in 0..20 {
        services.signing_keys().rotate(&ada, false).await.unwrap();
    }
    assert_eq!(services.signing_keys().list(&ada).await.unwrap().len(), 17);
}

/// A text that is made of what was issued, or is like it: changed in one place, put together from several, under another header,
/// or made up.
fn almost(issued: [String; 2]) -> impl Strategy<Value = String> {
    let [changed, parts, claims] = [(); 3].map(|()| issued.clone());
    let part = move |of: usize, n: usize| parts[of].split('.').nth(n).unwrap().to_owned();
    let headers =
        ("none|None|HS256|HS384|HS512|RS256|ES256|EdDSA|", "settings|\\PC{0,40}|(\\.\\./){1,9}etc/passwd|' OR 1=1 --");
    prop_oneof![
        (0..2_usize, any::<Index>(), "[ -~]?|\\PC").prop_map(move |(of, at, with)| {
            let text = &changed[of];
            let at = at.index(text.len());
            format!("{}{with}{}", &text[..at], &text[at + 1..])
        }),
        [(0..2_usize, 0..3_usize), (0..2, 0..3), (0..2, 0..3)]
            .prop_map(move |picked| picked.map(|(of, n)| part(of, n)).join(".")),
        (headers, 0..2_usize, "[a-zA-Z0-9_-]{0,43}").prop_map(move |((algorithm, key), of, signature)| {
            let header = serde_json::json!({"alg": algorithm, "kid": key, "typ": "JWT"}).to_string();
            let claimed = claims[of].split('.').nth(1).unwrap();
            format!("{}.{claimed}.{signature}", URL_SAFE_NO_PAD.encode(header))
        }),
        "[a-zA-Z0-9_-]{0,60}\\.[a-zA-Z0-9_-]{0,60}\\.[a-zA-Z0-9_-]{0,60}",
        "(sbt_|sbp_|sbr_)?\\PC{0,60}",
    ]
}

/// Neither for whoever else nor of the other kind, and whatever is tried ends nobody's session.
pub async fn only_what_was_issued_is_a_token(db: Db) {
    let services = db.open().await;
    let ada = administrator(&services).await;
    let pair = services.api_sessions().issue(&ada, None).await.unwrap();
    let issued = [pair.access_token.clone(), short(&services, &ada).await];
    let (selector, verifier) = pair.refresh_token.split_once('.').unwrap();
    let (almost, mut runner) = (almost(issued.clone()), TestRunner::default());
    for _ in 0..300 {
        let text = almost.new_tree(&mut runner).unwrap().current();
        if text != issued[0] {
            let refused = services.api_sessions().authenticate(&text).await.unwrap_err();
            assert_eq!(refused.code(), "unauthorized", "{text:?}");
        }
        if text != issued[1] {
            assert_eq!(services.tokens().authenticate(&text).await.unwrap_err(), TokenRefused::Invalid, "{text:?}");
        }
        for refresh in [text.clone(), format!("{text}.{verifier}"), format!("sbr_{text}.{verifier}")] {
            let refused = services.api_sessions().refresh(&refresh, None).await.unwrap_err();
            assert_eq!(refused.code(), "unauthorized", "{refresh:?}");
            services.api_sessions().revoke(&refresh, None).await.unwrap();
        }
        // Who knows the session and not the rest of it cannot end it this way.
        services.api_sessions().revoke(&format!("{selector}.{text}"), None).await.unwrap();
    }
    assert_eq!(services.api_sessions().authenticate(&issued[0]).await.unwrap().id(), ada.id());
    services.tokens().authenticate(&issued[1]).await.unwrap();
    services.api_sessions().refresh(&pair.refresh_token, None).await.unwrap();
}
