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

use telephone::Event;
use tokio::sync::{broadcast, oneshot};

use json::Json;
use live::Live;
use plain::Plain;
pub(super) use text::{duration, escape};

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

/// A tunnel of which is shown what happens to it.
pub(super) struct Shown {
    /// Its name, where there may be several.
    pub name: Option<String>,
    pub target: String,
    pub events: broadcast::Receiver<Event>,
}

/// What is to be shown.
enum Notice {
    /// Of the tunnel with this number.
    Event(usize, Event),
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
    /// Shows the events of tunnels. A display that is redrawn in place has room for one.
    pub(super) fn start(style: Style, server: &str, tunnels: Vec<Shown>) -> Self {
        let (notices, arriving) = sync_channel(QUEUE);
        let (finished, done) = oneshot::channel();
        let width = tunnels.iter().filter_map(|shown| shown.name.as_ref()).map(String::len).max().unwrap_or(0);
        let show = |Shown { name, target, .. }: &Shown| -> Box<dyn Show + Send> {
            match style {
                Style::Live => Box::new(Live::new(server, target)),
                Style::Plain => Box::new(Plain::new(target, name.as_deref(), width)),
                Style::Json => Box::new(Json::new(name.as_deref())),
            }
        };
        let mut shows: Vec<_> = tunnels.iter().map(show).collect();
        thread::spawn(move || {
            // A closed pipe ends the showing, not the tunnel.
            let _closed = run(&arriving, &mut shows);
            let _nobody_waits = finished.send(());
        });
        for (index, shown) in tunnels.into_iter().enumerate() {
            tokio::spawn(collect(index, shown.events, notices.clone()));
        }
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

async fn collect(index: usize, mut events: broadcast::Receiver<Event>, notices: SyncSender<Notice>) {
    loop {
        match events.recv().await {
            Ok(event) => {
                let _full = notices.try_send(Notice::Event(index, event));
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

fn run(notices: &Receiver<Notice>, shows: &mut [Box<dyn Show + Send>]) -> std::io::Result<()> {
    loop {
        match notices.recv_timeout(FRAME) {
            Ok(Notice::Event(index, event)) => shows[index].event(&event)?,
            // It is the telephone that leaves, with all of them.
            Ok(Notice::Leaving) => shows.first_mut().map_or(Ok(()), |show| show.leaving())?,
            Ok(Notice::Stop) | Err(RecvTimeoutError::Disconnected) => return tick(shows),
            Err(RecvTimeoutError::Timeout) => tick(shows)?,
        }
    }
}

fn tick(shows: &mut [Box<dyn Show + Send>]) -> std::io::Result<()> {
    shows.iter_mut().try_for_each(|show| show.tick())
}
