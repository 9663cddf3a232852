//! The live WebSockets `/ws/user`, `/ws/tunnels/{id}` and `/ws/services/{id}`: first everything, then what changed each
//! second. `/ws/tunnels/{id}`, `/ws/domains/{id}` and `/ws/routes/{id}` tell of exchanges as they are recorded.

mod feed;
mod quota;
mod routes;
mod upgrade;
mod who;

pub(super) use quota::Quota;
pub(super) use routes::{Live, routes};
pub(super) use who::Who;
