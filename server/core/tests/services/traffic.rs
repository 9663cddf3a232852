use crate::support::{Db, admin, holder, member, new_token, telephone};
use domain::{LiveUpdate, Range, RequestId, StatusCounts, Tunnel, TunnelStatus};
use sea_orm::{ConnectionTrait, sea_query::Query};
use server_core::{Answered, NewTunnel, Services, Subject, Viewer};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

fn start(services: &Services) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (services, stopped) = (services.clone(), stop.clone());
    (stop, tokio::spawn(async move { services.traffic().run(stopped).await }))
}

async fn tunnel(services: &Services, viewer: &Viewer, subdomain: &str) -> Tunnel {
    let new = NewTunnel { subdomain: Some(subdomain.into()), ..NewTunnel::default() };
    services.tunnels().create(viewer, new).await.unwrap()
}

/// Answers requests and waits until they were measured.
async fn serve(services: &Services, viewer: &Viewer, tunnel: &Tunnel, statuses: &[u16]) {
    let mut watch = services.watch(viewer.clone(), Subject::Tunnel(tunnel.id));
    watch.next().await.unwrap();
    let meter = services.traffic().meter(tunnel.id.0, tunnel.owner_id);
    for status in statuses {
        meter.begin().answered(*status, Duration::from_millis(20));
    }
    meter.add_bytes_in(10);
    meter.add_bytes_out(100);
    let mut seen = 0;
    while seen < statuses.len() as u64 {
        match watch.next().await.unwrap() {
            LiveUpdate::Delta(delta) => seen += delta.sample.by_status.total(),
            LiveUpdate::Snapshot(snapshot) => {
                seen = snapshot.series.samples.iter().map(|sample| sample.by_status.total()).sum();
            }
            other => panic!("{other:?} has no figures"),
        }
    }
}

