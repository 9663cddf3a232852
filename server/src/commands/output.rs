//! Writing what a command was asked for.

use std::io::{self, ErrorKind, Write};

use super::{Failure, exit};

/// Writes all of it to standard output. A reader that has seen enough, such as `head`, is no failure.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(exit::OS, format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}
