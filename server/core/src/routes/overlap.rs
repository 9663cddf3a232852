//! Mounts are terminal: none lies under another of the same host.

use crate::{
    CoreError, Result,
    edit::Edit,
    store::{parse, rows::routes},
};
use domain::{HostPattern, MountPath};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

impl Edit<'_> {
    /// Makes sure that no other route of the host is in the way, and names the one that is.
    ///
    /// Mounts are compared byte by byte in both databases, so an index finds the few in question, however many routes
    /// there are: those above, each by its name, and the first of those under it. Asked for together they would make the
    /// database look at all of the host's.
    pub(crate) async fn check_free(
        &self,
        domain: Option<(Uuid, &HostPattern)>,
        mount: &MountPath,
        but: Option<Uuid>,
    ) -> Result<()> {
        for in_question in overlapping(mount) {
            let host = match domain {
                Some((id, _)) => routes::Column::DomainId.eq(id),
                None => routes::Column::DomainId.is_null(),
            };
            let other: Option<String> = routes::Entity::find()
                .select_only()
                .column(routes::Column::Mount)
                .filter(host)
                .filter(routes::Column::DeletedAt.is_null())
                .filter(in_question)
                .filter(Condition::all().add_option(but.map(|id| routes::Column::Id.ne(id))))
                .limit(1)
                .into_tuple()
                .one(self.tx())
                .await?;
            if let Some(text) = other {
                return Err(in_the_way(domain.map(|(_, host)| host), mount, &parse(&text)?));
            }
        }
        Ok(())
    }
}

fn in_the_way(host: Option<&HostPattern>, mount: &MountPath, other: &MountPath) -> CoreError {
    let place = host.map_or_else(|| "any host".to_owned(), ToString::to_string);
    let message = if other == mount {
        format!("{other} is mounted on {place} already")
    } else {
        format!("{mount} overlaps {other}, which is mounted on {place}; a mount cannot lie under another")
    };
    CoreError::conflict("mount_overlaps", message)
}

/// The mounts that one overlaps: itself and those above, and those under it.
pub(super) fn overlapping(mount: &MountPath) -> [Condition; 2] {
    let under = if mount.is_root() { "/".to_owned() } else { format!("{mount}/") };
    // The byte after the slash: what is less and not before `under` begins with it.
    let past = format!("{}0", &under[..under.len() - 1]);
    let column = routes::Column::Mount;
    [Condition::all().add(column.is_in(above(mount))), Condition::all().add(column.gte(under)).add(column.lt(past))]
}

/// The mount itself and all that it lies under.
fn above(mount: &MountPath) -> Vec<String> {
    let text = mount.as_str();
    let ends = text.match_indices('/').map(|(end, _)| end.max(1)).chain([text.len()]);
    let mut paths: Vec<String> = ends.map(|end| text[..end].to_owned()).collect();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_mount_lies_under_each_of_its_beginnings() {
        let above = |text: &str| above(&text.parse().unwrap());
        assert_eq!(above("/api/v1"), ["/", "/api", "/api/v1"]);
        assert_eq!(above("/api"), ["/", "/api"]);
        assert_eq!(above("/"), ["/"]);
    }
}
