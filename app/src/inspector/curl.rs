//! A request as a line for a shell, which sends it again.

use domain::{BodyInfo, Exchange, ExchangeKind, HeadField};
use std::fmt::Write as _;

/// The longest body that stands in the line; systems have limits for arguments.
const LONGEST_BODY: usize = 32 * 1024;

/// The line, and what is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curl {
    /// The command.
    pub line: String,
    /// Fields that were masked, so that their values are not known.
    pub masked: Vec<String>,
    /// Why the body is not in it, when there is one that is not.
    pub without_body: Option<&'static str>,
}

/// The command that sends the request of `exchange` to `authority` (the host with its port); `None` where curl cannot.
pub fn curl(exchange: &Exchange, authority: &str, body: Option<&[u8]>) -> Option<Curl> {
    let head = exchange.request.as_ref()?;
    if exchange.summary.kind == ExchangeKind::WebSocket || exchange.summary.kind == ExchangeKind::Upgrade {
        return None;
    }
    let scheme = if exchange.secure { "https" } else { "http" };
    let path = &exchange.summary.path;
    let url = format!("{scheme}://{authority}{}", if path.starts_with('/') { path.as_str() } else { "/" });
    let method = exchange.summary.method.as_str();
    let (body, without_body) = argument(&exchange.request_body, body);
    let mut line = String::from("curl");
    match method {
        "GET" if body.is_none() => {}
        "HEAD" => line.push_str(" --head"),
        _ => {
            let _ = write!(line, " -X {}", quoted(method));
        }
    }
    if url.contains(['[', ']', '{', '}']) {
        line.push_str(" --globoff");
    }
    if path.contains("/.") {
        line.push_str(" --path-as-is");
    }
    let _ = write!(line, " {}", quoted(&url));
    let mut masked = Vec::new();
    for field in head.fields.iter().filter(|field| !is_curls_own(&field.name)) {
        if field.masked {
            masked.push(field.name.clone());
        } else {
            let _ = write!(line, " \\\n  -H {}", quoted(&header(field)));
        }
    }
    if head.fields.iter().any(|field| field.name.eq_ignore_ascii_case("accept-encoding")) {
        line.push_str(" \\\n  --compressed");
    }
    if let Some(body) = body {
        if !head.fields.iter().any(|field| field.name.eq_ignore_ascii_case("content-type")) {
            // curl would call it a form.
            line.push_str(" \\\n  -H 'Content-Type:'");
        }
        // `--data-raw` alone takes an @ at the beginning as it is.
        let _ = write!(line, " \\\n  --data-raw {}", quoted(body));
    }
    Some(Curl { line, masked, without_body })
}

/// The body as an argument, or why it is none.
fn argument<'a>(info: &BodyInfo, body: Option<&'a [u8]>) -> (Option<&'a str>, Option<&'static str>) {
    if info.size == 0 {
        return (None, None);
    }
    let text = body.map(std::str::from_utf8);
    match text {
        _ if info.masked => (None, Some("parts of it were masked")),
        _ if !info.whole => (None, Some("it was not kept, or not all of it")),
        Some(Ok(text)) if text.len() <= LONGEST_BODY && !text.contains('\0') => (Some(text), None),
        Some(Ok(text)) if !text.contains('\0') => (None, Some("it is too long for a line")),
        _ => (None, Some("it is no text")),
    }
}

/// Fields that curl writes itself, or that belong to the connection only.
fn is_curls_own(name: &str) -> bool {
    const OWN: [&str; 11] = [
        "host",
        "content-length",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "http2-settings",
    ];
    OWN.iter().any(|own| name.eq_ignore_ascii_case(own)) || name.starts_with(':')
}

fn header(field: &HeadField) -> String {
    // Without a value curl takes `Name:` as a wish to leave the field out.
    if field.value.is_empty() { format!("{};", field.name) } else { format!("{}: {}", field.name, field.value) }
}

