//! Whose exchanges an address is about, and which one.

use axum::{
    extract::{FromRequestParts, MatchedPath, Path},
    http::request::Parts,
};
use domain::{Party, RequestId, RuleId};
use server_core::{DomainRef, Inspected, Reference, Services, Viewer};

use crate::api::error::{ApiError, ApiResult};

/// The address of exchanges, of one, or of what is to be recorded.
#[derive(Debug)]
pub(crate) struct Place {
    of: Of,
    request: Option<String>,
    side: Option<String>,
}

#[derive(Debug)]
enum Of {
    Known(Inspected),
    Domain(DomainRef),
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        // The path itself lost its beginning to the routers that led here.
        let routes = parts.extensions.get::<MatchedPath>().is_some_and(|path| path.as_str().contains("/routes/{id}/"));
        let names = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(names) = names.map_err(|_| ApiError::not_found("address"))?;
        let (mut of, mut request, mut side) = (None, None, None);
        for (name, text) in names {
            match name.as_str() {
                "domain" => of = text.parse().ok().map(Of::Domain),
                "id" if routes => of = text.parse().ok().map(|id| Of::Known(Inspected::Rule(RuleId::Route(id)))),
                "id" => of = text.parse().ok().map(|id| Of::Known(Inspected::Tunnel(id))),
                "rid" => request = Some(text),
                _ => side = Some(text),
            }
        }
        Ok(Self { of: of.ok_or_else(|| ApiError::not_found("id"))?, request, side })
    }
}

impl Place {
    /// Whose exchanges; of a domain by its host those of what has that host now.
    pub(crate) async fn of(&self, services: &Services, viewer: &Viewer) -> ApiResult<Inspected> {
        match &self.of {
            Of::Known(of) => Ok(*of),
            Of::Domain(which) => {
                let domain = services.hosts().get(viewer, which).await?;
                if matches!(which, Reference::Name(_)) && domain.deleted_at.is_some() {
                    return Err(ApiError::not_found("domain"));
                }
                Ok(Inspected::Rule(RuleId::Domain(domain.id)))
            }
        }
    }

    /// Which exchange.
    pub(super) fn request(&self) -> ApiResult<RequestId> {
        let id = self.request.as_ref().and_then(|text| text.parse().ok());
        id.ok_or_else(|| ApiError::not_found("exchange"))
    }

    /// Whose body.
    pub(super) fn party(&self) -> ApiResult<Party> {
        match self.side.as_deref() {
            Some("request") => Ok(Party::Client),
            Some("response") => Ok(Party::Server),
            _ => Err(ApiError::not_found("body; there are request and response")),
        }
    }
}
