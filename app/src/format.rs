//! Figures as people read them. Shared by pages and islands, so that both write the same text.

/// What stands where nothing was measured.
pub const NOTHING: &str = "—";

/// A count with thin groups of three: `1 234 567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A narrow space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in the unit that leaves at most four digits: `0 B`, `1.5 kB`, `2.0 GB` (powers of 1,000).
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1_000.0;
    let mut unit = 0;
    // 999.95 would be written as 1000.0.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A duration in milliseconds: `0.42 ms`, `12 ms`, `1.25 s`, `2 min 5 s`.
pub fn milliseconds(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2} ms")
    } else if value < 999.5 {
        format!("{value:.0} ms")
    } else if value < 59_995.0 {
        format!("{:.2} s", value / 1_000.0)
    } else {
        span((value / 1_000.0).round() as i64)
    }
}

/// A share as a percentage; what is there never reads as `0 %`.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NOTHING.into();
    }
    let share = part as f64 * 100.0 / whole as f64;
    if part == 0 {
        "0 %".into()
    } else if share < 0.1 {
        "< 0.1 %".into()
    } else {
        format!("{share:.1} %")
    }
}

/// A length of time in its two largest units: `45 s`, `3 min 20 s`, `5 h 2 min`, `12 d 3 h`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// How long ago something was, coarse enough to be read at a glance: `just now`, `5 min ago`, `3 d ago`. What lies ahead
/// is rounded, so that what was given a day says so a moment later, too: `in 1 d`.
pub fn ago(then: i64, now: i64) -> String {
    // Each with half of the next smaller one, which is rounded up to it: nothing is `in 60 min`.
    const UNITS: [(i64, &str, i64); 3] = [(86_400, "d", 1_800), (3_600, "h", 30), (60, "min", 0)];
    let (distance, is_ahead) = ((now - then).abs(), then > now);
    if distance < 10 {
        return "just now".into();
    }
    let reached = UNITS.iter().find(|(unit, _, half)| distance + if is_ahead { *half } else { 0 } >= *unit);
    let (unit, name) = reached.map_or((1, "s"), |(unit, name, _)| (*unit, *name));
    let count = if is_ahead { (distance + unit / 2) / unit } else { distance / unit };
    let text = format!("{count} {name}");
    if is_ahead { format!("in {text}") } else { format!("{text} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let plain = |number| count(number).replace('\u{202f}', " ");
        assert_eq!([0, 999, 1_000, 1_234_567].map(plain), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn bytes_have_at_most_four_digits() {
        let texts = [0, 999, 1_000, 1_549, 999_949, 999_950, 2_000_000_000].map(bytes);
        assert_eq!(texts, ["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "1.0 MB", "2.0 GB"]);
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn durations_choose_their_unit() {
        let texts = [0.0, 0.423, 12.4, 999.6, 1_250.0, 125_000.0].map(milliseconds);
        assert_eq!(texts, ["0.00 ms", "0.42 ms", "12 ms", "1.00 s", "1.25 s", "2 min 5 s"]);
        assert_eq!([45, 200, 18_120, 1_047_600].map(span), ["45 s", "3 min 20 s", "5 h 2 min", "12 d 3 h"]);
    }

    #[test]
    fn one_error_is_not_none() {
        assert_eq!(
            [(0, 0), (0, 5), (1, 10_000), (1, 8)].map(|(a, b)| percent(a, b)),
            ["—", "0 %", "< 0.1 %", "12.5 %"]
        );
    }

    #[test]
    fn the_past_and_the_future_differ() {
        assert_eq!([100, 70, 40, -200].map(|then| ago(then, 100)), ["just now", "30 s ago", "1 min ago", "5 min ago"]);
        assert_eq!(ago(7_300, 100), "in 2 h");
        let ahead = [45, 59, 89, 3_569, 3_570, 84_599, 84_600, 86_399, 2_591_999].map(|then| ago(then, 0));
        let texts = ["in 45 s", "in 59 s", "in 1 min", "in 59 min", "in 1 h", "in 23 h", "in 1 d", "in 1 d", "in 30 d"];
        assert_eq!(ahead, texts);
        assert_eq!(ago(0, 3 * 86_400), "3 d ago");
    }
}
