//! What a router has.

use std::collections::BTreeSet;

use axum::Router;

/// The paths of a router, as its `Debug` tells: axum has no other way to ask. Where it falls back is none of them.
pub(crate) fn paths<S>(router: &Router<S>) -> BTreeSet<String> {
    let told = format!("{router:?}");
    let named = told.split("RouteId(").filter_map(|part| part.split_once("): \"")?.1.split('"').next());
    named.filter(|path| *path != "/" && !path.contains("{*__private")).map(str::to_owned).collect()
}
