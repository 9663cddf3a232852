//! A webhook: takes what is posted, and refuses the first few.

use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::alerts::sign;
use tokio::sync::mpsc;

use crate::answer::call;
use crate::support::{Client, Origin, full, within};

/// How long a notice may take: a telephone that leaves is stored within 10 s, and alerts are read every 30 s at least.
pub(crate) const SOON: Duration = Duration::from_secs(120);

/// What was posted.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) json: Value,
}

pub(crate) struct Receiver {
    origin: Origin,
    posted: mpsc::Receiver<Posted>,
}

impl Receiver {
    /// Answers the first `refused` with 500, and then with 204.
    pub(crate) async fn start(refused: usize) -> Self {
        let (sender, posted) = mpsc::channel(100);
        let refused = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(refused));
        let origin = Origin::start(move |request| {
            let (sender, refused) = (sender.clone(), refused.clone());
            async move {
                let (parts, body) = request.into_parts();
                assert_eq!(parts.method, Method::POST);
                let body = body.collect().await.unwrap().to_bytes().to_vec();
                let json = serde_json::from_slice(&body).unwrap();
                let taken = std::sync::atomic::Ordering::SeqCst;
                let status = match refused.fetch_update(taken, taken, |left| left.checked_sub(1)) {
                    Ok(_) => StatusCode::INTERNAL_SERVER_ERROR,
                    Err(_) => StatusCode::NO_CONTENT,
                };
                // The test may be over.
                sender.send(Posted { path: parts.uri.to_string(), headers: parts.headers, body, json }).await.ok();
                Response::builder().status(status).body(full("")).unwrap()
            }
        });
        Self { origin: origin.await, posted }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?x=1", self.origin.address)
    }

    /// The next notice, with a good signature.
    pub(crate) async fn next(&mut self, secret: &str) -> Posted {
        let posted = within(SOON, "a notice", self.posted.recv()).await.unwrap();
        let signature = posted.headers["x-switchboard-signature"].to_str().unwrap();
        let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
        assert_eq!(signature, sign(secret, time, &posted.body));
        assert!((chrono::Utc::now().timestamp() - time).abs() < 300);
        assert_eq!(posted.headers["content-type"], "application/json");
        assert_eq!(posted.headers["x-switchboard-event"].to_str().unwrap(), posted.json["id"].as_str().unwrap());
        posted
    }
}

/// Makes an alert with this webhook; its id and its secret.
pub(crate) async fn alert(client: &Client, url: &str, mut rule: Value) -> (String, String) {
    rule["webhook"] = json!(url);
    if rule["name"].is_null() {
        rule["name"] = json!("a test");
    }
    let made = call(client, "POST", "/api/v1/alerts", rule).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |key: &str| made.json[key].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// What the alert has told, newest first.
pub(crate) async fn events(client: &Client, alert: &str) -> Vec<Value> {
    let listed = call(client, "GET", &format!("/api/v1/alerts/events?alert={alert}"), Value::Null).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    listed.json["items"].as_array().unwrap().clone()
}
