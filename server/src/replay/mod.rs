//! Sends recorded requests again, through the same engine as those of visitors.

mod request;
mod turns;
mod way;

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::RequestId;
use http::Request;
use http_body_util::BodyExt;
use server_core::{CoreError, ReplayOrder, Replayer, Result, Sent};
use tokio::time::timeout_at;
use tokio_util::task::AbortOnDropHandle;

use crate::ingress::{Client, ClientBody, DataPlane, ResponseBody};
use crate::proxy::{Proxy, Replay};
use crate::routing::Routing;
use turns::Turns;
use way::Way;

/// How long all requests of one order may take together: less than whoever has asked for them waits.
const TIME: Duration = Duration::from_secs(20);
/// How long the body of an answer is read: an event stream would never end.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How much of it is read, bytes.
const BODY_MOST: usize = 64 * 1024 * 1024;

/// Sends requests again.
#[derive(Debug)]
pub struct Replays {
    routing: Arc<Routing>,
    proxy: Proxy,
    plane: Weak<DataPlane>,
    turns: Arc<Turns>,
}

/// What the services keep, since what it stands for keeps the services.
#[derive(Debug)]
struct Asking(Weak<Replays>);

impl Replays {
    /// Sends on the threads of `plane`, as long as it is there.
    pub fn new(routing: Arc<Routing>, proxy: Proxy, plane: &Arc<DataPlane>) -> Self {
        Self { routing, proxy, plane: Arc::downgrade(plane), turns: Arc::default() }
    }

    /// Lets services ask for replays as long as this is there.
    pub fn replayer(self: &Arc<Self>) -> Arc<dyn Replayer> {
        Arc::new(Asking(Arc::downgrade(self)))
    }

    async fn replay(self: Arc<Self>, order: ReplayOrder) -> Result<Vec<Sent>> {
        let _turn = self.turns.take(order.owner)?;
        let mut request = request::of(&order)?;
        let way = Way::find(&self.routing, &order, &mut request).await?;
        let plane = self.plane.upgrade().ok_or_else(stopping)?;
        let worker = plane.worker(way.home().unwrap_or_else(|| plane.quietest())).clone();
        drop(plane);
        let until = tokio::time::Instant::now() + TIME;
        let all = async move {
            let mut sent = Vec::with_capacity(order.times.into());
            for _ in 0..order.times {
                if tokio::time::Instant::now() >= until {
                    break;
                }
                sent.push(self.send(&way, &order, &request, until).await);
            }
            sent
        };
        // Where visitors' requests are as well; given up when whoever has asked for it is.
        AbortOnDropHandle::new(worker.spawn(all)).await.map_err(|_| stopping())
    }

    /// Sends it once, and reads the answer to its end.
    async fn send(&self, way: &Way, order: &ReplayOrder, request: &Request<()>, until: tokio::time::Instant) -> Sent {
        let id = RequestId(uuid::Uuid::now_v7());
        let mut request =
            request.clone().map(|()| ClientBody::Whole((!order.body.is_empty()).then(|| order.body.clone())));
        request.extensions_mut().insert(Replay { of: order.of, settings: order.settings.clone(), id });
        let client = client(order.client, order.secure, id);
        let answer = way.ask(&self.proxy, request, client, Instant::now());
        let Ok(response) = timeout_at(until, answer).await else { return Sent { id, status: None } };
        let status = Some(response.status().as_u16());
        let until = until.min(tokio::time::Instant::now() + BODY_TIME);
        if timeout_at(until, read(response.into_body())).await.is_err() {
            tracing::debug!(request_id = %id, "the answer to a replay was broken off, since it takes too long");
        }
        Sent { id, status }
    }
}

#[async_trait]
impl Replayer for Asking {
    async fn replay(&self, order: ReplayOrder) -> Result<Vec<Sent>> {
        let replays = self.0.upgrade().ok_or_else(stopping)?;
        replays.replay(order).await
    }
}

fn stopping() -> CoreError {
    CoreError::Unavailable("the engine has stopped".to_owned())
}

/// The client that sent it first: so the request has the same address, also for whom clients stay with by it.
fn client(address: IpAddr, secure: bool, request_id: RequestId) -> Client {
    Client { address, peer: address, request_id, secure, through_trusted_proxy: false }
}

async fn read(mut body: ResponseBody) {
    let mut read = 0;
    // What breaks off is noted where it is recorded.
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, bytes::Bytes::len);
        if read > BODY_MOST {
            return;
        }
    }
}
