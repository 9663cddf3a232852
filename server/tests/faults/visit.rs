//! What a visitor sees of one request.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Frame;
use http_body_util::BodyExt;

use crate::support::{Body, Client};

/// How a request ended for whoever sent it.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// With a response that is whole.
    Whole { status: u16, body: Bytes, trailers: Option<HeaderMap> },
    /// With a response that breaks off, and is seen to.
    Truncated { status: u16, body: Bytes },
    /// Without a response.
    Nothing,
}

impl Seen {
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Whole { status, .. } | Self::Truncated { status, .. } => Some(*status),
            Self::Nothing => None,
        }
    }
}

/// Sends a request on a connection of its own and reads the response to its end.
pub async fn visit(client: &Client, request: Request<Body>) -> Seen {
    match client.send(request).await {
        Ok(response) => read(response).await,
        Err(_) => Seen::Nothing,
    }
}

/// Reads a response to its end.
pub async fn read(response: Response<impl http_body::Body<Data = Bytes> + Unpin>) -> Seen {
    let (parts, mut body) = response.into_parts();
    let status = parts.status.as_u16();
    // A body that ends with the connection would end cleanly wherever it is cut.
    let framed =
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| parts.headers.contains_key(name));
    assert!(framed, "a response whose end cannot be told from a cut: {parts:?}");
    let (mut read, mut trailers) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => read.extend_from_slice(&data),
            Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
            Err(_) => return Seen::Truncated { status, body: read.freeze() },
        }
    }
    Seen::Whole { status, body: read.freeze(), trailers }
}

/// A request with a body, which nobody may send twice.
pub fn post(client: &Client, path: &str, body: Body) -> Request<Body> {
    client.request(Method::POST, path).body(body).unwrap()
}

/// A request without a body, which may be sent again.
pub fn get(client: &Client, path: &str) -> Request<Body> {
    client.request(Method::GET, path).body(Body::default()).unwrap()
}
