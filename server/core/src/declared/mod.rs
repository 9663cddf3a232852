//! What is routed by, as one document: written from what is there, and applied so that what is there is what it says.

mod apply;
mod current;
mod plan;

use crate::{Result, Viewer, edit::Desk};
use current::Current;
use domain::{BackendSpec, DomainSpec, Email, RouteSpec, ServiceName, ServiceSpec, Tag};
pub use plan::{Plan, Planned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is routed by, as one document.
#[derive(Debug)]
pub struct Declared {
    pub(crate) desk: Desk,
}

/// Services, backends, domains and routes, each with what its owner decides. What leads to a service or a tunnel names
/// it by its name, so that a document can be applied elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declaration {
    /// Services, each known by its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceSpec>,
    /// Backends, each known by its id, which it must have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<BackendSpec>,
    /// Tags that are enabled, and that telephones bring.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub announced: Vec<AnnouncedTags>,
    /// Domains, each known by its host.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainSpec>,
    /// Routes, each known by its domain and mount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteSpec>,
}

/// Tags of a service that may be enabled though no backend of the document carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedTags {
    /// Whose the service is; `None`: the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Email>,
    /// The service.
    pub service: ServiceName,
    /// The tags.
    pub tags: BTreeSet<Tag>,
}

/// Whose things a document is about; of these, what it does not name is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The viewer's own.
    Own,
    /// Everybody's, which only administrators may.
    All,
}

impl Declared {
    /// All that is there.
    ///
    /// # Errors
    /// `admin_only`; when the database is away.
    pub async fn export(&self, viewer: &Viewer, reach: Reach) -> Result<Declaration> {
        reach.check(viewer)?;
        let at_once = self.desk.store().read_at_once().await?;
        let current = Current::read(&at_once, self.desk.store().vault(), viewer, reach).await?;
        at_once.rollback().await?;
        current.declaration()
    }

    /// What [`apply`](Self::apply) would change; nothing is.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn plan(&self, viewer: &Viewer, reach: Reach, wanted: &Declaration) -> Result<Plan> {
        reach.check(viewer)?;
        let mut edit = self.desk.open(viewer).await?.applying();
        edit.apply(viewer, reach, wanted).await?;
        let plan = edit.take_plan();
        edit.roll_back().await?;
        Ok(plan)
    }

    /// Makes, changes and deletes until what is there is what the document says: all of it, or nothing when anything is
    /// refused. To apply it twice is to apply it once.
    ///
    /// # Errors
    /// `admin_only`; whatever making each thing by itself would be refused with, the text saying which it is.
    pub async fn apply(&self, viewer: &Viewer, reach: Reach, wanted: &Declaration) -> Result<Plan> {
        reach.check(viewer)?;
        let mut edit = self.desk.open(viewer).await?.applying();
        edit.apply(viewer, reach, wanted).await?;
        let plan = edit.take_plan();
        edit.commit().await?;
        Ok(plan)
    }
}

impl Reach {
    fn check(self, viewer: &Viewer) -> Result<()> {
        if self == Self::Own || viewer.is_admin() {
            return Ok(());
        }
        let message = "only an administrator exports and applies what is everybody's";
        Err(crate::CoreError::forbidden("admin_only", message))
    }
}
