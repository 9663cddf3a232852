//! Signed-in browsers: `tower-sessions` over the database, and who a request comes from.

mod cookie;
mod store;
mod visitor;

pub(crate) use cookie::{COOKIES, has_session_cookie, layer, read_strictly, secure_removal};
pub(crate) use visitor::{Visitor, load, user_agent};
