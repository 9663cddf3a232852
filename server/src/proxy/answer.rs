//! The answer of whoever was asked.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Version};
use server_core::Given;
use telephone::line::{RecvBody, SendBody};
use wire::head::ResponseHead;

use super::body::RequestBody;
use super::exchange::Sending;
use super::problem::Problem;
use crate::front::{Pace, Place};
use crate::routing::InUse;
use crate::upstream::{self, Upgraded};

/// The body of a backend's response.
type UpstreamBody = upstream::UpstreamBody<Box<RequestBody>>;

/// An answer.
pub(super) struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// The same as the local server wrote it, when its telephone was asked for that.
    pub raw: Bytes,
    /// Its body.
    pub body: AnswerBody,
    /// The backend's work, which is over with the body.
    pub in_use: Option<InUse>,
    /// The backend and the telephone that it was given to, which count it as well.
    pub given: Parts,
    /// How fast what comes from the client and what goes to it pass besides, as the backend's owner says.
    pub paces: (Option<Box<Pace>>, Option<Box<Pace>>),
    /// The cookie that ties the client to the backend.
    pub cookie: Option<HeaderValue>,
}

/// Who was given a request. It counts as theirs until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The backend.
    pub backend: Option<Given>,
    /// The telephone.
    pub session: Option<Given>,
    /// What it takes up of what owners allow at once.
    pub places: Vec<Place>,
}

impl Parts {
    /// The response head came.
    pub(super) fn answered(&self, status: StatusCode) {
        self.each().for_each(|given| given.answered(status.as_u16()));
    }

    /// Bytes of the response body were sent.
    pub(super) fn add_bytes_out(&self, n: u64) {
        self.each().for_each(|given| given.add_bytes_out(n));
    }

    /// Bytes of what is no request body came from the client.
    pub(super) fn add_bytes_in(&self, n: u64) {
        self.each().for_each(|given| given.meter().add_bytes_in(n));
    }

    fn each(&self) -> impl Iterator<Item = &Given> {
        self.backend.iter().chain(&self.session)
    }
}

/// What follows the head of an answer.
pub(super) enum AnswerBody {
    /// From a telephone. The sending half is there when an upgrade was asked for.
    Tunnel(RecvBody, Option<SendBody>),
    /// From a backend.
    Upstream(UpstreamBody),
    /// A backend's connection that has switched protocols.
    Upgraded(Upgraded),
}

/// What has become another protocol's.
pub(super) enum UpgradedAnswer {
    /// A stream to a telephone.
    Tunnel(SendBody, RecvBody),
    /// A connection to a backend.
    Upstream(Upgraded),
}

/// A body to pass on.
pub(super) enum PlainAnswer {
    /// From a telephone.
    Tunnel(RecvBody),
    /// From a backend.
    Upstream(UpstreamBody),
}

/// Whoever was asked gave no answer.
pub(super) struct NoAnswer {
    /// What the client is told.
    pub problem: Problem,
    /// The same, when the request can be given to somebody else.
    pub again: Option<Sending>,
    /// Whether it was the backend's fault.
    pub fault: bool,
}

impl Answer {
    pub(super) fn new(head: ResponseHead, body: AnswerBody) -> Self {
        Self { head, raw: Bytes::new(), body, in_use: None, given: Parts::default(), paces: (None, None), cookie: None }
    }
}

impl AnswerBody {
    /// The version of HTTP in which it came. The line says each message as HTTP/1.1 would, whatever is spoken behind it.
    pub(super) fn version(&self) -> Version {
        match self {
            Self::Tunnel(..) | Self::Upgraded(_) => Version::HTTP_11,
            Self::Upstream(body) => body.version(),
        }
    }

    /// The head before it byte by byte; empty when it came in another form than HTTP/1.1's.
    pub(super) fn take_head(&mut self) -> Bytes {
        match self {
            Self::Tunnel(..) => Bytes::new(),
            Self::Upstream(body) => body.take_head(),
            Self::Upgraded(upgraded) => upgraded.take_head(),
        }
    }

    /// What to do with it; `switched` is whether the status says that protocols were switched.
    pub(super) fn unwrap_switched(self, switched: bool) -> Result<UpgradedAnswer, PlainAnswer> {
        match self {
            Self::Tunnel(recv, Some(send)) if switched => Ok(UpgradedAnswer::Tunnel(send, recv)),
            Self::Tunnel(recv, send) => {
                // The wish for an upgrade was not granted: that request had no body, and now that is known.
                if let Some(Err(error)) = send.map(SendBody::finish) {
                    tracing::debug!(%error, "the request was not ended");
                }
                Err(PlainAnswer::Tunnel(recv))
            }
            Self::Upstream(body) => Err(PlainAnswer::Upstream(body)),
            Self::Upgraded(upgraded) => Ok(UpgradedAnswer::Upstream(upgraded)),
        }
    }
}
