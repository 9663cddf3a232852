//! What is sealed in the database, and with which key.

use crate::support::{Db, admin, from, pool};
use domain::{HeaderRules, RuleId};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use server_core::{CoreError, OpenError, Page, ResealError, Secret, Services, Viewer, give_up_sealed, reseal};

const BEARER: &str = "Bearer of-the-shop-0123456789";
const HOOK: &str = "http://10.0.0.9/services/T0123/of-the-hook";

/// A route and a domain that set headers, and an alert with a webhook; the webhook's key.
async fn filled(services: &Services) -> (Viewer, String) {
    let ada = admin(services, "ada").await;
    pool(services, &ada, "shop", "v1").await;
    let headers = json!({"request": {"set": {"Authorization": BEARER, "X-Team": "of-the-team-0123"}},
        "response": {"set": {"X-Api-Key": "of-the-answer-0123"}, "remove": ["server"]}});
    let domain = json!({"domain": "a.example", "service": "shop", "headers": headers});
    services.hosts().create(&ada, from(domain)).await.unwrap();
    let route = json!({"domain": "a.example", "mount": "/api", "service": "shop", "headers": headers});
    services.routes().create(&ada, from(route)).await.unwrap();
    let alert = json!({"name": "down", "kind": "tunnel_offline", "webhook": HOOK});
    let (_, secret) = services.create_alert(&ada, from(alert)).await.unwrap();
    (ada, secret.unwrap().expose().to_owned())
}

/// What the engine is told to change of headers.
async fn routed(services: &Services) -> Vec<HeaderRules> {
    let rules = services.routing().snapshot().await.unwrap().rules;
    assert!(rules.iter().any(|rule| matches!(rule.id, RuleId::Route(_))));
    rules.into_iter().map(|rule| rule.headers).collect()
}

fn set(rules: &HeaderRules) -> Value {
    serde_json::to_value(rules.request()).unwrap()
}

/// What the columns hold, by itself.
async fn held(db: &Db) -> String {
    let rows = Database::connect(&db.url).await.unwrap();
    let mut held = String::new();
    for column in [
        "header_rules FROM domains",
        "header_rules FROM routes",
        "webhook FROM alerts",
        "secret FROM alerts",
        "before FROM revisions",
        "after FROM revisions",
    ] {
        let question = Statement::from_string(rows.get_database_backend(), format!("SELECT {column} ORDER BY id"));
        for row in rows.query_all_raw(question).await.unwrap() {
            held += &row.try_get_by_index::<Option<String>>(0).unwrap().unwrap_or_default();
            held.push('\n');
        }
    }
    rows.close().await.unwrap();
    held
}

async fn execute(db: &Db, statements: &[&str]) {
    let rows = Database::connect(&db.url).await.unwrap();
    for statement in statements {
        rows.execute_unprepared(statement).await.unwrap();
    }
    rows.close().await.unwrap();
}

async fn lacks_all(db: &Db, key: &str) {
    let held = held(db).await;
    for plain in [BEARER, "of-the-team-0123", "of-the-answer-0123", "of-the-hook", key] {
        assert!(!held.contains(plain), "{plain} is in {held}");
    }
    // What is no secret is still to be seen.
    assert!(held.contains("x-team") && held.contains("server"), "{held}");
    for plain in [BEARER, "of-the-answer-0123", "of-the-hook", key] {
        db.has_no(plain).await;
    }
}

