//! Backends that go bad and good again, and what is known of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::{BackendId, HealthCheck, HealthReport, HealthStatus};
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::health::{HealthBoard, HealthChecks, HealthEvent, HealthSink, Target, Times};
use server::upstream::{ConnectPolicy, Names, Trust};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Origin, full, until, within};

const SOON: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Told(watch::Sender<HealthStatus>);

impl HealthSink for Told {
    fn set_health(&self, status: HealthStatus) {
        self.0.send_replace(status);
    }
}

/// The server's own times, of which services may have others.
const USUAL: Times = Times { interval: Duration::from_millis(300), timeout: Duration::from_secs(2) };

fn target(address: &str, told: &Arc<Told>) -> Target {
    Target {
        id: BackendId(uuid::Uuid::now_v7()),
        name: "web-1".to_owned(),
        address: address.parse().unwrap(),
        tls_verify: true,
        policy: ConnectPolicy::Anything,
        check: HealthCheck { unhealthy_after: 2, ..HealthCheck::default() },
        sink: told.clone(),
    }
}

fn checked(address: &str, check: &str, told: &Arc<Told>) -> Target {
    let check = HealthCheck { unhealthy_after: 1, ..serde_json::from_str(check).unwrap() };
    Target { check, ..target(address, told) }
}

struct Running {
    checks: Arc<HealthChecks>,
    _task: AbortOnDropHandle<()>,
}

impl Running {
    fn start() -> Self {
        let checks = Arc::new(HealthChecks::new(Arc::new(Names::of_system()), Arc::new(Trust::of_system()), USUAL));
        let runs = checks.clone();
        let task = tokio::spawn(async move { runs.run(CancellationToken::new()).await });
        Self { checks, _task: AbortOnDropHandle::new(task) }
    }

    fn board(&self) -> &HealthBoard {
        self.checks.board()
    }

    /// What is known once there was a check.
    async fn first(&self, target: Target) -> HealthReport {
        let id = target.id;
        self.checks.follow(vec![target]);
        let asked = async || self.board().report(id).is_some_and(|report| report.last().is_some());
        until(SOON, "a check", asked).await;
        self.board().report(id).unwrap()
    }
}

async fn next(events: &mut broadcast::Receiver<HealthEvent>) -> (HealthStatus, HealthStatus) {
    let event = within(SOON, "a change", events.recv()).await.unwrap();
    (event.from, event.to)
}

#[tokio::test]
async fn a_backend_that_goes_bad_and_good_again_is_followed() {
    let well = Arc::new(AtomicBool::new(true));
    let answers = well.clone();
    let origin = Origin::start(move |_| {
        let status = if answers.load(Ordering::SeqCst) { 200 } else { 503 };
        std::future::ready(Response::builder().status(status).body(full("ignored")).unwrap())
    })
    .await;
    let (running, told) = (Running::start(), Arc::<Told>::default());
    let target = target(&origin.address.to_string(), &told);
    let id = target.id;
    let mut events = running.board().subscribe();
    running.checks.follow(vec![target]);

    assert_eq!(next(&mut events).await, (HealthStatus::Unknown, HealthStatus::Healthy));
    well.store(false, Ordering::SeqCst);
    assert_eq!(next(&mut events).await, (HealthStatus::Healthy, HealthStatus::Unhealthy));
    assert_eq!(*told.0.borrow(), HealthStatus::Unhealthy);
    well.store(true, Ordering::SeqCst);
    assert_eq!(next(&mut events).await, (HealthStatus::Unhealthy, HealthStatus::Healthy));
    assert_eq!(*told.0.borrow(), HealthStatus::Healthy);

    let report = running.board().report(id).unwrap();
    assert_eq!((report.status, running.board().status(id)), (HealthStatus::Healthy, HealthStatus::Healthy));
    assert!(report.consecutive >= 2);
    let reasons: Vec<_> = report.changes.iter().map(|change| change.reason.as_str()).collect();
    assert_eq!(reasons, ["200 OK", "503 Service Unavailable instead of 200-399", "200 OK"]);
    assert_eq!(report.since, report.changes[2].at);
    // The first good check of all was enough; after it, it took two in a row each time.
    let decided =
        report.changes.iter().map(|change| report.checks.iter().position(|check| check.at == change.at).unwrap());
    let [first, bad, good] = decided.collect::<Vec<_>>()[..] else { panic!("{report:?}") };
    let goods: Vec<_> = report.checks.iter().map(|check| check.good).collect();
    assert_eq!(first, 0);
    assert!(goods[..bad - 1].iter().all(|good| *good) && goods[bad - 1..=bad] == [false; 2], "{goods:?}");
    assert!(goods[bad..good - 1].iter().all(|good| !good) && goods[good - 1..=good] == [true; 2], "{goods:?}");
}

