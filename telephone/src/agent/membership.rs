//! Which session the lines of an agent belong to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use wire::control::{Join, TunnelCreated};

/// The session that the lines of an agent share. One of them opens it, the others join it; when its last line is gone,
/// or the server knows it no more, the next one to dial opens another.
#[derive(Debug, Default)]
pub(super) struct Membership {
    state: Mutex<State>,
    /// Held by the one line that opens a session.
    opening: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    /// What takes a lost session's place.
    resume: Option<String>,
}

#[derive(Debug)]
struct Current {
    join: Join,
    /// Lines that are open, or about to be.
    lines: usize,
}

/// What a line is to dial for.
#[derive(Debug)]
pub(super) enum Part {
    /// A session of its own, in the place of the lost one. The others wait until it is open.
    Opener { resume: Option<String>, turn: OwnedMutexGuard<()> },
    /// A place among the lines of this session.
    Further(Join),
}

impl Membership {
    /// Decides what a line dials for, waiting while another one opens a session.
    pub(super) async fn take_part(&self) -> Part {
        if let Some(join) = self.enter() {
            return Part::Further(join);
        }
        let turn = self.opening.clone().lock_owned().await;
        // The one before may have succeeded.
        match self.enter() {
            Some(join) => Part::Further(join),
            None => self.try_again(turn),
        }
    }

    /// The same once more for the line whose attempt to open a session has failed.
    pub(super) fn try_again(&self, turn: OwnedMutexGuard<()>) -> Part {
        Part::Opener { resume: self.lock().resume.clone(), turn }
    }

    fn enter(&self) -> Option<Join> {
        let mut state = self.lock();
        let current = state.current.as_mut()?;
        current.lines += 1;
        Some(current.join.clone())
    }

    /// A session was opened; the line that did so belongs to it.
    pub(super) fn opened(&self, created: &TunnelCreated) {
        let join = Join { session_id: created.session_id.clone(), resume: created.resume.clone() };
        let mut state = self.lock();
        state.resume = Some(join.resume.clone());
        state.current = Some(Current { join, lines: 1 });
    }

    /// A line is no longer, or does not become, part of this session.
    pub(super) fn left(&self, session: &str) {
        let mut state = self.lock();
        let Some(current) = state.current.as_mut().filter(|current| current.join.session_id == session) else { return };
        current.lines -= 1;
        if current.lines == 0 {
            state.current = None;
        }
    }

    /// The server is finishing what is in flight in this session: nothing may take its place before.
    pub(super) fn drained(&self, session: &str) {
        {
            let mut state = self.lock();
            let drained = state.current.as_ref().is_some_and(|current| current.join.session_id == session);
            if drained {
                state.resume = None;
            }
        }
        self.left(session);
    }

    /// The server knows this session no more.
    pub(super) fn gone(&self, session: &str) {
        self.lock().current.take_if(|current| current.join.session_id == session);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use wire::control::Status;

    use super::*;

    fn created(id: &str) -> TunnelCreated {
        TunnelCreated {
            tunnel_id: "t".to_owned(),
            subdomain: "blog".to_owned(),
            public_url: "http://blog.test".to_owned(),
            status: Status::Active,
            session_id: id.to_owned(),
            resume: format!("resume-{id}"),
            services: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_last_line_to_go_takes_the_session_with_it() {
        let membership = Membership::default();
        assert!(matches!(membership.take_part().await, Part::Opener { resume: None, .. }));
        membership.opened(&created("1"));
        assert!(matches!(membership.take_part().await, Part::Further(join) if join.session_id == "1"));
        membership.left("1");
        assert!(matches!(membership.take_part().await, Part::Further(_)));
        membership.left("1");
        membership.left("1");
        assert!(matches!(membership.take_part().await, Part::Opener { resume: Some(_), .. }));
    }

    #[tokio::test]
    async fn what_belongs_to_an_older_session_changes_nothing() {
        let membership = Membership::default();
        membership.opened(&created("1"));
        membership.gone("1");
        membership.opened(&created("2"));
        membership.left("1");
        membership.gone("1");
        membership.drained("1");
        assert!(matches!(membership.take_part().await, Part::Further(join) if join.session_id == "2"));
    }

    #[tokio::test]
    async fn a_session_that_drains_is_not_replaced() {
        let membership = Membership::default();
        membership.opened(&created("1"));
        membership.drained("1");
        assert!(matches!(membership.take_part().await, Part::Opener { resume: None, .. }));
    }
}
