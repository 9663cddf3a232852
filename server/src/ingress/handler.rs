//! What a listener's connections lead to.

use std::future::Future;
use std::net::IpAddr;

use axum::Router;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::ResponseBody;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request of a client at `peer`.
    fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> impl Future<Output = Response<ResponseBody>> + Send;
}

/// A listener with nothing but a router behind it, such as the one for metrics.
impl Handler for Router {
    async fn answer(&self, request: Request<Incoming>, _: IpAddr) -> Response<ResponseBody> {
        match self.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => response.map(ResponseBody::Control),
            Err(never) => match never {},
        }
    }
}
