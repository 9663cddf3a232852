//! `telephone http`.

use std::process::ExitCode;

use telephone::{Announcement, Target};

use super::announcement::{self, AnnouncementError};
use super::args::{HttpArgs, Origins};
use super::exit::Failure;
use super::serve::{self, Plan, Tunnel};
use super::settings;

pub(super) fn run(args: HttpArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let target =
        Target::parse(&args.target).map_err(|error| Failure::usage(format!("{}: {error}", origins.place("target"))))?;
    let connection = settings::given(args.server.clone(), &args.token, origins)?.complete()?;
    let announcement = announced(&args, origins)?;
    let tunnel = Tunnel {
        name: None,
        target,
        subdomain: args.subdomain,
        announcement,
        host_header: args.host_header,
        insecure: args.insecure,
        connections: args.connections.map(usize::from),
    };
    serve::run(Plan {
        connection,
        ca_file: args.ca_file,
        name: args.name,
        region: args.region,
        log_format: args.log_format,
        log_level: args.log_level,
        tunnels: vec![tunnel],
    })
}

/// The service that the flags announce, if they do.
fn announced(args: &HttpArgs, origins: &Origins) -> Result<Option<Announcement>, Failure> {
    let HttpArgs { host, path, tag, service, .. } = args;
    announcement::of(host.clone(), path.clone(), tag.clone(), service.clone()).map_err(|error| {
        let place = match error {
            AnnouncementError::Tag => "tag",
            AnnouncementError::Path(_) => "path",
        };
        let flags = if error == AnnouncementError::Tag { " (--host, --path, --service)" } else { "" };
        Failure::usage(format!("{}: {error}{flags}", origins.place(place)))
    })
}
