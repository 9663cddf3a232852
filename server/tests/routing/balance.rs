//! Which backend of a pool takes a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::setup::{Named, ask, change, make, unchecked_service, until_served, visitor};
use super::support::{Client, Origin, Switchboard, full, until};

async fn answers(client: &Client, count: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let (status, text) = client.text("/").await;
        assert_eq!(status, 200, "{text}");
        *answers.entry(text).or_default() += 1;
    }
    answers
}

/// A service with these backends behind pool.example.com.
async fn pool(switchboard: &Switchboard, service: Value, backends: &[(&str, &str)]) -> Client {
    unchecked_service(switchboard, "pool", service).await;
    for (id, address) in backends {
        make(switchboard, "backends", json!({"id": id, "address": address, "service": "pool"})).await;
    }
    make(switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(switchboard, "pool.example.com");
    until(Duration::from_secs(10), "the pool", async || visitor.text("/").await.0 != 404).await;
    visitor
}

#[tokio::test]
async fn one_after_the_other_and_none_that_drains_or_is_stopped() {
    let switchboard = Switchboard::start().await;
    let (a, b, c) = tokio::join!(Named::start("a"), Named::start("b"), Named::start("c"));
    let backends = [("a", a.address()), ("b", b.address()), ("c", c.address())];
    let backends = backends.each_ref().map(|(id, address)| (*id, address.as_str()));
    let visitor = pool(&switchboard, json!({"balance": "round_robin"}), &backends).await;
    let seen = answers(&visitor, 30).await;
    assert_eq!(seen.values().copied().collect::<Vec<_>>(), [10, 10, 10], "{seen:?}");
    change(&switchboard, "backends/b", json!({"state": "draining"})).await;
    change(&switchboard, "backends/c", json!({"state": "stopped"})).await;
    until(Duration::from_secs(10), "only a", async || answers(&visitor, 6).await.len() == 1).await;
    assert_eq!(answers(&visitor, 10).await, BTreeMap::from([("a".to_owned(), 10)]));
}

#[tokio::test]
async fn a_change_of_the_pool_gives_nobody_another_turn() {
    let switchboard = Switchboard::start().await;
    let (a, b, c) = tokio::join!(Named::start("a"), Named::start("b"), Named::start("c"));
    let backends = [("a", a.address()), ("b", b.address()), ("c", c.address())];
    let backends = backends.each_ref().map(|(id, address)| (*id, address.as_str()));
    let visitor = pool(&switchboard, json!({"balance": "round_robin"}), &backends).await;
    until(Duration::from_secs(10), "all three", async || answers(&visitor, 3).await.len() == 3).await;
    let mut seen = BTreeMap::new();
    for weight in 2..11 {
        *seen.entry(answers(&visitor, 1).await.into_keys().next().unwrap()).or_insert(0) += 1;
        change(&switchboard, "backends/a", json!({"weight": weight})).await;
        until(Duration::from_secs(10), "the pool is another", async || {
            let asked = json!({"url": "http://pool.example.com/"});
            let (_, told) = switchboard.client().post("/api/v1/routes/explain", &asked).await;
            let candidates = told["outcome"]["candidates"].as_array().cloned().unwrap_or_default();
            candidates.iter().any(|candidate| candidate["id"] == "a" && candidate["weight"] == weight)
        })
        .await;
    }
    assert_eq!(seen.into_values().collect::<Vec<_>>(), [3, 3, 3]);
}

#[tokio::test]
async fn weights_are_kept() {
    let switchboard = Switchboard::start().await;
    let (a, b) = tokio::join!(Named::start("a"), Named::start("b"));
    let (first, second) = (a.address(), b.address());
    let visitor = pool(&switchboard, json!({"balance": "weighted"}), &[("a", &first), ("b", &second)]).await;
    change(&switchboard, "backends/a", json!({"weight": 3})).await;
    until(Duration::from_secs(10), "three to one", async || answers(&visitor, 40).await.get("a") == Some(&30)).await;
}

#[tokio::test]
async fn a_request_that_was_not_received_goes_to_another_backend() {
    let switchboard = Switchboard::start().await;
    let alive = Named::start("alive").await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let service = json!({"balance": "round_robin", "resilience": {"retries": 1, "eject_after": 0}});
    let visitor = pool(&switchboard, service, &[("dead", &dead), ("alive", &alive.address())]).await;
    assert_eq!(answers(&visitor, 10).await, BTreeMap::from([("alive".to_owned(), 10)]));
    // Nothing was sent, so that a POST may go elsewhere, too.
    for _ in 0..4 {
        let (status, _, text) = ask(&visitor, Method::POST, "/", &[], full("order")).await;
        assert_eq!((status.as_u16(), text.as_str()), (200, "alive"));
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    let switchboard = Switchboard::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let (sender, mut delivered) = tokio::sync::mpsc::channel(1_000);
    // Takes requests and closes without a word.
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            sender.try_send(String::from_utf8_lossy(&buffer[..read]).into_owned()).ok();
        }
    });
    let alive = Named::start("alive").await;
    let service = json!({"balance": "round_robin", "resilience": {"retries": 3, "eject_after": 0}});
    let visitor = pool(&switchboard, service, &[("silent", &silent), ("alive", &alive.address())]).await;
    while delivered.try_recv().is_ok() {}
    let mut failed = 0;
    for _ in 0..6 {
        let (status, headers, text) = ask(&visitor, Method::POST, "/", &[], full("order")).await;
        match status.as_u16() {
            200 => assert_eq!(text, "alive"),
            other => {
                assert_eq!((other, &headers["x-switchboard-error"]), (502, &"bad_gateway".parse().unwrap()), "{text}");
                failed += 1;
            }
        }
    }
    assert_eq!(failed, 3, "each second one meets the silent backend, and is not repeated");
    assert_eq!(std::iter::from_fn(|| delivered.try_recv().ok()).count(), 3);
    assert_eq!(answers(&visitor, 6).await, BTreeMap::from([("alive".to_owned(), 6)]), "GET may be repeated");
}

