//! One telephone that serves a tunnel, over one socket or several.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::{LineQuality, TelephoneSessionId, TokenId, TokenScope, TunnelId, UserId};
use server_core::{
    Meter, PresenceGuard, SessionMeter, ShortProof, TokenEnd, TokenHolder, TokenProof, TokenRefused, TokenStanding,
};
use telephone::line::{Line, LineError};
use tokio::sync::watch;
use tokio::time::Instant;
use wire::close;
use wire::control::{Control, Drain, ErrorCode, Refusal, Status, TunnelCreated, UpdateTunnel};

use super::address::{self, Address};
use super::bounds::Bounds;
use super::claim::Claim;
use crate::front::Rate;
use crate::ingress::{LinePlace, current_worker};

/// The largest number of sockets of one telephone.
pub const MAX_LINES: usize = 16;
/// A line on the request's own thread is taken unless it has this many streams more than twice those of the emptiest
/// one: to wake another thread costs more than a longer queue, but a line that no longer moves must not collect all.
const OWN_THREAD_LEAD: usize = 32;

/// A telephone that serves a tunnel.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: TelephoneSessionId,
    /// What it signed in with.
    pub token: TokenId,
    /// Whose that is.
    pub owner: UserId,
    /// How, and for how long that is good.
    sign_in: watch::Sender<SignIn>,
    /// What it serves.
    pub tunnel: TunnelId,
    /// What the telephone shows to add a socket to the session, or to take its own dead session's place.
    pub resume: String,
    /// Counts what the telephone is given.
    pub figures: SessionMeter,
    /// How many requests its token may have; `None`: as many as come.
    pub rate: Option<Arc<Rate>>,
    /// What its lines may take together.
    pub bounds: Bounds,
    lines: ArcSwap<Vec<Arc<SessionLine>>>,
    /// Held by whoever adds or removes a line.
    standing: Mutex<Standing>,
}

/// With what a telephone has signed in, or renewed that.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// What it presented.
    pub proof: TokenProof,
    /// What that allows.
    pub scope: TokenScope,
    /// When it ends by itself.
    pub ends: Option<TokenEnd>,
}

impl SignIn {
    /// Of whom the services have let in.
    pub fn of(holder: &TokenHolder) -> Self {
        Self { proof: holder.proof(), scope: holder.scope().clone(), ends: holder.ends() }
    }
}

#[derive(Debug)]
struct Standing {
    /// What the telephone is told when a line is opened, with the tunnel's address as it is now.
    created: TunnelCreated,
    /// No further line is taken: the session was ended, or its last line has gone.
    over: bool,
    /// What the telephone announces is announced by it until the session takes no more requests.
    claim: Option<Claim>,
    /// Shows the telephone to people while it lives.
    presence: Option<PresenceGuard>,
}

/// One of a telephone's sockets.
#[derive(Debug)]
pub struct SessionLine {
    /// Whose it is.
    pub session: TelephoneSessionId,
    /// The line over it.
    pub line: Line,
    /// Counts what the telephone is given.
    pub meter: Arc<Meter>,
    /// How many requests its token may have; `None`: as many as come.
    pub rate: Option<Arc<Rate>>,
    /// Whether the telephone tells heads of responses as it receives them.
    pub tells_heads: bool,
    /// The data plane thread that drives it.
    worker: Option<usize>,
    _place: LinePlace,
}

impl SessionLine {
    /// A line that is driven by the thread that calls this.
    pub fn new(
        session: TelephoneSessionId,
        line: Line,
        meter: Arc<Meter>,
        rate: Option<Arc<Rate>>,
        tells_heads: bool,
    ) -> Arc<Self> {
        let worker = current_worker();
        Arc::new(Self { session, line, meter, rate, tells_heads, worker, _place: LinePlace::here() })
    }
}

/// Why a socket was not added to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJoined {
    /// The session is over.
    #[error("the session has ended; open a new one")]
    Gone,
    /// It has as many as it may.
    #[error("the session has {MAX_LINES} lines already")]
    Full,
}

impl NotJoined {
    /// What a program is told.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Gone => ErrorCode::SessionGone,
            Self::Full => ErrorCode::LimitExceeded,
        }
    }
}

