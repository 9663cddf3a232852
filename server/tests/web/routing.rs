//! Domains, routes, services and regions by the forms of their pages, without scripts: what is entered is what is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{Client, Origin, Switchboard, full, until};

const SOON: Duration = Duration::from_secs(20);

/// The value of an attribute of a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

/// Fills in a form of a page and sends it with what it says unseen. Each field has to be there, and of several forms for the
/// same it is the one that says all of `fixed` unseen. Gives where it leads to.
async fn fill(
    browser: &mut Browser,
    page: &str,
    (action, fixed): (&str, &[(&str, &str)]),
    fields: &[(&str, &str)],
) -> String {
    let shown = browser.open(page).await;
    assert_eq!(shown.status, 200, "{page}");
    let begin = format!("action=\"/web/action/{action}\"");
    let forms = shown.body.split(&begin).skip(1).map(|rest| rest.split("</form>").next().unwrap());
    let unseen = |form: &str| -> Vec<(String, String)> {
        let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
        let hidden = inputs.filter(|input| attribute(input, "type") == Some("hidden"));
        let pair = |input: &str| Some((attribute(input, "name")?.to_owned(), attribute(input, "value")?.to_owned()));
        hidden.filter_map(pair).collect()
    };
    let says =
        |form: &str, (name, value): &(&str, &str)| unseen(form).contains(&((*name).to_owned(), (*value).to_owned()));
    let mut forms = forms.filter(|form| fixed.iter().all(|pair| says(form, pair)));
    let form = forms.next().unwrap_or_else(|| panic!("{page} has no form for {action} {fixed:?}"));
    for (name, _) in fields {
        assert!(form.contains(&format!("name=\"{name}\"")), "{action} on {page} has no {name}: {form}");
    }
    let unseen = unseen(form);
    let unseen = unseen.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<_> = unseen.chain(fields.iter().copied()).collect();
    browser.submit(&format!("/web/action/{action}"), &all).await.goes_to().to_owned()
}

/// The same; the page that it leads to, where it says that this was done.
async fn done(
    browser: &mut Browser,
    page: &str,
    form: (&str, &[(&str, &str)]),
    fields: &[(&str, &str)],
    code: &str,
) -> String {
    let to = fill(browser, page, form, fields).await;
    assert!(to.contains(&format!("done={code}")), "{form:?} {fields:?}: {to}");
    to.split('?').next().unwrap().to_owned()
}

async fn get(client: &Client, path: &str) -> Value {
    let (status, object) = client.get(&format!("/api/v1/{path}")).await;
    assert_eq!(status, 200, "{path}: {object}");
    object
}

/// All of these are so.
fn includes(object: &Value, expected: &Value) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&object[key], value, "{key} of {object}");
    }
}

async fn service(browser: &mut Browser, name: &str) -> String {
    done(browser, "/web/services", ("create_service", &[]), &[("service_name", name)], "service_created").await
}

#[tokio::test]
async fn a_domain_keeps_what_its_form_says() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    service(&mut browser, "shop").await;
    let backend = json!({"address": "10.0.0.5:80", "service": "shop", "tags": ["v1"]});
    assert_eq!(client.post("/api/v1/backends", &backend).await.0, 201);
    assert_eq!(client.post("/api/v1/tunnels", &json!({"subdomain": "laptop"})).await.0, 201);
    let fields = [
        ("domain", "app.example.com"),
        ("target", "service"),
        ("service", "shop"),
        ("enabled_backends_tag", "v1"),
        ("http_to_https", "on"),
        ("request_headers", "X-Added: yes\n-X-Secret"),
        ("response_headers", "Cache-Control: no-store\n-Server"),
        ("host_rewrite", "{backend}"),
    ];
    let page = done(&mut browser, "/web/domains", ("create_domain", &[]), &fields, "domain_created").await;
    let headers = json!({
        "request": {"set": {"x-added": "yes"}, "remove": ["x-secret"]},
        "response": {"set": {"cache-control": "no-store"}, "remove": ["server"]},
    });
    let kept = get(&client, "domains/app.example.com").await;
    includes(
        &kept,
        &json!({"service": "shop", "enabled_backends_tag": "v1", "http_to_https": true,
                            "headers": headers, "host_rewrite": "{backend}"}),
    );
    // What is left empty is taken away.
    let tunnel = [("target", "tunnel"), ("tunnel", "laptop"), ("host_rewrite", "app.internal")];
    done(&mut browser, &page, ("update_domain", &[]), &tunnel, "domain_updated").await;
    let kept = get(&client, "domains/app.example.com").await;
    includes(
        &kept,
        &json!({"service": null, "tunnel": "laptop", "http_to_https": false, "host_rewrite": "app.internal"}),
    );
    assert!(!kept["headers"].to_string().contains("x-added"), "{kept}");
    let redirect = [("target", "redirect"), ("redirect", "https://new.example.com/a"), ("redirect_status", "301")];
    done(&mut browser, &page, ("update_domain", &[]), &redirect, "domain_updated").await;
    let kept = get(&client, "domains/app.example.com").await;
    includes(&kept["redirect"], &json!({"to": "https://new.example.com/a", "status": 301, "keep_path": false}));
    let wrong = [("target", "redirect"), ("redirect", "javascript:alert(1)")];
    let back = fill(&mut browser, &page, ("update_domain", &[]), &wrong).await;
    assert!(back.contains("error=") && browser.open(&back).await.body.contains("javascript:alert(1)"), "{back}");
    assert_eq!(get(&client, "domains/app.example.com").await["redirect"], kept["redirect"]);
}

