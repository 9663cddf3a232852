use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::answer::{OPEN, call, member};
use crate::name_server::{NameServer, Says};
use crate::setup::{answers, backend, create, delete, get, origin, post, put, visitor};
use crate::support::{Switchboard, until};

/// The calls of a virtual-host system, as its users make them.
#[tokio::test]
async fn the_bare_calls_work() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let (blue, green) = (origin("blue").await, origin("green").await);
    let app = json!({"domain": "App.Example.com", "enabled_backends_tag": "blue", "http_to_https": false});
    assert_eq!(post(&client, "domains", app.clone()).await.refusal(), (400, "unknown_tag"));
    assert_eq!(post(&client, "domains", app.clone()).await.at_fault(), (400, "enabled_backends_tag"));
    for (id, origin) in [("blue", &blue), ("green", &green)] {
        let body = json!({"id": id, "address": origin.address.to_string(), "tags": [id]});
        assert_eq!(post(&client, "backends", body.clone()).await.status, 201);
        assert_eq!(post(&client, "backends", body).await.refusal(), (409, "backend_exists"));
    }
    let created = post(&client, "domains", app.clone()).await;
    assert_eq!((created.status, &created.json["domain"]), (201, &json!("app.example.com")));
    assert_eq!(
        (&created.json["enabled_backends_tag"], &created.json["service"], &created.json["verified"]),
        (&json!("blue"), &json!("default"), &json!(true))
    );
    assert_eq!(created.headers["location"], "/api/v1/domains/app.example.com");
    assert_eq!(post(&client, "domains", app).await.refusal(), (409, "domain_taken"));
    answers(&switchboard, "app.example.com", "/", 200, "blue").await;

    let https = put(&client, "domains/app.example.com", json!({"http_to_https": true})).await;
    assert_eq!((https.status, &https.json["enabled_backends_tag"]), (200, &json!("blue")));
    answers(&switchboard, "app.example.com", "/", 308, "").await;
    assert_eq!(put(&client, "domains/app.example.com", json!({"http_to_https": false})).await.status, 200);

    let switched = post(&client, "domains/app.example.com/switch", json!({"new_tag": "green"})).await;
    assert_eq!((switched.status, &switched.json["enabled_backends_tag"]), (200, &json!("green")));
    answers(&switchboard, "app.example.com", "/", 200, "green").await;

    let none = json!({"enabled_backends_tag": "red"});
    assert_eq!(put(&client, "domains/app.example.com", none).await.refusal(), (400, "unknown_tag"));
    let unknown = post(&client, "domains/app.example.com/switch", json!({"new_tag": "red"})).await;
    assert_eq!((unknown.refusal(), unknown.at_fault()), ((400, "unknown_tag"), (400, "new_tag")));
    for (method, path) in [
        ("GET", "/api/v1/domains/other.example.com"),
        ("PUT", "/api/v1/domains/other.example.com"),
        ("DELETE", "/api/v1/domains/other.example.com"),
        ("GET", "/api/v1/domains/no%20domain"),
    ] {
        assert_eq!(call(&client, method, path, json!({})).await.refusal(), (404, "not_found"), "{method} {path}");
    }
    let nowhere = post(&client, "domains/other.example.com/switch", json!({"new_tag": "green"})).await;
    assert_eq!(nowhere.refusal(), (404, "not_found"));

    assert_eq!(delete(&client, "domains/app.example.com").await.status, 204);
    answers(&switchboard, "app.example.com", "/", 404, "").await;
    assert_eq!(get(&client, "domains/app.example.com").await.refusal(), (404, "not_found"));
}

