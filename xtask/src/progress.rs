//! One calm line for each step, on standard error.

use std::time::{Duration, Instant};

/// Runs a step and, when it succeeded, says how long it took. For steps that show progress of their own, as cargo does.
///
/// # Errors
/// Whatever the step returns.
pub fn step<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let start = Instant::now();
    let result = work()?;
    eprintln!("✓ {name} ({})", shown(start.elapsed()));
    Ok(result)
}

/// As [`step`], announced at its start because it may work in silence for more than two seconds.
///
/// # Errors
/// Whatever the step returns.
pub fn quiet_step<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("  {name} …");
    step(name, work)
}

fn shown(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ 60.. => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{:.1}s", elapsed.as_secs_f32()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_to_read() {
        assert_eq!(shown(Duration::from_millis(420)), "0.4s");
        assert_eq!(shown(Duration::from_secs(72)), "1m 12s");
    }
}
