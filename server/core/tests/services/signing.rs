//! Keys that are replaced while they are in use.

use domain::NewShortToken;
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
