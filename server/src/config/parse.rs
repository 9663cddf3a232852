//! From text to value, with errors that say what to write.

use domain::{CaptureLevel, Hostname, RegionName};
use ipnet::IpNet;
use server_core::{Secret, SignupPolicy};
use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    num::NonZero,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};
use url::Url;

/// `ADDRESS:PORT`.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| {
        format!("{text:?} is not an address with a port; write 127.0.0.1:8080 for this machine only, 0.0.0.0:8080 or [::]:8080 for all")
    })
}

/// An address, or `off`.
pub(super) fn address_or_off(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    address(text).map(Some).map_err(|problem| format!("{problem}; or off"))
}

/// An origin: scheme, host and perhaps port, nothing after it.
pub(super) fn origin(text: &str) -> Result<Url, String> {
    let example = "write it like https://switchboard.example.com";
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error}); {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("{text:?} is not an http or https address; {example}"));
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("only scheme, host and port may be given, without path, query or password; {example}"));
    }
    Ok(url)
}

/// Anything whose own error says what to write and repeats no secret.
pub(super) fn from_str<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Who may create an account.
pub(super) fn signup(text: &str) -> Result<SignupPolicy, String> {
    from_str(text).map_err(|problem| format!("{text:?}: {problem}"))
}

/// A host name.
pub(super) fn hostname(text: &str) -> Result<Hostname, String> {
    text.parse().map_err(|error| format!("{text:?}: {error}"))
}

/// Networks separated by commas or spaces; a single address is a network of one.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    text.split([',', ' ']).filter(|item| !item.is_empty()).map(network).collect()
}

fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| single())
        .map(|network| network.trunc())
        .map_err(|_| format!("{text:?} is neither an address nor a network; write 10.0.0.0/8, 192.0.2.7 or fd00::/8"))
}

/// More name servers than this help nobody.
const MOST_NAME_SERVERS: usize = 8;

/// Name servers separated by commas or spaces, each an address with or without a port.
pub(super) fn name_servers(text: &str) -> Result<Vec<SocketAddr>, String> {
    let servers: Vec<_> =
        text.split([',', ' ']).filter(|item| !item.is_empty()).map(name_server).collect::<Result<_, _>>()?;
    if servers.is_empty() || servers.len() > MOST_NAME_SERVERS {
        return Err(format!("{text:?} names {} name servers; name 1 to {MOST_NAME_SERVERS}", servers.len()));
    }
    Ok(servers)
}

fn name_server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let usual_port = || bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse().or_else(|_| usual_port()).ok().filter(|server: &SocketAddr| server.port() != 0).ok_or_else(|| {
        format!("{text:?} is not the address of a name server; write 9.9.9.9, 127.0.0.1:5353 or [2620:fe::fe]:53")
    })
}

/// A folder.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("no folder is named; write one, such as ./data".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// A length of time above zero and up to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let example = "write a time with its unit, such as 500ms, 10s or 2m";
    let duration =
        humantime::parse_duration(text).map_err(|_| format!("{text:?} is not a length of time; {example}"))?;
    if duration.is_zero() || duration > Duration::from_secs(24 * 60 * 60) {
        return Err(format!("{text:?} is out of range, which is above zero and up to a day; {example}"));
    }
    Ok(duration)
}

/// The same, or zero.
pub(super) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Ok(duration),
        _ => self::duration(text),
    }
}

/// How long somebody stays signed in: from a second to a year.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let example = "write a time with its unit, such as 12h or 30d";
    let lifetime =
        humantime::parse_duration(text).map_err(|_| format!("{text:?} is not a length of time; {example}"))?;
    if lifetime < Duration::from_secs(1) || lifetime > Duration::from_secs(365 * 86_400) {
        return Err(format!("{text:?} is out of range, which is from 1s to 365d; {example}"));
    }
    Ok(lifetime)
}

/// For how long something is kept: up to a year, or not at all.
pub(super) fn keeping(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Ok(duration),
        _ => lifetime(text),
    }
}

/// Whole seconds, up to five minutes.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.subsec_nanos() != 0 || duration > Duration::from_secs(300) {
        return Err(format!("{text:?} is not a number of whole seconds up to five minutes; write it like 2s"));
    }
    Ok(duration)
}

/// As long as services may let a check take.
pub(super) fn check_timeout(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration < Duration::from_millis(50) || duration > Duration::from_secs(60) {
        return Err(format!("{text:?} is out of range, which is from 50ms to 60s; write it like 2s"));
    }
    Ok(duration)
}

/// How much is recorded.
pub(super) fn capture_level(text: &str) -> Result<CaptureLevel, String> {
    from_str(text).map_err(|problem| format!("{text:?}: {problem}"))
}

/// A whole number from zero to `most`.
pub(super) fn rate(most: u32) -> impl Fn(&str) -> Result<u32, String> {
    move |text| match text.parse::<u32>() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(format!("{text:?} is not a number from 0 to {most}")),
    }
}

fn bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    units.into_iter().find_map(|(unit, bits)| {
        let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(1 << bits)
    })
}

/// Bytes with their unit, from 1 KiB to 16 TiB, or `off`.
pub(super) fn size_or_off(text: &str) -> Result<Option<u64>, String> {
    if text == "off" {
        return Ok(None);
    }
    bytes(text).filter(|bytes| (1 << 10..=16 << 40).contains(bytes)).map(Some).ok_or_else(|| {
        format!("{text:?} is not a size from 1KiB to 16TiB; write it with its unit, such as 500MiB or 2GiB, or off")
    })
}

/// Bytes with their unit, from 16 MiB to 16 TiB.
pub(super) fn size(text: &str) -> Result<u64, String> {
    bytes(text).filter(|bytes| (16 << 20..=16 << 40).contains(bytes)).ok_or_else(|| {
        format!("{text:?} is not a size from 16MiB to 16TiB; write it with its unit, such as 500MiB or 2GiB")
    })
}

/// A whole number from one to `most`.
pub(super) fn count(most: usize) -> impl Fn(&str) -> Result<NonZero<usize>, String> {
    move |text| match text.parse::<NonZero<usize>>() {
        Ok(number) if number.get() <= most => Ok(number),
        _ => Err(format!("{text:?} is not a number from 1 to {most}")),
    }
}

/// The same, or `off` for no limit.
pub(super) fn count_or_off(most: usize) -> impl Fn(&str) -> Result<Option<NonZero<usize>>, String> {
    move |text| match text {
        "off" => Ok(None),
        _ => count(most)(text).map(Some).map_err(|error| format!("{error}, or off")),
    }
}

/// A short name for people and for metrics.
pub(super) fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 63 || !text.chars().all(allowed) {
        return Err(format!("{text:?} is not a name; write 1 to 63 letters, digits, hyphens, dots or underscores"));
    }
    Ok(text.to_owned())
}

/// The region that this process is in.
pub(super) fn region(text: &str) -> Result<RegionName, String> {
    text.parse().map_err(|problem| format!("{text:?} is not a name: {problem}"))
}

/// A key long enough to sign with. The error does not repeat it.
pub(super) fn signing_key(text: &str) -> Result<Secret, String> {
    if text.len() < 32 {
        return Err(
            "the key is too short; use at least 32 characters, for instance from `openssl rand -hex 32`".to_owned()
        );
    }
    Ok(Secret::new(text))
}
