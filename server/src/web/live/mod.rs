//! The live WebSockets `/ws/user`, `/ws/tunnels/{id}` and `/ws/services/{id}`: first everything, then what changed each
//! second.

mod feed;
mod quota;
mod routes;
mod upgrade;
mod who;

pub(super) use quota::Quota;
pub(super) use routes::{Live, routes};
pub(super) use who::Who;
