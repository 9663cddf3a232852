//! One tunnel in `telephone.toml`.

use std::path::Path;

use telephone::{Announcement, Target, is_host_header};
use toml::Spanned;
use toml::de::DeValue;

use super::table::{At, Problems, Table};
use crate::cli::announcement::{self, AnnouncementError};
use crate::cli::serve::Tunnel;

/// The longest name of a tunnel; it stands before each of its lines.
const MAX_NAME: usize = 32;

/// Reads a tunnel; `None` when there is something without which there is none.
pub(super) fn read(
    folder: &Path,
    name: At<String>,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<Tunnel> {
    let At { value: name, at } = name;
    if !is_name(&name) {
        problems
            .note(at, format!("{name:?} is no name: it has 1 to {MAX_NAME} letters, digits, hyphens and underscores"));
    }
    let DeValue::Table(table) = value.into_inner() else {
        problems.note(at, format!("a tunnel is a table: begin it with [tunnels.{name}]"));
        return None;
    };
    let mut table = Table::new(format!("tunnels.{name}"), table);
    if !table.has("target") {
        problems.note(at, "the local server is missing: add a line such as target = 3000");
    }
    let target = table.text_or_number("target", problems).and_then(|At { value, at }| {
        let target = Target::parse(&from_folder(folder, value));
        target.map_err(|error| problems.note(at, format!("target: {error}"))).ok()
    });
    let subdomain = table.parsed("subdomain", problems, subdomain).map(|subdomain| subdomain.value);
    let announcement = announcement(&mut table, problems);
    let host_header = table.parsed("host_header", problems, |text| {
        is_host_header(text).then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no host name"))
    });
    let insecure = table.flag("insecure", problems);
    let connections = table.number("connections", 1..=16, problems);
    table.finish(problems);
    let host_header = host_header.map(|host| host.value);
    Some(Tunnel { name: Some(name), target: target?, subdomain, announcement, host_header, insecure, connections })
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A socket that is named by a relative path is meant from where the file is.
fn from_folder(folder: &Path, target: String) -> String {
    match target.strip_prefix("unix:") {
        Some(path) if !path.is_empty() && !path.starts_with('/') => format!("unix:{}", folder.join(path).display()),
        _ => target,
    }
}

/// A label of DNS (RFC 1123 section 2.1), in lower case. Whether it can be had is the switchboard's to say.
fn subdomain(text: &str) -> Result<String, String> {
    let shaped = text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if shaped && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("{text:?} is no subdomain: it has letters, digits and hyphens, none at either end, at most 63 in all"))
}

fn announcement(table: &mut Table<'_>, problems: &mut Problems<'_>) -> Option<Announcement> {
    let mut text = |key| table.text(key, problems);
    let (host, path, tag, service) = (text("host"), text("path"), text("tag"), text("service"));
    let (path_at, tag_at) = (path.as_ref().map(|path| path.at), tag.as_ref().map(|tag| tag.at));
    let value = |found: Option<At<String>>| found.map(|found| found.value);
    announcement::of(value(host), value(path), value(tag), value(service)).unwrap_or_else(|error| {
        let at = match error {
            AnnouncementError::Tag => tag_at,
            AnnouncementError::Path(_) => path_at,
        };
        problems.note(at.unwrap_or_default(), error.to_string());
        None
    })
}
