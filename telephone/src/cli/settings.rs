//! Server and token: from a flag, else the environment, else the file; and where, for error messages.

use std::path::{Path, PathBuf};

use telephone::wire::Secret;
use telephone::{ServerUrl, is_token, read_token_file};

use super::args::{Origins, TokenArgs};
use super::exit::Failure;
use super::store::{self, Stored};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub value: T,
    pub place: String,
}

/// Server and token of a command, checked.
#[derive(Debug)]
pub(super) struct Connection {
    pub server: String,
    pub token: Secret,
    /// The file that the token was read from, if it was.
    pub token_file: Option<PathBuf>,
}

/// Server and token, as far as somebody has named them.
#[derive(Debug)]
pub(super) struct Given {
    pub server: Option<Found<String>>,
    pub token: Option<Found<Secret>>,
    pub token_file: Option<PathBuf>,
}

/// What flags and environment say.
pub(super) fn given(server: Option<String>, token: &TokenArgs, origins: &Origins) -> Result<Given, Failure> {
    let server = given_server(server, origins);
    let (token, token_file) = (given_token(token, origins)?, token_file(token, origins).map(Path::to_owned));
    Ok(Given { server, token, token_file })
}

impl Given {
    /// With the token that a file holds, unless there is one or there is no such file.
    pub(super) fn with_token_file(self, file: Option<&Path>, place: &str) -> Result<Self, Failure> {
        match file {
            Some(path) if self.token.is_none() => {
                Ok(Self { token: Some(read_token(path, place)?), token_file: Some(path.to_owned()), ..self })
            }
            _ => Ok(self),
        }
    }

    /// With what is missing from `other`.
    pub(super) fn or(self, other: impl FnOnce() -> Result<Self, Failure>) -> Result<Self, Failure> {
        if self.server.is_some() && self.token.is_some() {
            return Ok(self);
        }
        let other = other()?;
        let server = self.server.or(other.server);
        Ok(if self.token.is_some() { Self { server, ..self } } else { Self { server, ..other } })
    }

    /// With what is missing from the stored login, and checked.
    pub(super) fn complete(self) -> Result<Connection, Failure> {
        let path = store::path();
        // The file is looked at only when something is missing, so that a broken one is no obstacle otherwise.
        let stored = match &path {
            Some(path) if self.server.is_none() || self.token.is_none() => store::load(path)?,
            _ => Stored::default(),
        };
        let file = path.as_deref().map_or_else(|| "the stored login".to_owned(), |path| path.display().to_string());
        let server = self.server.or_else(|| found(stored.server, format!("server in {file}")));
        let server = server.ok_or_else(|| missing_server(path.as_deref()))?;
        let token = self.token.or_else(|| found(stored.token, format!("token in {file}")));
        let token = token.ok_or_else(|| missing_token(path.as_deref()))?;
        Ok(Connection { server: check_server(&server)?, token: check_token(token)?, token_file: self.token_file })
    }
}

fn found<T>(value: Option<T>, place: String) -> Option<Found<T>> {
    value.map(|value| Found { value, place })
}

/// The server named by flag or environment.
pub(super) fn given_server(server: Option<String>, origins: &Origins) -> Option<Found<String>> {
    found(server, origins.place("server"))
}

/// The token named by flag or environment, directly or as a file. A flag wins over a variable; both ways at once would
/// leave open which one is meant.
pub(super) fn given_token(args: &TokenArgs, origins: &Origins) -> Result<Option<Found<Secret>>, Failure> {
    let direct = args.token.clone().map(Secret::new);
    let file = args.token_file.as_deref();
    match (direct, file) {
        (None, None) => Ok(None),
        (Some(token), None) => Ok(found(Some(token), origins.place("token"))),
        (None, Some(path)) => read_token(path, &origins.place("token_file")).map(Some),
        (Some(token), Some(path)) => match (origins.is_flag("token"), origins.is_flag("token_file")) {
            (true, false) => Ok(found(Some(token), origins.place("token"))),
            (false, true) => read_token(path, &origins.place("token_file")).map(Some),
            _ => Err(Failure::usage(format!(
                "{} and {} are both set; give only one of them",
                origins.place("token"),
                origins.place("token_file")
            ))),
        },
    }
}

/// The file that the token is read from, if it is: what is given directly wins, as above.
fn token_file<'a>(args: &'a TokenArgs, origins: &Origins) -> Option<&'a Path> {
    let wins = args.token.is_none() || (origins.is_flag("token_file") && !origins.is_flag("token"));
    args.token_file.as_deref().filter(|_| wins)
}

fn read_token(path: &Path, place: &str) -> Result<Found<Secret>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{place}: {} cannot be read: {error}", path.display()));
    Ok(Found { value: read_token_file(path).map_err(failed)?, place: format!("{place} ({})", path.display()) })
}

/// The server's address, in one spelling.
pub(super) fn check_server(server: &Found<String>) -> Result<String, Failure> {
    match ServerUrl::parse(&server.value) {
        Ok(url) => Ok(url.to_string()),
        Err(error) => Err(Failure::usage(format!("{}: {error}", server.place))),
    }
}

pub(super) fn check_token(token: Found<Secret>) -> Result<Secret, Failure> {
    if is_token(token.value.expose()) {
        return Ok(token.value);
    }
    Err(Failure::usage(format!(
        "{}: this is not a telephone token: those begin with \"sbt_\", short-lived ones with \"eyJ\", and \
         have no spaces. Create one in the dashboard under Tokens and copy it whole",
        token.place
    )))
}

fn missing_server(path: Option<&Path>) -> Failure {
    Failure::usage(format!(
        "no switchboard is known: give --server URL, set TELEPHONE_SERVER, or run `telephone login --server URL`{}",
        looked_in(path)
    ))
}

fn missing_token(path: Option<&Path>) -> Failure {
    Failure::usage(format!(
        "no token is known: create one in the dashboard under Tokens, then give --token, set TELEPHONE_TOKEN or \
         TELEPHONE_TOKEN_FILE, or run `telephone login`{}",
        looked_in(path)
    ))
}

fn looked_in(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" (looked in {})", path.display()))
}