#[tokio::test]
async fn a_route_keeps_what_its_form_says_and_comes_back() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    service(&mut browser, "api").await;
    let domain = [("domain", "app.example.com")];
    done(&mut browser, "/web/domains", ("create_domain", &[]), &domain, "domain_created").await;
    let fields = [
        ("domain", "app.example.com"),
        ("mount", "/api"),
        ("target", "service"),
        ("service", "api"),
        ("strip_prefix", "on"),
        ("response_headers", "X-Route: api"),
    ];
    let page = done(&mut browser, "/web/routes", ("create_route", &[]), &fields, "route_created").await;
    let path = page.replace("/web/", "");
    includes(
        &get(&client, &path).await,
        &json!({"domain": "app.example.com", "mount": "/api", "service": "api",
                                                 "strip_prefix": true, "enabled": true}),
    );
    let changed =
        [("mount", "/v2"), ("target", "redirect"), ("redirect", "https://new.example.com"), ("keep_path", "on")];
    done(&mut browser, &page, ("update_route", &[]), &changed, "route_updated").await;
    let kept = get(&client, &path).await;
    includes(&kept, &json!({"mount": "/v2", "service": null, "strip_prefix": false}));
    includes(&kept["redirect"], &json!({"to": "https://new.example.com", "keep_path": true}));
    for (action, code, enabled) in [("disable_route", "route_disabled", false), ("enable_route", "route_enabled", true)]
    {
        done(&mut browser, &page, (action, &[]), &[], code).await;
        assert_eq!(get(&client, &path).await["enabled"], enabled);
    }
    let list = fill(&mut browser, &page, ("delete_route", &[]), &[]).await;
    assert!(list.contains("done=route_deleted"), "{list}");
    assert_ne!(get(&client, &path).await["deleted_at"], Value::Null);
    done(&mut browser, &list, ("restore_route", &[]), &[], "route_restored").await;
    assert_eq!(get(&client, &path).await["deleted_at"], Value::Null);
}