pub async fn what_is_used_as_it_is_entered_is_sealed(db: Db) {
    let services = db.open().await;
    let (ada, key) = filled(&services).await;
    lacks_all(&db, &key).await;
    for rules in routed(&services).await {
        assert_eq!(set(&rules)["set"], json!({"authorization": BEARER, "x-team": "of-the-team-0123"}));
    }
    let hook = services.alerts().list(&ada, Page::default()).await.unwrap().items.remove(0).webhook.unwrap();
    assert_eq!(hook.to_string(), HOOK);

    // To send back what was shown changes nothing, and so does the same value.
    let shown = services.hosts().get(&ada, &"a.example".parse().unwrap()).await.unwrap();
    let again = json!({"headers": shown.headers});
    let before = held(&db).await;
    let kept = services.hosts().update(&ada, &"a.example".parse().unwrap(), from(again)).await.unwrap();
    assert_eq!((kept.updated_at, held(&db).await), (shown.updated_at, before));

    // What is sealed for one row opens in no other.
    execute(&db, &["UPDATE routes SET header_rules = (SELECT header_rules FROM domains)"]).await;
    let refused = services.routing().snapshot().await.unwrap_err();
    assert!(refused.cause().is_some_and(|cause| cause.contains("cannot be opened")), "{refused:?}");
    services.close().await;
}

pub async fn what_an_earlier_version_wrote_is_sealed(db: Db) {
    let services = db.open().await;
    let (_, key) = filled(&services).await;
    services.close().await;
    let plain = json!({"request": {"set": {"authorization": BEARER, "x-team": "of-the-team-0123"}, "remove": []},
        "response": {"set": {}, "remove": ["server"]}});
    let rules = |table: &str| format!("UPDATE {table} SET header_rules = '{plain}'");
    let alerts = format!("UPDATE alerts SET webhook = '{HOOK}', secret = '{key}'");
    let history = format!("UPDATE revisions SET after = '{}' WHERE after LIKE 'sealed:%'", json!({"headers": plain}));
    execute(&db, &[&rules("domains"), &rules("routes"), &alerts, &history, "DELETE FROM sealing"]).await;
    assert!(held(&db).await.contains(BEARER));

    let services = db.open().await;
    lacks_all(&db, &key).await;
    assert_eq!(set(&routed(&services).await[0])["set"]["authorization"], BEARER);
    services.close().await;
    // Once.
    let sealed = held(&db).await;
    db.open().await.close().await;
    assert_eq!(held(&db).await, sealed);
}

pub async fn a_new_key_takes_the_place_of_the_old_one(db: Db) {
    let (old, new, third) = (Secret::new([9; 32]), Secret::new([8; 32]), Secret::new([7; 32]));
    let url = db.url.parse().unwrap();
    let with = async |key: &Secret| db.open_with(|settings| settings.sealing_key = key.clone()).await;
    let services = db.open().await;
    let (ada, _) = filled(&services).await;
    let admin = ada.as_admin().unwrap();
    services.signing_keys().rotate(&admin, false).await.unwrap();
    let session = services.api_sessions().issue(&ada, None).await.unwrap();
    let before = held(&db).await;
    assert!(matches!(with(&new).await.unwrap_err(), OpenError::OtherKey { .. }));
    if db.url.starts_with("postgres") {
        let refused = reseal(&url, &old, &new).await.unwrap_err();
        assert!(matches!(refused, ResealError::InUse { .. }), "{refused}");
    }
    services.close().await;

    let refused = reseal(&url, &third, &new).await.unwrap_err();
    assert!(matches!(refused, ResealError::Open(OpenError::OtherKey { .. })), "{refused}");
    assert_eq!(held(&db).await, before);
    let done = reseal(&url, &old, &new).await.unwrap();
    // Three headers of each of the two rules and what the history says of each, the webhook's address and key, and what
    // access tokens are signed with.
    assert_eq!((done.secrets, done.unopened, done.before), (11, 0, false));
    assert_ne!(held(&db).await, before);
    assert!(reseal(&url, &old, &new).await.unwrap().before, "whoever was interrupted goes on");
    assert!(matches!(with(&old).await.unwrap_err(), OpenError::OtherKey { .. }));
    let services = with(&new).await.unwrap();
    assert_eq!(set(&routed(&services).await[0])["set"]["authorization"], BEARER);
    assert_eq!(services.api_sessions().authenticate(&session.access_token).await.unwrap().id(), ada.id());
    services.close().await;
}

