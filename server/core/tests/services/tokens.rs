use crate::support::{Db, admin, member, new_token};
use chrono::{TimeDelta, Utc};
use domain::{NewShortToken, NewToken, Rotation, TokenScope};
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
    let (rotated, next) = tokens.rotate(&ada, token.id, Rotation::default()).await.unwrap();
    assert_eq!(changes.recv().await.unwrap(), Change::TokenRevoked(token.id));
    assert_eq!((rotated.id, rotated.name, rotated.previous_until), (token.id, token.name, None));
    assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err(), TokenRefused::Replaced);
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
        (
            NewToken { scope: TokenScope { networks: Some(vec![]), ..TokenScope::default() }, ..new_token("no") },
            "scope",
        ),
        (NewToken { scope: TokenScope { max_sessions: Some(0), ..TokenScope::default() }, ..new_token("no") }, "scope"),
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
    assert_eq!(tokens.rotate(&ada, token.id, Rotation::default()).await.unwrap_err().code(), "not_found");
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

pub async fn an_old_secret_stays_good_for_a_time(db: Db) {
    let services = db.open().await;
    let (tokens, ada) = (services.tokens(), admin(&services, "ada").await);
    let (token, first) = tokens.create(&ada, new_token("laptop")).await.unwrap();
    let before = tokens.authenticate(first.expose()).await.unwrap();
    assert_eq!(before.ends(), None);
    let refused = tokens.rotate(&ada, token.id, Rotation { overlap_seconds: 31 * 86_400 }).await.unwrap_err();
    assert!(matches!(refused, CoreError::Invalid { field: "overlap_seconds", .. }), "{refused:?}");
    let (rotated, second) = tokens.rotate(&ada, token.id, Rotation { overlap_seconds: 3_600 }).await.unwrap();
    let until = rotated.previous_until.unwrap();

    let old = tokens.authenticate(first.expose()).await.unwrap();
    let ends = old.ends().unwrap();
    assert_eq!((ends.at, ends.is_replaced, old.proof()), (until, true, before.proof()));
    assert_eq!(tokens.authenticate(second.expose()).await.unwrap().ends(), None);
    // Whoever signed in before ends with the old secret, too.
    let standing = tokens.standing(&[token.id]).await.unwrap();
    assert_eq!(standing[&token.id].end(&before.proof()), Ok(Some(ends)));

    // A second rotation ends the first secret, whatever was promised.
    let (_, third) = tokens.rotate(&ada, token.id, Rotation { overlap_seconds: 3_600 }).await.unwrap();
    assert_eq!(tokens.authenticate(first.expose()).await.unwrap_err(), TokenRefused::Invalid);
    let standing = tokens.standing(&[token.id]).await.unwrap();
    assert_eq!(standing[&token.id].end(&before.proof()), Err(TokenRefused::Replaced));
    tokens.authenticate(second.expose()).await.unwrap();
    tokens.revoke(&ada, token.id).await.unwrap();
    for secret in [second, third] {
        assert_eq!(tokens.authenticate(secret.expose()).await.unwrap_err(), TokenRefused::Revoked);
    }
    let standing = tokens.standing(&[token.id]).await.unwrap();
    assert_eq!(standing[&token.id].end(&before.proof()), Err(TokenRefused::Revoked));
}