#[tokio::test]
async fn a_service_and_its_backends_keep_what_their_forms_say_and_come_back() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    assert_eq!(client.post("/api/v1/tunnels", &json!({"subdomain": "laptop"})).await.0, 201);
    let region = [("region_name", "us"), ("public_url", "https://us.example.com")];
    done(&mut browser, "/web/cluster", ("create_region", &[]), &region, "region_created").await;
    let page = service(&mut browser, "shop").await;
    let fields = [
        ("service_name", "store"),
        ("balance", "round_robin"),
        ("affinity", "header"),
        ("affinity_name", "x-user"),
        ("check", "on"),
        ("check_path", "/ready"),
        ("statuses", "200-204"),
        ("interval_seconds", "7"),
        ("timeout_ms", "900"),
        ("healthy_after", "3"),
        ("unhealthy_after", "4"),
        ("retries", "2"),
        ("slow_start_seconds", "11"),
        ("eject_after", "6"),
        ("eject_seconds", "12"),
        ("max_in_flight", "50"),
    ];
    done(&mut browser, &page, ("update_service", &[]), &fields, "service_updated").await;
    let kept = get(&client, "services/store").await;
    includes(&kept, &json!({"name": "store", "balance": "round_robin"}));
    includes(&kept["affinity"], &json!({"kind": "header", "name": "x-user"}));
    includes(
        &kept["health_check"],
        &json!({"enabled": true, "path": "/ready", "statuses": "200-204", "interval_seconds": 7,
                                            "timeout_ms": 900, "healthy_after": 3, "unhealthy_after": 4}),
    );
    includes(
        &kept["resilience"],
        &json!({"retries": 2, "slow_start_seconds": 11, "eject_after": 6, "eject_seconds": 12,
                                          "max_in_flight": 50}),
    );

    let fields = [
        ("backend_id", "far"),
        ("origin", "address"),
        ("address", "https://10.0.0.5:8443"),
        ("tls_unverified", "on"),
        ("tags", "v1, blue"),
        ("weight", "30"),
        ("region", "us"),
    ];
    done(&mut browser, &page, ("create_backend", &[]), &fields, "backend_created").await;
    let kept = get(&client, "backends/far").await;
    includes(
        &kept,
        &json!({"address": "https://10.0.0.5:8443", "tls_verify": false, "tags": ["blue", "v1"], "weight": 30,
                            "region": "us", "state": "running"}),
    );
    let id = kept["key"].as_str().unwrap().to_owned();
    for state in ["draining", "stopped", "running"] {
        let form: (&str, &[(&str, &str)]) = ("set_backend_state", &[("id", &id), ("state", state)]);
        done(&mut browser, &page, form, &[], &format!("backend_{state}")).await;
        assert_eq!(get(&client, "backends/far").await["state"], state);
    }
    let own = format!("{page}/backends/{id}");
    let tunnel = [("backend_id", "near"), ("origin", "tunnel"), ("tunnel", "laptop"), ("tags", "v2")];
    done(&mut browser, &own, ("update_backend", &[]), &tunnel, "backend_updated").await;
    let kept = get(&client, "backends/near").await;
    includes(&kept, &json!({"address": null, "tunnel": "laptop", "tags": ["v2"], "region": null, "tls_verify": true}));
    let pool = fill(&mut browser, &own, ("delete_backend", &[]), &[]).await;
    assert!(pool.contains("done=backend_deleted"), "{pool}");
    done(&mut browser, &pool, ("restore_backend", &[]), &[], "backend_restored").await;
    assert_eq!(get(&client, "backends/near").await["deleted_at"], Value::Null);

    let list = fill(&mut browser, &page, ("delete_service", &[]), &[]).await;
    assert!(list.contains("done=service_deleted"), "{list}");
    done(&mut browser, &list, ("restore_service", &[]), &[], "service_restored").await;
    assert_eq!(get(&client, "services/store").await["deleted_at"], Value::Null);
    assert_eq!(get(&client, "backends/near").await["deleted_at"], Value::Null, "with its backends");
}

#[tokio::test]
async fn a_region_is_changed_and_comes_back() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    let region = [("region_name", "us"), ("public_url", "https://us.example.com")];
    done(&mut browser, "/web/cluster", ("create_region", &[]), &region, "region_created").await;
    let regions = async || get(&client, "regions").await["items"].as_array().unwrap().clone();
    let id = regions().await[0]["id"].as_str().unwrap().to_owned();
    let edit = format!("/web/cluster?edit={id}");
    let region = [("region_name", "us-east"), ("public_url", "https://east.example.com")];
    done(&mut browser, &edit, ("update_region", &[("id", &id)]), &region, "region_updated").await;
    let kept = regions().await;
    assert!(kept[0]["name"] == "us-east" && kept[0]["public_url"].as_str().unwrap().contains("east"), "{kept:?}");
    let list = fill(&mut browser, "/web/cluster", ("delete_region", &[("id", &id)]), &[]).await;
    assert!(list.contains("done=region_deleted") && regions().await.is_empty(), "{list}");
    done(&mut browser, &list, ("restore_region", &[]), &[], "region_restored").await;
    assert_eq!(regions().await.len(), 1);
}

