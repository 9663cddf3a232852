//! Scripts, styles and pictures of the dashboard, embedded in the program by `build.rs`.
//!
//! Their names carry a hash of their content, so browsers keep them for ever; each lies here in every encoding it is
//! served in, so nothing is compressed while serving. A request finds its file in a table: there are no paths to
//! traverse.

mod encoding;
mod respond;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    env, fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{Router, extract, http::HeaderMap, routing::get};

/// The folder of URLs that assets are served under.
const PREFIX: &str = "/pkg/";
/// The name that cargo-leptos and `cargo xtask` give script, program and style sheet.
const UNHASHED_NAME: &str = "switchboard";
/// Set by `cargo leptos watch`: the folder it builds the front end into.
const LEPTOS_SITE_ROOT: &str = "LEPTOS_SITE_ROOT";

/// One file of the front end, as `build.rs` writes it.
struct EmbeddedAsset {
    /// What pages call it.
    logical: &'static str,
    /// What it is called under [`PREFIX`].
    served: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static EMBEDDED: &[EmbeddedAsset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The front end's files. Cheap to clone.
#[derive(Clone)]
pub struct Assets(Arc<Source>);

enum Source {
    Table(Table),
    /// Built by cargo-leptos, which changes the files while we run: names without hashes, nothing kept.
    Folder(PathBuf),
}

struct Table {
    by_logical: HashMap<&'static str, &'static EmbeddedAsset>,
    by_served: HashMap<&'static str, &'static EmbeddedAsset>,
    output_name: &'static str,
}

// === impl Assets ===

impl Assets {
    /// The embedded files, or those of cargo-leptos where it runs this server (`LEPTOS_SITE_ROOT`). Warns in the log
    /// when there are none.
    #[must_use]
    pub fn from_environment() -> Self {
        if let Some(root) = env::var_os(LEPTOS_SITE_ROOT).filter(|root| !root.is_empty()) {
            return Self::in_folder(root);
        }
        let assets = Self::embedded();
        if !assets.has_front_end() {
            tracing::warn!(
                "this switchboard was built without its front end: pages come without styles and scripts \
                 (build it with `cargo xtask build`)"
            );
        }
        assets
    }

    /// The files embedded when this program was built; none when it was built by cargo alone.
    #[must_use]
    pub fn embedded() -> Self {
        Self::from_table(EMBEDDED)
    }

    /// The files that cargo-leptos keeps in its site folder.
    #[must_use]
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Source::Folder(root.into())))
    }

    fn from_table(assets: &'static [EmbeddedAsset]) -> Self {
        let script = assets.iter().find(|asset| asset.logical == "switchboard.js");
        Self(Arc::new(Source::Table(Table {
            by_logical: assets.iter().map(|asset| (asset.logical, asset)).collect(),
            by_served: assets.iter().map(|asset| (asset.served, asset)).collect(),
            output_name: script.and_then(|asset| asset.served.strip_suffix(".js")).unwrap_or(UNHASHED_NAME),
        })))
    }

    /// Whether there is a script to hydrate pages with.
    #[must_use]
    pub fn has_front_end(&self) -> bool {
        self.href("switchboard.js").is_some()
    }

    /// The address of a file, by the name it has in the sources: `main.css`, `echarts.min.js`, or one of
    /// `style/assets/`. `None` when there is no such file.
    #[must_use]
    pub fn href(&self, logical: &str) -> Option<String> {
        match &*self.0 {
            Source::Table(table) => table.by_logical.get(logical).map(|asset| format!("{PREFIX}{}", asset.served)),
            Source::Folder(root) => {
                let name = if logical == "main.css" { "switchboard.css" } else { logical };
                file_in(root, name).map(|_| format!("{PREFIX}{name}"))
            }
        }
    }

    /// For `LeptosOptions`: the common beginning of the names of script (`.js`) and program (`_bg.wasm`).
    #[must_use]
    pub fn output_name(&self) -> &str {
        match &*self.0 {
            Source::Table(table) => table.output_name,
            Source::Folder(_) => UNHASHED_NAME,
        }
    }

    /// `GET` and `HEAD` of `/pkg/…`, `/favicon.ico` and `/favicon.svg`.
    pub fn routes<S>(&self) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let by_path = self.clone();
        let favicon = self.clone();
        let favicon = get(move |headers: HeaderMap| async move { favicon.favicon(&headers).await });
        Router::new()
            .route(
                "/pkg/{*path}",
                get(move |extract::Path(path): extract::Path<String>, headers: HeaderMap| async move {
                    by_path.served(&path, &headers).await
                }),
            )
            .route("/favicon.ico", favicon.clone())
            .route("/favicon.svg", favicon)
    }

    async fn served(&self, name: &str, request: &HeaderMap) -> axum::response::Response {
        match &*self.0 {
            Source::Table(table) => match table.by_served.get(name) {
                Some(asset) => respond::embedded(asset, request, respond::IMMUTABLE),
                None => respond::not_found(),
            },
            Source::Folder(root) => respond::file(file_in(root, name)).await,
        }
    }

    /// Browsers ask for `/favicon.ico` by themselves and take a picture of any kind.
    async fn favicon(&self, request: &HeaderMap) -> axum::response::Response {
        const NAME: &str = "favicon.svg";
        match &*self.0 {
            Source::Table(table) => match table.by_logical.get(NAME) {
                Some(asset) => respond::embedded(asset, request, respond::FOR_A_DAY),
                None => respond::not_found(),
            },
            Source::Folder(root) => respond::file(file_in(root, NAME)).await,
        }
    }
}

impl fmt::Debug for Assets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Assets");
        match &*self.0 {
            Source::Table(table) => shown.field("embedded", &table.by_logical.len()),
            Source::Folder(root) => shown.field("folder", root),
        };
        shown.finish()
    }
}

/// The file of that name which cargo-leptos put into its site folder: what it built lies in `pkg`, what it copied from
/// `style/assets` beside that. A name with `..` or a root in it is no file's name.
fn file_in(root: &Path, name: &str) -> Option<PathBuf> {
    let is_plain = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let candidates = [root.join("pkg").join(name), root.join(name)];
    candidates.into_iter().find(|file| is_plain && file.is_file())
}