/// A host and the machine behind it in one call, for whoever has no use for services, tags and pools yet.
#[tokio::test]
async fn a_domain_or_route_leads_to_an_address() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let client = switchboard.client();
    let (one, two) = (origin("one").await, origin("two").await);
    let address = |of: &crate::support::Origin| of.address.to_string();
    let made = create(&client, "domains", json!({"domain": "app.example.com", "address": address(&one)})).await;
    assert_eq!((&made["service"], &made["address"]), (&json!("app.example.com"), &Value::Null));
    answers(&switchboard, "app.example.com", "/", 200, "one").await;
    let service = get(&client, "services/app.example.com").await.json;
    // Nothing is known of what is there, so that a password or a page elsewhere is no fault of its health.
    assert_eq!(
        (&service["health_check"]["path"], &service["health_check"]["statuses"]),
        (&json!("/"), &json!("200-499"))
    );
    let route = json!({"domain": "app.example.com", "mount": "/api", "address": address(&two)});
    assert_eq!(create(&client, "routes", route).await["service"], json!("app.example.com-api"));
    answers(&switchboard, "app.example.com", "/api", 200, "two").await;

    let moved = put(&client, "domains/app.example.com", json!({"address": address(&two)})).await;
    assert_eq!((moved.status, &moved.json["service"]), (200, &json!("app.example.com-2")), "a name of its own");
    answers(&switchboard, "app.example.com", "/", 200, "two").await;

    let services = async |client: &_| get(client, "services").await.json["items"].as_array().unwrap().len();
    assert_eq!(services(&client).await, 3);
    let again = put(&client, "domains/app.example.com", json!({"address": address(&two)})).await;
    assert_eq!((again.status, &again.json["service"]), (200, &json!("app.example.com-2")), "twice is as good as once");
    let asked = json!({"url": "http://app.example.com/"});
    let explained = post(&client, "routes/explain", asked).await.json;
    assert_eq!(explained["outcome"]["candidates"].as_array().unwrap().len(), 1, "{explained}");
    let history = get(&client, "revisions").await.json;
    let made: Vec<_> = history["items"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(
        made,
        ["domain", "backend", "service", "route", "backend", "service", "domain", "backend", "service"],
        "each is a revision of its own: {history}"
    );

    let taken = json!({"domain": "app.example.com", "address": address(&one)});
    assert_eq!(post(&client, "domains", taken).await.refusal(), (409, "domain_taken"));
    let below = json!({"domain": "app.example.com", "mount": "/api/v1", "address": address(&one)});
    assert_eq!(post(&client, "routes", below).await.refusal(), (409, "mount_overlaps"));
    for (fields, fault) in [
        (json!({"address": address(&one), "enabled_backends_tag": "v1"}), "enabled_backends_tag"),
        (json!({"address": address(&one), "service": "app.example.com"}), "service"),
        (json!({"address": "no address"}), "address"),
    ] {
        let mut domain = json!({"domain": "other.example.com"});
        domain.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(post(&client, "domains", domain.clone()).await.at_fault(), (422, fault), "{domain}");
    }
    assert_eq!(services(&client).await, 3, "nothing is left of what was refused");
    let member = member(&switchboard).await;
    let inside = json!({"domain": "bob.example.com", "address": address(&one)});
    assert_eq!(post(&member, "domains", inside.clone()).await.at_fault(), (422, "address"));
    // What counts is whose it is, not who enters it.
    let mut theirs = inside;
    theirs["owner"] = json!("bob@example.com");
    assert_eq!(post(&client, "domains", theirs.clone()).await.at_fault(), (422, "address"));
    assert_eq!(services(&member).await, 0);
    theirs["address"] = json!("https://origin.example.net");
    assert_eq!(create(&client, "domains", theirs).await["service"], json!("bob.example.com"));
    assert_eq!(get(&member, "services/bob.example.com").await.status, 200, "it is the domain's owner's");
}

#[tokio::test]
async fn a_deleted_domain_comes_back_with_its_routes() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let web = origin("web").await;
    backend(&client, "web", &web, &["v1"]).await;
    let domain = create(&client, "domains", json!({"domain": "app.example.com"})).await;
    let route = json!({"domain": "app.example.com", "mount": "/api", "enabled_backends_tag": "v1"});
    create(&client, "routes", route).await;
    answers(&switchboard, "app.example.com", "/api", 200, "web").await;
    assert_eq!(delete(&client, "domains/app.example.com").await.status, 204);
    assert_eq!(get(&client, "routes").await.json["items"], json!([]));
    assert_eq!(get(&client, "domains?deleted=true").await.json["items"][0]["id"], domain["id"]);
    let by_id = format!("domains/{}", domain["id"].as_str().unwrap());
    assert!(get(&client, &by_id).await.json["deleted_at"].is_string());

    let restored = post(&client, "domains/app.example.com/restore", Value::Null).await;
    assert_eq!((restored.status, &restored.json["id"]), (200, &domain["id"]));
    answers(&switchboard, "app.example.com", "/api", 200, "web").await;

    assert_eq!(delete(&client, "domains/app.example.com").await.status, 204);
    create(&client, "domains", json!({"domain": "app.example.com"})).await;
    assert_eq!(post(&client, &format!("{by_id}/restore"), Value::Null).await.refusal(), (409, "domain_taken"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    create(&client, "services", json!({"name": "shop"})).await;
    for (body, expected) in [
        (json!({}), (400, "(none)")),
        (json!({"domain": "app.example.com", "tag": "v1"}), (400, "tag")),
        (json!({"domain": "not a host"}), (422, "domain")),
        (json!({"domain": "a.*.example.com"}), (422, "domain")),
        (json!({"domain": "app.example.com", "service": "shop", "redirect": {"to": "/"}}), (422, "service")),
        (json!({"domain": "app.example.com", "http_to_https": "yes"}), (400, "http_to_https")),
    ] {
        assert_eq!(post(&client, "domains", body.clone()).await.at_fault(), expected, "{body}");
    }
    for (host, code) in [("app.localhost", "reserved_host"), ("*.localhost", "reserved_host")] {
        assert_eq!(post(&client, "domains", json!({"domain": host})).await.refusal(), (409, code), "{host}");
    }
    create(&client, "domains", json!({"domain": "app.example.com", "service": "shop"})).await;
    let other = put(&client, "domains/app.example.com", json!({"domain": "other.example.com"})).await;
    assert_eq!(other.at_fault(), (422, "domain"));
    let unknown =
        put(&client, "domains/app.example.com", json!({"headers": {"request": {"set": {"Host": "x"}}}})).await;
    assert_eq!(unknown.status, 422, "{unknown:?}");
}

#[tokio::test]
async fn a_wildcard_leads_somewhere_too() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let auth = origin("auth").await;
    backend(&client, "auth", &auth, &["v1"]).await;
    create(&client, "domains", json!({"domain": "*.auth.example.com", "enabled_backends_tag": "v1"})).await;
    answers(&switchboard, "tenant1.auth.example.com", "/", 200, "auth").await;
    let read = get(&client, "domains/*.auth.example.com").await;
    assert_eq!((read.status, &read.json["domain"]), (200, &json!("*.auth.example.com")));
    assert_eq!(read.json["verification"]["record"], "_switchboard.auth.example.com");
    let elsewhere = json!({"redirect": {"to": "https://www.example.com", "status": 301}});
    let redirected = put(&client, "domains/%2A.auth.example.com", elsewhere).await;
    assert_eq!((redirected.status, &redirected.json["enabled_backends_tag"]), (200, &Value::Null));
    answers(&switchboard, "tenant1.auth.example.com", "/", 301, "").await;
}

