//! `/tunnel`: turns a WebSocket handshake into a session.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::{TunnelId, TunnelState};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use server_core::Services;
use telephone::line::{self, ControlReceiver, Driver, LineError};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::Secret;
use wire::control::{Control, Drain, ErrorCode, MAX_CONTROL, Refusal, Renew, Renewed, Stats, Status, TunnelStatus};
use wire::websocket::{Limits, Role};

use super::leave::spread;
use super::opening::{Opened, Opening, Refused};
use super::openings::Openings;
use super::plain;
use super::session::{Cut, Session, SessionLine, SignIn};
use super::updates::Updates;
use super::{Registry, TokenWatch};
use crate::ingress::{Client, ClientBody, ResponseBody};
use crate::proxy::Problem;
use crate::routing::Routing;

/// What a telephone may send before it is known who it is: control messages.
const OPENING_LIMITS: Limits = Limits { frame: MAX_CONTROL, message: MAX_CONTROL };
/// How many refused telephones are written down in a second: strangers can come as often as they like.
const REFUSALS: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// How often a session's round trip is recorded and its telephone told how the tunnel does.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

pub(super) type Socket = line::Socket<TcpStream>;

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) services: Services,
    pub(super) routing: Arc<Routing>,
    pub(super) registry: Arc<Registry>,
    pub(super) tokens: Arc<TokenWatch>,
    pub(super) control: Handle,
    /// How often a silent telephone is asked whether it is there.
    pub(super) heartbeat: Duration,
    openings: Arc<Openings>,
    /// Which refused telephones are written down.
    pub(super) refusals: Arc<DefaultDirectRateLimiter>,
    pub(super) sessions: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Endpoint {
    /// `control` is the runtime of the services; `stop` turns new telephones away.
    pub fn new(
        services: Services,
        routing: Arc<Routing>,
        registry: Arc<Registry>,
        tokens: Arc<TokenWatch>,
        control: Handle,
        heartbeat: Duration,
        stop: CancellationToken,
    ) -> Self {
        Self {
            services,
            routing,
            registry,
            tokens,
            control,
            heartbeat,
            openings: Arc::default(),
            refusals: Arc::new(RateLimiter::direct(Quota::per_second(REFUSALS))),
            sessions: TaskTracker::new(),
            stop,
        }
    }

    /// Answers a request to `/tunnel`. The session then lives on the data plane thread that has the connection.
    pub fn answer(self: &Arc<Self>, mut request: Request<ClientBody>, client: Client) -> Response<ResponseBody> {
        let accept = match websocket_key(&request) {
            Ok(key) => derive_accept_key(key.as_bytes()),
            Err(problem) => return problem.response(request.headers(), client.request_id),
        };
        let (opening, place) = match (self.openings.place(client.address), self.registry.socket()) {
            (Some(opening), Some(place)) if !self.stop.is_cancelled() => (opening, place),
            _ => return Problem::busy().response(request.headers(), client.request_id),
        };
        let Some(upgrade) = request.body_mut().on_upgrade() else {
            return Problem::not_a_telephone().response(request.headers(), client.request_id);
        };
        let endpoint = self.clone();
        self.sessions.spawn(async move {
            let Some((upgraded, connection)) = upgrade.await else {
                tracing::debug!(client = %client.address, "a telephone's handshake broke off");
                return;
            };
            let (stream, early) = upgraded.into_parts();
            let socket = Socket::new(stream, Role::Server, OPENING_LIMITS, &early);
            // In a box that is gone when the line is open: what an opening needs is twice what a line does, of which
            // thousands lie idle.
            let opened = Box::pin(Opening { endpoint: &endpoint, client }.run(socket)).await;
            drop(opening);
            if let Some(opened) = opened {
                endpoint.serve(opened).await;
            }
            drop((place, connection));
        });
        switching_protocols(&accept)
    }

    /// Drives one line to its end; the session ends with its last line.
    async fn serve(&self, opened: Opened) {
        let Opened { driver, control, session, line, address } = opened;
        let (id, tunnel) = (session.id, session.tunnel);
        tracing::info!(session = %id, %tunnel, client = %address, "telephone connected");
        let beside = async {
            let updates = Updates::default();
            let stored = self.store_updates(&session, &updates);
            let control = self.take_control(control, (&session, &line), address, &updates);
            tokio::join!(control, stored, self.report(&session, &line), expire(&session));
            std::future::pending().await
        };
        let reason = tokio::select! {
            reason = driver.run() => reason,
            never = beside => never,
        };
        // Whoever was sent away, or hung up properly, is not waited for.
        let back =
            !matches!(reason, LineError::ClosedByUs { .. } | LineError::PeerClosed { code: wire::close::NORMAL, .. });
        if session.detach(&line, &reason) {
            self.registry.leave(&session, back);
        }
        tracing::info!(session = %id, %tunnel, %reason, "telephone disconnected");
    }

    /// What a telephone says after the opening; ends when the line has ended.
    async fn take_control(
        &self,
        mut control: ControlReceiver,
        (session, line): (&Session, &SessionLine),
        address: IpAddr,
        updates: &Updates,
    ) {
        while let Some(message) = control.recv().await {
            match message {
                // This line takes no more requests, which it has answered already, and what is in flight goes on.
                Control::Drain(Drain { line: true, .. }) => {}
                // The telephone is leaving, with all its lines. This one has answered already; what is in flight goes
                // on.
                Control::Drain(_) => {
                    session.stop_opening();
                    self.registry.leave(session, false);
                }
                Control::Renew(Renew { token }) => {
                    let refused = self.renew(session, token, address).await.err().and_then(Refused::told);
                    let refused = refused.map(|(code, message)| Refusal { code, message });
                    tracing::info!(session = %session.id, ?refused, "a telephone has signed in anew");
                    if let Err(error) = line.line.send_control(Control::Renewed(Renewed { refused })) {
                        tracing::debug!(session = %session.id, %error, "a telephone does not hear that it has renewed");
                    }
                }
                Control::UpdateTunnel(said) => updates.say(said),
                other => tracing::debug!(session = %session.id, ?other, "a message that needs no answer"),
            }
        }
    }

    /// The telephone shows what is to be good in place of what it has signed in with.
    async fn renew(&self, session: &Session, token: Secret, address: IpAddr) -> Result<(), Refused> {
        let looks = self.registry.token_looks();
        let holder = self.holder(token, address).await?;
        let refused = |message: String| Refused::Because(ErrorCode::TokenScope, message);
        if holder.token_id() != session.token {
            return Err(refused(
                "this is another token than the session was opened with; it ends with that one".into(),
            ));
        }
        session.renew(SignIn::of(&holder)).map_err(|list| {
            refused(format!("this token allows less than the one the session was opened with: its {list}"))
        })?;
        if self.registry.token_looks() != looks {
            self.tokens.ask(session.token);
        }
        Ok(())
    }

    /// Keeps the session's round trip known here, and the tunnel's figures there; one of its lines does it for all.
    async fn report(&self, session: &Session, line: &Arc<SessionLine>) {
        let mut timer = tokio::time::interval(REPORT_INTERVAL);
        let mut known = None;
        loop {
            timer.tick().await;
            if !session.is_led_by(line) {
                continue;
            }
            session.note_quality();
            let round_trip = line.line.rtt();
            if round_trip != known
                && let Some(round_trip) = round_trip
            {
                session.set_round_trip(round_trip.as_secs_f64() * 1000.0);
                known = Some(round_trip);
            }
            let status = Control::TunnelStatus(self.status(session.tunnel));
            if let Err(error) = line.line.send_control(status) {
                tracing::debug!(session = %session.id, %error, "the telephone takes no status");
            }
        }
    }

    fn status(&self, tunnel: TunnelId) -> TunnelStatus {
        let now = self.services.traffic().now(tunnel);
        let since = self.services.presence().of(tunnel).iter().map(|session| session.connected_at).min();
        let uptime = since.map_or(0, |since| (chrono::Utc::now() - since).num_seconds());
        TunnelStatus {
            status: self.routing.table().tunnel(tunnel).map_or(Status::Deleted, |route| as_told(route.state)),
            stats: Stats {
                requests: now.requests,
                latency_ms: now.latency_ms.map_or(0.0, |latency| latency.p50),
                uptime_seconds: u64::try_from(uptime).unwrap_or(0),
                held: now.held,
                retried: now.retried,
            },
            spread_ms: u32::try_from(spread(self.registry.sockets()).as_millis()).ok(),
        }
    }
}

