//! One attempt to open a line.

use std::time::Duration;

use tokio::time::timeout;
use wire::Secret;
use wire::control::{AuthChallenge, Control, Init, Join, Limits, TunnelCreated};

use super::DialError;
use super::handshake::{self, HandshakeError};
use super::supervisor::{Shared, Station};
use crate::line::{self, Driver, Incoming, Line, Side, Socket, opening};
use crate::net::{self, connect_tcp};

/// How long it may take from the look-up of the server's name to the open line.
const LIMIT: Duration = Duration::from_secs(10);

/// What the telephone asks for this time.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub subdomain: Option<String>,
    pub resume: Option<String>,
    pub join: Option<Join>,
}

/// An open line.
pub(super) struct Dialled {
    pub created: TunnelCreated,
    pub line: Line,
    pub driver: Driver<net::Socket>,
    pub incoming: Incoming,
    pub control: line::ControlReceiver,
}

/// Dials the switchboard and exchanges the opening messages.
pub(super) async fn dial(station: &Station, token: Secret, wish: Wish) -> Result<Dialled, DialError> {
    timeout(LIMIT, open(station, token, wish)).await.map_err(|_| DialError::TooSlow)?
}

async fn open(station: &Station, token: Secret, wish: Wish) -> Result<Dialled, DialError> {
    let shared = &station.shared;
    let mut socket = connect(shared).await?;
    let challenge = match receive(&mut socket).await? {
        Control::AuthChallenge(challenge) => challenge,
        _ => return Err(DialError::Unexpected),
    };
    if !challenge.versions.iter().any(|version| version == wire::VERSION) {
        return Err(DialError::Version(super::error::printable(&challenge.versions.join(", "))));
    }
    let limits = Limits::default();
    opening::send(&mut socket, &Control::Init(init(shared, token, wish, limits))).await?;
    let created = match receive(&mut socket).await? {
        Control::TunnelCreated(created) => created,
        _ => return Err(DialError::Unexpected),
    };
    opening::send(&mut socket, &Control::Ready).await?;
    let settings = settings(&challenge, limits);
    let (line, driver, incoming, control) = line::new_in(&station.budget, socket, Side::Telephone, settings);
    Ok(Dialled { created, line, driver, incoming, control })
}

fn init(shared: &Shared, token: Secret, wish: Wish, limits: Limits) -> Init {
    Init {
        version: wire::VERSION.to_owned(),
        token,
        local_url: shared.local_url.clone(),
        metadata: shared.metadata.clone(),
        subdomain: wish.subdomain,
        services: shared.services.clone(),
        resume: wish.resume,
        join: wish.join,
        limits,
        heads: true,
    }
}

fn settings(challenge: &AuthChallenge, local: Limits) -> line::Settings {
    let heartbeat = Duration::from_secs(u64::from(challenge.heartbeat_s.clamp(1, 300)));
    line::Settings { mux: wire::mux::Settings::new(local, challenge.limits), heartbeat }
}

/// The next opening message; one that refuses is an error.
async fn receive(socket: &mut Socket<net::Socket>) -> Result<Control, DialError> {
    match opening::receive(socket).await? {
        Control::Error(refusal) => Err(DialError::Refused(refusal)),
        message => Ok(message),
    }
}

async fn connect(shared: &Shared) -> Result<Socket<net::Socket>, DialError> {
    let server = &shared.server;
    let tcp = connect_tcp(&server.host, server.port, LIMIT)
        .await
        .and_then(|connection| line::limit_unsent(&connection).map(|()| connection))
        .map_err(|error| DialError::Unreachable { server: server.to_string(), error })?;
    let mut connection: net::Socket = Box::new(tcp);
    if let Some(tls) = &shared.server_tls {
        let secure = tls.connect(&server.host, connection).await;
        connection = secure.map_err(|error| DialError::Tls { server: server.to_string(), error })?;
    }
    handshake::open(connection, &server.authority(), "/tunnel").await.map_err(|error| match error {
        HandshakeError::Status(status) => {
            DialError::NotAWebSocket { server: server.to_string(), status: status.as_u16() }
        }
        error => DialError::Handshake { server: server.to_string(), error: Box::new(error) },
    })
}
