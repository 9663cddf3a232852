//! A disk that is full loses what was to be recorded, says so, and nothing else.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use rand::RngCore;
use serde_json::json;
use telephone::{Agent, Target};

use super::recorded::id;
use super::support::{Body, Client, Origin, Programs, Switchboard, full, skipped, until, whole};

/// How large the disk is, bytes.
const DISK: u64 = 32 * 1024 * 1024;
/// How large a body is, bytes; it goes both ways.
const BODY: usize = 64 * 1024;
/// How long the recorder may take to see that there is no room, or some again.
const SOON: Duration = Duration::from_secs(60);

/// Sends a body that cannot be packed, and has it come back; the exchange's id.
async fn upload(visitor: &Client) -> String {
    let mut body = vec![0; BODY];
    rand::rng().fill_bytes(&mut body);
    let body = Bytes::from(body);
    let response = visitor.send(visitor.request(Method::POST, "/").body(full(body.clone())).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let id = id(&response);
    assert!(whole(response).await == body, "it came back changed");
    id
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [BODY, 512, 1] {
        let error = loop {
            if let Err(error) = file.write_all(&vec![0; size]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
}

/// The cookie of somebody who has signed in to the dashboard.
async fn signed_in(programs: &Programs) -> String {
    let client = programs.client().bearer("");
    let form = form_urlencoded(&[("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)]);
    let request = client
        .request(Method::POST, "/web/action/sign_in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, programs.url());
    let response = client.send(request.body(full(form)).unwrap()).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn a_full_disk_drops_what_was_to_be_recorded_and_nothing_else() {
    let Some(programs) = Programs::start_on_disk(DISK).await else {
        skipped("to mount a disk, as root or with user namespaces");
        return;
    };
    let origin = Origin::echo().await;
    let (_, token) = programs.token().await;
    let target = Target::parse(&origin.address.to_string()).unwrap();
    let telephone = Agent::builder(programs.url(), token).target(target).subdomain("shop").start().unwrap();
    telephone.ready().await.unwrap();
    let (client, visitor) = (programs.client(), programs.visitor("shop"));
    let tunnel = client.get("/api/v1/tunnels").await.1["items"][0]["id"].as_str().unwrap().to_owned();
    let settings = json!({"level": "bodies"}).to_string();
    let capture = client.request(Method::PUT, &format!("/api/v1/tunnels/{tunnel}/capture"));
    let capture = capture.header(header::CONTENT_TYPE, "application/json").body(full(settings)).unwrap();
    assert_eq!(client.send(capture).await.unwrap().status(), StatusCode::OK);
    let cookie = signed_in(&programs).await;
    let page = async || {
        let path = format!("/web/tunnels/{tunnel}/inspector");
        let request = programs.client().bearer("").request(Method::GET, &path).header(header::COOKIE, &cookie);
        let response = client.send(request.body(Body::default()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        String::from_utf8(whole(response).await.to_vec()).unwrap()
    };
    let is_recorded = async |id: &str| client.get(&format!("/api/v1/tunnels/{tunnel}/requests/{id}")).await.0 == 200;
    let trouble = "Requests are not recorded at the moment.";

    let first = upload(&visitor).await;
    until(SOON, "the first one is recorded", async || is_recorded(&first).await).await;
    assert!(!page().await.contains(trouble));
    let mut uploads = 1_u64;

    let ballast = programs.data().join("ballast");
    fill(&ballast);
    until(SOON, "what is recorded is dropped", async || {
        upload(&visitor).await;
        uploads += 1;
        programs.figure("switchboard_exchanges_dropped_total{reason=\"database\"}").await > 0.0
    })
    .await;
    assert_eq!(programs.figure("switchboard_recorder_up").await.to_string(), "0");
    assert!(page().await.contains(trouble));
    for _ in 0..100 {
        upload(&visitor).await;
        uploads += 1;
    }
    // A change is made, where there is room left in the files that there are, or refused.
    let service = json!({"name": "new"});
    let (status, answer) = client.post("/api/v1/services", &service).await;
    let is_refused = status == 503 && answer["error"]["code"] == "unavailable";
    assert!(is_refused || status == 201, "{status}: {answer}");
    // What was recorded before is still there, and so is everything else.
    assert!(is_recorded(&first).await);
    assert_eq!(Client::new(programs.metrics, "localhost").text("/readyz").await.0, 200);

    std::fs::remove_file(&ballast).unwrap();
    until(SOON, "it is recorded again", async || {
        upload(&visitor).await;
        uploads += 1;
        programs.figure("switchboard_recorder_up").await > 0.0
    })
    .await;
    assert_eq!(client.post("/api/v1/services", &service).await.0, if is_refused { 201 } else { 409 });
    let last = upload(&visitor).await;
    uploads += 1;
    until(SOON, "the last one is recorded", async || is_recorded(&last).await).await;
    assert!(!page().await.contains(trouble));
    until(SOON, "all are counted", async || {
        let stats = client.get(&format!("/api/v1/tunnels/{tunnel}/stats")).await.1;
        stats["requests"].as_u64() == Some(uploads)
    })
    .await;
}
