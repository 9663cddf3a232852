//! System calls per request, counted with strace. It slows down what it looks at, so that more happens at once: the
//! count is rather too low than too high.

use std::{path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::{
    load::wrk::{self, Load},
    plan::Plan,
    subjects::Running,
};

const LOAD: Load = Load { connections: 32, fresh: false };
/// How long strace takes to attach itself to every thread.
const ATTACH: Duration = Duration::from_millis(500);
/// The most frequent calls that are named.
const NAMED: usize = 6;

/// How many system calls the subject's programs make per request at 32 connections, and which ones the most often.
///
/// # Errors
/// When strace may not look at the programs.
pub async fn count(plan: &Plan, strace: &Path, subject: &Running) -> anyhow::Result<(f64, String)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls");
    let mut command = Command::new(strace);
    command.args(["-c", "-f", "-U", "calls,name", "-o"]).arg(&file);
    for program in &subject.programs {
        command.args(["-p", &program.pid().to_string()]);
    }
    command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().context("cannot start strace")?;
    let id = child.id().context("strace ended at once")?;
    tokio::time::sleep(ATTACH).await;
    let seen = wrk::run(&plan.wrk, subject, LOAD, plan.seconds).await;
    let told = Command::new("kill").args(["-INT", &id.to_string()]).status().await;
    let output = child.wait_with_output().await?;
    if !told?.success() {
        bail!("strace: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let summary = std::fs::read_to_string(&file)?;
    parse(&summary, seen?.requests)
}

/// The total per request, and the most frequent ones.
fn parse(summary: &str, requests: f64) -> anyhow::Result<(f64, String)> {
    let mut calls = Vec::new();
    let mut total = None;
    for line in summary.lines() {
        let mut words = line.split_whitespace();
        let (Some(count), Some(name)) = (words.next().and_then(|word| word.parse::<f64>().ok()), words.next()) else {
            continue;
        };
        match name {
            "total" => total = Some(count / requests),
            _ => calls.push((count / requests, name)),
        }
    }
    calls.sort_by(|left, right| right.0.total_cmp(&left.0));
    let named = calls.iter().take(NAMED).map(|(count, name)| format!("{name} {count:.2}"));
    Ok((total.context("strace counted nothing")?, named.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_summary_is_understood() {
        let summary = "    calls syscall\n--------- ----------------\n      150 recvfrom\n      250 writev\n--------- ----------------\n      400 total\n";
        let (total, named) = parse(summary, 100.0).expect("a summary");
        assert_eq!((total, named.as_str()), (4.0, "writev 2.50, recvfrom 1.50"));
    }
}
