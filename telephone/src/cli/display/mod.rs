//! What is shown while a tunnel is served.
//!
//! It is written by a thread of its own, so that a terminal that has stopped scrolling, or a pipe nobody reads, never
//! holds up a request.

mod json;
mod live;
mod plain;
mod text;

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use telephone::{AgentHandle, Event};
use tokio::sync::{broadcast, oneshot};

use json::Json;
use live::Live;
use plain::Plain;

/// How many events may wait to be shown; what exceeds that is not shown.
const QUEUE: usize = 1024;
/// How often a live display is redrawn at most.
const FRAME: Duration = Duration::from_millis(100);
/// How long the last lines may take to be written.
const LAST: Duration = Duration::from_millis(500);

/// How things are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Redrawn in place, on a terminal.
    Live,
    /// A line an event.
    Plain,
    /// A JSON object an event.
    Json,
}

/// What is to be shown.
enum Notice {
    Event(Event),
    /// The user has asked for the end.
    Leaving,
    Stop,
}

/// One way of showing.
trait Show {
    fn event(&mut self, event: &Event) -> std::io::Result<()>;
    fn leaving(&mut self) -> std::io::Result<()>;
    /// Time for another frame.
    fn tick(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The running display.
pub(super) struct Display {
    notices: SyncSender<Notice>,
    done: oneshot::Receiver<()>,
}

impl Display {
    /// Shows the events of `agent`.
    pub(super) fn start(style: Style, server: &str, target: &str, agent: &AgentHandle) -> Self {
        let (notices, arriving) = sync_channel(QUEUE);
        let (finished, done) = oneshot::channel();
        let mut show: Box<dyn Show + Send> = match style {
            Style::Live => Box::new(Live::new(server, target)),
            Style::Plain => Box::new(Plain::new(target)),
            Style::Json => Box::new(Json),
        };
        thread::spawn(move || {
            // A closed pipe ends the showing, not the tunnel.
            let _closed = run(&arriving, &mut *show);
            let _nobody_waits = finished.send(());
        });
        tokio::spawn(collect(agent.events(), notices.clone()));
        Self { notices, done }
    }

    /// Says that the agent takes leave.
    pub(super) fn leaving(&self) {
        let _full = self.notices.try_send(Notice::Leaving);
    }

    /// Writes what is still to be shown, unless nobody reads it.
    pub(super) async fn stop(self) {
        // Events that were sent before the end are collected first.
        tokio::task::yield_now().await;
        let _full = self.notices.try_send(Notice::Stop);
        let _elapsed = tokio::time::timeout(LAST, self.done).await;
    }
}

async fn collect(mut events: broadcast::Receiver<Event>, notices: SyncSender<Notice>) {
    loop {
        match events.recv().await {
            Ok(event) => {
                let _full = notices.try_send(Notice::Event(event));
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn run(notices: &Receiver<Notice>, show: &mut dyn Show) -> std::io::Result<()> {
    loop {
        match notices.recv_timeout(FRAME) {
            Ok(Notice::Event(event)) => show.event(&event)?,
            Ok(Notice::Leaving) => show.leaving()?,
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return show.tick(),
            Err(RecvTimeoutError::Timeout) => show.tick()?,
        }
    }
}
