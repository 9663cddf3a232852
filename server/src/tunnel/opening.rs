//! The opening messages of a line: who is calling, and what it may serve.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::{TelephoneSession, TelephoneSessionId, Timestamp};
use rand::Rng;
use server_core::{AttachRefused, AttachRequest, Attached, CoreError, PresenceGuard, TokenHolder, TokenRefused};
use telephone::line::{self, ControlReceiver, Side, opening};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wire::close;
use wire::control::{AuthChallenge, Control, ErrorCode, Init, Limits, Refusal, Status, TunnelCreated};
use wire::mux::Settings;

use super::SessionSet;
use super::endpoint::{Endpoint, Socket, SocketDriver};
use super::session::Session;
use crate::ingress::Client;

/// How long the whole opening may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often either end sends a `ping`.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many entries of a telephone's metadata are kept, and how long each may be.
const MAX_METADATA: (usize, usize) = (20, 200);

/// One telephone that signs in.
pub(super) struct Opening<'a> {
    pub endpoint: &'a Endpoint,
    pub client: Client,
}

/// A telephone that is in, with all that belongs to its session.
pub(super) struct Opened {
    pub driver: SocketDriver,
    pub control: ControlReceiver,
    pub session: Arc<Session>,
    pub sessions: Arc<SessionSet>,
    pub presence: PresenceGuard,
    pub info: TelephoneSession,
    pub expires: Option<Timestamp>,
}

/// What a telephone has become entitled to.
struct Admitted {
    init: Init,
    holder: TokenHolder,
    attached: Attached,
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
            versions: vec![wire::VERSION.to_owned()],
            heartbeat_s: u32::try_from(HEARTBEAT.as_secs()).unwrap_or(u32::MAX),
            limits: Limits::default(),
            server: concat!("switchboard/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        opening::send(socket, &Control::AuthChallenge(challenge)).await?;
        let init = match opening::receive(socket).await? {
            Control::Init(init) => init,
            _ => return Err(Refused::Because(ErrorCode::BadMessage, "the first message must be an init".to_owned())),
        };
        if init.version != wire::VERSION {
            let message = format!("this server speaks version {} of the line, not {:?}", wire::VERSION, init.version);
            return Err(Refused::Because(ErrorCode::BadVersion, message));
        }
        self.attach(init).await
    }

    /// Asks the services, on their own runtime: a database that is slow delays no traffic.
    async fn attach(&self, init: Init) -> Result<Admitted, Refused> {
        let (services, routing) = (self.endpoint.services.clone(), self.endpoint.routing.clone());
        let request = AttachRequest {
            subdomain: init.subdomain.clone(),
            local_url: init.local_url.clone(),
            region: init.metadata.region.clone(),
            metadata: metadata(&init),
        };
        let token = init.token.clone();
        let work = self.endpoint.control.spawn(async move {
            let holder = services.tokens().authenticate(token.expose()).await?;
            let attached = services.tunnels().attach(&holder, request).await?;
            // The address is announced only when it works.
            if routing.table().tunnel(attached.tunnel.id).is_none() {
                routing.refresh().await?;
            }
            Ok::<_, Refused>((holder, attached))
        });
        let (holder, attached) = work.await.map_err(|error| Refused::internal(&error))??;
        Ok(Admitted { init, holder, attached })
    }

