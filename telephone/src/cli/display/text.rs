//! Words and figures that displays have in common.

use std::time::Duration;

use telephone::Outcome;

/// `text` with everything that could steer a terminal, or turn writing around, spelt out.
pub(super) fn escape(text: &str) -> String {
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

/// A duration in a handful of characters.
pub(super) fn duration(duration: Duration) -> String {
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
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_micros(1_234)), "1.2 ms");
        assert_eq!(duration(Duration::from_millis(123)), "123 ms");
        assert_eq!(duration(Duration::from_millis(12_345)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(600)), "10 min");
    }
}
