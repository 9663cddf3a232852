//! What a document changes.

use crate::{CoreError, Result, edit::Object};
use domain::{RevisionKind, UserId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// What a document changes, in the order in which it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What is made.
    pub creates: Vec<Planned>,
    /// What is changed.
    pub changes: Vec<Planned>,
    /// What is deleted; a domain's routes go with it without being named.
    pub deletes: Vec<Planned>,
}

/// One thing that is made, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// What it is.
    pub kind: RevisionKind,
    /// What it is called.
    pub name: String,
    /// Whose it is.
    pub owner_id: UserId,
    /// The thing; of what is only planned to be made, without meaning.
    pub object_id: Uuid,
    /// How it is; `None`: it is not there.
    pub before: Option<Value>,
    /// How it is to be; `None`: not there any more.
    pub after: Option<Value>,
}

impl Plan {
    /// Whether all is as the document says.
    pub fn is_empty(&self) -> bool {
        self.creates.is_empty() && self.changes.is_empty() && self.deletes.is_empty()
    }

    pub(crate) fn note<S: Serialize>(&mut self, object: &Object, before: Option<&S>, after: Option<&S>) -> Result<()> {
        let list = match (before, after) {
            (None, _) => &mut self.creates,
            (Some(_), Some(_)) => &mut self.changes,
            (Some(_), None) => &mut self.deletes,
        };
        let json = |side: Option<&S>| {
            let value = side.map(serde_json::to_value).transpose();
            value.map_err(|error| CoreError::Internal(format!("writing a plan: {error}")))
        };
        list.push(Planned {
            kind: object.kind,
            name: object.name.clone(),
            owner_id: UserId(object.owner),
            object_id: object.id,
            before: json(before)?,
            after: json(after)?,
        });
        Ok(())
    }
}
