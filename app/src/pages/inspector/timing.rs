//! The times of an exchange, as a bar with its text.

use crate::format;
use domain::Timings;
use leptos::prelude::*;

/// The width of the bar, in units of its own.
const WIDTH: f64 = 1_000.0;

/// A part of the time.
struct Part {
    class: &'static str,
    name: &'static str,
    from: u64,
    until: u64,
}

/// The parts in their order; what did not happen has none.
fn parts(timings: &Timings, total: u64) -> Vec<Part> {
    let Timings { held_us, sent_us, first_byte_us, done_us } = *timings;
    let sent = sent_us.unwrap_or(total);
    let held = held_us.min(sent);
    let first = first_byte_us.unwrap_or(if sent_us.is_some() { total } else { sent });
    let done = done_us.unwrap_or(total);
    let answered = if first_byte_us.is_some() { "Waited for the answer" } else { "No answer came" };
    let parts = [
        Part { class: "timing-held", name: "Waited for a telephone", from: 0, until: held },
        Part { class: "timing-sent", name: "Passed on", from: held, until: sent },
        Part { class: "timing-first", name: answered, from: sent, until: first.max(sent) },
        Part { class: "timing-done", name: "Answer read", from: first, until: done.max(first) },
    ];
    let happened = [held_us > 0, true, sent_us.is_some(), first_byte_us.is_some()];
    parts.into_iter().zip(happened).filter(|(_, happened)| *happened).map(|(part, _)| part).collect()
}

/// The bar and what it says.
pub fn bar(timings: &Timings, duration_ms: f64) -> AnyView {
    let total = timings.done_us.unwrap_or_else(|| micros(duration_ms)).max(1);
    let scale = |us: u64| (us.min(total) as f64) * WIDTH / (total as f64);
    let text = |us: u64| format::milliseconds(us as f64 / 1_000.0);
    let parts = parts(timings, total);
    let bars = parts.iter().map(|part| {
        let (x, width) = (scale(part.from), (scale(part.until) - scale(part.from)).max(1.0));
        view! { <rect class=part.class x=format!("{x:.1}") y="0" width=format!("{width:.1}") height="10"></rect> }
    });
    let legend = parts.iter().map(|part| {
        view! {
            <li class=part.class>
                {part.name} " " <span class="number">{text(part.until.saturating_sub(part.from))}</span>
            </li>
        }
    });
    view! {
        <div class="timing">
            <svg class="timing-bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                {bars.collect_view()}
            </svg>
            <ul class="timing-legend" aria-label="Times">
                {legend.collect_view()}
                <li class="timing-total">"In all " <span class="number">{text(total)}</span></li>
            </ul>
        </div>
    }
    .into_any()
}

/// Milliseconds as microseconds; what is no number is none.
fn micros(ms: f64) -> u64 {
    (ms * 1_000.0).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(timings: Timings, total: u64) -> Vec<(&'static str, u64)> {
        parts(&timings, total).iter().map(|part| (part.class, part.until - part.from)).collect()
    }

    #[test]
    fn the_parts_make_up_the_whole() {
        let all = Timings { held_us: 100, sent_us: Some(150), first_byte_us: Some(400), done_us: Some(500) };
        assert_eq!(
            spans(all, 500),
            [("timing-held", 100), ("timing-sent", 50), ("timing-first", 250), ("timing-done", 100)]
        );
        let unanswered = Timings { sent_us: Some(20), done_us: Some(500), ..Timings::default() };
        assert_eq!(spans(unanswered, 500), [("timing-sent", 20), ("timing-first", 480)]);
        let refused = Timings { done_us: Some(7), ..Timings::default() };
        assert_eq!(spans(refused, 7), [("timing-sent", 7)]);
    }
}