/// Why a session is ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its token was revoked.
    TokenRevoked,
    /// Its owner's account was deactivated.
    AccountDeactivated,
    /// Its token ran out.
    TokenExpired,
    /// Its token has had another secret for as long as the old one was to be good.
    TokenReplaced,
    /// Its tunnel was paused.
    TunnelPaused,
    /// Its tunnel was deleted.
    TunnelDeleted,
    /// The same telephone came back on another connection.
    Replaced,
}

impl Cut {
    /// The state of the tunnel, where that is why.
    fn state(self) -> Option<Status> {
        match self {
            Self::TunnelPaused => Some(Status::Paused),
            Self::TunnelDeleted => Some(Status::Deleted),
            _ => None,
        }
    }

    /// The code that the line is closed with, the error that a program is told, and the words for people.
    fn told(self) -> (u16, Option<ErrorCode>, &'static str) {
        match self {
            Self::TokenRevoked => (
                close::TOKEN_GONE,
                Some(ErrorCode::TokenRevoked),
                "the token was revoked; create another in the dashboard",
            ),
            Self::AccountDeactivated => (
                close::TOKEN_GONE,
                Some(ErrorCode::AccountDeactivated),
                "the account was deactivated; ask an administrator of this server",
            ),
            Self::TokenExpired => (
                close::TOKEN_GONE,
                Some(ErrorCode::TokenExpired),
                "the token has run out; create another in the dashboard, or get another short-lived one",
            ),
            Self::TokenReplaced => (
                close::TOKEN_GONE,
                Some(ErrorCode::TokenRevoked),
                "the token has another secret now; give the telephone that one",
            ),
            Self::TunnelPaused => {
                (close::TUNNEL_GONE, Some(ErrorCode::TunnelPaused), "the tunnel was paused; resume it in the dashboard")
            }
            Self::TunnelDeleted => (
                close::TUNNEL_GONE,
                Some(ErrorCode::TunnelDeleted),
                "the tunnel was deleted; restore it in the dashboard",
            ),
            Self::Replaced => (close::REPLACED, None, "the same telephone is back on another connection"),
        }
    }
}

/// Why a line ended, for people.
fn words(reason: &LineError) -> String {
    match reason {
        LineError::PeerClosed { code: close::NORMAL, reason } => {
            let said: String = reason.chars().filter(|character| !character.is_control()).collect();
            if said.is_empty() { "the telephone hung up".to_owned() } else { format!("the telephone hung up: {said}") }
        }
        other => other.to_string(),
    }
}

impl Session {
    /// A session with its first line.
    pub fn new(
        (token, owner): (TokenId, UserId),
        sign_in: SignIn,
        tunnel: TunnelId,
        created: TunnelCreated,
        (claim, bounds): (Option<Claim>, Bounds),
        (first, figures): (Arc<SessionLine>, SessionMeter),
    ) -> Self {
        let (resume, rate) = (created.resume.clone(), first.rate.clone());
        let standing = Mutex::new(Standing { created, over: false, claim, presence: None });
        let (id, lines, sign_in) = (first.session, ArcSwap::from_pointee(vec![first]), watch::Sender::new(sign_in));
        Self { id, token, owner, sign_in, tunnel, resume, figures, rate, bounds, lines, standing }
    }

    /// The short-lived token that it has signed in with.
    pub fn short(&self) -> Option<ShortProof> {
        self.sign_in.borrow().proof.short()
    }

    /// With what it has signed in, and whatever that becomes.
    pub fn sign_in(&self) -> watch::Receiver<SignIn> {
        self.sign_in.subscribe()
    }

