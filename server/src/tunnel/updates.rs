//! What a telephone says of itself while it serves.

use std::ops::ControlFlow;
use std::time::Duration;

use server_core::TelephoneNews;
use tokio::sync::watch;
use wire::control::UpdateTunnel;

use super::endpoint::Endpoint;
use super::opening::{metadata, shown};
use super::session::Session;

/// From one time that it is stored to the next: a telephone may say something else as often as it likes.
const PAUSE: Duration = Duration::from_secs(1);

/// Adds what a telephone says to what it said before and is not stored yet; where both say something, the later counts.
pub(super) fn add(known: &mut UpdateTunnel, said: UpdateTunnel) {
    known.local_url = said.local_url.or_else(|| known.local_url.take());
    known.metadata = said.metadata.or_else(|| known.metadata.take());
}

impl Endpoint {
    /// Stores what comes of it until nothing can come any more; what a database that is away does not take is tried again.
    pub(super) async fn store_updates(&self, session: &Session, mut said: watch::Receiver<UpdateTunnel>) {
        while said.changed().await.is_ok() {
            // In a box: every telephone would have room for it, and few ever say anything.
            if Box::pin(self.store_update(session, &mut said)).await.is_break() {
                return;
            }
        }
    }

    async fn store_update(&self, session: &Session, said: &mut watch::Receiver<UpdateTunnel>) -> ControlFlow<()> {
        let update = said.borrow_and_update().clone();
        if let Some(about) = &update.metadata {
            session.describe(about.agent_version.as_deref().map(shown), about.name.as_deref().map(shown));
        }
        let news = TelephoneNews {
            local_url: update.local_url,
            region: update.metadata.as_ref().and_then(|about| about.region.clone()),
            metadata: update.metadata.as_ref().map(metadata).unwrap_or_default(),
        };
        let (services, tunnel) = (self.services.clone(), session.tunnel);
        match self.control.spawn(async move { services.tunnels().note(tunnel, news).await }).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(session = %session.id, %error, "what a telephone says of itself is not stored yet");
                said.mark_changed();
            }
            // The services end with the process.
            Err(_) => return ControlFlow::Break(()),
        }
        tokio::time::sleep(PAUSE).await;
        ControlFlow::Continue(())
    }
}