#[tokio::test]
async fn the_limit_of_the_whole_switchboard_is_said_and_taken_back() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    let act = ("set_server_limit", &[][..]);
    done(&mut browser, "/web/cluster", act, &[("rate_limit", "5000/1 burst 9000")], "limit_set").await;
    let limit = json!({"requests": 5000, "seconds": 1, "burst": 9000});
    assert_eq!(get(&client, "limits").await["rate_limit"], limit);
    let wrong = fill(&mut browser, "/web/cluster", act, &[("rate_limit", "0/1")]).await;
    assert!(wrong.contains("field=rate_limit"), "{wrong}");
    assert!(browser.open(&wrong).await.body.contains("value=\"0/1\""), "what was entered is kept");
    assert_eq!(get(&client, "limits").await["rate_limit"], limit);
    done(&mut browser, "/web/cluster", act, &[("rate_limit", "")], "limit_set").await;
    assert_eq!(get(&client, "limits").await["rate_limit"], Value::Null);
}

/// A web server that answers with a status.
async fn answering(status: &Arc<AtomicU16>) -> Origin {
    let status = status.clone();
    Origin::start(move |_| {
        let status = status.load(Ordering::Relaxed);
        async move { Response::builder().status(status).body(full("answered")).unwrap() }
    })
    .await
}

#[tokio::test]
async fn a_switch_is_watched_forced_and_made_step_by_step() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    let page = service(&mut browser, "shop").await;
    let path = page.replace("/web/", "/api/v1/");
    let unchecked = json!({"health_check": {"enabled": false}, "resilience": {"retries": 0, "eject_after": 0}});
    assert_eq!(client.patch(&path, &unchecked).await.0, 200);
    let (well, status) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(500)));
    let (blue, green) = (answering(&well).await, answering(&status).await);
    for (tag, origin) in [("blue", &blue), ("green", &green)] {
        let address = origin.address.to_string();
        let fields = [("backend_id", tag), ("origin", "address"), ("address", &address), ("tags", tag)];
        done(&mut browser, &page, ("create_backend", &[]), &fields, "backend_created").await;
    }
    let fields =
        [("domain", "shop.example.com"), ("target", "service"), ("service", "shop"), ("enabled_backends_tag", "blue")];
    done(&mut browser, "/web/domains", ("create_domain", &[]), &fields, "domain_created").await;
    let domain = get(&client, "domains/shop.example.com").await["id"].as_str().unwrap().to_owned();
    let visitor = Client::new(switchboard.address, "shop.example.com");
    until(SOON, "blue serves", async || visitor.text("/").await.0 == 200).await;
    let tag = async || get(&client, "domains/shop.example.com").await["enabled_backends_tag"].clone();
    let latest = async || get(&client, "domains/shop.example.com/switches").await["items"][0].clone();
    let preview = |to: &str| format!("{page}?switch=domain:{domain}&to={to}");

    // Green fails, which is noticed: it goes back by itself, and the page says so.
    let watched = [("mode", "watched"), ("watch_seconds", "600"), ("max_error_percent", "5")];
    done(&mut browser, &preview("green"), ("switch_tag", &[]), &watched, "switch_watched").await;
    until(SOON, "it has gone back", async || {
        visitor.text("/").await;
        tag().await == "blue"
    })
    .await;
    assert_eq!(latest().await["state"], "returned");
    assert!(browser.open(&page).await.body.contains("Enabled tag"));
    assert!(browser.open(&preview("green")).await.body.contains("went back by itself"));

    // Step by step, to one end and to the other.
    status.store(200, Ordering::Relaxed);
    let gradual = [("mode", "gradual"), ("steps", "50% 600s"), ("max_error_percent", "5")];
    let wrong = [("mode", "gradual"), ("steps", "half of it")];
    let back = fill(&mut browser, &preview("green"), ("switch_tag", &[]), &wrong).await;
    assert!(back.contains("field=steps") && browser.open(&back).await.body.contains("half of it"), "{back}");
    done(&mut browser, &preview("green"), ("switch_tag", &[]), &gradual, "switch_started").await;
    assert_eq!(latest().await["state"], "running");
    done(&mut browser, &page, ("switch_tag", &[("to", "blue")]), &[], "tag_switched").await;
    assert_eq!((tag().await, latest().await["state"].clone()), (json!("blue"), json!("cancelled")));

    // Where nobody runs it has to be forced, and is one click back.
    let id = get(&client, "backends/green").await["key"].as_str().unwrap().to_owned();
    for state in ["draining", "stopped"] {
        let form: (&str, &[(&str, &str)]) = ("set_backend_state", &[("id", &id), ("state", state)]);
        done(&mut browser, &page, form, &[], &format!("backend_{state}")).await;
    }
    let back = fill(&mut browser, &preview("green"), ("switch_tag", &[]), &[("mode", "at_once")]).await;
    assert!(back.contains("error=no_backends"), "{back}");
    assert_eq!(tag().await, "blue");
    let forced = [("mode", "at_once"), ("force", "on")];
    done(&mut browser, &preview("green"), ("switch_tag", &[]), &forced, "tag_switched").await;
    assert_eq!(tag().await, "green");
    done(&mut browser, &page, ("switch_tag", &[("to", "blue")]), &[], "tag_switched").await;
    assert_eq!(tag().await, "blue");
}