/// How a telephone is told of a tunnel's state.
fn as_told(state: TunnelState) -> Status {
    match state {
        TunnelState::Active => Status::Active,
        TunnelState::Paused => Status::Paused,
        TunnelState::Deleted => Status::Deleted,
    }
}

/// Cuts the session when its token runs out, and is not renewed before.
async fn expire(session: &Session) {
    let mut sign_in = session.sign_in();
    loop {
        let ends = sign_in.borrow_and_update().ends;
        let Some(end) = ends else {
            if sign_in.changed().await.is_err() {
                return;
            }
            continue;
        };
        let left = (end.at - chrono::Utc::now()).to_std().unwrap_or_default();
        match tokio::time::timeout(left, sign_in.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return session.cut(if end.is_replaced { Cut::TokenReplaced } else { Cut::TokenExpired }),
        }
    }
}

/// The parts of RFC 6455 section 4.2.1 that make a request a WebSocket handshake.
fn websocket_key(request: &Request<ClientBody>) -> Result<HeaderValue, Problem> {
    let headers = request.headers();
    let is_websocket =
        has_token(headers, header::CONNECTION, "upgrade") && has_token(headers, header::UPGRADE, "websocket");
    if request.method() != Method::GET || !is_websocket {
        return Err(Problem::not_a_telephone());
    }
    match (headers.get(header::SEC_WEBSOCKET_VERSION), headers.get(header::SEC_WEBSOCKET_KEY)) {
        (Some(version), Some(key)) if version == "13" && key.len() == 24 => Ok(key.clone()),
        _ => Err(Problem::not_a_telephone()),
    }
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

fn switching_protocols(accept: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// A driver over the endpoint's sockets.
pub(super) enum SocketDriver {
    /// Version 2.
    Frames(Box<Driver<TcpStream>>),
    /// Version 1.0.
    Plain(Box<plain::Driver>),
}

impl SocketDriver {
    /// Runs the line until it ends and says why.
    pub(super) async fn run(self) -> LineError {
        match self {
            Self::Frames(driver) => driver.run().await,
            // In a box: it is larger than the other, which most telephones have.
            Self::Plain(driver) => Box::pin(driver.run()).await,
        }
    }
}