pub async fn figures_survive_a_restart(db: Db) {
    let services = db.open().await;
    let (_, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let site = tunnel(&services, &bob, "site").await;
    let (stop, run) = start(&services);
    serve(&services, &bob, &site, &[200, 200, 404]).await;
    stop.cancel();
    run.await.unwrap();
    // Not closed: as after kill -9. The second run lies in the same minute.
    let services = db.open().await;
    let bob = services.accounts().viewer(bob.id()).await.unwrap().unwrap();
    let (stop, run) = start(&services);
    serve(&services, &bob, &site, &[101, 503]).await;
    let expected = StatusCounts { informational: 1, success: 2, redirection: 0, client_error: 1, server_error: 1 };
    for stored in [false, true] {
        if stored {
            stop.cancel();
        }
        for of in [Subject::All, Subject::Tunnel(site.id)] {
            for range in [Range::Hour, Range::Day, Range::Week, Range::Month] {
                let series = services.traffic().history(&bob, of, range).await.unwrap();
                let mut sum = StatusCounts::default();
                series.samples.iter().for_each(|sample| sum += sample.by_status);
                assert_eq!(sum, expected, "{of:?} {range:?}");
                assert_eq!(series.samples.iter().map(|sample| sample.bytes_out).sum::<u64>(), 200);
                let latency = series.samples.iter().find_map(|sample| sample.latency_ms).unwrap();
                assert!((latency.p50 - 20.0).abs() <= 20.0 * 0.032, "{latency:?}");
            }
        }
        let stats = services.tunnels().stats(&bob, site.id).await.unwrap();
        assert_eq!((stats.by_status, stats.bytes_in, stats.requests), (expected, 20, 5));
        assert_eq!(services.tunnels().get(&bob, site.id).await.unwrap().request_count, 5);
    }
    run.await.unwrap();
    services.close().await;
    let services = db.open().await;
    let tunnel = services.tunnels().get(&bob, site.id).await.unwrap();
    assert_eq!(tunnel.request_count, 5);
    assert!(tunnel.last_active_at.is_some());
}

pub async fn what_was_not_measured_is_a_gap(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let now = chrono::Utc::now().timestamp();
    let connection = sea_orm::Database::connect(&db.url).await.unwrap();
    // A process that measured from 40 to 20 minutes ago, without any traffic.
    let run = Query::insert()
        .into_table("traffic_runs")
        .columns(["id", "start", "until"])
        .values_panic([uuid::Uuid::now_v7().into(), (now - 2_400).into(), (now - 1_200).into()])
        .to_owned();
    connection.execute(&run).await.unwrap();
    let series = services.traffic().history(&ada, Subject::All, Range::Hour).await.unwrap();
    let at = |minutes: i64| {
        let start = (now - minutes * 60).div_euclid(60) * 60;
        series.samples.iter().find(|sample| sample.at == start).map(|sample| sample.by_status.total())
    };
    assert_eq!((at(50), at(30), at(10)), (None, Some(0), None));
    assert_eq!((series.step, series.until - series.from), (60, 3_600));
}

pub async fn a_watch_begins_with_everything_and_goes_on_by_the_second(db: Db) {
    let services = db.open().await;
    let (ada, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let (site, other) = (tunnel(&services, &bob, "site").await, tunnel(&services, &ada, "other").await);
    let (stop, run) = start(&services);
    let mut watch = services.watch(bob.clone(), Subject::All);
    let LiveUpdate::Snapshot(snapshot) = watch.next().await.unwrap() else { panic!("no snapshot") };
    let shown: Vec<_> = snapshot.tunnels.iter().map(|tunnel| (tunnel.id, tunnel.status)).collect();
    assert_eq!(shown, [(site.id, TunnelStatus::Offline)], "others' tunnels are not shown");

    let holder = holder(&services, &bob, new_token("laptop")).await;
    let guard = services.presence().join(telephone(&holder, site.id));
    services.traffic().meter(site.id.0, site.owner_id).begin().answered(200, Duration::from_millis(5));
    services.traffic().meter(other.id.0, other.owner_id).begin().answered(200, Duration::from_millis(5));
    let (mut requests, mut online) = (0, false);
    while requests == 0 || !online {
        let LiveUpdate::Delta(delta) = watch.next().await.unwrap() else { continue };
        requests += delta.sample.by_status.total();
        online |= delta.tunnels.iter().any(|tunnel| tunnel.status == TunnelStatus::Online && tunnel.sessions == 1);
    }
    assert_eq!(requests, 1, "others' requests are not counted");
    drop(guard);
    stop.cancel();
    run.await.unwrap();
    assert_eq!(services.traffic().overall().by_status.success, 2);
}

pub async fn a_watch_ends_with_the_tunnel(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let site = tunnel(&services, &ada, "site").await;
    let (stop, run) = start(&services);
    let mut watch = services.watch(ada.clone(), Subject::Tunnel(site.id));
    let LiveUpdate::Snapshot(snapshot) = watch.next().await.unwrap() else { panic!("no snapshot") };
    assert_eq!(snapshot.detail.and_then(|detail| detail.tunnel).map(|tunnel| tunnel.id), Some(site.id));
    let meter = services.traffic().meter(site.id.0, site.owner_id);
    let request = Arc::clone(&meter).begin();
    services.tunnels().delete(&ada, site.id).await.unwrap();
    while watch.next().await.unwrap() != LiveUpdate::Gone {}
    drop(request);
    stop.cancel();
    run.await.unwrap();
}

/// Answers a request to this path, which is told apart.
fn answer(services: &Services, tunnel: &Tunnel, path: &str, status: u16) {
    let meter = services.traffic().meter(tunnel.id.0, tunnel.owner_id);
    meter.begin().told(&Answered {
        id: RequestId(uuid::Uuid::now_v7()),
        method: "GET",
        path,
        client: crate::support::CLIENT,
        status,
        code: None,
        latency: Duration::from_millis(5),
    });
}

/// What is known of these in every way in which it can be asked for.
async fn figures(services: &Services, viewer: &Viewer, of: Subject) -> (StatusCounts, u64, Vec<(String, u64)>) {
    let mut told = Vec::new();
    for range in [Range::Hour, Range::Day, Range::Week] {
        let whole = services.traffic().history(viewer, of, range).await.unwrap().whole;
        let seen = services.traffic().breakdown(viewer, of, range).await.unwrap();
        let mut paths: Vec<_> = seen.paths.items.into_iter().map(|part| (part.name, part.share.requests)).collect();
        paths.sort();
        told.push((whole.by_status, seen.requests, paths));
    }
    assert!(told.iter().all(|figures| *figures == told[0]), "{told:?}");
    told.swap_remove(0)
}

pub async fn figures_outlive_their_tunnel(db: Db) {
    let services = db.open().await;
    let (_, bob) = (admin(&services, "ada").await, member(&services, "bob").await);
    let (gone, other) = (tunnel(&services, &bob, "gone").await, tunnel(&services, &bob, "other").await);
    let paths = |paths: &[(&str, u64)]| paths.iter().map(|(path, n)| ((*path).to_owned(), *n)).collect::<Vec<_>>();
    let (stop, run) = start(&services);
    for (tunnel, path, status) in [(&gone, "/a", 200), (&gone, "/b", 503), (&other, "/a", 404)] {
        answer(&services, tunnel, path, status);
    }
    // It is under way while the tunnel goes.
    let late = services.traffic().meter(gone.id.0, gone.owner_id).begin();
    stop.cancel();
    run.await.unwrap();
    services.tunnels().delete(&bob, gone.id).await.unwrap();
    let of_gone =
        (StatusCounts { success: 1, server_error: 1, ..Default::default() }, 2, paths(&[("/a", 1), ("/b", 1)]));
    let of_all = (
        StatusCounts { success: 1, client_error: 1, server_error: 1, ..Default::default() },
        3,
        paths(&[("/a", 2), ("/b", 1)]),
    );
    assert_eq!(figures(&services, &bob, Subject::All).await, of_all);
    assert_eq!(figures(&services, &bob, Subject::Tunnel(gone.id)).await, of_gone);
    services.purge_deleted().await.unwrap();

    // What is counted for it after that, and after a restart.
    let (stop, run) = start(&services);
    late.answered(200, Duration::from_millis(5));
    drop(late);
    stop.cancel();
    run.await.unwrap();
    services.close().await;
    let services = db.open().await;
    let bob = services.accounts().viewer(bob.id()).await.unwrap().unwrap();
    let seen = figures(&services, &bob, Subject::All).await;
    assert_eq!((seen.0.success, seen.0.total(), &seen.2), (2, 4, &of_all.2));

    services.tunnels().restore(&bob, gone.id).await.unwrap();
    let (stop, run) = start(&services);
    answer(&services, &gone, "/a", 200);
    stop.cancel();
    run.await.unwrap();
    let seen = figures(&services, &bob, Subject::Tunnel(gone.id)).await;
    assert_eq!((seen.0.total(), seen.1, seen.2), (4, 3, paths(&[("/a", 2), ("/b", 1)])));
    assert_eq!(services.tunnels().get(&bob, gone.id).await.unwrap().request_count, 4);
    assert_eq!(services.tunnels().get(&bob, other.id).await.unwrap().request_count, 1);
}
