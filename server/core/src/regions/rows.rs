//! Rows of `regions`, and how they are changed.

use crate::{
    CoreError, Result,
    edit::{self, Edit, Object},
    expected::later_than,
    store::{now, parse, rows::regions},
};
use domain::{Region, RegionId, RegionSpec, RevisionAction, RevisionKind};
use sea_orm::{ConnectionTrait, EntityTrait};
use url::Url;
use uuid::Uuid;

pub(crate) async fn find_region(connection: &impl ConnectionTrait, id: RegionId) -> Result<regions::Model> {
    regions::Entity::find_by_id(id.0).one(connection).await?.ok_or(CoreError::NotFound("region"))
}

/// The address in its one spelling: scheme, host and, where it is not the scheme's, port.
pub(super) fn check_url(spec: RegionSpec) -> Result<RegionSpec> {
    let wrong = || {
        let message =
            "give the address at which other regions reach it, such as https://eu.example.com, without a path";
        CoreError::invalid("public_url", message)
    };
    let url: Url = spec.public_url.trim().parse().map_err(|_| wrong())?;
    let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
    let bare = bare && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare || url.as_str().len() > 300 {
        return Err(wrong());
    }
    Ok(RegionSpec { public_url: url.as_str().trim_end_matches('/').to_owned(), ..spec })
}

pub(super) fn spec_of(row: &regions::Model) -> Result<RegionSpec> {
    Ok(RegionSpec { name: parse(&row.name)?, public_url: row.public_url.clone() })
}

pub(super) fn shown(row: regions::Model) -> Result<Region> {
    Ok(Region {
        id: RegionId(row.id),
        name: parse(&row.name)?,
        public_url: row.public_url,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    })
}

fn object(row: &regions::Model) -> Object {
    Object { kind: RevisionKind::Region, id: row.id, owner: row.owner_id, name: row.name.clone() }
}

fn exists(name: &str) -> impl FnOnce(sea_orm::DbErr) -> CoreError {
    edit::taken("region_exists", format!("there is a region {name} already"))
}

impl Edit<'_> {
    pub(crate) async fn insert_region(&mut self, spec: &RegionSpec, action: RevisionAction) -> Result<regions::Model> {
        let moment = now();
        let row = regions::Model {
            id: Uuid::now_v7(),
            owner_id: self.actor().id().0,
            name: spec.name.to_string(),
            public_url: spec.public_url.clone(),
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
        };
        edit::insert::<regions::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        self.record(object(&row), action, None, Some(spec)).await?;
        Ok(row)
    }

    pub(crate) async fn change_region(
        &mut self,
        row: regions::Model,
        spec: RegionSpec,
        action: RevisionAction,
    ) -> Result<regions::Model> {
        if row.deleted_at.is_some() {
            return Err(CoreError::conflict("region_deleted", "this region is deleted; restore it first"));
        }
        let before = spec_of(&row)?;
        if before == spec {
            return Ok(row);
        }
        let (name, public_url) = (spec.name.to_string(), spec.public_url.clone());
        let row = regions::Model { name, public_url, updated_at: later_than(row.updated_at), ..row };
        edit::update::<regions::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        self.record(object(&row), action, Some(&before), Some(&spec)).await?;
        Ok(row)
    }

    pub(crate) async fn remove_region(
        &mut self,
        row: regions::Model,
        action: RevisionAction,
    ) -> Result<regions::Model> {
        if row.deleted_at.is_some() {
            return Ok(row);
        }
        let moment = now();
        let row = regions::Model { deleted_at: Some(moment), updated_at: later_than(row.updated_at), ..row };
        edit::update::<regions::Entity, _>(self.tx(), row.clone()).await?;
        self.record(object(&row), action, Some(&spec_of(&row)?), None).await?;
        Ok(row)
    }

    pub(crate) async fn revive_region(&mut self, row: regions::Model) -> Result<regions::Model> {
        if row.deleted_at.is_none() {
            return Ok(row);
        }
        let row = regions::Model { deleted_at: None, updated_at: later_than(row.updated_at), ..row };
        edit::update::<regions::Entity, _>(self.tx(), row.clone()).await.map_err(exists(&row.name))?;
        self.record(object(&row), RevisionAction::Restored, None, Some(&spec_of(&row)?)).await?;
        Ok(row)
    }
}
