//! Exit codes, after sysexits(3).

use std::process::ExitCode;

use telephone::AgentError;
use telephone::wire::control::ErrorCode;

/// A check of `diagnose` has failed, or not all is as it should by `status`.
pub(super) const DIAGNOSED: u8 = 1;
/// A wrong command line, environment or file.
pub(super) const USAGE: u8 = 64;
/// Something this command relies on is not there: a deleted tunnel.
const UNAVAILABLE: u8 = 69;
/// A fault of the system: no runtime, no signal handlers.
pub(super) const OS: u8 = 71;
/// The subdomain, or an announced service, cannot be had.
const SUBDOMAIN: u8 = 73;
/// A file could not be written.
pub(super) const IO: u8 = 74;
/// Server and telephone have no version in common.
const PROTOCOL: u8 = 76;
/// The token was refused.
const TOKEN: u8 = 77;

/// For `--help`.
pub(super) const HELP: &str = "\
Exit codes:
   0  ended as asked to; diagnose: no check failed; status: all tunnels are online
   1  diagnose: a check failed; status: no telephone runs, or a tunnel is not online
  64  a setting is missing or wrong; nothing was dialled
  69  the tunnel was deleted
  71  the operating system refused something
  73  the subdomain or the service is taken, reserved or not valid
  74  a file could not be written
  76  server and telephone are too far apart in age
  77  the token was refused: unknown, expired, revoked, or not allowed to do this
 130  ended at once by a second Ctrl-C";

/// Why the command ends with an error.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A setting is missing or wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same about the tunnel of this name, if it has one.
    pub(super) fn about(self, tunnel: Option<&str>) -> Self {
        match tunnel {
            Some(name) => Self { message: format!("{name}: {}", self.message), ..self },
            None => self,
        }
    }

    /// The end of an agent.
    pub(super) fn of(end: &AgentError) -> Self {
        match end {
            AgentError::Refused { code, .. } => {
                let exit = match code {
                    code if code.is_token() => TOKEN,
                    code if code.is_subdomain() || code.is_service() => SUBDOMAIN,
                    ErrorCode::BadVersion => PROTOCOL,
                    _ => UNAVAILABLE,
                };
                Self::new(exit, format!("{end}{}", remedy(code)))
            }
            AgentError::Version { .. } => Self::new(PROTOCOL, end.to_string()),
            AgentError::ShutDown => Self::new(OS, end.to_string()),
        }
    }

    /// Says it on standard error.
    pub(crate) fn report(self) -> ExitCode {
        eprintln!("telephone: {}", self.message);
        ExitCode::from(self.code)
    }
}

/// What to do about a refusal.
fn remedy(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::AccountDeactivated => "\nAsk an administrator of the server to reactivate it.",
        ErrorCode::TokenScope => "\nCreate a token that allows it in the dashboard under Tokens.",
        code if code.is_token() => "\nCreate a token in the dashboard under Tokens, then run `telephone login`.",
        ErrorCode::SubdomainTaken | ErrorCode::SubdomainReserved => {
            "\nChoose another --subdomain, or leave it out to get a random one."
        }
        ErrorCode::SubdomainInvalid => {
            "\nA subdomain is made of letters, digits and hyphens, with no hyphen at either end, at most 63 in all."
        }
        _ => "",
    }
}