#[tokio::test]
async fn a_members_domain_waits_for_its_check() {
    let switchboard = Switchboard::start_with(OPEN).await;
    let (admin, bob) = (switchboard.client(), member(&switchboard).await);
    let created = create(&bob, "domains", json!({"domain": "bob.example.com"})).await;
    assert_eq!((&created["verified"], &created["verification"]["checked_at"]), (&json!(false), &Value::Null));
    assert_eq!(created["verification"]["record"], "_switchboard.bob.example.com");
    assert_eq!(get(&bob, "domains?verified=false").await.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&bob, "domains?verified=true").await.json["items"], json!([]));
    assert_eq!(visitor(&switchboard, "bob.example.com").text("/").await.0, 404);

    create(&admin, "domains", json!({"domain": "ada.example.com"})).await;
    assert_eq!(get(&bob, "domains/ada.example.com").await.refusal(), (404, "not_found"));
    assert_eq!(post(&bob, "domains", json!({"domain": "ada.example.com"})).await.refusal(), (409, "domain_taken"));
    assert_eq!(get(&admin, "domains/bob.example.com").await.json["id"], created["id"]);
    assert_eq!(post(&bob, "domains/ada.example.com/verify", Value::Null).await.refusal(), (404, "not_found"));
    let hers = json!({"domain": "localhost"});
    assert_eq!(post(&bob, "domains", hers).await.refusal(), (409, "reserved_host"));

    let elsewhere = json!({"redirect": {"to": "https://www.example.com"}});
    assert_eq!(put(&bob, "domains/bob.example.com", elsewhere).await.status, 200);
    let skip = "domains/bob.example.com/verify?skip_check=true";
    assert_eq!(post(&bob, skip, Value::Null).await.refusal(), (403, "admin_only"));
    assert_eq!(visitor(&switchboard, "bob.example.com").text("/").await.0, 404);
    let trusted = post(&admin, skip, Value::Null).await;
    assert_eq!((trusted.status, &trusted.json["verified"]), (200, &json!(true)), "{trusted:?}");
    answers(&switchboard, "bob.example.com", "/", 302, "").await;
}

#[tokio::test]
async fn a_members_domain_is_routed_once_its_record_is_found() {
    let names = NameServer::start().await;
    let resolver = names.address.to_string();
    let switchboard =
        Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open"), ("SWITCHBOARD_DNS_RESOLVER", &resolver)]).await;
    let bob = member(&switchboard).await;
    let elsewhere = json!({"domain": "bob.example.com", "redirect": {"to": "https://www.example.com"}});
    let created = create(&bob, "domains", elsewhere).await;
    let verify = async || post(&bob, "domains/bob.example.com/verify", Value::Null).await;
    // Whoever asks too soon after another check is told to wait.
    until(Duration::from_secs(20), "a check finds nothing", async || {
        let checked = verify().await;
        assert!(matches!(checked.status, 200 | 429), "{checked:?}");
        checked.json["verification"]["error"].as_str().is_some_and(|text| text.contains("no TXT record"))
            && checked.json["verified"] == false
    })
    .await;
    let value: &'static str = created["verification"]["value"].as_str().unwrap().to_owned().leak();
    names.set("_switchboard.bob.example.com", [Says::Texts(vec![vec![value]])]);
    until(Duration::from_secs(20), "a check finds the record", async || verify().await.json["verified"] == true).await;
    answers(&switchboard, "bob.example.com", "/", 302, "").await;
}

#[tokio::test]
async fn of_a_hundred_who_want_a_domain_one_gets_it() {
    let switchboard = Switchboard::start().await;
    let client = switchboard.client();
    let mut claims = JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        claims.spawn(async move { post(&client, "domains", json!({"domain": "app.example.com"})).await });
    }
    let answers = claims.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let taken = answers.iter().filter(|answer| answer.refusal() == (409, "domain_taken")).count();
    assert_eq!(taken, 99, "{answers:?}");
    assert_eq!(get(&client, "domains").await.json["items"].as_array().unwrap().len(), 1);
}
