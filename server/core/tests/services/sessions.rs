use crate::support::{Db, admin, member};
use chrono::TimeDelta;
use server_core::{BadgeOf, Change, Viewer, WebSessionRecord};
use std::time::Duration;

fn record(viewer: &Viewer, days: i64) -> WebSessionRecord {
    WebSessionRecord {
        user_id: Some(viewer.id()),
        data: r#"{"user_id":"x"}"#.into(),
        user_agent: Some("Browser/1".into()),
        address: Some("::1".parse().unwrap()),
        expires_at: chrono::DateTime::from_timestamp(chrono::Utc::now().timestamp(), 0).unwrap()
            + TimeDelta::days(days),
    }
}

pub async fn a_browser_session_is_stored_and_ended(db: Db) {
    let services = db.open().await;
    let (sessions, ada) = (services.web_sessions(), admin(&services, "ada").await);
    let first = record(&ada, 1);
    assert!(sessions.insert([1; 32], first.clone()).await.unwrap());
    assert!(!sessions.insert([1; 32], record(&ada, 9)).await.unwrap(), "the key is taken");
    assert_eq!(sessions.load([1; 32]).await.unwrap(), Some(first.clone()));
    let changed = WebSessionRecord { data: r#"{"theme":"dark"}"#.into(), ..first };
    sessions.save([1; 32], changed.clone()).await.unwrap();
    assert!(sessions.insert([2; 32], record(&ada, 1)).await.unwrap());
    assert!(sessions.insert([3; 32], record(&ada, -1)).await.unwrap());
    assert_eq!(sessions.load([1; 32]).await.unwrap(), Some(changed));
    for ended in [[3; 32], [4; 32]] {
        sessions.save(ended, record(&ada, 1)).await.unwrap();
        assert_eq!(sessions.load(ended).await.unwrap(), None, "what has ended does not come back");
    }
    assert_eq!(sessions.load([3; 32]).await.unwrap(), None, "it has expired");
    assert_eq!(sessions.purge_expired().await.unwrap(), 1);
    assert_eq!(sessions.purge_expired().await.unwrap(), 0);

    let mut changes = services.changes().subscribe();
    let list = sessions.list(&ada, Some([1; 32])).await.unwrap();
    assert_eq!((list.len(), list.iter().filter(|session| session.current).count()), (2, 1));
    assert_eq!(sessions.end_others(&ada, Some([1; 32])).await.unwrap(), 1);
    assert_eq!(sessions.load([2; 32]).await.unwrap(), None);
    sessions.remove([1; 32]).await.unwrap();
    sessions.remove([1; 32]).await.unwrap();
    let ended = Change::UserSessionsEnded(ada.id());
    assert_eq!((changes.recv().await.unwrap(), changes.recv().await.unwrap()), (ended, ended));
    assert!(changes.try_recv().is_err(), "what was not there ends nothing");
    assert!(sessions.list(&ada, None).await.unwrap().is_empty());
}

pub async fn a_session_lasts_no_longer_than_one_may_whatever_its_row_says(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    // As of one that is used again and again.
    services.web_sessions().insert([1; 32], record(&ada, 1_000)).await.unwrap();
    services.web_sessions().save([1; 32], record(&ada, 1_000)).await.unwrap();
    let listed = services.web_sessions().list(&ada, None).await.unwrap().remove(0);
    assert_eq!(listed.expires_at - listed.created_at, TimeDelta::days(30));
    let loaded = services.web_sessions().load([1; 32]).await.unwrap().unwrap();
    assert_eq!(loaded.expires_at, listed.expires_at);

    // The session has lasted longer than it may where that is next to nothing.
    let strict = db.open_with(|settings| settings.session_lifetime = Duration::from_nanos(1)).await.unwrap();
    let sessions = strict.web_sessions();
    assert_eq!(sessions.load([1; 32]).await.unwrap(), None);
    assert!(sessions.list(&ada, None).await.unwrap().is_empty());
    let of = BadgeOf { session: listed.id, user: ada.id() };
    assert!(services.passes().standing(of).await.unwrap().is_some());
    assert_eq!(strict.passes().standing(of).await.unwrap(), None, "nor is anybody let in by it elsewhere");
    assert_eq!(services.web_sessions().purge_expired().await.unwrap(), 0);
    assert_eq!(sessions.purge_expired().await.unwrap(), 1);
}

pub async fn others_sessions_are_out_of_reach(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let sessions = services.web_sessions();
    sessions.insert([1; 32], record(&bob, 1)).await.unwrap();
    let id = sessions.id_of([1; 32]).await.unwrap().unwrap();
    assert!(sessions.list(&ada, None).await.unwrap().is_empty());
    assert_eq!(sessions.end(&ada, id).await.unwrap_err().code(), "not_found");
    sessions.end(&bob, id).await.unwrap();
    assert_eq!(sessions.end(&bob, id).await.unwrap_err().code(), "not_found");
}

pub async fn a_refresh_token_works_once(db: Db) {
    let services = db.open().await;
    let (sessions, ada) = (services.api_sessions(), admin(&services, "ada").await);
    let first = sessions.issue(&ada, None).await.unwrap();
    assert_eq!(first.expires_in, 900);
    assert_eq!(sessions.authenticate(&first.access_token).await.unwrap().id(), ada.id());
    let second = sessions.refresh(&first.refresh_token, None).await.unwrap();
    sessions.authenticate(&second.access_token).await.unwrap();
    // A copy of the first one turns up: nobody knows whose, so both lose the session.
    assert_eq!(sessions.refresh(&first.refresh_token, None).await.unwrap_err().code(), "unauthorized");
    assert!(sessions.refresh(&second.refresh_token, None).await.is_err());
    assert!(sessions.authenticate(&second.access_token).await.is_err());

    // Two exchanges at once: only one gets a pair.
    let again = sessions.issue(&ada, None).await.unwrap();
    let (one, other) =
        tokio::join!(sessions.refresh(&again.refresh_token, None), sessions.refresh(&again.refresh_token, None));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

pub async fn an_access_token_ends_with_its_session(db: Db) {
    let services = db.open().await;
    let (sessions, ada) = (services.api_sessions(), admin(&services, "ada").await);
    let pair = sessions.issue(&ada, None).await.unwrap();
    let other = sessions.issue(&ada, None).await.unwrap();
    sessions.revoke("sbr_nobody.knows", None).await.unwrap();
    sessions.revoke(&pair.refresh_token, None).await.unwrap();
    assert!(sessions.authenticate(&pair.access_token).await.is_err());
    sessions.authenticate(&other.access_token).await.unwrap();
    // Signed with another key, or not at all.
    let stranger = db.open_with(|settings| settings.jwt_secret = server_core::Secret::new([8; 32])).await.unwrap();
    assert!(stranger.api_sessions().authenticate(&other.access_token).await.is_err());
    let unsigned = other.access_token.rsplit_once('.').unwrap().0.to_owned() + ".";
    for token in ["", "x", "a.b.c", &unsigned, &other.refresh_token] {
        assert_eq!(sessions.authenticate(token).await.unwrap_err().code(), "unauthorized", "{token}");
    }
    assert!(!format!("{other:?}").contains(&other.refresh_token));
}
