//! Domains that wait to be verified, as the services keep them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Domain, DomainSpec, Role};
use http::Response;
use server::domains::{DomainChecker, Names, Watch};
use server::upstream::ConnectPolicy;
use server_core::{
    CoreError, DomainRef, InspectorSettings, RoutingSettings, Secret, Services, Settings, SignupPolicy, Viewer,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::name_server::NameServer;
use crate::support::{Home, Origin, full, until};

const SOON: Duration = Duration::from_secs(20);

/// What the owner's web server has, by path.
type Files = Arc<Mutex<HashMap<String, String>>>;

struct Site {
    services: Services,
    member: Viewer,
    names: NameServer,
    watch: Arc<Watch>,
    files: Files,
    _web: Origin,
    _home: Home,
}

impl Site {
    async fn start() -> Self {
        let home = Home::new();
        let file = || format!("sqlite:{}", home.path().join("switchboard.db").display());
        let settings = Settings {
            database_url: home.setting().map_or_else(file, |(_, url)| url).parse().unwrap(),
            public_url: "http://localhost:8080".parse().unwrap(),
            tunnel_domain: "localhost".parse().unwrap(),
            signup: SignupPolicy::Closed,
            session_lifetime: Duration::from_secs(30 * 86_400),
            jwt_secret: Secret::new([7; 32]),
            sealing_key: Secret::new([9; 32]),
            serves: true,
            loopback_only: true,
            max_tunnels_per_user: 200,
            name_cooldown: Duration::from_secs(7 * 86_400),
            routing: RoutingSettings::default(),
            inspector: InspectorSettings::default(),
            outside: Arc::default(),
            oidc: None,
        };
        let services = Services::open(settings).await.unwrap();
        let user = services.accounts().add("bob@example.com", "correct horse battery", Role::Member).await.unwrap();
        let member = services.accounts().viewer(user.id).await.unwrap().unwrap();
        let (names, web) = (NameServer::start().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
        let asked = Names::new(vec![names.address]);
        let checker = DomainChecker::new(asked, ConnectPolicy::Anything, web.local_addr().unwrap().port());
        let watch = Arc::new(Watch::new(services.clone(), checker));
        services.set_verifier(watch.verifier());
        // The owner's own web server.
        let files: Files = Arc::default();
        let served = files.clone();
        let web = Origin::on(web, move |request| {
            let file = served.lock().unwrap().get(request.uri().path()).cloned();
            let status = if file.is_some() { 200 } else { 404 };
            std::future::ready(Response::builder().status(status).body(full(file.unwrap_or_default())).unwrap())
        });
        Self { services, member, names, watch, files, _web: web, _home: home }
    }

    fn run(&self) -> AbortOnDropHandle<()> {
        let watch = self.watch.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { watch.run(CancellationToken::new()).await }))
    }

    async fn enter(&self, domain: &str) -> Domain {
        let spec = DomainSpec::new(domain.parse().unwrap());
        self.services.hosts().create(&self.member, spec).await.unwrap()
    }

    async fn get(&self, domain: &Domain) -> Domain {
        self.services.hosts().get(&self.member, &DomainRef::from(domain.id)).await.unwrap()
    }

    fn prove(&self, domain: &Domain) {
        let value: &str = domain.verification.value.clone().leak();
        self.names.set_text(&domain.verification.record, value);
    }
}

#[tokio::test]
async fn a_domain_is_checked_as_soon_as_it_is_entered() {
    let site = Site::start().await;
    let before = site.enter("before.example.com").await;
    site.prove(&before);
    let _running = site.run();
    until(SOON, "verified", async || site.get(&before).await.verified).await;

    let wrong = site.enter("*.wrong.example.com").await;
    until(SOON, "checked", async || site.get(&wrong).await.verification.checked_at.is_some()).await;
    let checked = site.get(&wrong).await;
    let error = checked.verification.error.unwrap();
    assert!(!checked.verified && error.starts_with("no TXT record at _switchboard.wrong.example.com"), "{error}");
}

#[tokio::test]
async fn whoever_asks_is_told_at_once_and_not_too_often() {
    let site = Site::start().await;
    let domain = site.enter("*.example.com").await;
    let (one, other) = tokio::join!(site.watch.verify(domain.clone()), site.watch.verify(domain.clone()));
    let throttled = |result: &server_core::Result<Domain>| matches!(result, Err(CoreError::Throttled { .. }));
    assert!(throttled(&other), "one check of a domain at a time: {other:?}");
    let checked = one.unwrap();
    assert!(!checked.verified && checked.verification.error.is_some());
    site.prove(&domain);
    assert!(throttled(&site.watch.verify(checked).await), "not again within five seconds");

    let which = DomainRef::from(domain.id);
    let by_service = site.services.verify_domain(&site.member, &which).await;
    assert!(throttled(&by_service), "nor by way of the services: {by_service:?}");

    // As it was before the check, five seconds and more ago.
    let verified = site.watch.verify(domain).await.unwrap();
    assert_eq!((verified.verified, &verified.verification.error), (true, &None));
    let again = site.watch.verify(verified.clone()).await.unwrap();
    assert_eq!(again, verified, "what is verified is not checked again");
    assert_eq!(site.services.verify_domain(&site.member, &which).await.unwrap(), verified);
    site.services.hosts().delete(&site.member, &which).await.unwrap();
    let deleted = site.services.verify_domain(&site.member, &which).await.unwrap_err();
    assert_eq!(deleted.code(), "domain_deleted");
}

#[tokio::test]
async fn a_host_that_shows_the_file_is_verified() {
    let site = Site::start().await;
    site.names.set_address("app.example.com", "127.0.0.1");
    let domain = site.enter("app.example.com").await;
    let path = domain.verification.url.clone().unwrap().replace("http://app.example.com", "");
    site.files.lock().unwrap().insert(path, format!("{}\n", domain.verification.value));
    let verified = site.watch.verify(domain).await.unwrap();
    assert!(verified.verified, "{verified:?}");
}

#[tokio::test]
async fn a_domain_deleted_during_its_check_stays_as_it_is() {
    let site = Site::start().await;
    let domain = site.enter("*.example.com").await;
    site.prove(&domain);
    site.services.hosts().delete(&site.member, &DomainRef::from(domain.id)).await.unwrap();
    assert!(matches!(site.watch.verify(domain.clone()).await, Err(CoreError::NotFound(_))));
    assert!(!site.get(&domain).await.verified);
}