    /// The telephone has signed in anew. What it serves is served on, so nothing that it was let in with may be missing.
    ///
    /// # Errors
    /// The name of what the new one does not allow.
    pub fn renew(&self, sign_in: SignIn) -> Result<(), &'static str> {
        let mut missing = None;
        self.sign_in.send_if_modified(|known| {
            missing = known.scope.beyond(&sign_in.scope);
            if missing.is_none() {
                *known = sign_in;
            }
            missing.is_none()
        });
        missing.map_or(Ok(()), Err)
    }

    /// Looks at whether what it has signed in with is still good, and ends it if not.
    pub fn check(&self, standing: &TokenStanding) {
        let mut refused = None;
        self.sign_in.send_if_modified(|known| match standing.end(&known.proof) {
            Ok(ends) => std::mem::replace(&mut known.ends, ends) != ends,
            Err(reason) => {
                refused = Some(reason);
                false
            }
        });
        match refused {
            None => {}
            Some(TokenRefused::Expired) => self.cut(Cut::TokenExpired),
            Some(TokenRefused::Deactivated) => self.cut(Cut::AccountDeactivated),
            Some(TokenRefused::Replaced) => self.cut(Cut::TokenReplaced),
            Some(_) => self.cut(Cut::TokenRevoked),
        }
    }

    /// What the telephone is told when it opens a line now.
    pub fn created(&self) -> TunnelCreated {
        self.standing().created.clone()
    }

    /// Notes where the tunnel is reached; when that is another address than before, the telephone is told, on each
    /// line: one that was being opened has heard of the old one.
    pub fn set_address(&self, address: &Address) {
        let mut standing = self.standing();
        if address.is_in(&standing.created) {
            return;
        }
        address.put_into(&mut standing.created);
        for line in self.lines() {
            line.tell_address(&standing.created);
        }
    }

    /// The line for the next request: one on this thread, else the one with the fewest streams. Takes no lock.
    pub fn pick(&self) -> Option<Arc<SessionLine>> {
        let lines = self.lines.load();
        if let [only] = lines.as_slice() {
            return only.line.load().is_some().then(|| only.clone());
        }
        let here = current_worker();
        let mut emptiest: Option<(usize, &Arc<SessionLine>)> = None;
        let mut own: Option<(usize, &Arc<SessionLine>)> = None;
        for line in lines.iter() {
            let Some(load) = line.line.load() else { continue };
            if emptiest.is_none_or(|(least, _)| load < least) {
                emptiest = Some((load, line));
            }
            if here.is_some() && line.worker == here && own.is_none_or(|(least, _)| load < least) {
                own = Some((load, line));
            }
        }
        let (least, emptiest) = emptiest?;
        match own {
            Some((load, own)) if load <= 2 * least + OWN_THREAD_LEAD => Some(own.clone()),
            _ => Some(emptiest.clone()),
        }
    }

    /// The same among those whose telephone was heard lately.
    pub fn pick_lively(&self) -> Option<Arc<SessionLine>> {
        self.pick().filter(|line| !line.line.is_silent())
    }

    /// The line with the fewest streams, on whatever thread, unless there is no room on any.
    pub fn pick_emptiest(&self) -> Option<Arc<SessionLine>> {
        if self.bounds.lines.is_full() {
            return None;
        }
        let lines = self.lines.load();
        lines.iter().filter(|line| line.line.load().is_some()).min_by_key(|line| line.line.load()).cloned()
    }

    /// The data plane thread of one of its lines, each in `turn`.
    pub fn home(&self, turn: usize) -> Option<usize> {
        let lines = self.lines.load();
        lines.get(turn % lines.len().max(1))?.worker
    }

    /// How many streams there are on all lines; `None` when none can be opened. Takes no lock.
    pub fn load(&self) -> Option<usize> {
        self.lines.load().iter().filter_map(|line| line.line.load()).reduce(|sum, load| sum + load)
    }

    /// Its lines.
    pub fn lines(&self) -> Vec<Arc<SessionLine>> {
        Vec::clone(&self.lines.load())
    }

    /// Whether `line` speaks for the session: its oldest does.
    pub fn is_led_by(&self, line: &Arc<SessionLine>) -> bool {
        self.lines.load().first().is_some_and(|first| Arc::ptr_eq(first, line))
    }

    /// Shows the telephone to people from now until the session's end.
    pub fn show(&self, presence: PresenceGuard) {
        let mut standing = self.standing();
        if !standing.over {
            presence.set_lines(count(&self.lines.load()));
            standing.presence = Some(presence);
        }
    }

    /// Notes how its lines do.
    pub fn note_quality(&self) {
        let pressures = self.lines().into_iter().map(|line| line.line.pressure());
        let mut quality = LineQuality::default();
        let bytes = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        for pressure in pressures {
            quality.streams += bytes(pressure.streams);
            quality.starved += bytes(pressure.starved);
            quality.queued_bytes += bytes(pressure.queued);
            quality.held_bytes += bytes(pressure.held);
            quality.credit_bytes += bytes(pressure.credit);
        }
        if let Some(presence) = &self.standing().presence {
            presence.set_quality(quality);
        }
    }

    /// Notes what the telephone calls itself and its machine now; what is not there stays.
    pub fn describe(&self, agent: Option<String>, machine: Option<String>) {
        if let Some(presence) = &self.standing().presence {
            presence.describe(agent, machine);
        }
    }

    /// Notes the last measured round trip, milliseconds.
    pub fn set_round_trip(&self, milliseconds: f64) {
        if let Some(presence) = &self.standing().presence {
            presence.set_round_trip(milliseconds);
        }
    }

    /// Adds a line whose telephone was told `created`.
    pub fn attach(&self, line: Arc<SessionLine>, created: &TunnelCreated) -> Result<(), NotJoined> {
        let standing = self.standing();
        let mut lines = self.lines();
        if standing.over {
            return Err(NotJoined::Gone);
        }
        if lines.len() >= MAX_LINES {
            return Err(NotJoined::Full);
        }
        if standing.created != *created {
            line.tell_address(&standing.created);
        }
        lines.push(line);
        self.set(lines, &standing);
        Ok(())
    }

    /// Removes a line that has ended for this reason; whether it was the last one, with which the session ends.
    pub fn detach(&self, line: &Arc<SessionLine>, reason: &LineError) -> bool {
        let mut standing = self.standing();
        let mut lines = self.lines();
        lines.retain(|other| !Arc::ptr_eq(other, line));
        let last = lines.is_empty();
        self.set(lines, &standing);
        if last {
            standing.over = true;
            standing.claim = None;
            if let Some(presence) = standing.presence.take() {
                presence.leave(words(reason));
            }
        }
        last
    }

    /// Ends the session and says why; requests in flight break off.
    pub fn cut(&self, cut: Cut) {
        self.hide(cut.told().2);
        for line in self.finish() {
            line.cut(cut);
        }
    }

    /// Tells the telephone to finish what is in flight, for which it has until `deadline`, and when to dial again.
    pub fn drain(&self, deadline: Instant, redial: Duration) {
        let seconds = deadline.saturating_duration_since(Instant::now()).as_secs();
        let drain = Drain {
            reason: Some("the server is shutting down".to_owned()),
            deadline_s: Some(u32::try_from(seconds).unwrap_or(u32::MAX)),
            redial_ms: Some(u32::try_from(redial.as_millis()).unwrap_or(u32::MAX)),
            ..Drain::default()
        };
        for line in self.finish() {
            line.drain(drain.clone());
        }
    }

    /// No request is sent to it any more; those in flight go on.
    pub fn stop_opening(&self) {
        for line in self.finish() {
            line.line.stop_opening();
        }
    }

    /// Closes every line, at once.
    pub fn close(&self, code: u16, reason: &str) {
        self.hide(reason);
        for line in self.finish() {
            line.line.close(code, reason);
        }
    }

    /// People see it no more, whatever its lines still have to say.
    fn hide(&self, reason: &str) {
        if let Some(presence) = self.standing().presence.take() {
            presence.leave(reason);
        }
    }

    /// Takes no further line; those there are.
    fn finish(&self) -> Vec<Arc<SessionLine>> {
        let mut standing = self.standing();
        standing.over = true;
        standing.claim = None;
        self.lines()
    }

    fn set(&self, lines: Vec<Arc<SessionLine>>, standing: &Standing) {
        if let Some(presence) = &standing.presence {
            presence.set_lines(count(&lines));
        }
        self.lines.store(Arc::new(lines));
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(lines: &[Arc<SessionLine>]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

impl SessionLine {
    fn tell_address(&self, created: &TunnelCreated) {
        if let Err(error) = self.line.send_control(address::update(created)) {
            tracing::debug!(session = %self.session, %error, "the telephone could not be told its tunnel's address");
        }
    }

    fn cut(&self, cut: Cut) {
        let (code, error, message) = cut.told();
        let state = cut.state().map(|status| UpdateTunnel { status: Some(status), ..UpdateTunnel::default() });
        let refusal = error.map(|code| Refusal { code, message: message.to_owned() });
        for said in state.map(Control::UpdateTunnel).into_iter().chain(refusal.map(Control::Error)) {
            if let Err(error) = self.line.send_control(said) {
                tracing::debug!(session = %self.session, %error, "the telephone could not be told why its session ends");
            }
        }
        self.line.close(code, message);
    }

    fn drain(&self, drain: Drain) {
        // What has been opened goes out before.
        self.line.stop_opening();
        if let Err(error) = self.line.send_control(Control::Drain(drain)) {
            tracing::debug!(session = %self.session, %error, "the telephone could not be told to drain");
        }
    }
}
