//! `telephone diagnose`.

use std::process::ExitCode;

use serde_json::json;
use telephone::diagnose::{self, Check, Subject, Verdict};
use telephone::{ServerUrl, Target};

use super::args::{DiagnoseArgs, Origins};
use super::exit::{self, Failure};
use super::settings::{self, Connection};

pub(super) fn run(args: DiagnoseArgs, origins: &Origins) -> Result<ExitCode, Failure> {
    let target = args.target.as_deref().map(Target::parse).transpose();
    let target = target.map_err(|error| Failure::usage(format!("{}: {error}", origins.place("target"))))?;
    let Connection { server, token, .. } = settings::given(args.server, &args.token, origins)?.complete()?;
    let server = ServerUrl::parse(&server).map_err(|error| Failure::usage(error.to_string()))?;
    let shown = server.to_string();
    let subject = Subject { server, token, target, ca_file: args.ca_file, insecure_target: args.insecure };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OS, format!("the runtime cannot be started: {error}")))?;
    let mut checks = Vec::new();
    let made = runtime.block_on(diagnose::run(&subject, |check| {
        if args.json {
            checks.push(check);
        } else {
            println!("{}", line(&check));
        }
    }));
    let good = made.map_err(|error| Failure::usage(error.to_string()))?;
    if args.json {
        println!("{:#}", json!({"server": shown, "ok": good, "checks": checks}));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(exit::DIAGNOSED) })
}

fn line(check: &Check) -> String {
    let verdict = match check.verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::Skip => "skip",
    };
    let advice = check.advice.as_ref().map(|advice| format!("\n{:16}-> {advice}", "")).unwrap_or_default();
    format!("{verdict:<5} {:<10}{}{advice}", check.check, check.found)
}
