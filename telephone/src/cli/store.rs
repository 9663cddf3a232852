//! The file that `telephone login` writes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use telephone::wire::Secret;

use super::exit::{self, Failure};

/// What is stored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub server: Option<String>,
    pub token: Option<Secret>,
}

/// The same on its way to the file.
#[derive(Serialize)]
struct ToStore<'a> {
    server: &'a str,
    token: &'a str,
}

/// `$XDG_CONFIG_HOME`, by default `~/.config`.
pub(super) fn config_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    folder.or_else(|| std::env::home_dir().map(|home| home.join(".config")))
}

/// Where it is, in that folder.
pub(super) fn path() -> Option<PathBuf> {
    Some(config_folder()?.join("telephone").join("config.toml"))
}

/// What was stored, or nothing when there is no such file.
pub(super) fn load(path: &Path) -> Result<Stored, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
        Err(error) => return Err(Failure::usage(format!("{} cannot be read: {error}", path.display()))),
    };
    // The parser's own message would quote the line it stumbled on, which may be the token's.
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        Failure::usage(format!(
            "{}, line {line}: {}; correct it or write it anew with `telephone login`",
            path.display(),
            error.message()
        ))
    })
}

/// Writes the file, readable by its owner only. It is replaced as a whole, never left half-written.
pub(super) fn save(path: &Path, server: &str, token: &Secret) -> Result<(), Failure> {
    write(path, server, token).map_err(|error| {
        Failure::new(exit::IO, format!("{} cannot be written: {error}; is its folder yours?", path.display()))
    })
}

fn write(path: &Path, server: &str, token: &Secret) -> io::Result<()> {
    let text = toml::to_string(&ToStore { server, token: token.expose() }).map_err(io::Error::other)?;
    let folder = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    create_private_folder(folder)?;
    let draft = folder.join(format!(".config.toml.{}", std::process::id()));
    let written = create_private_file(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _removed = fs::remove_file(&draft);
    }
    written
}

#[cfg(unix)]
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn create_private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
pub(super) fn create_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn create_private_file(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}
