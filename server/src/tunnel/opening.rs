//! The opening messages of a line: who is calling, and what it may serve.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{LineQuality, TelephoneSession, TelephoneSessionId, TunnelId};
use governor::DefaultDirectRateLimiter;
use rand::Rng;
use server_core::{
    AnnouncedService, AnnouncementRefused, AttachRefused, AttachRequest, Attached, CoreError, Services, TokenHolder,
    TokenRefused, WantedService,
};
use telephone::line::{self, ControlReceiver, Line, Side, opening};
use tokio::time::{Instant, timeout_at};
use wire::Secret;
use wire::close;
use wire::control::{
    Announced, Announcement, AuthChallenge, Control, ErrorCode, Init, Join, Limits, Metadata, Refusal, Status,
    TunnelCreated, Verification,
};
use wire::mux::Settings;

use super::bounds::Bounds;
use super::claim::Claim;
use super::endpoint::{Endpoint, Socket, SocketDriver};
use super::plain;
use super::session::{NotJoined, Session, SessionLine, SignIn};
use crate::ingress::Client;
use crate::routing::TunnelRoute;

/// How long the whole opening may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many entries of a telephone's metadata are kept, and how long each may be.
const MAX_METADATA: (usize, usize) = (20, 200);

/// One telephone that signs in.
pub(super) struct Opening<'a> {
    pub endpoint: &'a Endpoint,
    pub client: Client,
}

/// A telephone's socket that is in, as a line of its session.
pub(super) struct Opened {
    pub driver: SocketDriver,
    pub control: ControlReceiver,
    pub session: Arc<Session>,
    pub line: Arc<SessionLine>,
    pub address: IpAddr,
}

/// What a telephone has become entitled to.
struct Admitted {
    init: Init,
    holder: TokenHolder,
    place: Place,
    /// What [`Registry::token_looks`](super::Registry) was before the token was looked up.
    looks: u64,
}

/// Where a socket belongs.
enum Place {
    /// In a new session with this id, which serves this tunnel.
    New(TelephoneSessionId, Box<Attached>, Option<Claim>),
    /// Among the lines of a session that there is.
    Further(Arc<Session>),
}

