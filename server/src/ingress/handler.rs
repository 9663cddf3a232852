//! What a listener's connections lead to.

use std::future::Future;
use std::net::IpAddr;

use axum::Router;
use http::{Request, Response, StatusCode};
use http1::RequestError;
use tower::ServiceExt;

use super::{ClientBody, DataPlane, ResponseBody};

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request of a client at `peer`.
    fn answer(&self, request: Request<ClientBody>, peer: IpAddr)
    -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Answers a request on a connection that there is no place for: whether this server is alive, or that there is none.
    fn turn_away(
        &self,
        request: Request<ClientBody>,
        peer: IpAddr,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Answers a request whose handler has failed.
    fn failed(&self) -> Response<ResponseBody>;

    /// Whether many clients may be behind this address.
    fn is_proxy(&self, peer: IpAddr) -> bool;

    /// Says why a request cannot be read.
    fn refuse(&self, error: RequestError) -> Response<ResponseBody>;

    /// The data plane thread on which a connection whose first request begins with `received` costs least; `None` when
    /// that makes no difference.
    fn home(&self, received: &[u8], plane: &DataPlane) -> Option<usize>;
}

/// A listener with nothing but a router behind it, such as the one for metrics.
impl Handler for Router {
    async fn answer(&self, request: Request<ClientBody>, _: IpAddr) -> Response<ResponseBody> {
        match self.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => response.map(ResponseBody::Control),
            Err(never) => match never {},
        }
    }

    async fn turn_away(&self, request: Request<ClientBody>, peer: IpAddr) -> Response<ResponseBody> {
        self.answer(request, peer).await
    }

    fn failed(&self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::text("internal server error\n"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }

    fn is_proxy(&self, _: IpAddr) -> bool {
        true
    }

    fn refuse(&self, error: RequestError) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::text(error.to_string()));
        *response.status_mut() = error.status();
        response
    }

    fn home(&self, _: &[u8], _: &DataPlane) -> Option<usize> {
        None
    }
}
