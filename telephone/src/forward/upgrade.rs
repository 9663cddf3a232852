//! After a 101: bytes both ways.

use http::header::{HeaderValue, UPGRADE};
use wire::head::ResponseHead;

use super::Outcome;
use super::exchange::Done;
use crate::line::{PipeError, RecvBody, SendResponse, StreamError, pipe};
use crate::net::Socket;

/// Passes a 101 on and then the bytes of both sides, until both have ended.
pub(super) async fn run(
    response: ResponseHead,
    upgraded: http1::Upgraded<Socket>,
    respond: SendResponse,
    recv: RecvBody,
) -> Done {
    let status = response.status;
    let protocol: Option<HeaderValue> = response.headers.get(UPGRADE).cloned();
    let mut fields = response.headers;
    http1::remove_hop_by_hop(&mut fields);
    if let Some(protocol) = protocol {
        fields.insert(UPGRADE, protocol);
    }
    let send = match respond.send(&ResponseHead { status, headers: fields }, false) {
        Ok(send) => send,
        Err(error) => return Done::of_stream_error(Some(status), 0, &error),
    };
    match pipe(send, recv, upgraded).await {
        Ok((out, _)) => Done::new(status, out, Outcome::Complete),
        // Either end may drop an upgraded connection without further ado; that is how most of them end.
        Err(PipeError::Stream(StreamError::Reset(_)) | PipeError::Io(_)) => Done::new(status, 0, Outcome::Complete),
        Err(PipeError::Stream(error)) => Done::of_stream_error(Some(status), 0, &error),
    }
}
