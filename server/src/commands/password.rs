//! Asks for a password without showing it.

use std::io::{self, BufRead, IsTerminal};

use super::{Failure, exit};

/// Longer than any password that is accepted.
const LONGEST_LINE: u64 = 4096;

/// Asks twice on a terminal; otherwise, or when told to, takes the first line of standard input.
pub(super) fn read(from_stdin: bool) -> Result<String, Failure> {
    if from_stdin || !io::stdin().is_terminal() {
        return first_line(io::stdin().lock());
    }
    let password = ask("New password: ")?;
    if password != ask("The same again: ")? {
        return Err(Failure::new(exit::DATA, "the two passwords differ; nothing was changed"));
    }
    Ok(password)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt)
        .map_err(|error| Failure::new(exit::OS, format!("the password cannot be read from the terminal: {error}")))
}

fn first_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    input.take(LONGEST_LINE).read_line(&mut line).map_err(|error| {
        Failure::new(exit::DATA, format!("the password cannot be read from standard input: {error}"))
    })?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::new(exit::DATA, "no password on standard input; write it as the first line"));
    }
    Ok(password.to_owned())
}
