//! Who is let in with a password (RFC 7617).

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use domain::{BasicAuth, RateLimit, RatePer};
use http::{HeaderMap, HeaderValue};
use server_core::{CoreError, Services};
use server_heads::{Basic, basic};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::queue::Queue;
use super::rates::{Rate, Whose};
use crate::proxy::Problem;

/// How often a client may say what is not known to be right: ten times, and then once in six seconds.
const ATTEMPTS: RateLimit = RateLimit { requests: 10, seconds: 60, burst: None, per: RatePer::Client };
/// Those who are let in. What was found right once is known by its SHA-256 with a secret of this process, so that only the
/// first request of each waits for the hash, which is made to take long.
#[derive(Debug)]
pub(super) struct Passwords {
    challenge: HeaderValue,
    users: Box<[User]>,
    secret: [u8; 32],
    attempts: Rate,
    /// One at a time: who comes with the first one finds it known.
    turn: tokio::sync::Mutex<()>,
    queue: Queue,
}

struct User {
    name: String,
    hash: String,
    known: OnceLock<[u8; 32]>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Passwords {
    pub(super) fn new(auth: &BasicAuth) -> Self {
        let realm = auth.realm.as_ref().map_or("Restricted", |realm| realm.as_str());
        let challenge = HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""));
        let user = |user: &domain::BasicUser| {
            let hash = user.password.as_ref()?.expose().to_owned();
            Some(User { name: user.name.to_string(), hash, known: OnceLock::new() })
        };
        Self {
            challenge: challenge.unwrap_or(HeaderValue::from_static("Basic realm=\"Restricted\"")),
            users: auth.users.iter().filter_map(user).collect(),
            secret: rand::random(),
            attempts: Rate::new(ATTEMPTS, Whose::Front),
            turn: tokio::sync::Mutex::new(()),
            queue: Queue::default(),
        }
    }

    /// Whether the request says a password that is known to be right.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        basic(headers).is_some_and(|said| self.is_known(&said))
    }

    fn is_known(&self, said: &Basic) -> bool {
        let known = self.user(said).and_then(|user| user.known.get());
        known.is_some_and(|known| known.ct_eq(&self.digest(said)).into())
    }

    fn user(&self, said: &Basic) -> Option<&User> {
        self.users.iter().find(|user| user.name == said.name)
    }

    fn digest(&self, said: &Basic) -> [u8; 32] {
        Sha256::new().chain_update(self.secret).chain_update(said.password.as_bytes()).finalize().into()
    }

    /// Looks at a password that is not known yet.
    ///
    /// # Errors
    /// What the client is told when it is wrong, or was not looked at.
    pub(super) async fn verify(&self, headers: &HeaderMap, client: IpAddr, services: &Services) -> Result<(), Problem> {
        let unauthorized = || Problem::unauthorized(self.challenge.clone());
        let said = basic(headers).ok_or_else(unauthorized)?;
        let crowded = || Problem::too_many_attempts(Duration::from_secs(1));
        let mut place = self.queue.enter(client).ok_or_else(crowded)?;
        let _turn = tokio::select! {
            biased;
            turn = self.turn.lock() => turn,
            () = place.lost() => return Err(crowded()),
        };
        if self.is_known(&said) {
            return Ok(());
        }
        let standing = self.attempts.count(client);
        if !standing.may {
            return Err(Problem::too_many_attempts(standing.wait));
        }
        let user = self.user(&said);
        match services.is_visitors(&said.password, user.map(|user| user.hash.as_str())).await {
            Ok(true) => {
                if let Some(user) = user {
                    user.known.get_or_init(|| self.digest(&said));
                }
                Ok(())
            }
            Ok(false) => Err(unauthorized()),
            Err(CoreError::Throttled { retry_after }) => Err(Problem::too_many_attempts(retry_after)),
            Err(error) => {
                tracing::error!(cause = error.cause(), "a visitor's password could not be looked at: {error}");
                Err(Problem::of_ours(http::StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }
}
