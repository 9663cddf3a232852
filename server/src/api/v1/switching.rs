//! What domains and routes have in common when their tag is switched: what is asked for, and a look at what would
//! happen.

use domain::{BackendId, ServiceId, ServiceName, SwitchMode, SwitchPlan, SwitchWatch, Tag, Target};
use serde::{Deserialize, Serialize};
use server_core::{CoreError, Services, SwitchHow, Viewer};
use std::collections::HashSet;
use utoipa::{IntoParams, ToSchema};

use super::backends::Shown;
use crate::api::error::{ApiError, ApiResult};

/// The body that asks for a switch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSwitch {
    /// The tag that is to serve.
    pub(super) new_tag: Tag,
    /// Also when nobody could serve then.
    #[serde(default)]
    pub(super) force: bool,
    /// Missing: gradual with a plan, at once without.
    mode: Option<SwitchMode>,
    /// How one that is gradual goes.
    plan: Option<SwitchPlan>,
    /// How one that is made at once is watched; missing: not at all.
    watch: Option<SwitchWatch>,
}

impl NewSwitch {
    /// How it is to go.
    pub(super) fn how(&mut self) -> ApiResult<SwitchHow> {
        match (self.mode, self.plan.take(), self.watch.take()) {
            (Some(SwitchMode::Gradual), None, _) => Err(ApiError::invalid(
                "plan",
                r#"a gradual switch needs a plan, such as {"steps":[{"percent":10,"seconds":60}]}"#,
            )),
            (Some(SwitchMode::AtOnce), Some(_), _) => {
                Err(ApiError::invalid("plan", "a switch that is made at_once has no plan; leave one of the two out"))
            }
            (_, Some(_), Some(_)) => Err(ApiError::invalid(
                "watch",
                "a plan has limits of its own; watch is for a switch that is made at_once",
            )),
            (_, Some(plan), None) => Ok(SwitchHow::Gradual(plan)),
            (_, None, Some(watch)) => Ok(SwitchHow::Watched(watch)),
            (_, None, None) => Ok(SwitchHow::AtOnce),
        }
    }
}

/// The query string that asks what a switch would do.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewQuery {
    /// The tag that is to serve.
    #[param(value_type = String)]
    pub(super) new_tag: Tag,
    /// Also when nobody could serve then.
    #[serde(default)]
    pub(super) force: bool,
}

/// What a switch would do.
#[derive(Serialize, ToSchema)]
#[schema(as = SwitchPreview)]
pub(super) struct Preview {
    /// The service that it leads to.
    service_id: Option<ServiceId>,
    /// What its owner calls it.
    service: Option<ServiceName>,
    /// The tag that serves now; `null`: all backends do.
    from_tag: Option<Tag>,
    /// The tag that would serve.
    to_tag: Tag,
    /// All that carry the new tag.
    backends: Vec<Shown>,
    /// Why it would be refused; `null`: it would not be.
    refused: Option<Refusal>,
}

/// Why a switch would be refused.
#[derive(Serialize, ToSchema)]
#[schema(as = SwitchRefusal)]
struct Refusal {
    /// As of an error.
    code: &'static str,
    /// For people.
    message: String,
}

/// The backends that would serve, as far as the viewer may see them.
pub(super) struct Outlook {
    backends: Vec<Shown>,
    unhealthy: HashSet<BackendId>,
}

impl Outlook {
    /// Looks at the backends that carry `tag` in what a rule leads to.
    pub(super) async fn of(services: &Services, viewer: &Viewer, target: &Target, tag: &Tag) -> ApiResult<Self> {
        let carriers = match target {
            Target::Service { id, .. } => services.pools().carriers(viewer, *id, Some(tag)).await?,
            Target::None | Target::Tunnel { .. } | Target::Redirect(_) => vec![],
        };
        let backends: Vec<_> = carriers.into_iter().map(|backend| Shown::of(services, backend)).collect();
        let unhealthy = backends.iter().filter(|shown| shown.is_unhealthy()).map(|shown| shown.backend.key).collect();
        Ok(Self { backends, unhealthy })
    }

    /// Whether this backend may be expected to serve.
    pub(super) fn is_healthy(&self, id: BackendId) -> bool {
        !self.unhealthy.contains(&id)
    }

    /// Puts it together with what trying the switch came to.
    pub(super) fn preview(self, target: &Target, to_tag: Tag, tried: Result<(), CoreError>) -> ApiResult<Preview> {
        let refused = match tried {
            Ok(()) => None,
            Err(error @ (CoreError::Unusable { .. } | CoreError::Conflict { .. })) => {
                Some(Refusal { code: error.code(), message: error.to_string() })
            }
            Err(error) => return Err(error.into()),
        };
        let (service_id, service, from_tag) = match target {
            Target::Service { id, name, tag } => (Some(*id), Some(name.clone()), tag.clone()),
            Target::None | Target::Tunnel { .. } | Target::Redirect(_) => (None, None, None),
        };
        Ok(Preview { service_id, service, from_tag, to_tag, backends: self.backends, refused })
    }
}

/// An error of a switch, with the field as it is called here.
pub(super) fn refused(error: CoreError) -> ApiError {
    let at_tag = matches!(error, CoreError::Unusable { .. });
    let error = ApiError::from(error);
    if at_tag { error.at("new_tag") } else { error }
}
