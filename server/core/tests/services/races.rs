use crate::support::{Db, admin, from, pool};
use serde_json::json;
use server_core::{CoreError, Services, Viewer};

/// What a hundred attempts at once come to: how many succeed, and the codes of the others.
async fn hundred<F>(
    services: &Services,
    owners: &[Viewer],
    attempt: impl Fn(Services, Viewer, usize) -> F,
) -> (usize, Vec<&'static str>)
where
    F: Future<Output = Result<(), CoreError>> + Send + 'static,
{
    let attempts = (0..100).map(|n| tokio::spawn(attempt(services.clone(), owners[n % owners.len()].clone(), n)));
    let mut won = 0;
    let mut codes: Vec<&'static str> = Vec::new();
    for outcome in futures_util::future::join_all(attempts).await {
        match outcome.unwrap() {
            Ok(()) => won += 1,
            Err(error) => codes.push(error.code()),
        }
    }
    codes.sort_unstable();
    codes.dedup();
    (won, codes)
}

pub async fn of_a_hundred_claims_one_wins(db: Db) {
    let services = db.open().await;
    let mut owners = Vec::new();
    for n in 0..10 {
        owners.push(admin(&services, &format!("owner{n}")).await);
    }
    let claims = hundred(&services, &owners, |services, owner, _| async move {
        services.hosts().create(&owner, from(json!({"domain": "wanted.example"}))).await.map(drop)
    });
    assert_eq!(claims.await, (1, vec!["domain_taken"]));

    // None of these may stand beside another, and they are not all the same.
    pool(&services, &owners[0], "shop", "v1").await;
    services.hosts().create(&owners[0], from(json!({"domain": "shop.example"}))).await.unwrap();
    let claims = hundred(&services, &owners[..1], |services, owner, n| async move {
        let mount = "/wanted".to_owned() + &"/deeper".repeat(n % 10);
        let spec = json!({"domain": "shop.example", "mount": mount, "service": "shop"});
        services.routes().create(&owner, from(spec)).await.map(drop)
    });
    assert_eq!(claims.await, (1, vec!["mount_overlaps"]));
    let claims = hundred(&services, &owners, |services, owner, n| async move {
        let mount = "/any".to_owned() + &"/deeper".repeat(n % 10);
        services.routes().create(&owner, from(json!({"mount": mount, "redirect": {"to": "/"}}))).await.map(drop)
    });
    assert_eq!(claims.await, (1, vec!["mount_overlaps"]));
    let claims = hundred(&services, &owners[..1], |services, owner, _| async move {
        services.pools().create_backend(&owner, from(json!({"id": "one", "address": "a:1"}))).await.map(drop)
    });
    assert_eq!(claims.await, (1, vec!["backend_exists"]), "also the default service is made once");
}

/// Whether a name is taken is looked for first, so whatever else is wrong is not even looked at.
pub async fn who_comes_too_late_hears_it_before_anything_else(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, admin(&services, "bob").await);
    let (hosts, routes) = (services.hosts(), services.routes());
    let host = |service: Option<&str>| from(json!({"domain": "shop.example", "service": service}));
    let made = hosts.create(&ada, host(None)).await.unwrap();
    for late in [&ada, &bob] {
        assert_eq!(hosts.create(late, host(Some("nowhere"))).await.unwrap_err().code(), "domain_taken");
    }
    let redirect = json!({"domain": "shop.example", "mount": "/a", "redirect": {"to": "/"}});
    routes.create(&ada, from(redirect)).await.unwrap();
    for mount in ["/", "/a", "/a/b"] {
        let late = json!({"domain": "shop.example", "mount": mount, "service": "nowhere"});
        assert_eq!(routes.create(&ada, from(late)).await.unwrap_err().code(), "mount_overlaps", "{mount}");
    }
    // What is free is looked at as ever.
    hosts.delete(&ada, &made.id.into()).await.unwrap();
    assert_eq!(hosts.create(&bob, host(Some("nowhere"))).await.unwrap_err().code(), "not_found");
    hosts.create(&bob, host(None)).await.unwrap();
    assert_eq!(hosts.restore(&ada, &made.id.into()).await.unwrap_err().code(), "domain_taken");
}
