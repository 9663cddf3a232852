//! What `--help` says beyond the list of flags.

use std::fmt::Write as _;

use crate::config::setting;

/// Below `-h`.
pub(super) const SHORT: &str =
    "`switchboard --help` also lists the environment variables, the keys of the file and the exit codes.";

const PRECEDENCE: &str = "\
Environment and file:
  Every setting can be given in four ways. The first of these that has it applies:
    1. the flag, such as --data-dir /srv/switchboard
    2. the environment variable, such as SWITCHBOARD_DATA_DIR=/srv/switchboard, or the same
       with _FILE and the name of a file that holds the value (for secrets); an empty
       variable counts as not set
    3. the configuration file (TOML), such as data_dir = \"/srv/switchboard\"
    4. the default
  The file is the one named by --config or SWITCHBOARD_CONFIG, else switchboard.toml in the
  working folder, else /etc/switchboard/switchboard.toml. A wrong value or an unknown key stops
  the start with its place; nothing is opened or bound before all settings are right.
";

const EXIT_CODES: &str = "
Exit codes:
    0  done; for serve: stopped as asked to
    1  the server is not alive (health), or it stopped by a fault (serve)
   64  the command line is not understood
   65  what was entered cannot be accepted, or a file or the database is damaged or too new
   69  the database does not answer, or the address is in use
   71  the operating system refused something
   78  a setting is wrong, or the data folder cannot be used
  130  ended at once by a second signal";

/// Below `--help`.
pub(super) fn long() -> String {
    let mut text = PRECEDENCE.to_owned();
    text.push_str("\n  Key in the file     Environment variable\n");
    for setting in setting::ALL {
        let only = if setting.secret { "   (no flag: command lines are public)" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<19} {}{only}", setting.key, setting.variable());
    }
    for setting in setting::ALL.iter().filter(|setting| setting.secret) {
        let _ = writeln!(text, "\n  {}: {} [default: {}]", setting.key, setting.help, setting.default);
    }
    text.push_str(EXIT_CODES);
    text
}
