use crate::support::{Db, admin, member};
use domain::DraftId;
use server_core::Fields;

fn fields(text: &str) -> Fields {
    [("webhook".to_owned(), text.to_owned()), ("page_502".to_owned(), "<p>away</p>".repeat(2_000))].into()
}

pub async fn what_was_entered_comes_back_to_who_has_entered_it(db: Db) {
    let services = db.open().await;
    let (drafts, ada, bob) = (services.drafts(), admin(&services, "ada").await, member(&services, "bob").await);
    let first = drafts.keep(&ada, &fields("https://hooks.example.com/5ecret")).await.unwrap().unwrap();
    services.close().await;
    db.has_no("5ecret").await;
    // Any node shows it, and one that is started later.
    let services = db.open().await;
    let drafts = services.drafts();
    assert_eq!(drafts.read(&ada, first).await.unwrap(), fields("https://hooks.example.com/5ecret"));
    assert!(drafts.read(&bob, first).await.unwrap().is_empty());
    assert!(drafts.read(&ada, DraftId(uuid::Uuid::now_v7())).await.unwrap().is_empty());

    // The last few of an account, whatever others enter; and nothing that is very large.
    let others = drafts.keep(&bob, &fields("bob's")).await.unwrap().unwrap();
    for place in 0..5 {
        assert!(drafts.read(&ada, first).await.unwrap().len() == 2, "{place}");
        drafts.keep(&ada, &fields("again")).await.unwrap();
    }
    assert!(drafts.read(&ada, first).await.unwrap().is_empty());
    assert_eq!(drafts.read(&bob, others).await.unwrap(), fields("bob's"));
    assert!(drafts.keep(&ada, &fields(&"x".repeat(600_000))).await.unwrap().is_none());
    services.close().await;
}