pub async fn a_key_that_is_lost_is_done_without(db: Db) {
    let services = db.open().await;
    let (ada, _) = filled(&services).await;
    let admin = ada.as_admin().unwrap();
    services.signing_keys().rotate(&admin, false).await.unwrap();
    services.close().await;
    let (url, new) = (db.url.parse().unwrap(), Secret::new([8; 32]));
    let given_up = give_up_sealed(&url, &new).await.unwrap();
    let names = ["authorization", "x-team", "x-api-key"].map(str::to_owned).to_vec();
    assert!(given_up.headers.iter().all(|(_, lost)| *lost == names), "{given_up:?}");
    assert!(given_up.headers.iter().any(|(place, _)| place == "domain a.example"), "{given_up:?}");
    assert_eq!(given_up.alerts, [(ada.id().0, "down".to_owned())]);
    assert_eq!((given_up.revisions, given_up.signing_key), (2, true));

    let services = db.open_with(|settings| settings.sealing_key = new).await.unwrap();
    for rules in routed(&services).await {
        // Nobody else's value takes their place.
        assert_eq!(set(&rules), json!({"set": {}, "remove": ["authorization", "x-team"]}));
    }
    assert!(services.alerts().list(&ada, Page::default()).await.unwrap().items.is_empty());
    assert_eq!(services.api_sessions().issue(&ada, None).await.unwrap_err().code(), "unavailable");
    services.signing_keys().rotate(&admin, true).await.unwrap();
    services.api_sessions().issue(&ada, None).await.unwrap();
    services.close().await;
}

pub async fn of_two_keys_only_that_of_the_first_to_start_does(db: Db) {
    let keys = [[8; 32], [9; 32]].map(Secret::new);
    let with = async |key: &Secret| db.open_with(|settings| settings.sealing_key = key.clone()).await;
    // For the first time; where the database can be made by two at once, at once.
    let (one, two) = match db.url.starts_with("postgres") {
        true => tokio::join!(with(&keys[0]), with(&keys[1])),
        false => (with(&keys[0]).await, with(&keys[1]).await),
    };
    let (first, started, refused) = match (one, two) {
        (Ok(services), refused) => (0, services, refused),
        (refused, services) => (1, services.unwrap(), refused),
    };
    // Nothing is sealed yet.
    let says_what_to_do = |refused: OpenError| {
        let text = refused.to_string();
        assert!(matches!(refused, OpenError::OtherKey { .. }) && text.contains("copy the file sealing.key"), "{text}");
    };
    says_what_to_do(refused.unwrap_err());
    let same = with(&keys[first]).await.unwrap();
    filled(&same).await;
    assert_eq!(set(&routed(&started).await[0])["set"]["authorization"], BEARER);
    same.close().await;
    started.close().await;
    // Nor does it matter who runs.
    says_what_to_do(with(&keys[1 - first]).await.unwrap_err());
    with(&keys[first]).await.unwrap().close().await;
}

pub async fn a_key_that_was_replaced_meanwhile_seals_nothing(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    pool(&services, &ada, "shop", "v1").await;
    execute(&db, &["UPDATE sealing SET key_id = 'of another key'"]).await;
    let says_why = |error: &CoreError| {
        let cause = error.cause().unwrap_or_default();
        assert!(cause.contains("sealing_key is not the key"), "{error:?}");
    };
    let alert = json!({"name": "down", "kind": "tunnel_offline", "webhook": HOOK});
    says_why(&services.create_alert(&ada, from(alert)).await.unwrap_err());
    says_why(&services.signing_keys().rotate(&ada.as_admin().unwrap(), false).await.unwrap_err());
    let headers = json!({"request": {"set": {"X-Team": "of-the-team-0123"}}});
    let domain = |headers: &Value| from(json!({"domain": "a.example", "service": "shop", "headers": headers}));
    says_why(&services.hosts().create(&ada, domain(&headers)).await.unwrap_err());
    // What is not sealed goes on.
    services.hosts().create(&ada, domain(&json!({}))).await.unwrap();
    services.close().await;
    assert!(matches!(db.try_open().await.unwrap_err(), OpenError::OtherKey { .. }));
}
