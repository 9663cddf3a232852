//! What a telephone says of itself while it serves.

use std::mem;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use server_core::TelephoneNews;
use tokio::sync::Notify;
use wire::control::{Metadata, UpdateTunnel};

use super::endpoint::Endpoint;
use super::opening::{metadata, shown};
use super::session::Session;

/// From one time that it is stored to the next: a telephone may say something else as often as it likes.
const PAUSE: Duration = Duration::from_secs(1);

/// What a telephone has said on one line and is not stored yet.
#[derive(Debug, Default)]
pub(super) struct Updates {
    /// In a box: every line has room for it, and few ever say anything.
    waiting: Mutex<Option<Box<UpdateTunnel>>>,
    some: Notify,
}

impl Updates {
    /// Adds what a telephone says; where both say something, it counts and not what waits.
    pub(super) fn say(&self, said: UpdateTunnel) {
        let mut waiting = self.waiting();
        *waiting = Some(Box::new(match waiting.take() {
            Some(before) => upon(said, *before),
            None => said,
        }));
        self.some.notify_one();
    }

    /// Puts back what could not be stored; what was said meanwhile counts.
    fn put_back(&self, said: UpdateTunnel) {
        let mut waiting = self.waiting();
        *waiting = Some(Box::new(match waiting.take() {
            Some(since) => upon(*since, said),
            None => said,
        }));
        self.some.notify_one();
    }

    /// Waits until there is something, and takes it out: it is not to be stored again over what others say later.
    async fn next(&self) -> UpdateTunnel {
        loop {
            self.some.notified().await;
            if let Some(said) = self.waiting().take() {
                return *said;
            }
        }
    }

    // For a few moves; never across an await.
    fn waiting(&self) -> MutexGuard<'_, Option<Box<UpdateTunnel>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The later, and of the earlier what the later says nothing of.
fn upon(later: UpdateTunnel, earlier: UpdateTunnel) -> UpdateTunnel {
    UpdateTunnel {
        local_url: later.local_url.or(earlier.local_url),
        metadata: later.metadata.or(earlier.metadata),
        ..UpdateTunnel::default()
    }
}

impl Endpoint {
    /// Stores what comes of it for as long as the line lasts.
    pub(super) async fn store_updates(&self, session: &Session, updates: &Updates) {
        loop {
            let said = updates.next().await;
            // In a box: every telephone would have room for it, and few ever say anything.
            if Box::pin(self.store_update(session, updates, said)).await.is_break() {
                return;
            }
        }
    }

    /// Stores it. What a database that is away does not take is tried again, what nothing could store is given up.
    async fn store_update(&self, session: &Session, updates: &Updates, mut said: UpdateTunnel) -> ControlFlow<()> {
        if let Some(about) = &mut said.metadata {
            describe(session, about);
        }
        let (services, tunnel, news) = (self.services.clone(), session.tunnel, news(&said));
        match self.control.spawn(async move { services.tunnels().note(tunnel, news).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_retryable() => {
                tracing::warn!(session = %session.id, %error, "what a telephone says of itself is not stored yet");
                updates.put_back(said);
            }
            Ok(Err(error)) => {
                let cause = error.cause();
                tracing::warn!(session = %session.id, cause, %error, "what a telephone says of itself is not stored");
            }
            // The services end with the process.
            Err(_) => return ControlFlow::Break(()),
        }
        tokio::time::sleep(PAUSE).await;
        ControlFlow::Continue(())
    }
}

/// Shows what the session is called now. That is taken out: tried again it would replace what another line has said since.
fn describe(session: &Session, about: &mut Metadata) {
    let [agent, machine] = [&mut about.agent_version, &mut about.name].map(mem::take);
    session.describe(agent.as_deref().map(shown), machine.as_deref().map(shown));
}

fn news(said: &UpdateTunnel) -> TelephoneNews {
    TelephoneNews {
        local_url: said.local_url.clone(),
        region: said.metadata.as_ref().and_then(|about| about.region.clone()),
        metadata: said.metadata.as_ref().map(metadata).unwrap_or_default(),
    }
}