pub async fn a_token_is_exchanged_for_a_short_lived_one(db: Db) {
    let services = db.open().await;
    let (tokens, ada, bob) = (services.tokens(), admin(&services, "ada").await, member(&services, "bob").await);
    let scope =
        TokenScope { max_sessions: Some(5), ..TokenScope::only(vec!["a".parse().unwrap(), "b".parse().unwrap()]) };
    let new = NewToken { scope: scope.clone(), ..new_token("laptop") };
    let (token, secret) = tokens.create(&bob, new).await.unwrap();

    let whole = tokens.exchange(&bob, token.id, NewShortToken::default()).await.unwrap();
    let holder = tokens.authenticate(whole.secret.expose()).await.unwrap();
    assert_eq!((holder.token_id(), holder.owner_id(), holder.scope()), (token.id, bob.id(), &scope));
    assert_eq!(holder.ends().unwrap().at, whole.expires_at);
    assert!(holder.proof().short().is_some());

    let asked = TokenScope { max_sessions: Some(1), ..TokenScope::only(vec!["b".parse().unwrap()]) };
    let new = NewShortToken { expires_in: 60, scope: asked.clone() };
    let narrow = tokens.exchange_secret(secret.expose(), "127.0.0.1".parse().unwrap(), new).await.unwrap();
    let holder = tokens.authenticate(narrow.secret.expose()).await.unwrap();
    assert_eq!((holder.scope(), holder.max_sessions()), (&asked, Some(5)));

    for (new, field) in [
        (NewShortToken { expires_in: 59, ..NewShortToken::default() }, "expires_in"),
        (NewShortToken { expires_in: 86_401, ..NewShortToken::default() }, "expires_in"),
        (NewShortToken { scope: TokenScope::only(vec!["c".parse().unwrap()]), ..NewShortToken::default() }, "scope"),
    ] {
        let refused = tokens.exchange(&bob, token.id, new).await.unwrap_err();
        assert!(matches!(refused, CoreError::Invalid { field: named, .. } if named == field), "{refused:?}");
    }
    assert_eq!(tokens.exchange(&ada, token.id, NewShortToken::default()).await.unwrap_err().code(), "not_found");
    // One that is short-lived is not exchanged for another, and none is an access token of the API.
    let again = tokens.exchange_secret(whole.secret.expose(), "127.0.0.1".parse().unwrap(), NewShortToken::default());
    assert_eq!(again.await.unwrap_err().code(), "unauthorized");
    assert!(services.api_sessions().authenticate(whole.secret.expose()).await.is_err());
    let access = services.api_sessions().issue(&bob, None).await.unwrap();
    assert_eq!(tokens.authenticate(&access.access_token).await.unwrap_err(), TokenRefused::Invalid);
    // Nor is one whose claims were changed, or whose signature was left out.
    let parts: Vec<_> = whole.secret.expose().split('.').collect();
    let (head, claims) = (parts[0], narrow.secret.expose().split('.').nth(1).unwrap());
    for forged in [
        format!("{head}.{claims}.{}", parts[2]),
        format!("{head}.{}.", parts[1]),
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]),
    ] {
        assert_eq!(tokens.authenticate(&forged).await.unwrap_err(), TokenRefused::Invalid);
    }

    // It ends with the secret that the token has had, and with the token.
    let (_, _) = tokens.rotate(&bob, token.id, Rotation { overlap_seconds: 60 }).await.unwrap();
    let ends = tokens.authenticate(whole.secret.expose()).await.unwrap().ends().unwrap();
    assert!(ends.is_replaced && ends.at < whole.expires_at);
    tokens.rotate(&bob, token.id, Rotation::default()).await.unwrap();
    assert_eq!(tokens.authenticate(whole.secret.expose()).await.unwrap_err(), TokenRefused::Replaced);
    let last = tokens.exchange(&bob, token.id, NewShortToken::default()).await.unwrap();
    tokens.revoke(&bob, token.id).await.unwrap();
    assert_eq!(tokens.authenticate(last.secret.expose()).await.unwrap_err(), TokenRefused::Revoked);

    // And no later than the token would have.
    let ends = Utc::now() + TimeDelta::seconds(90);
    let (token, _) = tokens.create(&bob, NewToken { expires_at: Some(ends), ..new_token("soon") }).await.unwrap();
    let short = tokens.exchange(&bob, token.id, NewShortToken::default()).await.unwrap();
    assert!(short.expires_at <= ends);
}

pub async fn what_was_revoked_goes(db: Db) {
    let services = db.open().await;
    let (tokens, ada, bob) = (services.tokens(), admin(&services, "ada").await, member(&services, "bob").await);
    let mut secrets = Vec::new();
    for (viewer, name, revoked) in
        [(&ada, "old", Some(91)), (&ada, "young", Some(89)), (&ada, "live", None), (&bob, "his", Some(89))]
    {
        let (token, secret) = tokens.create(viewer, new_token(name)).await.unwrap();
        secrets.push(secret);
        if let Some(days) = revoked {
            tokens.revoke(viewer, token.id).await.unwrap();
            db.run(&format!("UPDATE tokens SET deleted_at = {} WHERE name = '{name}'", Db::ago(days))).await;
        }
    }
    let refused = async || {
        let mut refused = Vec::new();
        for secret in &secrets {
            refused.push(tokens.authenticate(secret.expose()).await.err());
        }
        refused
    };
    let (gone, revoked) = (Some(TokenRefused::Invalid), Some(TokenRefused::Revoked));
    assert_eq!(services.purge_deleted().await.unwrap(), 1, "it was revoked more than 90 days ago");
    assert_eq!(refused().await, [gone.clone(), revoked.clone(), None, revoked.clone()]);

    // As many as are kept, revoked since.
    let (owner, now) = (db.id(ada.id().0), Db::ago(0));
    let columns = "id, owner_id, name, secret_hash, prefix, scope, created_at, updated_at, deleted_at";
    let secret = |n: usize| match db.url.starts_with("sqlite:") {
        true => format!("x'{n:064x}'"),
        false => format!("'\\x{n:064x}'"),
    };
    let row = |id: &str, n| format!("{id}, {owner}, 'many', {}, 'sbt_', '{{}}', {now}, {now}, {now}", secret(n));
    db.insert("tokens", columns, 1_000, row).await;
    assert_eq!(services.purge_deleted().await.unwrap(), 1);
    assert_eq!(refused().await, [gone.clone(), gone, None, revoked], "only the oldest, and nobody else's");
    assert_eq!(db.number("SELECT count(*) FROM tokens").await, 1_002);
    assert_eq!(services.purge_deleted().await.unwrap(), 0);
}
