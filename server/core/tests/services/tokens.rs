use crate::support::{Db, admin, member, new_token};
use chrono::{TimeDelta, Utc};
use domain::{NewToken, TokenScope};
use server_core::{Change, CoreError, Page, TokenRefused};

pub async fn a_token_lives_and_ends(db: Db) {
    let services = db.open().await;
    let (tokens, ada) = (services.tokens(), admin(&services, "ada").await);
    let (token, secret) = tokens.create(&ada, new_token("laptop")).await.unwrap();
    assert!(secret.expose().starts_with(&token.prefix) && token.prefix.len() == 8 && secret.expose().len() == 47);
    assert_eq!(token.last_used_at, None);
    assert!(!format!("{secret:?}").contains(&secret.expose()[4..]));

    let holder = tokens.authenticate(secret.expose()).await.unwrap();
    assert_eq!((holder.token_id(), holder.owner_id()), (token.id, ada.id()));
    let listed = tokens.list(&ada, Page::default()).await.unwrap().items;
    assert!(listed[0].last_used_at.is_some());
    for wrong in ["", "sbt_", &secret.expose()[..46], &secret.expose().to_uppercase()] {
        assert_eq!(tokens.authenticate(wrong).await.unwrap_err(), TokenRefused::Invalid);
    }

    let mut changes = services.changes().subscribe();
    let (rotated, next) = tokens.rotate(&ada, token.id).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::TokenRevoked(token.id));
    assert_eq!((rotated.id, rotated.name), (token.id, token.name));
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err(), TokenRefused::Invalid);
    tokens.authenticate(next.expose()).await.unwrap();

    tokens.revoke(&ada, token.id).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::TokenRevoked(token.id));
    assert_eq!(tokens.authenticate(next.expose()).await.unwrap_err(), TokenRefused::Revoked);
    assert!(tokens.list(&ada, Page::default()).await.unwrap().items.is_empty());
    assert_eq!(tokens.revoke(&ada, token.id).await.unwrap_err().code(), "not_found");

    let soon = NewToken { expires_at: Some(Utc::now() + TimeDelta::milliseconds(300)), ..new_token("soon over") };
    let (_, secret) = tokens.create(&ada, soon).await.unwrap();
    while tokens.authenticate(secret.expose()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err(), TokenRefused::Expired);
    for (new, field) in [
        (NewToken { expires_at: Some(Utc::now() - TimeDelta::days(1)), ..new_token("past") }, "expires_at"),
        (NewToken { scope: TokenScope::only(vec![]), ..new_token("empty") }, "scope"),
    ] {
        let refused = tokens.create(&ada, new).await.unwrap_err();
        assert!(matches!(refused, CoreError::Invalid { field: named, .. } if named == field), "{refused:?}");
    }
}

pub async fn others_tokens_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let tokens = services.tokens();
    let (token, secret) = tokens.create(&bob, new_token("bob's")).await.unwrap();
    // Not even for an administrator.
    assert!(tokens.list(&ada, Page::default()).await.unwrap().items.is_empty());
    assert_eq!(tokens.revoke(&ada, token.id).await.unwrap_err().code(), "not_found");
    assert_eq!(tokens.rotate(&ada, token.id).await.unwrap_err().code(), "not_found");
    tokens.authenticate(secret.expose()).await.unwrap();
}

pub async fn a_secret_is_shown_once(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let (token, secret) = services.tokens().create(&bob, new_token("bob's")).await.unwrap();
    services.tokens().keep_for_reveal(&bob, token.id, secret.clone());
    assert_eq!(services.tokens().reveal(&ada, token.id), None);
    assert_eq!(services.tokens().reveal(&bob, token.id), Some(secret));
    assert_eq!(services.tokens().reveal(&bob, token.id), None);
}

pub async fn a_list_comes_in_pages(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    for n in 0..7 {
        services.tokens().create(&ada, new_token(&format!("token {n}"))).await.unwrap();
    }
    let (mut cursor, mut names) = (None, Vec::new());
    loop {
        let listing = services.tokens().list(&ada, Page { limit: 3, cursor }).await.unwrap();
        assert!(listing.items.len() <= 3);
        names.extend(listing.items.into_iter().map(|token| token.name.to_string()));
        cursor = listing.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..7).rev().map(|n| format!("token {n}")).collect();
    assert_eq!(names, expected);
    for page in [
        Page { limit: 0, cursor: None },
        Page { limit: 101, cursor: None },
        Page { limit: 5, cursor: Some("not a cursor".into()) },
    ] {
        assert_eq!(services.tokens().list(&ada, page).await.unwrap_err().code(), "invalid");
    }
}
