//! Regions, which administrators look after.

use super::{entered::Entered, finish, refuse, signed_in};
use crate::destination::Destination;
use domain::{RegionId, RegionPatch, RegionSpec};
use leptos::prelude::*;
use server_core::{Administrator, CoreError, Viewer};

fn page() -> Destination {
    Destination::page("/web/cluster")
}

fn entered(viewer: &Viewer, form: &Entered) -> Result<(Administrator, RegionSpec), CoreError> {
    let admin = viewer.as_admin()?;
    Ok((admin, RegionSpec { name: form.value("region_name")?, public_url: form.text("public_url").to_owned() }))
}

/// Makes a region.
#[server(name = CreateRegion, prefix = "/web/action", endpoint = "create_region")]
pub async fn create_region(#[server(flatten)] form: Entered) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&page()) else { return Ok(()) };
    let result = match entered(&viewer, &form) {
        Ok((admin, spec)) => services.regions().create(&admin, spec).await,
        Err(error) => Err(error),
    };
    let back = form.back(page(), "create", &result).await;
    finish(result, |_| page().with("done", "region_created"), back);
    Ok(())
}

/// Changes a region.
#[server(name = UpdateRegion, prefix = "/web/action", endpoint = "update_region")]
pub async fn update_region(
    #[server(default)] id: String,
    #[server(flatten)] form: Entered,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&page()) else { return Ok(()) };
    let Ok(id) = id.parse::<RegionId>() else {
        refuse(page(), &CoreError::NotFound("region"));
        return Ok(());
    };
    let result = match entered(&viewer, &form) {
        Ok((admin, RegionSpec { name, public_url })) => {
            let patch = RegionPatch { name: Some(name), public_url: Some(public_url) };
            services.regions().if_unchanged(form.expected()).update(&admin, id, patch).await
        }
        Err(error) => Err(error),
    };
    let back = form.back(page().with("edit", &id.to_string()), "edit", &result).await;
    finish(result, |_| page().with("done", "region_updated"), back);
    Ok(())
}

/// What the actions below have in common: a region by its id, one service method.
macro_rules! change {
    ($id:expr, $method:ident, $done:expr) => {{
        let Some((services, _, viewer)) = signed_in(&page()) else { return Ok(()) };
        let result = match $id.parse::<RegionId>() {
            Ok(id) => match viewer.as_admin() {
                Ok(admin) => services.regions().$method(&admin, id).await,
                Err(error) => Err(error),
            },
            Err(_) => Err(CoreError::NotFound("region")),
        };
        finish(result, $done, page());
        Ok(())
    }};
}

/// Deletes a region; it can be restored.
#[server(name = DeleteRegion, prefix = "/web/action", endpoint = "delete_region")]
pub async fn delete_region(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, delete, |region| page().with("done", "region_deleted").with("undo", &region.id.to_string()))
}

/// Brings a deleted region back.
#[server(name = RestoreRegion, prefix = "/web/action", endpoint = "restore_region")]
pub async fn restore_region(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, restore, |_| page().with("done", "region_restored"))
}
