//! `telephone login`.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use telephone::wire::Secret;

use super::args::{LoginArgs, Origins};
use super::exit::{self, Failure};
use super::settings::{self, Found, check_server, check_token};
use super::store;

/// The longest token that is read from standard input, in bytes.
const MAX_TOKEN: u64 = 4096;

pub(super) fn run(args: LoginArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let path = store::path()
        .ok_or_else(|| Failure::usage("there is no folder to store the login in: set HOME or XDG_CONFIG_HOME"))?;
    let server = settings::given_server(args.server, origins).ok_or_else(|| {
        Failure::usage("which switchboard? Give --server URL, for instance --server https://switchboard.example.com")
    })?;
    let server = check_server(&server)?;
    let token = match settings::given_token(&args.token, origins)? {
        Some(token) => token,
        None => ask(&server)?,
    };
    store::save(&path, &server, &check_token(token)?)?;
    println!("Stored in {}. Try: telephone http 3000", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Asks for the token without showing it, or reads it from a pipe.
fn ask(server: &str) -> Result<Found<Secret>, Failure> {
    let failed = |error: io::Error| Failure::new(exit::IO, format!("the token cannot be read: {error}"));
    if io::stdin().is_terminal() {
        let prompt = format!("Token for {server} (it is not shown): ");
        let token = rpassword::prompt_password(prompt).map_err(failed)?;
        return Ok(Found { value: Secret::new(token.trim()), place: "the token typed in".to_owned() });
    }
    let mut text = String::new();
    io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text).map_err(failed)?;
    Ok(Found { value: Secret::new(text.trim()), place: "the token on standard input".to_owned() })
}
