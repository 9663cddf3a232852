//! What an agent signs in with, which may be written anew while it runs.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use wire::Secret;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 32 * 1024;
/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whether it may be a token: the secret of one, or a short-lived one (JWT).
pub fn is_token(text: &str) -> bool {
    let is_secret = text.strip_prefix("sbt_").is_some_and(|rest| !rest.is_empty());
    let is_short = text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2;
    (is_secret || is_short) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads a file that holds a token and nothing else.
pub fn read_token_file(path: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}

/// The token of an agent.
#[derive(Debug)]
pub(super) struct TokenSource {
    current: watch::Sender<Secret>,
    file: Option<PathBuf>,
}

impl TokenSource {
    pub(super) fn new(token: Secret, file: Option<PathBuf>) -> Self {
        Self { current: watch::Sender::new(token), file }
    }

    /// The token to sign in with.
    pub(super) fn current(&self) -> Secret {
        self.current.borrow().clone()
    }

    /// The token, and each that comes in its place.
    pub(super) fn follow(&self) -> watch::Receiver<Secret> {
        self.current.subscribe()
    }

    /// Whether there may be another one some time.
    pub(super) fn may_change(&self) -> bool {
        self.file.is_some()
    }

    /// Looks into the file, time and again.
    pub(super) async fn watch(&self) {
        let mut timer = interval(LOOK_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.may_change() {
            timer.tick().await;
            self.look().await;
        }
    }

    /// Takes the token that the file holds now. One that cannot be read, or is not whole yet, changes nothing.
    pub(super) async fn look(&self) {
        let Some(path) = self.file.clone() else { return };
        match tokio::task::spawn_blocking(move || read_token_file(&path)).await {
            Ok(Ok(token)) if is_token(token.expose()) => {
                self.current.send_if_modified(|current| {
                    let is_new = *current != token;
                    if is_new {
                        *current = token;
                    }
                    is_new
                });
            }
            Ok(Ok(_)) => tracing::warn!("the token file holds no token at the moment"),
            Ok(Err(error)) => tracing::warn!(%error, "the token file cannot be read"),
            Err(error) => tracing::error!(%error, "the token file was not read"),
        }
    }
}