#[tokio::test]
async fn what_is_asked_is_what_the_service_says() {
    let (sender, mut asked) = mpsc::channel(8);
    let origin = Origin::start(move |request| {
        let sender = sender.clone();
        async move {
            let header = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            let line = format!("{} {} {} {}", request.method(), request.uri(), header("host"), header("user-agent"));
            sender.send(line).await.unwrap();
            Response::builder().status(StatusCode::FOUND).body(full("")).unwrap()
        }
    })
    .await;
    let (running, told, address) = (Running::start(), Arc::<Told>::default(), origin.address.to_string());
    let report = running.first(checked(&address, r#"{"path":"/up?deep=1"}"#, &told)).await;
    let agent = format!("switchboard-health/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(asked.recv().await.unwrap(), format!("GET /up?deep=1 {address} {agent}"));
    assert_eq!((report.status, report.checks[0].outcome.as_str()), (HealthStatus::Healthy, "302 Found"));

    let report = running.first(checked(&address, r#"{"path":"/","statuses":"200-299,304"}"#, &told)).await;
    assert_eq!(asked.recv().await.unwrap(), format!("GET / {address} {agent}"));
    assert_eq!(report.status, HealthStatus::Unhealthy);
    assert_eq!(report.checks[0].outcome, "302 Found instead of 200-299,304");
}

#[tokio::test]
async fn what_cannot_be_asked_is_unhealthy_and_says_why() {
    let (running, told) = (Running::start(), Arc::<Told>::default());
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let report = running.first(checked(&address, r#"{"timeout_ms":100}"#, &told)).await;
    assert_eq!((report.status, report.checks[0].outcome.as_str()), (HealthStatus::Unhealthy, "no answer within 100ms"));
    assert!(report.checks[0].duration_ms >= 100);
    drop(silent);

    let report = running.first(checked(&address, "{}", &told)).await;
    let outcome = &report.checks[0].outcome;
    assert!(outcome.starts_with(&format!("{address} cannot be connected to: Connection refused")), "{outcome}");

    let member = Target { policy: ConnectPolicy::Public(Default::default()), ..checked(&address, "{}", &told) };
    let report = running.first(member).await;
    let outcome = &report.checks[0].outcome;
    assert!(outcome.starts_with("127.0.0.1 may not be connected to"), "{outcome}");
}

/// An origin that answers nobody, how many requests it has now, and the most it has had.
async fn stalling() -> (Origin, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    struct One(Arc<AtomicUsize>);
    impl Drop for One {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, peak) = (now.clone(), most.clone());
    let origin = Origin::start(move |_| {
        peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let one = One(count.clone());
        async move {
            std::future::pending::<()>().await;
            drop(one);
            Response::new(full(""))
        }
    })
    .await;
    (origin, now, most)
}

#[tokio::test]
async fn a_backend_is_never_asked_twice_at_a_time() {
    let (origin, _, most) = stalling().await;
    let (running, told) = (Running::start(), Arc::<Told>::default());
    // Longer than three intervals.
    let target = checked(&origin.address.to_string(), r#"{"timeout_ms":1000}"#, &told);
    let id = target.id;
    running.checks.follow(vec![target.clone()]);
    until(SOON, "two checks", async || {
        // Tables are made anew all the time.
        running.checks.follow(vec![target.clone()]);
        running.board().report(id).is_some_and(|report| report.checks.len() >= 2)
    })
    .await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn checks_under_way_are_bounded_and_all_get_their_turn() {
    let (origin, now, most) = stalling().await;
    let (running, told, address) = (Running::start(), Arc::<Told>::default(), origin.address.to_string());
    let targets: Vec<_> = (0..150).map(|_| checked(&address, r#"{"timeout_ms":500}"#, &told)).collect();
    let ids: Vec<_> = targets.iter().map(|target| target.id).collect();
    running.checks.follow(targets);
    until(SOON, "all are asked", async || ids.iter().all(|id| running.board().status(*id) == HealthStatus::Unhealthy))
        .await;
    // The origin notices a moment later that a check was given up.
    let most = most.load(Ordering::SeqCst);
    assert!((40..=128).contains(&most), "{most}");
    running.checks.follow(Vec::new());
    until(SOON, "all checks are called off", async || now.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn whoever_is_gone_is_asked_no_more() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |request| {
        if request.uri().path() == "/goes" {
            count.fetch_add(1, Ordering::SeqCst);
        }
        std::future::ready(Response::new(full("")))
    })
    .await;
    let (running, told, stays_told) = (Running::start(), Arc::<Told>::default(), Arc::<Told>::default());
    let address = origin.address.to_string();
    let goes = checked(&address, r#"{"path":"/goes"}"#, &told);
    let stays = target(&address, &stays_told);
    running.checks.follow(vec![goes.clone(), stays.clone()]);
    let mut status = told.0.subscribe();
    within(SOON, "healthy", status.wait_for(|status| *status == HealthStatus::Healthy)).await.unwrap();

    let off = Target { check: HealthCheck { enabled: false, ..goes.check.clone() }, ..goes.clone() };
    running.checks.follow(vec![off, stays.clone()]);
    within(SOON, "unknown", status.wait_for(|status| *status == HealthStatus::Unknown)).await.unwrap();
    assert_eq!((running.board().report(goes.id), running.board().status(goes.id)), (None, HealthStatus::Unknown));

    // The other one is still asked. What was under way may arrive, and nothing after it.
    let checks = async || running.board().report(stays.id).unwrap().checks.len();
    let (before, before_asked) = (checks().await, asked.load(Ordering::SeqCst));
    until(SOON, "three more checks", async || checks().await >= before + 3).await;
    assert!(asked.load(Ordering::SeqCst) <= before_asked + 1, "{asked:?}");
}

#[tokio::test]
async fn another_server_is_judged_anew_and_another_interval_is_not() {
    let origin = Origin::start(|_| std::future::ready(Response::new(full("")))).await;
    let (stalled, ..) = stalling().await;
    let (running, told) = (Running::start(), Arc::<Told>::default());
    let target = target(&origin.address.to_string(), &told);
    let report = running.first(target.clone()).await;
    assert_eq!(report.status, HealthStatus::Healthy);

    let slower =
        Target { check: HealthCheck { interval_seconds: Some(3600), ..target.check.clone() }, ..target.clone() };
    running.checks.follow(vec![slower.clone()]);
    until(SOON, "a check by the new rules", async || {
        running.board().report(target.id).is_some_and(|report| report.checks.len() > 1)
    })
    .await;
    assert_eq!(running.board().report(target.id).unwrap().changes.len(), 1);

    let mut events = running.board().subscribe();
    running.checks.follow(vec![Target { address: stalled.address.to_string().parse().unwrap(), ..slower }]);
    assert_eq!(next(&mut events).await, (HealthStatus::Healthy, HealthStatus::Unknown));
    let report = running.board().report(target.id).unwrap();
    assert_eq!((report.status, report.changes.len(), report.checks.len()), (HealthStatus::Unknown, 0, 0));
    assert_eq!(*told.0.borrow(), HealthStatus::Unknown);
}

#[tokio::test]
async fn a_backend_that_speaks_http2_is_asked_in_http2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _origin = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(async |request: Request<Incoming>| {
                let status = if request.uri().path() == "/health" { 204 } else { 404 };
                Ok::<_, Infallible>(Response::builder().status(status).body(full("")).unwrap())
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // Its end is not what this is about.
            connections.spawn(server.serve_connection(TokioIo::new(stream), service).map(drop));
        }
    }));
    let (running, told) = (Running::start(), Arc::<Told>::default());
    let target = target(&format!("h2c://{address}"), &told);
    let id = target.id;
    running.checks.follow(vec![target]);
    let checks = || running.board().report(id).unwrap().checks;
    until(SOON, "some checks", async || checks().len() >= 4).await;
    assert!(checks().iter().all(|check| check.outcome == "204 No Content"), "{:?}", checks());
    assert_eq!(*told.0.borrow(), HealthStatus::Healthy);
}