/// Answers what comes over its first connection, and then no request any more: it reads the head, which it counts, and
/// closes.
async fn gone_silent(answering: Arc<AtomicBool>, heads: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answering, heads) = (answering.clone(), heads.clone());
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    if !answering.load(Ordering::SeqCst) {
                        heads.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_request_arrives_as_often_as_the_retries_say_and_not_twice_at_each_backend() {
    let (answering, heads): (Arc<AtomicBool>, Arc<AtomicUsize>) = Default::default();
    let backend = || gone_silent(answering.clone(), heads.clone());
    let (a, b, c) = tokio::join!(backend(), backend(), backend());
    for (retries, most) in [(0, 2), (1, 2), (2, 3)] {
        let switchboard = Switchboard::start().await;
        answering.store(true, Ordering::SeqCst);
        let service = json!({"balance": "round_robin", "resilience": {"retries": retries, "eject_after": 0}});
        let visitor = pool(&switchboard, service, &[("a", &a), ("b", &b), ("c", &c)]).await;
        // On each of the threads that carry requests there is a connection to each.
        let warm = futures_util::future::join_all((0..100).map(|_| visitor.text("/"))).await;
        assert!(warm.iter().all(|(status, _)| *status == 200), "{warm:?}");
        answering.store(false, Ordering::SeqCst);
        for _ in 0..6 {
            heads.store(0, Ordering::SeqCst);
            assert_eq!(visitor.text("/").await.0, 502, "with {retries} retries");
            let arrived = heads.load(Ordering::SeqCst);
            assert!((1..=most).contains(&arrived), "with {retries} retries it arrived {arrived} times");
        }
    }
}

#[tokio::test]
async fn who_fails_again_and_again_is_left_out() {
    let switchboard = Switchboard::start().await;
    let good = Named::start("good").await;
    let bad = Origin::start(async |_| Response::builder().status(503).body(full("bad")).unwrap()).await;
    let bad = bad.address.to_string();
    let service = json!({"balance": "round_robin", "resilience": {"eject_after": 3, "eject_seconds": 3600}});
    let visitor = pool(&switchboard, service, &[("bad", &bad), ("good", &good.address())]).await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(visitor.text("/").await.0);
    }
    let failures = statuses.iter().filter(|status| **status == 503).count();
    assert!(failures <= 3, "{statuses:?}");
    let (_, backend) = switchboard.client().get("/api/v1/backends/bad").await;
    assert_eq!(backend["ejected"], true, "{backend}");
}

