use std::task::{Context, Poll};

use tokio::sync::mpsc;
use wire::control::Control;

/// How many control messages may wait for the line's owner.
const QUEUE: usize = 64;

pub(super) fn channel() -> (mpsc::Sender<Control>, ControlReceiver) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (sender, ControlReceiver { receiver })
}

/// The control messages that arrive, except `ping` and `pong`, which the line answers itself.
#[derive(Debug)]
pub struct ControlReceiver {
    receiver: mpsc::Receiver<Control>,
}

impl ControlReceiver {
    /// The next message; `None` once the line has ended.
    pub async fn recv(&mut self) -> Option<Control> {
        self.receiver.recv().await
    }

    /// Like [`recv`](Self::recv).
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Control>> {
        self.receiver.poll_recv(cx)
    }

    /// The next message if it is there already.
    pub fn try_recv(&mut self) -> Option<Control> {
        self.receiver.try_recv().ok()
    }
}
