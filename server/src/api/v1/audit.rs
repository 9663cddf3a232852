//! `/audit`: what has to do with security.

use std::net::IpAddr;

use axum::extract::State;
use domain::{AuditEvent, AuditKind, Email, Timestamp};
use serde::Deserialize;
use server_core::{AuditQuery, Services};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::list::{List, page};
use crate::api::{
    bearer::{Allowed, Read},
    error::ApiResult,
    extract::Query,
};

pub(super) fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// How many at most; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// What happened.
    #[param(inline)]
    kind: Option<AuditKind>,
    /// Who did it or whom it is about, as they were called then.
    #[param(value_type = Option<String>)]
    email: Option<Email>,
    /// From where.
    #[param(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// Not before.
    from: Option<Timestamp>,
    /// Before.
    until: Option<Timestamp>,
}

/// Lists what has to do with security, newest first: all of it for administrators, else what the caller did and what is
/// about the caller's account.
#[utoipa::path(
    get, path = "/audit", params(ListQuery),
    responses(
        (status = 200, description = "Done.", body = List<AuditEvent>),
    )
)]
async fn list(
    Allowed { viewer, .. }: Allowed<Read>,
    State(services): State<Services>,
    Query(query): Query<ListQuery>,
) -> ApiResult<axum::Json<List<AuditEvent>>> {
    let ListQuery { limit, cursor, kind, email, address, from, until } = query;
    let page = page(limit, cursor)?;
    let query = AuditQuery { kind, email, address, from, until };
    Ok(axum::Json(services.audit().list(&viewer, query, page).await?.into()))
}
