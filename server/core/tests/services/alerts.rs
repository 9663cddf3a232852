use crate::support::{Db, admin, from, member};
use serde_json::json;
use server_core::Expected;

pub async fn so_much_is_kept_of_what_was_told(db: Db) {
    let services = db.open().await;
    admin(&services, "ada").await;
    let (bob, eve) = (member(&services, "bob").await, member(&services, "eve").await);
    let now = Db::ago(0);
    let spec = json!({"name": "away", "kind": "tunnel_offline", "webhook": "https://hooks.example.com/x"});
    for (viewer, events) in [(&bob, 10_003), (&eve, 2)] {
        let (alert, _) = services.create_alert(viewer, from(spec.clone())).await.unwrap();
        let (owner, of) = (db.id(viewer.id().0), db.id(alert.id.0));
        let columns = "id, alert_id, owner_id, at, state, subject_kind, subject_id, subject_name, message, target, delivery, \
                       attempts";
        let row =
            |id: &str, _| format!("{id}, {of}, {owner}, {now}, 'test', 'all', {owner}, 'a', 'b', 'c', 'suppressed', 0");
        db.insert("alert_events", columns, events, row).await;
        services.alerts().delete(viewer, alert.id, &Expected::Anything).await.unwrap();
    }
    assert_eq!(services.purge_deleted().await.unwrap(), 3);
    assert_eq!(db.number("SELECT count(*) FROM alert_events").await, 10_002);

    // As many alerts as are kept, deleted since.
    let owner = db.id(bob.id().0);
    let columns = "id, owner_id, name, kind, for_seconds, enabled, created_at, updated_at, deleted_at";
    let row = |id: &str, _| format!("{id}, {owner}, 'many', 'tunnel_offline', 60, TRUE, {now}, {now}, {now}");
    db.run(&format!("UPDATE alerts SET deleted_at = {}", Db::ago(1))).await;
    db.insert("alerts", columns, 1_000, row).await;
    assert_eq!(services.purge_deleted().await.unwrap(), 10_001, "one alert with what it has told");
    assert_eq!(db.number("SELECT count(*) FROM alerts").await, 1_001);
    assert_eq!(db.number("SELECT count(*) FROM alert_events").await, 2, "nobody else's");
}