impl Opening<'_> {
    /// Goes through the opening; `None` when the telephone was refused, or went away, or took too long.
    pub(super) async fn run(self, mut socket: Socket) -> Option<Opened> {
        let deadline = Instant::now() + DEADLINE;
        let refusal = match timeout_at(deadline, self.admit(&mut socket)).await {
            Err(_) => Some((
                close::OPENING_TIMEOUT,
                ErrorCode::BadMessage,
                "the opening took longer than 10 seconds".to_owned(),
            )),
            Ok(Err(Refused::Gone(error))) => {
                tracing::debug!(client = %self.client.address, error = &error as &dyn std::error::Error, "a telephone left during the opening");
                None
            }
            Ok(Err(Refused::Because(code, message))) => Some((close::REFUSED, code, message)),
            Ok(Ok(admitted)) => return self.begin(socket, admitted, deadline).await,
        };
        if let Some((close, code, message)) = refusal {
            tracing::info!(client = %self.client.address, %code, message, "telephone refused");
            refuse(&mut socket, close, code, message).await;
        }
        None
    }

    async fn admit(&self, socket: &mut Socket) -> Result<Admitted, Refused> {
        let challenge = AuthChallenge {
            versions: vec![wire::VERSION.to_owned(), wire::plain::VERSION.to_owned()],
            heartbeat_s: u32::try_from(self.endpoint.heartbeat.as_secs()).unwrap_or(u32::MAX),
            limits: Limits::default(),
            server: concat!("switchboard/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        opening::send(socket, &Control::AuthChallenge(challenge)).await?;
        let init = match opening::receive(socket).await? {
            Control::Init(init) => init,
            _ => return Err(Refused::Because(ErrorCode::BadMessage, "the first message must be an init".to_owned())),
        };
        if ![wire::VERSION, wire::plain::VERSION].contains(&&*init.version) {
            let message = format!(
                "this server speaks the versions {} and {} of the line, not {:?}",
                wire::VERSION,
                wire::plain::VERSION,
                init.version
            );
            return Err(Refused::Because(ErrorCode::BadVersion, message));
        }
        match init.join.clone() {
            Some(join) => self.find(init, &join).await,
            None => self.attach(init).await,
        }
    }

    /// Finds the session that a further socket is for. It has to be the same telephone, with a token that is still good.
    async fn find(&self, init: Init, join: &Join) -> Result<Admitted, Refused> {
        let looks = self.endpoint.registry.token_looks();
        let holder = self.endpoint.holder(init.token.clone(), self.client.address).await?;
        let id = join.session_id.parse().ok().map(TelephoneSessionId);
        let session = id.and_then(|id| self.endpoint.registry.session(id)).filter(|session| {
            session.token == holder.token_id() && session.resume == join.resume && session.load().is_some()
        });
        match session {
            Some(session) => Ok(Admitted { init, holder, place: Place::Further(session), looks }),
            None => Err(NotJoined::Gone.into()),
        }
    }

    /// Asks the services, on their own runtime: a database that is slow delays no traffic.
    async fn attach(&self, init: Init) -> Result<Admitted, Refused> {
        let (services, routing) = (self.endpoint.services.clone(), self.endpoint.routing.clone());
        let request = AttachRequest {
            subdomain: init.subdomain.clone(),
            local_url: init.local_url.clone(),
            region: init.metadata.region.clone(),
            metadata: metadata(&init.metadata),
            services: init.services.iter().map(wanted).collect(),
        };
        let (token, registry, address) = (init.token.clone(), self.endpoint.registry.clone(), self.client.address);
        let looks = registry.token_looks();
        let doorkeeper = self.endpoint.doorkeeper();
        let work = self.endpoint.control.spawn(async move {
            let claimed = Mutex::new(None);
            let claim = |tunnel: TunnelId, key: &str| {
                let claim = registry.sessions_of(tunnel).claim(key);
                let may = claim.is_some();
                *claimed.lock().unwrap_or_else(PoisonError::into_inner) = claim;
                may
            };
            let holder = doorkeeper.holder(token, address).await?;
            let attached = services.tunnels().attach(&holder, request, &claim).await?;
            // The address is announced only when it works.
            let works = |route: &Arc<TunnelRoute>| route.address.public_url == attached.tunnel.public_url;
            if attached.is_news || !routing.table().tunnel(attached.tunnel.id).is_some_and(works) {
                routing.look_at(attached.tunnel.id).await?;
            }
            let claim = claimed.into_inner().unwrap_or_else(PoisonError::into_inner);
            Ok::<_, Refused>((holder, attached, claim))
        });
        let (holder, attached, claim) = work.await.map_err(|error| Refused::internal(&error))??;
        let id = TelephoneSessionId(uuid::Uuid::now_v7());
        Ok(Admitted { init, holder, place: Place::New(id, Box::new(attached), claim), looks })
    }

    /// Announces the tunnel, and makes a line of the socket when the telephone is ready.
    async fn begin(self, mut socket: Socket, admitted: Admitted, deadline: Instant) -> Option<Opened> {
        let Admitted { init, holder, place, looks } = admitted;
        let created = match &place {
            Place::New(id, attached, _) => created(*id, attached),
            Place::Further(session) => session.created(),
        };
        if let Place::New(_, attached, _) = &place {
            // From here on the address is known, and whoever asks for it waits for the telephone to be ready.
            self.endpoint.registry.sessions_of(attached.tunnel.id).expect_one();
        }
        if !self.ready(&mut socket, created.clone(), deadline).await {
            return None;
        }
        let bounds = match &place {
            Place::New(..) => Bounds::of(&init.version),
            Place::Further(session) => session.bounds.clone(),
        };
        let (line, driver, control) = if init.version == wire::plain::VERSION {
            let budgets = (&bounds.lines, &bounds.plain);
            let (line, driver, control) = plain::line(budgets, socket, init.limits, self.endpoint.heartbeat);
            (line, SocketDriver::Plain(Box::new(driver)), control)
        } else {
            let settings = line::Settings {
                mux: Settings::new(Limits::default(), init.limits),
                heartbeat: self.endpoint.heartbeat,
            };
            let (line, driver, _, control) = line::new_in(&bounds.lines, socket, Side::Server, settings);
            (line, SocketDriver::Frames(Box::new(driver)), control)
        };
        let joined = match place {
            Place::New(id, attached, claim) => {
                let info = self.describe(id, &init, &holder, &attached);
                self.open(info, (&init, &holder), created, claim, (&line, bounds))
            }
            Place::Further(session) => self.join(&session, &created, &init, &line),
        };
        match joined {
            Ok((session, line)) => {
                if self.endpoint.registry.token_looks() != looks {
                    self.endpoint.tokens.ask(session.token);
                }
                if self.endpoint.stop.is_cancelled() {
                    // All others may have been sent away already.
                    session.drain(Instant::now() + DEADLINE, Duration::ZERO);
                }
                Some(Opened { driver, control, session, line, address: self.client.address })
            }
            Err((code, message)) => {
                tracing::info!(client = %self.client.address, %code, message, "telephone refused");
                // The close frame says the same to a telephone that has stopped reading messages.
                let _ended = line.send_control(Control::Error(Refusal { code, message: message.clone() }));
                line.close(close::REFUSED, message);
                driver.run().await;
                None
            }
        }
    }

    /// Announces the tunnel and waits for the telephone to be ready; whether it was.
    async fn ready(&self, socket: &mut Socket, created: TunnelCreated, deadline: Instant) -> bool {
        let ready = async {
            opening::send(socket, &Control::TunnelCreated(created)).await?;
            opening::receive(socket).await
        };
        let (close, message) = match timeout_at(deadline, ready).await {
            Ok(Ok(Control::Ready)) => return true,
            Ok(Ok(_)) => (close::REFUSED, "expected ready after tunnel_created"),
            Ok(Err(error)) => {
                tracing::debug!(client = %self.client.address, %error, "a telephone left before it was ready");
                return false;
            }
            Err(_) => (close::OPENING_TIMEOUT, "the opening took longer than 10 seconds"),
        };
        refuse(socket, close, ErrorCode::BadMessage, message.to_owned()).await;
        false
    }

    /// A new session with this line, whose telephone is `info`.
    fn open(
        &self,
        info: TelephoneSession,
        (init, holder): (&Init, &TokenHolder),
        created: TunnelCreated,
        claim: Option<Claim>,
        (line, bounds): (&Line, Bounds),
    ) -> Result<(Arc<Session>, Arc<SessionLine>), (ErrorCode, String)> {
        let figures = self.endpoint.services.traffic().session_meter(&info);
        let rate = self.endpoint.registry.rates().of(info.token_id, holder.rate_limit());
        let line = SessionLine::new(info.id, line.clone(), figures.meter().clone(), rate, tells_heads(init));
        let first = (line.clone(), figures);
        let (token, sign_in) = (info.token_id, SignIn::of(holder));
        let session = Arc::new(Session::new(
            (token, holder.owner_id()),
            sign_in,
            info.tunnel_id,
            created,
            (claim, bounds),
            first,
        ));
        let joined = self.endpoint.registry.join(&session, init.resume.as_deref(), holder.max_sessions());
        joined.map_err(|crowded| (ErrorCode::LimitExceeded, crowded.to_string()))?;
        session.show(self.endpoint.services.presence().join(info));
        // The telephone was told before it was known here: the tunnel may have another address since.
        if let Some(route) = self.endpoint.routing.table().tunnel(session.tunnel) {
            session.set_address(&route.address);
        }
        Ok((session, line))
    }

    /// One more line of a session.
    fn join(
        &self,
        session: &Arc<Session>,
        created: &TunnelCreated,
        init: &Init,
        line: &Line,
    ) -> Result<(Arc<Session>, Arc<SessionLine>), (ErrorCode, String)> {
        let (meter, rate) = (session.figures.meter().clone(), session.rate.clone());
        let line = SessionLine::new(session.id, line.clone(), meter, rate, tells_heads(init));
        session.attach(line.clone(), created).map_err(|error| (error.code(), error.to_string()))?;
        self.endpoint.registry.sessions_of(session.tunnel).line_joined();
        Ok((session.clone(), line))
    }

    fn describe(
        &self,
        id: TelephoneSessionId,
        init: &Init,
        holder: &TokenHolder,
        attached: &Attached,
    ) -> TelephoneSession {
        TelephoneSession {
            id,
            tunnel_id: attached.tunnel.id,
            token_id: holder.token_id(),
            address: self.client.address,
            agent: init.metadata.agent_version.as_deref().map_or_else(|| "unknown".to_owned(), shown),
            machine: init.metadata.name.as_deref().map(shown),
            protocol: init.version.clone(),
            lines: 1,
            round_trip_ms: None,
            connected_at: chrono::Utc::now(),
            quality: LineQuality::default(),
        }
    }
}

impl Endpoint {
    /// Whoever shows this token, from this address.
    pub(super) async fn holder(&self, token: Secret, address: IpAddr) -> Result<TokenHolder, Refused> {
        let doorkeeper = self.doorkeeper();
        let work = self.control.spawn(async move { doorkeeper.holder(token, address).await });
        work.await.map_err(|error| Refused::internal(&error))?
    }

    fn doorkeeper(&self) -> Doorkeeper {
        Doorkeeper { services: self.services.clone(), refusals: self.refusals.clone() }
    }
}

/// Looks tokens up, on the runtime of the services, and has those written down that are good for nothing.
struct Doorkeeper {
    services: Services,
    refusals: Arc<DefaultDirectRateLimiter>,
}

impl Doorkeeper {
    async fn holder(self, token: Secret, address: IpAddr) -> Result<TokenHolder, Refused> {
        let found = self.services.tokens().authenticate(token.expose()).await;
        let refused = match found.map_err(Refused::from).and_then(|holder| from_here(holder, address)) {
            Ok(holder) => return Ok(holder),
            Err(refused) => refused,
        };
        if let Refused::Because(code, _) = &refused
            && *code != ErrorCode::Internal
            && self.refusals.check().is_ok()
        {
            let why = code.to_string();
            // Nobody waits for it: who is refused has nothing of it.
            tokio::spawn(async move { self.services.tokens().note_refused(token.expose(), &why, address).await });
        }
        Err(refused)
    }
}

/// The same, unless the token may not be used from there.
fn from_here(holder: TokenHolder, address: IpAddr) -> Result<TokenHolder, Refused> {
    if holder.scope().allows_address(address) {
        return Ok(holder);
    }
    let message = format!(
        "this token may not be used from {address}; create one on the dashboard's page Tokens that allows this network"
    );
    Err(Refused::Because(ErrorCode::TokenScope, message))
}

/// What the telephone is told of its tunnel.
fn created(id: TelephoneSessionId, attached: &Attached) -> TunnelCreated {
    TunnelCreated {
        tunnel_id: attached.tunnel.id.to_string(),
        subdomain: attached.tunnel.subdomain.to_string(),
        public_url: attached.tunnel.public_url.clone(),
        status: Status::Active,
        session_id: id.to_string(),
        resume: format!("{:032x}", rand::rng().random::<u128>()),
        services: attached.services.iter().map(announced).collect(),
    }
}

/// A service as a telephone announces it.
fn wanted(announcement: &Announcement) -> WantedService {
    let Announcement { host, path, tag, service } = announcement.clone();
    WantedService { host, path, tag, service }
}

/// What the telephone is told of a service that it has announced.
fn announced(service: &AnnouncedService) -> Announced {
    Announced {
        host: service.host.as_ref().map(ToString::to_string),
        path: service.mount.as_ref().map(ToString::to_string),
        tag: service.tag.as_ref().map(ToString::to_string),
        service: service.service.to_string(),
        public_url: service.public_url.clone(),
        verification: service.verification.as_ref().map(|verification| Verification {
            record: verification.record.clone(),
            value: verification.value.clone(),
            url: verification.url.clone(),
        }),
    }
}

/// A text that a telephone says about itself, as it may be shown: short and without control characters.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_METADATA.1).collect()
}

