use crate::support::{Db, PASSWORD, admin};
use domain::AuditKind;
use sea_orm::ConnectionTrait;
use server_core::{AuditQuery, Page, Services};
use std::net::IpAddr;

async fn failures(services: &Services, viewer: &server_core::Viewer) -> Vec<domain::AuditEvent> {
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
