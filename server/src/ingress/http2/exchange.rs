//! One request and its answer.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, Response, header};

use super::body::Body;
use super::head::{Refusal, understand};
use super::informing::Informing;
use super::response::{self, Unsent};
use super::uploads::Uploads;
use crate::ingress::connection::Shared;
use crate::ingress::{ClientBody, Handler, ResponseBody};

/// A request that may be answered.
pub(super) struct Exchange<H> {
    shared: Arc<Shared<H>>,
    peer: IpAddr,
    request: Result<Request<ClientBody>, http1::RequestError>,
    answering: Informing,
    head_only: bool,
}

impl<H: Handler> Exchange<H> {
    /// Looks at a request; `None` when it makes no sense, which its client has been told.
    pub(super) fn begin(
        shared: Arc<Shared<H>>,
        peer: IpAddr,
        request: Request<RecvStream>,
        mut sender: SendResponse<Bytes>,
        uploads: &Uploads,
    ) -> Option<Self> {
        let (mut head, stream) = request.into_parts();
        let refused = match understand(&mut head) {
            Ok(()) => None,
            Err(Refusal::Answered(error)) => Some(error),
            Err(Refusal::Malformed(what)) => {
                tracing::debug!(%peer, what, "a request is malformed");
                sender.send_reset(Reason::PROTOCOL_ERROR);
                return None;
            }
        };
        let answering = Informing::new(sender);
        let head_only = head.method == Method::HEAD;
        let request = match refused {
            Some(error) => Err(error),
            None => {
                let (length, expects_continue) = (length(&head.headers), expects_continue(&head.headers));
                let body = Body::new(stream, answering.clone(), uploads.clone(), length, expects_continue);
                Ok(Request::from_parts(head, ClientBody::Http2(body)))
            }
        };
        Some(Self { shared, peer, request, answering, head_only })
    }

    /// Answers it. The handler is dropped when the client takes its request back.
    pub(super) async fn run(self) {
        let Self { shared, peer, request, answering, head_only } = self;
        let response = match request {
            Ok(request) => answer(shared.answer(request, peer), &answering).await,
            Err(error) => Some(shared.handler.refuse(error)),
        };
        let Some(response) = response else {
            tracing::debug!(%peer, "a request was taken back");
            return;
        };
        match response::send(response, &answering, head_only, shared.limits.idle).await {
            Ok(()) => {}
            Err(Unsent::Gone) => tracing::debug!(%peer, "a request was taken back while it was answered"),
            Err(error) => tracing::debug!(%peer, %error, "a response was not sent whole"),
        }
    }
}

/// Waits for the answer, unless the client does not any more.
async fn answer(
    answer: impl Future<Output = Response<ResponseBody>>,
    answering: &Informing,
) -> Option<Response<ResponseBody>> {
    let mut answer = pin!(answer);
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => answering.sender().poll_reset(cx).map(|_| None),
    })
    .await
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
