//! `telephone.toml`: what `telephone start` serves.

mod table;
mod tunnel;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use telephone::wire::Secret;
use telephone::{ServerUrl, is_token};
use toml::de::{DeTable, DeValue};
use tracing_subscriber::filter::LevelFilter;

use super::args::LogFormat;
use super::exit::Failure;
use super::serve::Tunnel;
use super::settings::{Found, Given};
use super::store;
pub(super) use table::nearest;
use table::{At, Problem, Problems, Table};

/// The longest file that is read, in bytes; a wrong path could name anything.
const MAX_FILE: u64 = 1024 * 1024;
/// How many tunnels one telephone serves at most.
const MAX_TUNNELS: usize = 64;

/// The file where nobody names one, but for the folder of the login.
const HERE: &str = "telephone.toml";
const OF_THE_MACHINE: &str = "/etc/telephone/telephone.toml";

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    pub path: PathBuf,
    pub connection: Written,
    pub ca_file: Option<PathBuf>,
    pub name: Option<String>,
    pub region: Option<String>,
    pub log_format: Option<LogFormat>,
    pub log_level: Option<LevelFilter>,
    /// In the order of the file.
    pub tunnels: Vec<Tunnel>,
}

/// Server and token, as far as the file names them.
#[derive(Debug, Default)]
pub(super) struct Written {
    server: Option<String>,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
}

/// The file that applies: the one that is named, else the first usual one that is there.
pub(super) fn choose(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path);
    }
    let of_the_user = store::path().map(|path| path.with_file_name(HERE));
    let usual: Vec<_> = [Some(HERE.into()), of_the_user, Some(OF_THE_MACHINE.into())].into_iter().flatten().collect();
    usual.iter().find(|path| path.exists()).cloned().ok_or_else(|| {
        let places: Vec<_> = usual.iter().map(|path| path.display().to_string()).collect();
        Failure::usage(format!(
            "there is no telephone.toml: name one with --config FILE, or write one, such as\n\n    [tunnels.web]\n    \
             target = 3000\n\nLooked for: {}",
            places.join(", ")
        ))
    })
}

/// Reads a file. All that is wrong with it is told at once.
pub(super) fn load(path: &Path) -> Result<File, Failure> {
    let text = text(path).map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
    // Paths in a file are meant from where it is, whatever folder the command is started in.
    let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default();
    read(path, &folder, &text).map_err(|problems| {
        let lines: Vec<_> = problems
            .iter()
            .map(|Problem { line, column, message }| format!("{}:{line}:{column}: {message}", path.display()))
            .collect();
        Failure::usage(lines.join("\n"))
    })
}

#[cfg(unix)]
fn is_read_by_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o044 != 0)
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}

fn read(path: &Path, folder: &Path, text: &str) -> Result<File, Vec<Problem>> {
    let mut problems = Problems::of(text);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            // Only its message: the whole of it quotes the line, which may be the token's.
            problems.note(error.span().map_or(0, |span| span.start), format!("this is not TOML: {}", error.message()));
            return Err(problems.into_sorted());
        }
    };
    let file = whole(path, folder, Table::new("", table.into_inner()), &mut problems);
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(file) } else { Err(problems) }
}

fn whole(path: &Path, folder: &Path, mut table: Table<'_>, problems: &mut Problems<'_>) -> File {
    let connection = written(folder, &mut table, problems);
    let ca_file = table.text("ca_file", problems).map(|file| folder.join(file.value));
    let name = table.text("name", problems).map(|name| name.value);
    let region = table.text("region", problems).map(|region| region.value);
    let log_format = table.parsed("log_format", problems, |text| {
        LogFormat::from_str(text, false).map_err(|_| format!("{text:?} is neither \"text\" nor \"json\""))
    });
    let log_level = table.parsed("log_level", problems, |text| {
        text.parse().map_err(|_| format!("{text:?} is none of off, error, warn, info, debug and trace"))
    });
    let connections = table.number("connections", 1..=16, problems);
    let tunnels = tunnels(folder, &mut table, problems).into_iter();
    let tunnels = tunnels.map(|tunnel| Tunnel { connections: tunnel.connections.or(connections), ..tunnel }).collect();
    table.finish(problems);
    let (log_format, log_level) = (log_format.map(|format| format.value), log_level.map(|level| level.value));
    File { path: path.to_owned(), connection, ca_file, name, region, log_format, log_level, tunnels }
}

fn written(folder: &Path, table: &mut Table<'_>, problems: &mut Problems<'_>) -> Written {
    let server = table.parsed("server", problems, |text| {
        ServerUrl::parse(text).map(|url| url.to_string()).map_err(|error| error.to_string())
    });
    let token = table.parsed("token", problems, |text| {
        let wrong =
            || "this is not a telephone token: those begin with \"sbt_\", short-lived ones with \"eyJ\"".to_owned();
        is_token(text).then(|| Secret::new(text)).ok_or_else(wrong)
    });
    let token_file = table.text("token_file", problems);
    if let (Some(_), Some(file)) = (&token, &token_file) {
        problems.note(file.at, "token and token_file are both set; give only one of them");
    }
    Written {
        server: server.map(|server| server.value),
        token: token.map(|token| token.value),
        token_file: token_file.map(|file| folder.join(file.value)),
    }
}

