//! What goes back to a client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::ProxiedBody;

/// The body of any answer; an enum, so that a proxied body needs neither a box nor a virtual call.
#[derive(Debug)]
pub enum ResponseBody {
    /// A whole one, or none.
    Whole(Option<Bytes>),
    /// From a telephone or a backend.
    Proxied(ProxiedBody),
    /// From the dashboard or the API.
    Control(axum::body::Body),
}

impl ResponseBody {
    /// No body.
    pub fn empty() -> Self {
        Self::Whole(None)
    }

    /// A short text.
    pub fn text(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()).filter(|text| !text.is_empty()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match self.get_mut() {
            Self::Whole(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Proxied(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Control(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(text) => text.is_none(),
            Self::Proxied(body) => body.is_end_stream(),
            Self::Control(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Proxied(body) => body.size_hint(),
            Self::Control(body) => body.size_hint(),
        }
    }
}
