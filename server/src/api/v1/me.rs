//! `/me`: the account that asks.

use axum::{Json, Router, routing::get};
use domain::User;
use server_core::Services;

use crate::api::bearer::Authenticated;

pub(super) fn routes() -> Router<Services> {
    Router::new().route("/me", get(me))
}

async fn me(Authenticated(viewer): Authenticated) -> Json<User> {
    Json(viewer.user().clone())
}
