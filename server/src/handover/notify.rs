//! What systemd is told about this process (sd_notify(3)), where it wants to know.

use sd_notify::NotifyState;

/// That this process serves now, and is the one to watch.
pub fn notify() {
    let states = [NotifyState::Ready, NotifyState::MainPid(std::process::id())];
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!(%error, "systemd could not be told that the server is ready");
    }
}
