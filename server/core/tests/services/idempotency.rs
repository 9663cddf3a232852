use crate::support::{Db, admin, member};
use domain::ApiScope;
use server_core::{Begun, ClaimedKey, IdempotencyKey, KeptAnswer, Services, Viewer};
use std::collections::BTreeSet;

fn key(viewer: &Viewer, key: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey::new(viewer, None, key, &[b"/tokens", body.as_bytes()])
}

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer { status: 201, headers: vec![("location".into(), "/api/v1/x".into())], body: body.into() }
}

async fn first(services: &Services, key: &IdempotencyKey) -> ClaimedKey {
    match services.idempotency().begin(key).await.unwrap() {
        Begun::First(claim) => claim,
        other => panic!("{other:?}"),
    }
}

pub async fn a_key_is_claimed_answered_and_released(db: Db) {
    let services = db.open().await;
    let (keys, ada, bob) = (services.idempotency(), admin(&services, "ada").await, member(&services, "bob").await);
    let claim = first(&services, &key(&ada, "k", "a")).await;
    assert!(matches!(keys.begin(&key(&ada, "k", "a")).await, Ok(Begun::UnderWay)));
    assert!(matches!(keys.begin(&key(&ada, "k", "b")).await, Ok(Begun::Different)));
    // Another's key, and one of fewer rights, is another key.
    first(&services, &key(&bob, "k", "a")).await;
    let read: BTreeSet<_> = [ApiScope::Read].into();
    let with_less = IdempotencyKey::new(&ada, Some(&read), "k", &[b"/tokens", b"a"]);
    keys.release(first(&services, &with_less).await).await.unwrap();
    keys.release(first(&services, &with_less).await).await.unwrap();

    keys.finish(claim, &answer("made")).await.unwrap();
    for _ in 0..2 {
        let again = keys.begin(&key(&ada, "k", "a")).await.unwrap();
        assert!(matches!(again, Begun::Again(kept) if kept == answer("made")));
    }
    assert!(matches!(keys.begin(&key(&ada, "k", "b")).await, Ok(Begun::Different)));
}

pub async fn an_answer_survives_the_server_and_opens_with_its_key_only(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let claim = first(&services, &key(&ada, "k", "a")).await;
    services.idempotency().finish(claim, &answer("made")).await.unwrap();
    services.close().await;
    let stranger = db.open_with(|settings| settings.jwt_secret = server_core::Secret::new([8; 32])).await.unwrap();
    assert!(matches!(stranger.idempotency().begin(&key(&ada, "k", "a")).await, Ok(Begun::UnderWay)));
    stranger.close().await;
    let services = db.open().await;
    let again = services.idempotency().begin(&key(&ada, "k", "a")).await.unwrap();
    assert!(matches!(again, Begun::Again(kept) if kept == answer("made")));
}

pub async fn the_oldest_of_a_thousand_keys_is_forgotten(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    first(&services, &key(&bob, "0", "a")).await;
    for number in 0..=1000 {
        first(&services, &key(&ada, &number.to_string(), "a")).await;
    }
    assert!(matches!(services.idempotency().begin(&key(&ada, "1", "a")).await, Ok(Begun::UnderWay)));
    assert!(matches!(services.idempotency().begin(&key(&bob, "0", "a")).await, Ok(Begun::UnderWay)));
    first(&services, &key(&ada, "0", "a")).await;
}
