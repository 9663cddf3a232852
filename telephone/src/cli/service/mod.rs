//! `telephone service`: a telephone that systemd starts with the machine, or with its user's session.

mod unit;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::args::{InstallArgs, ServiceArgs, ServiceCommand};
use super::exit::{self, Failure};
use super::settings::Given;
use super::{file, store};
use unit::{MARK, Unit};

pub(super) fn run(command: ServiceCommand) -> Result<ExitCode, Failure> {
    match command {
        ServiceCommand::Install(args) => install(args),
        ServiceCommand::Uninstall(args) => uninstall(&args),
    }
}

/// Writes the unit, and has systemd start it now and from now on.
fn install(args: InstallArgs) -> Result<ExitCode, Failure> {
    let service = &args.service;
    let name = unit_name(service)?;
    let file = std::path::absolute(file::choose(args.config)?).map_err(|error| Failure::usage(error.to_string()))?;
    let server = server_of(&file, service.system)?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(exit::OS, format!("it is not known where this program is: {error}")))?;
    let run_as = args.run_as.as_deref().map(account).transpose()?;
    let unit = Unit { program: &program, file: &file, server: &server, of_machine: service.system, run_as };
    if args.print {
        print!("{}", unit.text());
        return Ok(ExitCode::SUCCESS);
    }
    let path = unit_path(service.system, &name)?;
    if path.exists() {
        require_ours(&path)?;
    }
    write(&path, &unit.text()).map_err(|error| not_written(&path, &error))?;
    println!("Written: {}", path.display());
    systemctl(service.system, &["daemon-reload"])?;
    systemctl(service.system, &["enable", &name])?;
    // One that runs already is to run with what was written now.
    systemctl(service.system, &["restart", &name])?;
    let user = if service.system { "" } else { " --user" };
    println!("Started, now and whenever {}.", if service.system { "the machine starts" } else { "you sign in" });
    println!("How it is: telephone status, systemctl{user} status {name}, journalctl{user} --unit {name}");
    if !service.system {
        println!("To have it run while you are not signed in: loginctl enable-linger");
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends it and takes the unit away.
fn uninstall(args: &ServiceArgs) -> Result<ExitCode, Failure> {
    let name = unit_name(args)?;
    let path = unit_path(args.system, &name)?;
    if !path.exists() {
        let hint = if args.system { "" } else { "; one of the machine is taken away with --system" };
        return Err(Failure::usage(format!("there is no {}{hint}", path.display())));
    }
    require_ours(&path)?;
    systemctl(args.system, &["disable", "--now", &name])?;
    fs::remove_file(&path).map_err(|error| not_written(&path, &error))?;
    systemctl(args.system, &["daemon-reload"])?;
    println!("Ended, and taken away: {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that a telephone started by systemd finds all it needs: it has none of the variables that are set here.
fn server_of(path: &Path, of_machine: bool) -> Result<String, Failure> {
    let file = file::load(path)?;
    file.warn_of_readers();
    let given = file.given()?;
    if of_machine && let Given { server: None, .. } | Given { token: None, .. } = &given {
        return Err(Failure::usage(format!(
            "{}: a service of the machine reads nobody's login: add server, and token or token_file",
            path.display()
        )));
    }
    Ok(given.complete()?.server)
}

fn unit_name(args: &ServiceArgs) -> Result<String, Failure> {
    let name = &args.name;
    let shaped = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !shaped || name.is_empty() || name.len() > 64 {
        return Err(Failure::usage(format!(
            "--name: {name:?} is no name: it has letters, digits, - and _, at most 64"
        )));
    }
    Ok(format!("{name}.service"))
}

fn account(name: &str) -> Result<&str, Failure> {
    let shaped = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if shaped && !name.is_empty() && !name.starts_with('-') {
        return Ok(name);
    }
    Err(Failure::usage(format!("--run-as: {name:?} is no name of an account")))
}

/// Where systemd looks for it.
fn unit_path(of_machine: bool, name: &str) -> Result<PathBuf, Failure> {
    if of_machine {
        return Ok(Path::new("/etc/systemd/system").join(name));
    }
    let folder = store::config_folder();
    let folder = folder.ok_or_else(|| Failure::usage("there is no folder for it: set HOME or XDG_CONFIG_HOME"))?;
    Ok(folder.join("systemd/user").join(name))
}

/// Refuses to touch what somebody else has written.
fn require_ours(path: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(path).map_err(|error| not_written(path, &error))?;
    if text.starts_with(MARK) {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::usage(format!("{path} was not written by `telephone service install`; choose another --name")))
}

/// Replaces the file as a whole.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _removed = fs::remove_file(&draft);
    }
    written
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => "; try again with sudo",
        _ => "",
    };
    Failure::new(exit::IO, format!("{}: {error}{hint}", path.display()))
}

fn systemctl(of_machine: bool, arguments: &[&str]) -> Result<(), Failure> {
    let whose: &[&str] = if of_machine { &[] } else { &["--user"] };
    let line = ["systemctl"].iter().chain(whose).chain(arguments).copied().collect::<Vec<_>>().join(" ");
    let status = Command::new("systemctl").args(whose).args(arguments).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(exit::OS, format!("`{line}` ended with {status}"))),
        Err(error) => Err(Failure::new(
            exit::OS,
            format!("`{line}` cannot be run: {error}; is systemd what starts services here?"),
        )),
    }
}