#[tokio::test]
async fn the_oldest_of_many_domains_is_switched_with_all_of_its_backends() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    let page = service(&mut browser, "shop").await;
    // Only the oldest of them runs, behind more than a page of others.
    for n in 0..=100 {
        let state = if n == 0 { "running" } else { "stopped" };
        let backend =
            json!({"address": format!("127.0.0.1:{}", 2_000 + n), "service": "shop", "tags": ["v2"], "state": state});
        assert_eq!(client.post("/api/v1/backends", &backend).await.0, 201);
    }
    let other = json!({"address": "127.0.0.1:1999", "service": "shop", "tags": ["v1"]});
    assert_eq!(client.post("/api/v1/backends", &other).await.0, 201);
    for n in 0..25 {
        let domain = json!({"domain": format!("a{n}.example.com"), "service": "shop", "enabled_backends_tag": "v1"});
        assert_eq!(client.post("/api/v1/domains", &domain).await.0, 201);
    }
    let id = get(&client, "domains/a0.example.com").await["id"].as_str().unwrap().to_owned();
    let preview = format!("{page}?switch=domain:{id}&to=v2");
    // Between texts that come from different places there are comments.
    let shown = browser.open(&preview).await.body.replace("<!>", "");
    assert!(shown.contains("And 1 more."), "{shown}");
    done(&mut browser, &preview, ("switch_tag", &[]), &[("mode", "at_once")], "tag_switched").await;
    assert_eq!(get(&client, "domains/a0.example.com").await["enabled_backends_tag"], "v2");
    // What leads elsewhere is not switched from here.
    let other = service(&mut browser, "other").await;
    assert_eq!(browser.open(&format!("{other}?switch=domain:{id}&to=v2")).await.status, 404);
    assert_eq!(client.delete("/api/v1/domains/a0.example.com").await.0, 204);
    assert_eq!(browser.open(&preview).await.status, 404, "deleted");
}

#[tokio::test]
async fn how_the_health_of_a_backend_went_is_on_its_pages() {
    let switchboard = Switchboard::start().await;
    let (mut browser, client) = (Browser::signed_in(&switchboard).await, switchboard.client());
    let status = Arc::new(AtomicU16::new(200));
    let origin = answering(&status).await;
    let page = service(&mut browser, "shop").await;
    let fields = [
        ("service_name", "shop"),
        ("balance", "two_choices"),
        ("affinity", "none"),
        ("check", "on"),
        ("check_path", "/health"),
        ("statuses", "200"),
        ("interval_seconds", "1"),
        ("healthy_after", "1"),
        ("unhealthy_after", "1"),
    ];
    done(&mut browser, &page, ("update_service", &[]), &fields, "service_updated").await;
    let address = origin.address.to_string();
    let fields = [("backend_id", "web"), ("origin", "address"), ("address", &address)];
    done(&mut browser, &page, ("create_backend", &[]), &fields, "backend_created").await;
    let health = async || get(&client, "backends/web").await["health"]["status"].clone();
    for (answer, expected) in [(200, "healthy"), (503, "unhealthy"), (200, "healthy")] {
        status.store(answer, Ordering::Relaxed);
        until(SOON, expected, async || health().await == expected).await;
    }
    let shown = browser.open(&page).await.body;
    let history = shown.split_once("Health so far").unwrap().1.split_once("</section>").unwrap().0;
    assert_eq!(history.matches("<li").count(), 3, "{history}");
    assert!(history.contains("503"), "with the reason: {history}");
    let key = get(&client, "backends/web").await["key"].as_str().unwrap().to_owned();
    let own = browser.open(&format!("{page}/backends/{key}")).await.body;
    assert!(own.contains("checks were good; the last one: "), "{own}");
}
