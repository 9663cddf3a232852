//! The machine, as far as it matters to figures: nothing that says whose it is.

use std::{fs, num::NonZero, process::Command, thread};

use crate::plan::Plan;

/// One paragraph: processor, kernel, load, versions.
pub fn description(plan: &Plan) -> String {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let file = |path: &str| fs::read_to_string(path).map(|text| text.trim().to_owned()).ok();
    let model = file("/proc/cpuinfo").and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = file("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = file("/proc/loadavg").and_then(|text| Some(text.split(' ').next()?.to_owned())).unwrap_or_default();
    let governor =
        file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").map(|name| format!(", governor {name}"));
    let peers: Vec<_> = plan.peers.iter().map(|peer| format!("{} {}", peer.kind.name(), peer.version)).collect();
    format!(
        "{}: {cores} cores of {}{}, Linux {kernel}, load average {load} before the start; revision {}; {}. Rounds: {}, \
         {} s a load.",
        today(),
        model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        governor.unwrap_or_default(),
        plan.revision,
        if peers.is_empty() { "no peers".to_owned() } else { peers.join(", ") },
        plan.rounds,
        plan.seconds,
    )
}

fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
