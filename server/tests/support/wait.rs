use std::net::SocketAddr;
use std::time::Duration;

use super::Client;

/// Waits for something that has to happen, and within that time.
pub async fn within<T>(limit: Duration, what: &str, happens: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, happens).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{what}: not within {limit:?}"),
    }
}

/// Waits until something holds that has no event to wait for: a figure, an answer of the API.
pub async fn until(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    within(limit, what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// One figure of the metrics there; all samples of its name together.
pub async fn figure(metrics: SocketAddr, name: &str) -> f64 {
    let (status, text) = Client::new(metrics, "localhost").text("/metrics").await;
    assert_eq!(status, 200);
    let samples: Vec<f64> = text
        .lines()
        .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(!samples.is_empty(), "no {name} in the metrics");
    samples.iter().sum()
}
