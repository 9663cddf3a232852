//! The live WebSockets `/ws/user` and `/ws/tunnels/{id}`: first everything, then what changed each second.

mod feed;
mod quota;
mod routes;
mod upgrade;
mod who;

pub(super) use quota::Quota;
pub(super) use routes::{Live, routes};
pub(super) use who::Who;
