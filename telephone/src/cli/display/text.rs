//! Words and figures that displays have in common.

use std::time::Duration;

use telephone::{Announced, Outcome};

/// `text` with everything that could steer a terminal, or turn writing around, spelt out.
pub(in crate::cli) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_format(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Characters that change the direction of writing, or are invisible (Unicode general category Cf, as far as it is
/// used for either).
fn is_format(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What is served besides the tunnel, in lines for a terminal.
pub(super) fn announced(services: &[Announced]) -> Vec<String> {
    let mut lines = Vec::new();
    for service in services {
        let place = service.public_url.clone().unwrap_or_else(|| {
            let (host, path) = (service.host.as_deref(), service.path.as_deref());
            match (host, path) {
                (None, None) => "wherever it is led to".to_owned(),
                (host, path) => format!("{}{}", host.unwrap_or("any host "), path.unwrap_or_default()),
            }
        });
        let tag = service.tag.as_ref().map_or_else(String::new, |tag| format!(", tag {tag}"));
        lines.push(format!("Serves also {}  (service {}{})", escape(&place), escape(&service.service), escape(&tag)));
        if let Some(verification) = &service.verification {
            let (host, record) = (service.host.as_deref().unwrap_or_default(), &verification.record);
            lines.push(format!("            once {} is verified; set a DNS record of type TXT:", escape(host)));
            lines.push(format!("            {}  {}", escape(record), escape(&verification.value)));
        }
    }
    lines
}

/// A duration in a handful of characters.
pub(in crate::cli) fn duration(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    match millis {
        m if m < 10.0 => format!("{m:.1} ms"),
        m if m < 1000.0 => format!("{m:.0} ms"),
        m if m < 60_000.0 => format!("{:.1} s", m / 1000.0),
        m => format!("{:.0} min", m / 60_000.0),
    }
}

/// The status, or what happened instead of one.
pub(super) fn status(status: Option<u16>, outcome: Outcome) -> String {
    match (status, outcome) {
        (Some(status), Outcome::Complete) => status.to_string(),
        (Some(status), Outcome::Cancelled) => format!("{status} cancelled"),
        // The telephone's own 502 says all there is to say; other failures came after the head.
        (Some(502), Outcome::Failed) => "502".to_owned(),
        (Some(status), Outcome::Failed) => format!("{status} broken off"),
        (None, Outcome::Cancelled) => "cancelled".to_owned(),
        (None, _) => "failed".to_owned(),
    }
}

/// The time of day.
pub(super) fn clock() -> String {
    chrono::Local::now().format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_visitor_sends_steers_the_terminal() {
        assert_eq!(escape("/a\u{1b}[2J\r\n\u{9b}\u{202e}"), "/a\\u{1b}[2J\\u{d}\\u{a}\\u{9b}\\u{202e}");
        assert_eq!(escape("/größe?q=%20"), "/größe?q=%20");
    }

    #[test]
    fn what_is_served_besides_is_told_with_what_is_left_to_do() {
        let shop = Announced {
            host: Some("shop.example.com".to_owned()),
            path: Some("/api".to_owned()),
            tag: Some("blue".to_owned()),
            service: "shop".to_owned(),
            public_url: Some("https://shop.example.com/api".to_owned()),
            verification: None,
        };
        assert_eq!(
            announced(std::slice::from_ref(&shop)),
            ["Serves also https://shop.example.com/api  (service shop, tag blue)"]
        );
        let (record, value) = ("_switchboard.example.com".to_owned(), "sb-verify=x".to_owned());
        let verification = Some(telephone::wire::control::Verification { record, value, url: None });
        let host = Some("*.example.com".to_owned());
        let wildcard = Announced { host, path: None, public_url: None, tag: None, verification, ..shop };
        let lines = announced(&[wildcard]);
        assert_eq!(lines[0], "Serves also *.example.com  (service shop)");
        assert_eq!(lines[2], "            _switchboard.example.com  sb-verify=x");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(duration(Duration::from_millis(123)), "123 ms");
        assert_eq!(duration(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(600)), "10 min");
    }
}