/// One word for a shell, whatever is in it. Control characters, which a terminal would obey while they are pasted, are
/// written as escapes (`$'…'`, known to bash, zsh and POSIX since 2024).
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut quoted = String::with_capacity(text.len() + 16);
    quoted.push_str("$'");
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    // Three octal digits: more hexadecimal ones could follow.
                    let _ = write!(quoted, "\\{byte:03o}");
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::process::Command;

    fn exchange(method: &str, path: &str, fields: &[(&str, &str, bool)], body: &[u8]) -> Exchange {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value, masked)| json!({"name": name, "value": value, "masked": masked}))
            .collect();
        serde_json::from_value(json!({
            "id": "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00", "at": "2026-11-21T10:00:00Z", "tunnel": null, "rule": null,
            "service": null, "method": method, "host": "shop.test", "path": path, "status": 200, "error": null,
            "end": "complete", "kind": "http", "duration_ms": 1.0, "bytes_in": body.len(), "bytes_out": 0,
            "content_type": null, "client": "127.0.0.1", "pinned": false, "note": null, "replay_of": null,
            "request_id": "0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00", "protocol": "HTTP/1.1", "secure": false,
            "timings": {"held_us": 0, "sent_us": null, "first_byte_us": null, "done_us": null},
            "answered_by": null, "request": {"start_line": "", "fields": fields}, "response": null,
            "request_body": {"size": body.len(), "kept": body.len(), "whole": true, "masked": false,
                "content_type": null, "content_encoding": null},
            "response_body": {"size": 0, "kept": 0, "whole": true, "masked": false,
                "content_type": null, "content_encoding": null},
            "messages": [], "messages_left_out": 0, "replays": []
        }))
        .unwrap()
    }

    #[test]
    fn a_request_is_one_command() {
        let fields = [
            ("Host", "shop.test:8080", false),
            ("Content-Type", "application/json", false),
            ("Authorization", "[masked]", true),
            ("X-Empty", "", false),
        ];
        let body = br#"{"name":"it's"}"#;
        let made = curl(&exchange("POST", "/a?b=c d", &fields, body), "shop.test:8080", Some(body)).unwrap();
        let expected = r#"curl -X POST 'http://shop.test:8080/a?b=c d' \
  -H 'Content-Type: application/json' \
  -H 'X-Empty;' \
  --data-raw '{"name":"it'\''s"}'"#;
        assert_eq!(made.line, expected);
        assert_eq!(made.masked, ["Authorization"]);
        assert_eq!(made.without_body, None);
    }

    #[test]
    fn what_is_not_known_is_not_sent() {
        let mut part = exchange("PUT", "/", &[], b"abc");
        part.request_body.whole = false;
        let made = curl(&part, "shop.test", Some(b"ab")).unwrap();
        assert_eq!((made.line.as_str(), made.without_body.is_some()), ("curl -X PUT http://shop.test/", true));
        let made = curl(&exchange("POST", "/", &[], b"\xff"), "shop.test", Some(b"\xff")).unwrap();
        assert_eq!(made.without_body, Some("it is no text"));
        part.summary.kind = ExchangeKind::WebSocket;
        assert_eq!(curl(&part, "shop.test", None), None);
    }

    /// What a shell makes of the word.
    fn read_back(word: &str) -> Vec<u8> {
        Command::new("bash").args(["-c", &format!("printf %s {word}")]).output().unwrap().stdout
    }

    #[test]
    fn a_shell_reads_what_was_written() {
        let hostile =
            "$(reboot) `id` \"x\" 'y' \\ ; & | > < * ? ~ ! # \u{1b}[201~ \r\n\t \u{7f} \u{85} é 💡 --x @/etc/passwd";
        assert_eq!(read_back(&quoted(hostile)), hostile.as_bytes());
        assert!(!quoted(hostile).chars().any(char::is_control), "nothing that a terminal obeys");
        assert_eq!(quoted(""), "''");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_it_is(text in "[ -~\\t\\n\\r\u{1}-\u{1f}é'\\\\$]{1,40}") {
            prop_assert_eq!(read_back(&quoted(&text)), text.as_bytes());
        }
    }
}
