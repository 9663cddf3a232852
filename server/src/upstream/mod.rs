//! Connections to backends that are addresses.
//!
//! [`Upstream`] is one backend: it opens connections, keeps idle ones for the next request, and sees a request to the
//! head of its response. Whoever has the routing table keeps an `Arc<Upstream>` for each backend across rebuilds, as long
//! as its [address](Upstream::address), [verification](Upstream::verifies) and [policy](Upstream::policy) stay the same,
//! and calls [`Upstream::sweep`] every few seconds.
//!
//! ```no_run
//! # use server::upstream::*;
//! # async fn example(common: &Common, mut head: wire::head::RequestHead, body: http_body_util::Full<bytes::Bytes>) {
//! // Common { settings: Settings::default(), threads, names: Arc::new(Names::of_system()), trust: Arc::new(Trust::of_system()) }
//! let address = "10.0.0.5:3000".parse().unwrap();
//! let upstream = Upstream::new(address, true, ConnectPolicy::Anything, common);
//! match upstream.request(&mut head, Some(body), IfLost::SendAgain, |status, headers| println!("{status} {headers:?}")).await {
//!     Ok(Answer::Response(head, body)) => { /* body: http_body::Body, streams; dropping it early cancels */ }
//!     Ok(Answer::Upgraded(head, io)) => { /* only if head.upgrade was set; io: AsyncRead + AsyncWrite */ }
//!     Err(Failed { error, body, untouched, arrivals }) => { /* error.may_have_arrived(): another backend? */ }
//! }
//! # }
//! ```
//!
//! **The request.** `head` comes without hop-by-hop fields, as [`wire::head::RequestHead`] wants it; `te: trailers` may be
//! among them. `Expect` is removed from it; else it is as before when the call returns, so that it can go to another backend.
//! The body (`None`: there is none) is sent while the response is waited for, and goes on to be sent while the body of the
//! response is polled. With `upgrade` the body must be `None`: what follows the 101 goes over [`Upgraded`].
//!
//! **The response.** The head is as it came: hop-by-hop fields are still in it, `Content-Length` and `Transfer-Encoding`
//! agree with the body. Deadlines on head and body are the caller's; drop what is too slow.
//!
//! **Failures.** [`UpstreamError`] says what happened and [whether the request may have arrived](UpstreamError::may_have_arrived).
//! [`Failed::body`] is the body as far as it was read, [`Failed::untouched`] whether it can be sent again as it is,
//! [`Failed::arrivals`] how often it may have arrived.
//!
//! **Threads.** Each data plane thread has its own connections, so that a request wakes no other thread. All others share
//! one more set.

mod answer;
mod dial;
mod error;
mod names;
mod outgoing;
mod over_http1;
mod over_http2;
mod places;
mod pool;
mod slot;
mod socket;
mod tcp;
mod trust;

pub use answer::{Answer, Upgraded, UpstreamBody};
pub use error::{ConnectError, Failed, UpstreamBodyError, UpstreamError};
pub use names::{NameError, Names};
pub use pool::{Common, Connections, IfLost, Settings, Upstream};
pub use server_core::{ConnectPolicy, Outside, PolicyError};
pub use trust::Trust;

/// How many informational heads a response may have before it: more of them inform nobody.
const MAX_INFORMATIONAL: usize = 64;
