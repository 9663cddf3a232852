//! The unit that systemd starts a telephone by, see systemd.service(5) and systemd.exec(5).

use std::fmt::Write as _;
use std::path::Path;

/// The first line of what is written, by which it is known again.
pub(super) const MARK: &str = "# Written by `telephone service install`; `telephone service uninstall` takes it away.";

/// What a unit says.
#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub program: &'a Path,
    pub file: &'a Path,
    pub server: &'a str,
    /// A service of the machine, instead of one of its user.
    pub of_machine: bool,
    /// The account it runs under, where that is not who starts it.
    pub run_as: Option<&'a str>,
}

/// For all of them. What is wrong with the settings, or refused for good, is no better the second time; a drain takes up
/// to 30 s.
const SERVICE: &str = "\
Type=exec
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=64 73 76 77
TimeoutStopSec=40
LimitNOFILE=65536
NoNewPrivileges=yes
";

/// What a service of the machine has to do without: it reads its file, dials and is dialled by nobody.
const CONFINED: &str = "\
RuntimeDirectory=telephone
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
";

impl Unit<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{MARK}\n[Unit]\nDescription=Tunnels of {}\n", self.server.replace('%', "%%"));
        if self.of_machine {
            text.push_str("Wants=network-online.target\nAfter=network-online.target\n");
        }
        let (program, file) = (quoted(self.program), quoted(self.file));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[Service]\nExecStart={program} start --config {file}\n{SERVICE}");
        if let Some(user) = self.run_as {
            let _ = writeln!(text, "User={user}");
        }
        if self.of_machine {
            text.push_str(CONFINED);
        }
        let target = if self.of_machine { "multi-user.target" } else { "default.target" };
        let _ = write!(text, "\n[Install]\nWantedBy={target}\n");
        text
    }
}

/// A path as one word of a command line, see systemd.syntax(7) and "COMMAND LINES" in systemd.service(5).
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted(Path::new("/opt/my tools/50%/$x\"y")), "\"/opt/my tools/50%%/$$x\\\"y\"");
    }

    #[test]
    fn a_service_of_the_machine_is_confined_and_one_of_a_user_follows_their_session() {
        let (program, file) = (Path::new("/usr/bin/telephone"), Path::new("/etc/telephone/telephone.toml"));
        let server = "https://switchboard.example.com";
        let unit = Unit { program, file, server, of_machine: true, run_as: Some("web") };
        let text = unit.text();
        let start = "ExecStart=\"/usr/bin/telephone\" start --config \"/etc/telephone/telephone.toml\"\n";
        for line in [start, "User=web\n", "ProtectSystem=strict\n", "WantedBy=multi-user.target\n"] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        let text = Unit { of_machine: false, run_as: None, ..unit }.text();
        assert!(text.contains("WantedBy=default.target\n") && !text.contains("ProtectSystem"), "{text}");
    }
}
