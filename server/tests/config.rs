//! Settings: which of their sources wins, and what is said about wrong ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use clap::{CommandFactory, Parser};
use domain::RegionName;
use server::{
    commands::Arguments,
    config::{Config, ConfigError, DataDir, DataDirError, setting},
};
use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

/// Settings from flags, variables and a `switchboard.toml`, as a process would read them in a folder of its own.
struct Given {
    folder: tempfile::TempDir,
    flags: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Given {
    fn nothing() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), flags: Vec::new(), variables: BTreeMap::new() }
    }

    fn flags(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| flag.to_string()).collect();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(self, text: &str) -> Self {
        fs::write(self.folder.path().join("switchboard.toml"), text).unwrap();
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let line = std::iter::once("switchboard").chain(self.flags.iter().map(String::as_str));
        let arguments = Arguments::try_parse_from(line).unwrap();
        Config::load_from(&arguments.settings, &self.variables, self.folder.path().to_owned())
    }

    /// What is said about wrong settings, without the folder of this test.
    fn refused(&self) -> String {
        self.load().unwrap_err().to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn without_settings_everything_stays_on_this_machine() {
    let config = Given::nothing().load().unwrap();
    assert_eq!(config.addresses.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.addresses.metrics_listen.unwrap().to_string(), "127.0.0.1:9090");
    assert_eq!(config.addresses.public_url(config.addresses.listen).as_str(), "http://localhost:8080/");
    assert_eq!(config.addresses.tunnel_domain.as_str(), "localhost");
    assert!(config.addresses.loopback_only());
    assert!(config.addresses.trusted_proxies.is_empty());
    assert_eq!(config.storage.database_url.sqlite_path(), Some(Path::new("data/switchboard.db")));
    assert_eq!(config.limits.shutdown_grace, Duration::from_secs(30));
    assert_eq!(config.accounts.session_lifetime, Duration::from_secs(30 * 86_400));
    assert!((1..=8).contains(&config.node.data_threads));
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn flag_beats_variable_beats_file_beats_default() {
    let file = Given::nothing().file("region = \"file\"\nmax_connections = 7\n");
    assert_eq!(file.load().unwrap().node.region.as_ref().map(RegionName::as_str), Some("file"));
    assert_eq!(file.load().unwrap().limits.max_connections, 7);
    let variable = file.variable("SWITCHBOARD_REGION", "variable");
    assert_eq!(variable.load().unwrap().node.region.as_ref().map(RegionName::as_str), Some("variable"));
    let flag = variable.flags(&["--region", "flag"]);
    assert_eq!(flag.load().unwrap().node.region.as_ref().map(RegionName::as_str), Some("flag"));
    let after_the_command = flag.flags(&["serve", "--region", "later"]);
    assert_eq!(after_the_command.load().unwrap().node.region.as_ref().map(RegionName::as_str), Some("later"));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let given = Given::nothing().file("region = \"file\"").variable("SWITCHBOARD_REGION", "");
    assert_eq!(given.load().unwrap().node.region.as_ref().map(RegionName::as_str), Some("file"));
}

#[test]
fn a_value_can_lie_in_a_file_of_its_own() {
    let given = Given::nothing();
    let secret = given.folder.path().join("secret");
    fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
    let config = given.variable("SWITCHBOARD_JWT_SECRET_FILE", secret.to_str().unwrap()).load().unwrap();
    assert_eq!(config.accounts.jwt_secret.unwrap().expose(), b"0123456789abcdef0123456789abcdef");
}

#[test]
fn every_mistake_is_reported_with_its_place_and_remedy() {
    let given = Given::nothing()
        .file("# our server\n\nidle_timeout = 5\nlisen = \"x\"\n[limits]\na = 1\n")
        .variable("SWITCHBOARD_SIGNUP", "maybe")
        .flags(&["--listen", "8080", "--max-connections=-1"]);
    assert_eq!(
        given.refused(),
        "lisen (switchboard.toml:4): there is no such setting; did you mean listen?\n\
         limits (switchboard.toml:5): there is no such setting; `switchboard --help` lists all of them\n\
         listen (flag --listen): \"8080\" is not an address with a port; write 127.0.0.1:8080 for this machine only, \
         0.0.0.0:8080 or [::]:8080 for all\n\
         signup (environment variable SWITCHBOARD_SIGNUP): \"maybe\": unknown sign-up policy; use open, closed or \
         invite\n\
         idle_timeout (switchboard.toml:3): \"5\" is not a length of time; write a time with its unit, such as 500ms, \
         10s or 2m\n\
         max_connections (flag --max-connections): \"-1\" is not a number from 1 to 1000000"
    );
}

#[test]
fn each_wrong_value_is_refused() {
    for (flag, value, said) in [
        ("listen", "example.com:80", "is not an address with a port"),
        ("metrics-listen", "on", "or off"),
        ("metrics-listen", "127.0.0.1:8080", "already the address of listen"),
        ("public-url", "switchboard.example.com", "https://switchboard.example.com"),
        ("session-lifetime", "0s", "from 1s to 365d"),
        ("session-lifetime", "2y", "from 1s to 365d"),
        ("session-lifetime", "a month", "such as 12h or 30d"),
        ("public-url", "ftp://a", "is not an http or https address"),
        ("public-url", "https://a/b", "only scheme, host and port"),
        ("public-url", "https://a:b@c", "only scheme, host and port"),
        ("tunnel-domain", "http://a", "is not a host name"),
        ("tunnel-domain", "10.0.0.1", "this is an IP address"),
        ("trusted-proxies", "10.0.0.0/33", "is neither an address nor a network"),
        ("dns-resolver", "dns.example.com", "is not the address of a name server"),
        ("dns-resolver", "9.9.9.9:0", "is not the address of a name server"),
        ("dns-resolver", "", "name 1 to 8"),
        ("data-dir", "", "no folder is named"),
        ("database-url", "mysql://a/b", "postgres://user:password@host:5432/name"),
        ("header-timeout", "0s", "out of range"),
        ("shutdown-grace", "2days", "out of range"),
        ("health-interval", "1500ms", "whole seconds up to five minutes"),
        ("health-timeout", "10ms", "from 50ms to 60s"),
        ("response-timeout", "soon", "is not a length of time"),
        ("capture-level", "all", "use one of off, metadata, headers, bodies"),
        ("capture-rate", "-1", "from 0 to 100000"),
        ("capture-disk", "2", "such as 500MiB or 2GiB"),
        ("capture-disk", "1MiB", "from 16MiB"),
        ("data-threads", "65", "from 1 to 64"),
        ("update-interval", "", "is not a length of time"),
        ("region", "eu west", "is not a name"),
        ("region", "-eu", "is not a name"),
        ("node", "a/b", "is not a name"),
        ("oidc-issuer", "id.example.com", "is not a URL"),
        ("oidc-issuer", "http://id.example.com", "is reached by https"),
        ("oidc-issuer", "https://id.example.com/?a", "neither a query nor a password"),
        ("oidc-issuer", "https://id.example.com", "say with oidc_client_id"),
        ("oidc-client-id", "", "1 to 500 characters"),
        ("oidc-client-id", "switchboard", "say with oidc_issuer"),
        ("oidc-name", "", "1 to 40 characters"),
        ("oidc-sign-up", "", "1 to 50 domains"),
        ("oidc-sign-up", "everybody@example.com", "is not a host name"),
        ("log-level", "loud", "is not a level"),
        ("log-level", "info,a=b", "write error, warn, info"),
        ("log-format", "xml", "is neither text nor json"),
    ] {
        let said_about = Given::nothing().flags(&[&format!("--{flag}={value}")]).refused();
        let key = flag.replace('-', "_");
        assert!(said_about.starts_with(&format!("{key} (flag --{flag}): ")), "{said_about}");
        assert!(said_about.contains(said) && said_about.lines().count() == 1, "{said_about}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let missing = Given::nothing().flags(&["--config", "nowhere.toml"]).refused();
    assert!(missing.starts_with("config (flag --config): nowhere.toml cannot be read: "), "{missing}");
    let broken = Given::nothing().file("region = \"a\"\nnode = \n").refused();
    assert!(broken.starts_with("config (switchboard.toml:2): this is not TOML: "), "{broken}");
    let no_text = Given::nothing().file("\nlisten = true").refused();
    assert_eq!(
        no_text,
        "listen (switchboard.toml:2): write ADDRESS:PORT as a text in quotes, a number or a list of texts"
    );
    let twice = Given::nothing().variable("SWITCHBOARD_NODE", "a").variable("SWITCHBOARD_NODE_FILE", "b").refused();
    assert_eq!(
        twice,
        "node (environment variable SWITCHBOARD_NODE): SWITCHBOARD_NODE_FILE is set as well; unset one of the two"
    );
    let no_file = Given::nothing().variable("SWITCHBOARD_NODE_FILE", "/nowhere/x").refused();
    assert!(no_file.starts_with("node (file /nowhere/x (named by SWITCHBOARD_NODE_FILE)): the file cannot be read: "));
}

#[test]
fn no_error_and_no_debug_output_shows_a_secret() {
    let short = Given::nothing().variable("SWITCHBOARD_JWT_SECRET", "hunter2").refused();
    assert!(short.contains("at least 32 characters") && !short.contains("hunter2"), "{short}");
    let url = Given::nothing().variable("SWITCHBOARD_DATABASE_URL", "mysql://me:hunter2@host/db").refused();
    assert!(!url.contains("hunter2"), "{url}");
    let config = Given::nothing()
        .variable("SWITCHBOARD_JWT_SECRET", "hunter2hunter2hunter2hunter2hunter2")
        .variable("SWITCHBOARD_DATABASE_URL", "postgres://me:hunter2@host/db")
        .load()
        .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn mistyped_variables_are_pointed_out_and_foreign_ones_left_alone() {
    let config = Given::nothing()
        .variable("SWITCHBOARD_LISTN", "127.0.0.1:1")
        .variable("SWITCHBOARD_SERVICE_HOST", "10.0.0.1")
        .load()
        .unwrap();
    assert_eq!(
        config.warnings,
        ["environment variable SWITCHBOARD_LISTN is no setting and is ignored; did you mean SWITCHBOARD_LISTEN?"]
    );
}

#[test]
fn trusted_proxies_are_a_list_in_the_file_and_separated_by_commas_elsewhere() {
    let from_file = Given::nothing().file("trusted_proxies = [\"10.1.2.3/8\", \"::1\"]").load().unwrap();
    let from_flag = Given::nothing().flags(&["--trusted-proxies", "10.0.0.0/8, ::1"]).load().unwrap();
    assert_eq!(from_file.addresses.trusted_proxies, from_flag.addresses.trusted_proxies);
}

#[test]
fn name_servers_have_port_53_unless_another_is_given() {
    let from_file = Given::nothing().file("dns_resolver = [\"9.9.9.9\", \"[::1]:5353\", \"::1\"]").load().unwrap();
    let servers: Vec<_> = from_file.addresses.dns_resolver.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["9.9.9.9:53", "[::1]:5353", "[::1]:53"]);
    let from_flag = Given::nothing().flags(&["--dns-resolver", "9.9.9.9, [::1]:5353 [::1]"]).load().unwrap();
    assert_eq!(from_flag.addresses.dns_resolver, from_file.addresses.dns_resolver);
    assert!(Given::nothing().load().unwrap().addresses.dns_resolver.is_empty());
}

#[test]
fn the_public_address_follows_the_port_that_was_bound() {
    let config = Given::nothing().flags(&["--listen", "localhost:0"]).load().unwrap();
    let bound = "127.0.0.1:4321".parse().unwrap();
    assert_eq!(config.addresses.public_url(bound).as_str(), "http://localhost:4321/");
    let config = Given::nothing().flags(&["--public-url", "https://sb.example.com"]).load().unwrap();
    assert_eq!(config.addresses.public_url(bound).as_str(), "https://sb.example.com/");
}

#[test]
fn a_server_that_is_published_is_not_for_this_machine_only() {
    for (flags, only) in [
        (&["--listen", "[::1]:8080"][..], true),
        (&["--public-url", "http://sb.localhost:8080"], true),
        (&["--listen", "0.0.0.0:8080"], false),
        (&["--public-url", "https://sb.example.com"], false),
        (&["--trusted-proxies", "127.0.0.1"], false),
    ] {
        assert_eq!(Given::nothing().flags(flags).load().unwrap().addresses.loopback_only(), only, "{flags:?}");
    }
}

#[test]
fn the_data_folder_is_private_and_its_key_lasts() {
    let given = Given::nothing();
    let folder = given.folder.path().join("a/data");
    let config = given.flags(&["--data-dir", folder.to_str().unwrap()]).load().unwrap();
    let data = DataDir::open(&config.storage).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);

    let key = data.signing_key().unwrap();
    assert_eq!(mode(&folder.join("jwt.key")), 0o600);
    assert_eq!(key.expose().len(), 64);
    assert_eq!(DataDir::open(&config.storage).unwrap().signing_key().unwrap(), key);
    assert_ne!(data.sealing_key().unwrap(), key);
    assert_eq!(mode(&folder.join("sealing.key")), 0o600);

    fs::write(folder.join("jwt.key"), "").unwrap();
    let error = data.signing_key().unwrap_err();
    assert!(matches!(error, DataDirError::BadKey { .. }), "{error}");
    assert_eq!(fs::read_to_string(folder.join("jwt.key")).unwrap(), "");
}

#[test]
fn a_data_folder_serves_one_process_at_a_time() {
    let given = Given::nothing();
    let folder = given.folder.path().to_str().unwrap().to_owned();
    let config = given.flags(&["--data-dir", &folder]).load().unwrap();
    let data = DataDir::open(&config.storage).unwrap();
    let lock = data.lock().unwrap();
    let refused = data.lock().unwrap_err().to_string();
    let process = std::process::id();
    assert_eq!(
        refused,
        format!(
            "data_dir (flag --data-dir): {folder} is in use by another switchboard (process {process}); stop that one \
             first, or name another folder"
        )
    );
    drop(lock);
    data.lock().unwrap();
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named_with_its_place() {
    let given = Given::nothing().file("data_dir = \"/dev/null/data\"");
    let error = DataDir::open(&given.load().unwrap().storage).unwrap_err().to_string();
    assert!(error.contains("switchboard.toml:1): /dev/null/data cannot be used: "), "{error}");
    assert!(error.ends_with("name a folder that this user may write, or change its owner"), "{error}");
}

#[test]
fn readme_and_help_know_every_setting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let rows: Vec<String> =
        readme.lines().filter(|line| line.starts_with("| `")).map(|line| line.trim().to_owned()).collect();
    let expected: Vec<String> = setting::ALL
        .iter()
        .map(|setting| {
            let value = setting.value.replace('|', "\\|");
            format!("| `{}` | {value} | {} | {} |", setting.key, setting.default, setting.help)
        })
        .collect();
    let table: Vec<_> = rows.into_iter().filter(|row| expected.iter().any(|line| same_key(line, row))).collect();
    assert_eq!(table, expected, "README.md has another table of settings than the program");

    let help = Arguments::command().render_long_help().to_string();
    for setting in setting::ALL {
        assert!(help.contains(&setting.variable()), "{} is missing in --help", setting.key);
        assert_eq!(help.contains(&format!("--{} <", setting.flag())), !setting.secret, "{}", setting.key);
    }
}

fn same_key(one: &str, other: &str) -> bool {
    one.split('|').nth(1) == other.split('|').nth(1)
}

#[test]
fn the_example_file_in_the_documentation_holds_every_setting_and_loads() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    // Settings without a fixed default are commented out in the example.
    let whole = example.replace("\n# ", "\n");
    let config = Given::nothing().file(&whole).load().unwrap();
    assert_eq!(config.limits.idle_timeout, Duration::from_secs(60));
    for setting in setting::ALL {
        assert!(whole.contains(&format!("\n{} = ", setting.key)), "{} is missing in the example", setting.key);
    }
}
