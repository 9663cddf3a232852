//! What the live WebSockets send.

use crate::{Result, Services, Subject, Viewer};
use domain::LiveUpdate;

/// One reader of live figures. Nothing is queued for it: it is sent what is so when it is ready for more.
#[derive(Debug)]
pub struct Watch(());

impl Services {
    /// Watches live figures. The caller has made sure that the viewer may see the tunnel, with `tunnels().get`.
    pub fn watch(&self, _viewer: Viewer, _of: Subject) -> Watch {
        todo!()
    }
}

impl Watch {
    /// Waits for the next message: first a snapshot, then a delta each second, a snapshot again when seconds were missed.
    pub async fn next(&mut self) -> Result<LiveUpdate> {
        todo!()
    }
}
