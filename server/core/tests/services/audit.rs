use crate::support::{Db, PASSWORD, admin, member};
use domain::AuditKind;
use sea_orm::ConnectionTrait;
use server_core::{AuditQuery, Page, Services, Viewer};
use std::net::IpAddr;

async fn failures(services: &Services, viewer: &Viewer) -> Vec<domain::AuditEvent> {
    let query = AuditQuery { kind: Some(AuditKind::SignInFailed), ..AuditQuery::default() };
    let mut events = Vec::new();
    let mut page = Page { limit: 100, cursor: None };
    loop {
        let listing = services.audit().list(viewer, query.clone(), page).await.unwrap();
        events.extend(listing.items);
        let Some(cursor) = listing.next_cursor else { return events };
        page = Page { limit: 100, cursor: Some(cursor) };
    }
}

pub async fn a_stranger_cannot_fill_the_log(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    for n in 0..230_u8 {
        let client = IpAddr::from([198, 51, 100, n]);
        services.accounts().sign_in(&format!("nobody{n}@example.com"), PASSWORD, client).await.unwrap_err();
    }
    let events = failures(&services, &ada).await;
    assert_eq!(events.len(), 201, "two hundred addresses, and all others together");
    assert_eq!((events[0].times, events[0].address), (30, None));
    assert_eq!(events[1..].iter().map(|event| event.times).sum::<u64>(), 200);
}

pub async fn what_is_old_goes_from_the_log(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    services.accounts().sign_in("ada@example.com", PASSWORD, IpAddr::from([127, 0, 0, 1])).await.unwrap();
    let connection = sea_orm::Database::connect(&db.url).await.unwrap();
    let past = (chrono::Utc::now() - chrono::TimeDelta::days(366)).to_rfc3339();
    let update = format!("UPDATE audit_events SET at = '{past}' WHERE kind = 'signed_in'");
    connection.execute_unprepared(&update).await.unwrap();
    connection.close().await.unwrap();
    let kinds = async || {
        let events = services.audit().list(&ada, AuditQuery::default(), Page::default()).await.unwrap().items;
        events.into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, [AuditKind::SignedIn, AuditKind::AccountMade]);
    services.purge_deleted().await.unwrap();
    assert_eq!(kinds().await, [AuditKind::AccountMade]);
}

/// Writes events down as if they had happened now, one after the other; how many times is which of them it is.
async fn write_down(db: &Db, kind: AuditKind, actor: Option<&Viewer>, account: &Viewer, events: usize) {
    let (kind, now) = (kind.as_str(), Db::ago(0));
    let actor = actor.map_or_else(|| "NULL".to_owned(), |actor| db.id(actor.id().0));
    let account = db.id(account.id().0);
    let row = |id: &str, n| format!("{id}, '{kind}', {now}, {now}, {n}, {actor}, {account}");
    db.insert("audit_events", "id, kind, at, last_at, times, actor_id, account_id", events, row).await;
}

pub async fn who_does_much_pushes_out_nobody_else(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    write_down(&db, AuditKind::RateLimitChanged, Some(&ada), &bob, 1).await;
    // By the command line.
    write_down(&db, AuditKind::PasswordChanged, None, &bob, 1).await;
    write_down(&db, AuditKind::ShareLinkMade, Some(&ada), &ada, 5_002).await;
    write_down(&db, AuditKind::FrontChanged, Some(&bob), &bob, 5_003).await;
    write_down(&db, AuditKind::Entered, None, &bob, 5_004).await;
    write_down(&db, AuditKind::EntryRefused, None, &ada, 20_005).await;
    assert_eq!(services.purge_deleted().await.unwrap(), 3 + 4 + 5);
    for (kind, first, kept) in [
        (AuditKind::RateLimitChanged, 1, 1),
        (AuditKind::PasswordChanged, 1, 1),
        (AuditKind::ShareLinkMade, 1, 5_002),
        (AuditKind::FrontChanged, 4, 5_000),
        (AuditKind::Entered, 5, 5_000),
        (AuditKind::EntryRefused, 6, 20_000),
        (AuditKind::AccountMade, 1, 2),
    ] {
        let kind = kind.as_str();
        let first_kept = db.number(&format!("SELECT min(times) FROM audit_events WHERE kind = '{kind}'")).await;
        let number = db.number(&format!("SELECT count(*) FROM audit_events WHERE kind = '{kind}'")).await;
        assert_eq!((first_kept, number), (first, kept), "{kind}");
    }
    assert_eq!(services.purge_deleted().await.unwrap(), 0);
}