#[tokio::test]
async fn who_was_left_out_is_tried_again_after_a_while() {
    let switchboard = Switchboard::start().await;
    let status = Arc::new(AtomicU16::new(503));
    let answers = status.clone();
    let origin = Origin::start(move |_| {
        let status = answers.load(Ordering::Relaxed);
        async move { Response::builder().status(status).body(full("frail")).unwrap() }
    })
    .await;
    let good = Named::start("good").await;
    let resilience = json!({"retries": 0, "eject_after": 1, "eject_seconds": 1});
    let service = json!({"balance": "round_robin", "resilience": resilience});
    let visitor =
        pool(&switchboard, service, &[("frail", &origin.address.to_string()), ("good", &good.address())]).await;
    let ejected = async || switchboard.client().get("/api/v1/backends/frail").await.1["ejected"].clone();
    until(Duration::from_secs(10), "it is left out", async || {
        visitor.text("/").await;
        ejected().await == true
    })
    .await;
    status.store(200, Ordering::Relaxed);
    until_served(&visitor, "/", "frail").await;
    assert_eq!(ejected().await, false);
}

#[tokio::test]
async fn a_full_backend_gets_no_more() {
    let switchboard = Switchboard::start().await;
    let (release, gate) = tokio::sync::watch::channel(false);
    let origin = Origin::start(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|open| *open).await.unwrap();
            Response::new(full("done"))
        }
    })
    .await;
    let service = json!({"resilience": {"max_in_flight": 1, "retries": 0}});
    unchecked_service(&switchboard, "pool", service).await;
    make(&switchboard, "backends", json!({"id": "one", "address": origin.address.to_string(), "service": "pool"}))
        .await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    let (first, other) = (visitor.clone(), visitor.clone());
    // The first request that gets through stays there.
    let waiting = tokio::spawn(async move {
        loop {
            let answer = first.text("/").await;
            if answer.0 != 404 {
                return answer;
            }
        }
    });
    until(Duration::from_secs(10), "one in flight", async || {
        switchboard.client().get("/api/v1/backends/one").await.1["in_flight"] == 1
    })
    .await;
    let (status, text) = other.text("/").await;
    assert_eq!(status, 503, "{text}");
    release.send(true).unwrap();
    assert_eq!(waiting.await.unwrap(), (200, "done".to_owned()));
    until_served(&visitor, "/", "done").await;
}

#[tokio::test]
async fn addresses_and_tunnels_share_a_pool() {
    let switchboard = Switchboard::start().await;
    let (address, tunnel) = tokio::join!(Named::start("address"), Named::start("tunnel"));
    let telephone = switchboard.telephone("pooled", &tunnel.origin).await;
    unchecked_service(&switchboard, "pool", json!({"balance": "round_robin"})).await;
    make(&switchboard, "backends", json!({"address": address.address(), "service": "pool"})).await;
    make(&switchboard, "backends", json!({"tunnel": "pooled", "service": "pool"})).await;
    make(&switchboard, "domains", json!({"domain": "pool.example.com", "service": "pool"})).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    until(Duration::from_secs(10), "both", async || visitor.text("/").await.1 == "tunnel").await;
    assert_eq!(answers(&visitor, 10).await.values().copied().collect::<Vec<_>>(), [5, 5]);
    telephone.shutdown().await;
    until(Duration::from_secs(10), "one", async || answers(&visitor, 4).await.len() == 1).await;
}