    /// Announces the tunnel, and makes a line of the socket when the telephone is ready.
    async fn begin(self, mut socket: Socket, admitted: Admitted, deadline: Instant) -> Option<Opened> {
        let Admitted { init, holder, attached } = admitted;
        let info = self.describe(&init, &holder, &attached);
        let resume = format!("{:032x}", rand::rng().random::<u128>());
        let created = TunnelCreated {
            tunnel_id: attached.tunnel.id.to_string(),
            subdomain: attached.tunnel.subdomain.to_string(),
            public_url: attached.tunnel.public_url.clone(),
            status: Status::Active,
            session_id: info.id.to_string(),
            resume: resume.clone(),
        };
        // From here on the address is known, and whoever asks for it waits for the telephone to be ready.
        let sessions = self.endpoint.registry.sessions_of(attached.tunnel.id);
        sessions.expect_one();
        let ready = async {
            opening::send(&mut socket, &Control::TunnelCreated(created)).await?;
            opening::receive(&mut socket).await
        };
        match timeout_at(deadline, ready).await {
            Ok(Ok(Control::Ready)) => {}
            Ok(Ok(_)) => {
                refuse(
                    &mut socket,
                    close::REFUSED,
                    ErrorCode::BadMessage,
                    "expected ready after tunnel_created".to_owned(),
                )
                .await;
                return None;
            }
            Ok(Err(error)) => {
                tracing::debug!(client = %self.client.address, %error, "a telephone left before it was ready");
                return None;
            }
            Err(_) => {
                refuse(
                    &mut socket,
                    close::OPENING_TIMEOUT,
                    ErrorCode::BadMessage,
                    "the opening took longer than 10 seconds".to_owned(),
                )
                .await;
                return None;
            }
        }
        let settings = line::Settings { mux: Settings::new(Limits::default(), init.limits), heartbeat: HEARTBEAT };
        let (line, driver, _, control) = line::new(socket, Side::Server, settings);
        let session = Arc::new(Session { id: info.id, token: holder.token_id(), resume, line });
        if let Err(crowded) = sessions.join(&session, init.resume.as_deref()) {
            tracing::info!(tunnel = %attached.tunnel.id, client = %self.client.address, "telephone refused: {crowded}");
            session.line.close(close::REFUSED, crowded.to_string());
            driver.run().await;
            return None;
        }
        let presence = self.endpoint.services.presence().join(info.clone());
        Some(Opened { driver, control, session, sessions, presence, info, expires: holder.expires_at() })
    }

    fn describe(&self, init: &Init, holder: &TokenHolder, attached: &Attached) -> TelephoneSession {
        TelephoneSession {
            id: TelephoneSessionId(uuid::Uuid::now_v7()),
            tunnel_id: attached.tunnel.id,
            token_id: holder.token_id(),
            address: self.client.address,
            agent: init.metadata.agent_version.as_deref().map_or_else(|| "unknown".to_owned(), shown),
            machine: init.metadata.name.as_deref().map(shown),
            protocol: init.version.clone(),
            round_trip_ms: None,
            connected_at: chrono::Utc::now(),
        }
    }
}

/// A text that a telephone says about itself, as it may be shown: short and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_METADATA.1).collect()
}

fn metadata(init: &Init) -> BTreeMap<String, String> {
    let texts = init.metadata.other.iter().filter_map(|(key, value)| Some((shown(key), shown(value.as_str()?))));
    texts.take(MAX_METADATA.0).collect()
}

async fn refuse(socket: &mut Socket, close: u16, code: ErrorCode, message: String) {
    let goodbye = async {
        opening::send(socket, &Control::Error(Refusal { code, message: message.clone() })).await?;
        let reason = message[..message.floor_char_boundary(123)].to_owned();
        socket.close(Some(CloseFrame { code: close.into(), reason: reason.into() })).await?;
        Ok::<_, opening::OpeningError>(())
    };
    match tokio::time::timeout(Duration::from_secs(2), goodbye).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a refused telephone did not hear why"),
        Err(_) => tracing::debug!("a refused telephone did not listen"),
    }
}

/// Why a telephone does not get in.
enum Refused {
    /// It is told.
    Because(ErrorCode, String),
    /// There is nobody to tell.
    Gone(opening::OpeningError),
}

impl Refused {
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

impl From<TokenRefused> for Refused {
    fn from(refused: TokenRefused) -> Self {
        let code = match &refused {
            TokenRefused::Invalid => ErrorCode::TokenInvalid,
            TokenRefused::Expired => ErrorCode::TokenExpired,
            TokenRefused::Revoked => ErrorCode::TokenRevoked,
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
            AttachRefused::Unavailable(error) => return Self::internal(error),
        };
        Self::Because(code, refused.to_string())
    }
}