/// In version 1.0 there is nothing to ask with.
fn tells_heads(init: &Init) -> bool {
    init.heads && init.version == wire::VERSION
}

pub(super) fn metadata(said: &Metadata) -> BTreeMap<String, String> {
    let texts = said.other.iter().filter_map(|(key, value)| Some((shown(key), shown(value.as_str()?))));
    texts.take(MAX_METADATA.0).collect()
}

async fn refuse(socket: &mut Socket, close: u16, code: ErrorCode, message: String) {
    let goodbye = async {
        opening::send(socket, &Control::Error(Refusal { code, message: message.clone() })).await?;
        socket.close(close, &message).await?;
        Ok::<_, opening::OpeningError>(())
    };
    match tokio::time::timeout(Duration::from_secs(2), goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a refused telephone did not hear why"),
        Err(_) => tracing::debug!("a refused telephone did not listen"),
    }
}

/// Why a telephone does not get in.
pub(super) enum Refused {
    /// It is told.
    Because(ErrorCode, String),
    /// There is nobody to tell.
    Gone(opening::OpeningError),
}

impl Refused {
    /// What the telephone is told, if there is one to tell.
    pub(super) fn told(self) -> Option<(ErrorCode, String)> {
        match self {
            Self::Because(code, message) => Some((code, message)),
            Self::Gone(_) => None,
        }
    }

    fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a telephone's opening failed");
        Self::Because(ErrorCode::Internal, "the server failed; its log says why".to_owned())
    }
}

impl From<opening::OpeningError> for Refused {
    fn from(error: opening::OpeningError) -> Self {
        use opening::OpeningError::{Binary, Closed, Control, WebSocket};
        match error {
            Control(_) | Binary => Self::Because(ErrorCode::BadMessage, error.to_string()),
            WebSocket(_) | Closed { .. } => Self::Gone(error),
        }
    }
}

impl From<CoreError> for Refused {
    fn from(error: CoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<NotJoined> for Refused {
    fn from(refused: NotJoined) -> Self {
        Self::Because(refused.code(), refused.to_string())
    }
}

impl From<TokenRefused> for Refused {
    fn from(refused: TokenRefused) -> Self {
        let code = match &refused {
            TokenRefused::Invalid => ErrorCode::TokenInvalid,
            TokenRefused::Expired => ErrorCode::TokenExpired,
            TokenRefused::Revoked | TokenRefused::Replaced => ErrorCode::TokenRevoked,
            TokenRefused::Deactivated => ErrorCode::AccountDeactivated,
            TokenRefused::Unavailable(error) => return Self::internal(error),
        };
        Self::Because(code, refused.to_string())
    }
}

impl From<AttachRefused> for Refused {
    fn from(refused: AttachRefused) -> Self {
        let code = match &refused {
            AttachRefused::SubdomainTaken => ErrorCode::SubdomainTaken,
            AttachRefused::SubdomainInvalid(_) => ErrorCode::SubdomainInvalid,
            AttachRefused::SubdomainReserved => ErrorCode::SubdomainReserved,
            AttachRefused::OutsideScope => ErrorCode::TokenScope,
            AttachRefused::TunnelPaused => ErrorCode::TunnelPaused,
            AttachRefused::LimitExceeded => ErrorCode::LimitExceeded,
            AttachRefused::Announcement(refused) => match refused {
                AnnouncementRefused::Invalid(_) => ErrorCode::ServiceInvalid,
                AnnouncementRefused::Reserved(_) => ErrorCode::ServiceReserved,
                AnnouncementRefused::Taken(_) => ErrorCode::ServiceTaken,
                AnnouncementRefused::Conflict => ErrorCode::ServiceConflict,
                AnnouncementRefused::OutsideScope(_) => ErrorCode::TokenScope,
                AnnouncementRefused::Limit(_) => ErrorCode::LimitExceeded,
                AnnouncementRefused::Unavailable(error) => return Self::internal(error),
            },
            AttachRefused::Unavailable(error) => return Self::internal(error),
        };
        Self::Because(code, refused.to_string())
    }
}
