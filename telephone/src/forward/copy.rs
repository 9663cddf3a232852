use std::future::poll_fn;
use std::task::{Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use wire::flow::STREAM_WINDOW;
use wire::frame::ResetCode;

use super::local::{BodyError, Exchange};
use crate::line::{CopyError, SendBody};

type Error = CopyError<BodyError>;

/// Passes the body of a response on and says how many bytes it had. While the visitor takes no more of it, the request
/// goes on; when the response breaks, so does the stream.
pub(super) async fn run(exchange: &mut Exchange, mut send: SendBody) -> Result<u64, Error> {
    let mut copied = 0;
    // What cannot be passed on yet stays where it is, but for the little that a read takes at least.
    let mut room = STREAM_WINDOW as usize;
    loop {
        let frame = match next(exchange, &send, room).await? {
            None => break,
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                send.reset(ResetCode::BROKEN);
                return Err(CopyError::Body(error));
            }
        };
        match frame.into_data() {
            Ok(data) => {
                copied += data.len() as u64;
                if let Some(last) = pass(exchange, &mut send, data).await? {
                    send.try_send_last(last).map_err(CopyError::Stream)?;
                    return Ok(copied);
                }
                room = send.capacity().map_err(CopyError::Stream)?;
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    send.trailers(&trailers).map_err(CopyError::Stream)?;
                    return Ok(copied);
                }
            }
        }
    }
    send.finish().map_err(CopyError::Stream)?;
    Ok(copied)
}

/// The next part of the body, unless the visitor wants no more. There is `room` for so many bytes of it.
async fn next(
    exchange: &mut Exchange,
    send: &SendBody,
    room: usize,
) -> Result<Option<Result<Frame<Bytes>, BodyError>>, Error> {
    poll_fn(|cx| match exchange.poll_frame(room, cx) {
        Poll::Pending => Poll::Ready(Err(CopyError::Stream(ready!(send.poll_reset(cx))))),
        Poll::Ready(frame) => Poll::Ready(Ok(frame)),
    })
    .await
}

/// Queues `data` as fast as the visitor takes it. The end of it comes back when nothing follows.
async fn pass(exchange: &mut Exchange, send: &mut SendBody, mut data: Bytes) -> Result<Option<Bytes>, Error> {
    loop {
        let capacity = poll_fn(|cx| {
            let capacity = send.poll_capacity(cx).map_err(CopyError::Stream);
            if capacity.is_pending() {
                exchange.send(cx).map_err(CopyError::Body)?;
            }
            capacity
        });
        let capacity = capacity.await?;
        if capacity >= data.len() && exchange.is_end_stream() {
            return Ok(Some(data));
        }
        send.try_send(data.split_to(capacity.min(data.len()))).map_err(CopyError::Stream)?;
        if data.is_empty() {
            return Ok(None);
        }
    }
}
