//! Putting things back to what a revision says.

use super::{RevisionSide, Revisions, find};
use crate::{
    CoreError, DomainRef, Result, ServiceRef, Viewer,
    edit::Edit,
    hosts, pools, regions, routes,
    store::{Vault, parse, read_json, rows::revisions},
};
use domain::{BackendName, DomainId, RegionId, RevisionAction, RevisionId, RevisionKind, RouteId, ServiceId};
use uuid::Uuid;

impl Revisions {
    /// Puts the object back to what it was before or after the change, as if its owner had entered that now: what was
    /// deleted is restored, what was not there is deleted.
    ///
    /// # Errors
    /// `NotFound`, also when it is of someone else's; and whatever entering it would be refused with.
    pub async fn restore(&self, viewer: &Viewer, id: RevisionId, side: RevisionSide) -> Result<()> {
        let mut edit = self.desk.open(viewer).await?;
        let row = find(edit.tx(), viewer, id).await?;
        let wanted = match side {
            RevisionSide::Before => row.before.as_deref().map(|text| (Vault::document_of(row.id, "before"), text)),
            RevisionSide::After => row.after.as_deref().map(|text| (Vault::document_of(row.id, "after"), text)),
        };
        let vault = self.desk.store().vault();
        let wanted = wanted.map(|(subject, text)| vault.open(&subject, text)).transpose()?;
        edit.put_back(viewer, &row, wanted.as_deref()).await?;
        edit.commit().await
    }
}

impl Edit<'_> {
    async fn put_back(&mut self, viewer: &Viewer, row: &revisions::Model, wanted: Option<&str>) -> Result<()> {
        match parse(&row.kind)? {
            RevisionKind::Service => self.put_back_service(viewer, row.object_id, wanted).await,
            RevisionKind::Backend => self.put_back_backend(viewer, row.object_id, wanted).await,
            RevisionKind::Domain => self.put_back_domain(viewer, row.object_id, wanted).await,
            RevisionKind::Route => self.put_back_route(viewer, row.object_id, wanted).await,
            RevisionKind::Region => self.put_back_region(viewer, row.object_id, wanted).await,
            RevisionKind::Tunnel => Err(CoreError::conflict(
                "not_restorable",
                "a tunnel is restored on its own page; its revisions only tell what was done",
            )),
        }
    }

    async fn put_back_service(&mut self, viewer: &Viewer, id: Uuid, wanted: Option<&str>) -> Result<()> {
        let row = pools::find_service(self.tx(), viewer, &ServiceRef::Id(ServiceId(id))).await?;
        let Some(spec) = wanted else { return self.remove_service(row, RevisionAction::Restored).await };
        let row = self.revive_service(row).await?;
        self.change_service(row, read_json(spec)?, RevisionAction::Restored).await.map(drop)
    }

    async fn put_back_backend(&mut self, viewer: &Viewer, id: Uuid, wanted: Option<&str>) -> Result<()> {
        let row = pools::find_backend(self.tx(), viewer, &BackendName::from(domain::BackendId(id))).await?;
        let Some(spec) = wanted else { return self.remove_backend(row, RevisionAction::Restored).await };
        let row = self.revive_backend(row).await?;
        self.change_backend(row, read_json(spec)?, RevisionAction::Restored).await.map(drop)
    }

    async fn put_back_domain(&mut self, viewer: &Viewer, id: Uuid, wanted: Option<&str>) -> Result<()> {
        let row = hosts::find(self.tx(), viewer, &DomainRef::Id(DomainId(id))).await?;
        let Some(spec) = wanted else { return self.remove_domain(row, None, RevisionAction::Restored).await };
        let row = self.revive_domain(row).await?;
        self.change_domain(row, read_json(spec)?, RevisionAction::Restored).await.map(drop)
    }

    async fn put_back_route(&mut self, viewer: &Viewer, id: Uuid, wanted: Option<&str>) -> Result<()> {
        let row = routes::find(self.tx(), viewer, RouteId(id)).await?;
        let Some(spec) = wanted else { return self.remove_route(row, RevisionAction::Restored).await };
        let row = self.revive_route(row).await?;
        self.change_route(row, read_json(spec)?, RevisionAction::Restored).await.map(drop)
    }

    async fn put_back_region(&mut self, viewer: &Viewer, id: Uuid, wanted: Option<&str>) -> Result<()> {
        viewer.as_admin()?;
        let row = regions::find_region(self.tx(), RegionId(id)).await?;
        let Some(spec) = wanted else { return self.remove_region(row, RevisionAction::Restored).await.map(drop) };
        let row = self.revive_region(row).await?;
        self.change_region(row, read_json(spec)?, RevisionAction::Restored).await.map(drop)
    }
}
