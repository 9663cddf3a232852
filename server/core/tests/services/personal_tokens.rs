use crate::support::{Db, admin, member};
use chrono::{TimeDelta, Utc};
use domain::{ApiScope, NewPersonalToken};
use server_core::{CoreError, Page};

fn new(scopes: &[ApiScope]) -> NewPersonalToken {
    NewPersonalToken { name: "robot".parse().unwrap(), scopes: scopes.iter().copied().collect(), expires_at: None }
}

pub async fn a_personal_token_lives_and_ends(db: Db) {
    let services = db.open().await;
    let (tokens, ada) = (services.personal_tokens(), admin(&services, "ada").await);
    let (token, secret) = tokens.create(&ada, new(&[ApiScope::Read])).await.unwrap();
    assert!(secret.expose().starts_with(&token.prefix) && secret.expose().len() == 47);
    let (viewer, scopes) = tokens.authenticate(secret.expose()).await.unwrap();
    assert_eq!((viewer.id(), viewer.is_admin(), scopes), (ada.id(), false, [ApiScope::Read].into()));
    assert!(tokens.list(&ada, Page::default()).await.unwrap().items[0].last_used_at.is_some());
    for wrong in ["", "sbp_", &secret.expose()[..46], &secret.expose().to_uppercase()] {
        assert_eq!(tokens.authenticate(wrong).await.unwrap_err().code(), "unauthorized");
    }
    let (_, full) = tokens.create(&ada, new(&[ApiScope::Read, ApiScope::Admin])).await.unwrap();
    assert!(tokens.authenticate(full.expose()).await.unwrap().0.is_admin());

    let soon = Utc::now() + TimeDelta::seconds(3);
    let expiring = NewPersonalToken { expires_at: Some(soon), ..new(&[ApiScope::Read]) };
    let (_, short) = tokens.create(&ada, expiring).await.unwrap();
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(50));
    while tokens.authenticate(short.expose()).await.is_ok() {
        looks.tick().await;
    }
    assert!(Utc::now() >= soon);
    tokens.revoke(&ada, token.id).await.unwrap();
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err().code(), "unauthorized");
    assert_eq!(tokens.revoke(&ada, token.id).await.unwrap_err().code(), "not_found");
    for (scopes, expires_at) in
        [(&[][..], None), (&[ApiScope::Admin], None), (&[ApiScope::Read], Some(Utc::now() - TimeDelta::seconds(1)))]
    {
        let refused = tokens.create(&ada, NewPersonalToken { expires_at, ..new(scopes) }).await.unwrap_err();
        assert!(matches!(refused, CoreError::Invalid { .. }), "{refused:?}");
    }
}

pub async fn personal_tokens_are_their_owners_and_not_without_end(db: Db) {
    let services = db.open().await;
    let (tokens, ada) = (services.personal_tokens(), admin(&services, "ada").await);
    let bob = member(&services, "bob").await;
    let (token, secret) = tokens.create(&bob, new(&[ApiScope::Write])).await.unwrap();
    services.accounts().deactivate(&ada, bob.id()).await.unwrap();
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err().code(), "unauthorized");
    services.accounts().reactivate(&ada, bob.id()).await.unwrap();
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap().0.id(), bob.id());
    assert!(tokens.list(&ada, Page::default()).await.unwrap().items.is_empty());
    assert_eq!(tokens.revoke(&ada, token.id).await.unwrap_err().code(), "not_found");
    for _ in 1..50 {
        tokens.create(&bob, new(&[ApiScope::Read])).await.unwrap();
    }
    assert_eq!(tokens.create(&bob, new(&[ApiScope::Read])).await.unwrap_err().code(), "token_limit");
    let first = tokens.list(&bob, Page { limit: 30, cursor: None }).await.unwrap();
    let rest = tokens.list(&bob, Page { limit: 30, cursor: first.next_cursor }).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (30, 20, None));
}
