//! What stands between the internet and the dashboard.

mod body;
mod deadline;
mod form;
mod headers;
mod origin;

pub(crate) use body::limit_body;
pub(crate) use deadline::{catch_panic, in_time};
pub(crate) use form::refuse_misshapen;
pub(crate) use headers::{Secured, secure};
pub(crate) use origin::{OriginRule, check_origin};
