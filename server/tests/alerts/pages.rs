//! Alerts on the dashboard, without scripts.

use crate::browser::Browser;
use crate::receiver::{Receiver, SOON};
use crate::support::{Switchboard, until};

#[tokio::test]
async fn an_alert_is_made_tested_changed_and_deleted_with_forms() {
    let switchboard = Switchboard::start().await;
    let mut receiver = Receiver::start(0).await;
    let mut browser = Browser::signed_in(&switchboard).await;
    let empty = browser.open("/web/alerts").await;
    assert!(empty.status == 200 && empty.body.contains("There are no alerts yet"));
    let url = receiver.url();
    let form = [
        ("alert_name", "shop fails"),
        ("kind", "error_share"),
        ("error_percent", "12,5"),
        ("about", "all"),
        ("for_seconds", "30"),
        ("delivery", "webhook"),
        ("webhook", &url),
        ("enabled", "on"),
    ];
    let wrong = browser.submit("/web/action/create_alert", &[&form[..2], &form[3..]].concat()).await;
    let back = wrong.goes_to().to_owned();
    let back = browser.open(&back).await;
    assert!(back.body.contains("Enter a share in percent") && back.body.contains("shop fails"), "{}", back.body);
    let made = browser.submit("/web/action/create_alert", &form).await;
    let page = made.goes_to().to_owned();
    assert!(page.starts_with("/web/alerts/") && !page.contains("sbw_"), "{page}");
    let shown = browser.open(&page).await;
    let secret = shown.body.split("sbw_").nth(1).map(|rest| format!("sbw_{}", &rest[..43])).unwrap();
    assert!(!browser.open(&page).await.body.contains(&secret), "it is shown once");

    let id = page["/web/alerts/".len()..].split('?').next().unwrap();
    let tested = browser.submit("/web/action/test_alert", &[("id", id)]).await;
    assert!(tested.goes_to().contains("done=alert_tested"));
    assert_eq!(receiver.next(&secret).await.json["type"], "alert.test");
    let page = format!("/web/alerts/{id}");
    until(SOON, "the page says so", async || browser.open(&page).await.body.contains("Delivered")).await;
    assert!(browser.open("/web/alerts").await.body.contains("more than 12.5 %"));

    let fields: Vec<_> =
        form.iter().map(|(name, value)| (*name, if *name == "error_percent" { "7" } else { *value })).collect();
    let off: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != "enabled").chain([("id", id)]).collect();
    let changed = browser.submit("/web/action/update_alert", &off).await;
    assert!(changed.goes_to().ends_with("?done=alert_updated"), "{changed:?}");
    let list = browser.open("/web/alerts").await.body;
    assert!(list.contains("more than 7 %") && list.contains("badge-paused"), "{list}");
    let gone = browser.submit("/web/action/delete_alert", &[("id", id)]).await;
    assert!(gone.goes_to().contains("done=alert_deleted"));
    assert_eq!(browser.open(&page).await.status, 404);
}
