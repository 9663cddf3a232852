use std::time::Duration;

use wire::control::{Announced, ErrorCode, Stats, Status};
use wire::head::RequestHead;

use crate::forward::{Outcome, Report};

/// The tunnel an agent serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelInfo {
    /// The tunnel's id.
    pub tunnel_id: String,
    /// Its subdomain.
    pub subdomain: String,
    /// The address under which the local server is reached.
    pub public_url: String,
    /// Its state.
    pub status: Status,
    /// The id of the session that was opened last.
    pub session_id: String,
    /// The services that were announced, as they were found or made.
    pub services: Vec<Announced>,
}

/// Something that happened to an agent.
#[derive(Clone, Debug)]
pub enum Event {
    /// It dials the switchboard.
    Connecting,
    /// A line is open; with several connections, this comes once for each, and all are of one session.
    Connected(TunnelInfo),
    /// The switchboard told of a change: another address, paused, active again.
    Updated(TunnelInfo),
    /// A request is over. Of more than a hundred a second only the number is told, as [`MoreRequests`](Self::MoreRequests).
    Request {
        /// Its method.
        method: String,
        /// Its path and query as the visitor sent them, but for the values of [secret
        /// parameters](masking::SECRET_PARAMETERS), which are masked. Escape it before a terminal sees it.
        path: String,
        /// The status of the response, if there was one.
        status: Option<u16>,
        /// From its arrival to the end of the response.
        duration: Duration,
        /// The response body's length in bytes.
        bytes: u64,
        /// What became of it.
        outcome: Outcome,
        /// What is wrong with the local server, when the telephone had to answer in its place.
        problem: Option<String>,
    },
    /// So many further requests were over.
    MoreRequests(u64),
    /// A line has broken, or could not be opened.
    Disconnected {
        /// Why.
        reason: String,
        /// When it is dialled again.
        retry_in: Duration,
        /// How many lines are still open.
        connections: usize,
    },
    /// A line was closed because the others can do its work.
    LetGo {
        /// How many lines are still open.
        connections: usize,
    },
    /// The switchboard refused. The agent goes on trying unless the code is permanent.
    Refused {
        /// The reason for a program.
        code: ErrorCode,
        /// The server's words, printable.
        message: String,
    },
    /// The token file holds another token; the session goes on with that, or ends when the old one does.
    Renewed {
        /// Why the new one was refused, if it was: the reason for a program, and the server's words, printable.
        refused: Option<(ErrorCode, String)>,
    },
    /// The switchboard is about to restart; another line is opened while this one finishes what it has begun.
    Draining,
    /// How the tunnel does, as the switchboard sees it; told when requests held or sent a second time have changed.
    Stats(Stats),
    /// The round-trip time to the switchboard was measured.
    RoundTrip(Duration),
}

impl Event {
    /// That the request with this head is over.
    pub(crate) fn of_request(head: &RequestHead, report: Report) -> Self {
        Self::Request {
            method: head.method.to_string(),
            path: masking::masked_target(head.target.as_str()).into_owned(),
            status: report.status,
            duration: report.at.duration_since(report.started),
            bytes: report.bytes,
            outcome: report.outcome,
            problem: report.problem,
        }
    }
}
