//! Putting things back to what they were.

use super::{finish, refuse, signed_in};
use crate::destination::Destination;
use domain::RevisionId;
use leptos::prelude::*;
use server_core::{CoreError, RevisionSide};

/// Puts an object back to what it was before a change (`side` is `before`), or after it.
#[server(name = RestoreRevision, prefix = "/web/action", endpoint = "restore_revision")]
pub async fn restore_revision(
    #[server(default)] id: String,
    #[server(default)] side: String,
    #[server(default)] object: String,
) -> Result<(), ServerFnError> {
    let page = Destination::page("/web/revisions").with_some("object", Some(&object));
    let Some((services, _, viewer)) = signed_in(&page) else { return Ok(()) };
    let Ok(id) = id.parse::<RevisionId>() else {
        refuse(page, &CoreError::NotFound("revision"));
        return Ok(());
    };
    let side = if side == "before" { RevisionSide::Before } else { RevisionSide::After };
    let result = services.revisions().restore(&viewer, id, side).await;
    finish(result, |()| page.clone().with("done", "revision_restored"), page.clone());
    Ok(())
}