fn tunnels(folder: &Path, table: &mut Table<'_>, problems: &mut Problems<'_>) -> Vec<Tunnel> {
    let Some(value) = table.take("tunnels") else {
        problems.note(0, "no tunnel is named: begin each with a line such as [tunnels.web]");
        return Vec::new();
    };
    let at = value.span().start;
    let DeValue::Table(named) = value.into_inner() else {
        problems.note(at, "each tunnel has a name: begin it with a line such as [tunnels.web]");
        return Vec::new();
    };
    let mut tunnels = Vec::new();
    // Without a subdomain, a tunnel is known by where it leads.
    let mut random = BTreeMap::new();
    for (At { value: name, at }, value) in Table::new("tunnels", named).into_entries() {
        let Some(tunnel) = tunnel::read(folder, At { value: name, at }, value, problems) else { continue };
        let name = tunnel.name.clone().unwrap_or_default();
        if tunnel.subdomain.is_none()
            && let Some(other) = random.insert(tunnel.target.to_string(), name)
        {
            let message = format!("this would be the same tunnel as [tunnels.{other}]: give one of them a subdomain");
            problems.note(at, message);
        }
        tunnels.push(tunnel);
    }
    if tunnels.len() > MAX_TUNNELS {
        problems.note(at, format!("a telephone serves at most {MAX_TUNNELS} tunnels; start another one for the rest"));
    }
    tunnels
}

impl File {
    /// Says so when other users of the machine can read the token in it.
    pub(super) fn warn_of_readers(&self) {
        #[cfg(unix)]
        if self.connection.token.is_some() && is_read_by_others(&self.path) {
            let path = self.path.display();
            eprintln!("telephone: {path} holds a token and others can read it: run `chmod 600 {path}`");
        }
    }

    /// Server and token, with their places.
    pub(super) fn given(&self) -> Result<Given, Failure> {
        let path = self.path.display();
        let Written { server, token, token_file } = &self.connection;
        let server = server.clone().map(|value| Found { value, place: format!("server in {path}") });
        let token = token.clone().map(|value| Found { value, place: format!("token in {path}") });
        Given { server, token, token_file: None }
            .with_token_file(token_file.as_deref(), &format!("token_file in {path}"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<File, Vec<(usize, usize, String)>> {
        super::read(Path::new("telephone.toml"), Path::new("/srv"), text).map_err(|problems| {
            problems.into_iter().map(|problem| (problem.line, problem.column, problem.message)).collect()
        })
    }

    #[test]
    fn a_whole_file_is_understood() {
        let file = read(
            "server = 'https://switchboard.example.com'\ntoken_file = 'token'\nconnections = 2\nlog_format = 'json'\n\
             [tunnels.web]\ntarget = 3000\nsubdomain = 'Shop'\n\
             [tunnels.api]\ntarget = 'unix:app.sock'\nhost = 'shop.example.com'\npath = '/api'\ntag = 'blue'\nconnections = 4\n",
        )
        .unwrap();
        assert_eq!(file.connection.token_file.as_deref(), Some(Path::new("/srv/token")));
        let [web, api] = file.tunnels.as_slice() else { panic!("{file:?}") };
        assert_eq!((web.target.to_string().as_str(), web.connections), ("http://localhost:3000", Some(2)));
        assert_eq!(web.subdomain.as_deref(), Some("shop"));
        assert_eq!((api.target.to_string().as_str(), api.connections), ("unix:/srv/app.sock", Some(4)));
        assert_eq!(api.announcement.as_ref().unwrap().tag.as_deref(), Some("blue"));
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place_and_what_to_do() {
        let text = "sever = 'https://example.com'\nconnections = 17\n\n[tunnels.web]\ntraget = 3000\n\
                    [tunnels.api]\ntarget = 'nonsense'\n  insecure = 'yes'\ntag = 'blue'\n[tunnels.'a b']\ntarget = 1\n";
        let problems = read(text).unwrap_err();
        let places: Vec<_> = problems.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 1), (2, 15), (4, 10), (5, 1), (7, 10), (8, 14), (9, 7), (10, 10)], "{problems:#?}");
        for (index, part) in [
            (0, "did you mean server?"),
            (1, "1 to 16"),
            (2, "target = 3000"),
            (3, "\"traget\" in [tunnels.web]; did you mean target?"),
            (4, "localhost:3000"),
            (5, "true or false"),
            (6, "host, path or service"),
            (7, "letters"),
        ] {
            assert!(problems[index].2.contains(part), "no {part:?} in {:?}", problems[index]);
        }
    }

    #[test]
    fn columns_are_of_characters_and_no_secret_is_repeated() {
        let problems = read("name = 'größer'\ntoken = 'not a secret'\n[tunnels]\n").unwrap_err();
        assert_eq!((problems[0].0, problems[0].1), (2, 9));
        assert!(!problems[0].2.contains("not a secret"), "{problems:?}");
        let problems = read("name = 'ö' x\n").unwrap_err();
        assert_eq!((problems[0].0, problems[0].1), (1, 12), "{problems:?}");
    }

    #[test]
    fn two_tunnels_do_not_get_one_address_by_mistake() {
        let problems = read("[tunnels.a]\ntarget = 3000\n[tunnels.b]\ntarget = 'localhost:3000'\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].2.contains("[tunnels.a]"), "{problems:?}");
        let both = "[tunnels.a]\ntarget = 3000\n[tunnels.b]\ntarget = 3000\nsubdomain = 'b'\n";
        assert_eq!(read(both).unwrap().tunnels.len(), 2);
        assert!(read("").unwrap_err()[0].2.contains("[tunnels.web]"));
        assert!(read("[[tunnels]]\ntarget = 3000\n").unwrap_err()[0].2.contains("[tunnels.web]"));
    }
}