/// Whoever sends nonsense must not be able to have a backend left out.
#[tokio::test]
async fn a_clients_fault_is_not_the_backends() {
    let switchboard = Switchboard::start().await;
    let (address, tunnel) = tokio::join!(Named::start("address"), Named::start("tunnel"));
    let _telephone = switchboard.telephone("pooled", &tunnel.origin).await;
    let service = json!({"balance": "round_robin", "resilience": {"eject_after": 1, "eject_seconds": 3600}});
    let visitor = pool(&switchboard, service, &[("address", &address.address())]).await;
    make(&switchboard, "backends", json!({"id": "tunnel", "tunnel": "pooled", "service": "pool"})).await;
    until(Duration::from_secs(10), "both", async || visitor.text("/").await.1 == "tunnel").await;
    for _ in 0..8 {
        let head = "POST / HTTP/1.1\r\nHost: pool.example.com\r\nTransfer-Encoding: chunked\r\n\r\n";
        visitor.raw(format!("{head}2\r\nok\r\nnonsense\r\n").as_bytes()).await;
    }
    for id in ["address", "tunnel"] {
        let (_, backend) = switchboard.client().get(&format!("/api/v1/backends/{id}")).await;
        assert_eq!(backend["ejected"], false, "{backend}");
    }
    assert_eq!(answers(&visitor, 10).await.values().copied().collect::<Vec<_>>(), [5, 5]);
}

/// A backend that is a tunnel has no address whose host it could be told: it is told the client's, also when the request
/// was meant for an address first.
#[tokio::test]
async fn a_tunnel_is_not_told_the_host_of_another_backend() {
    let switchboard = Switchboard::start().await;
    let mirror = Origin::mirror().await;
    let _telephone = switchboard.telephone("pooled", &mirror).await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let service = json!({"balance": "round_robin", "resilience": {"retries": 1, "eject_after": 0}});
    unchecked_service(&switchboard, "pool", service).await;
    make(&switchboard, "backends", json!({"id": "dead", "address": dead, "service": "pool"})).await;
    make(&switchboard, "backends", json!({"id": "tunnel", "tunnel": "pooled", "service": "pool"})).await;
    let domain = json!({"domain": "pool.example.com", "service": "pool", "host_rewrite": "{backend}"});
    make(&switchboard, "domains", domain).await;
    let visitor = visitor(&switchboard, "pool.example.com");
    until_served(&visitor, "/", "GET /").await;
    for _ in 0..4 {
        let (status, seen) = visitor.text("/").await;
        assert_eq!(status, 200, "{seen}");
        assert!(seen.contains("\nhost: pool.example.com\n"), "{seen}");
        assert_eq!(seen.matches("\nhost: ").count(), 1, "{seen}");
    }
}

#[tokio::test]
async fn explaining_takes_nobodys_turn() {
    let switchboard = Switchboard::start().await;
    let (a, b, c) = tokio::join!(Named::start("a"), Named::start("b"), Named::start("c"));
    let backends = [("a", a.address()), ("b", b.address()), ("c", c.address())];
    let backends = backends.each_ref().map(|(id, address)| (*id, address.as_str()));
    let visitor = pool(&switchboard, json!({"balance": "round_robin"}), &backends).await;
    for _ in 0..4 {
        let mut seen = answers(&visitor, 1).await;
        let question = json!({"url": "http://pool.example.com/"});
        let mut chosen = Vec::new();
        for _ in 0..2 {
            let (status, told) = switchboard.client().post("/api/v1/routes/explain", &question).await;
            assert_eq!(status, 200, "{told}");
            let candidates = told["outcome"]["candidates"].as_array().unwrap().clone();
            chosen.extend(candidates.into_iter().filter(|candidate| candidate["chosen"] == true));
        }
        assert_eq!(chosen[0]["id"], chosen[1]["id"], "who was chosen once is chosen again");
        let next = answers(&visitor, 1).await;
        assert!(next.contains_key(chosen[0]["id"].as_str().unwrap()), "{next:?}");
        seen.extend(next);
        seen.extend(answers(&visitor, 1).await);
        assert_eq!(seen.len(), 3, "{seen:?}");
    }
}
