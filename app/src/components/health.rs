//! Checks of a backend as small bars.

use crate::format;
use domain::CheckResult;
use leptos::prelude::*;
use std::fmt::Write;

/// How many checks are shown.
const CHECKS: usize = 60;

/// The height of the picture.
const HEIGHT: usize = 16;

/// One bar a check, oldest first: as high as it took long, bad ones always full.
pub fn bars(checks: &[CheckResult]) -> AnyView {
    let checks = &checks[checks.len().saturating_sub(CHECKS)..];
    let slowest = checks.iter().map(|check| check.duration_ms).max().unwrap_or(0).max(1) as usize;
    let (mut good, mut bad) = (String::new(), String::new());
    for (place, check) in checks.iter().enumerate() {
        let x = 2 * place + 1;
        let height = if check.good { 3 + (HEIGHT - 3) * check.duration_ms as usize / slowest } else { HEIGHT };
        let path = if check.good { &mut good } else { &mut bad };
        // Writing to a text cannot fail.
        let _ = write!(path, "M{x} {HEIGHT}v-{height}");
    }
    let passed = checks.iter().filter(|check| check.good).count();
    let last = checks.last().map(|check| {
        let took = format::milliseconds(f64::from(check.duration_ms));
        format!("; the last one: {} in {took}", check.outcome)
    });
    let label = format!("{passed} of the latest {} checks were good{}", checks.len(), last.unwrap_or_default());
    view! {
        <svg class="bars" viewBox=format!("0 0 {} {HEIGHT}", 2 * CHECKS) role="img" aria-label=label>
            <path class="bars-good" d=good></path>
            <path class="bars-bad" d=bad></path>
        </svg>
    }
    .into_any()
}
