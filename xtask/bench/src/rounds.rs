//! Every subject in every round, in an order that changes.

use std::{io::IsTerminal, net::SocketAddr};

use anyhow::bail;

use crate::{
    calls, document, machine,
    measure::{Figure, Measure},
    memory,
    origin::Origin,
    plan::Plan,
    recovery, report,
    results::Results,
    subjects::{self, Kind, Running, Subject},
};

/// Measures everything the plan asks for, prints the tables, and keeps those of a full run.
///
/// # Errors
/// When the origin or one of our own builds cannot be started. A peer that cannot be is left out.
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let machine = machine::description(plan);
    let origin = Origin::start().await?;
    let mut notes: Vec<_> = plan.missing.iter().map(|missing| format!("Not compared: {missing}")).collect();
    let (mut subjects, mut running) = (Vec::new(), Vec::new());
    for subject in subjects::of(plan) {
        match subject.start(origin.address).await {
            Ok(started) => {
                subjects.push(subject);
                running.push(started);
            }
            Err(error) if matches!(subject.kind, Kind::Ours | Kind::OurProxy) => return Err(error),
            Err(error) => notes.push(format!("Not compared: {error:#}")),
        }
    }
    notes.iter().for_each(|note| eprintln!("  {note}"));
    let mut results = Results::default();
    loads(plan, &running, &mut results).await;
    if plan.measures.contains(&Measure::Calls) {
        notes.extend(count_calls(plan, &running, &mut results).await);
    }
    // Programs that run twice share the pages of their files, and would seem to need less memory than one alone.
    drop(running);
    others(plan, &subjects, origin.address, &mut results).await;
    progress("");
    let text = report::markdown(&machine, &subjects, &results, &notes);
    if text.is_empty() {
        bail!("nothing could be measured");
    }
    println!("{text}");
    match &plan.document {
        Some(file) => document::replace(file, &text),
        None => Ok(()),
    }
}

async fn loads(plan: &Plan, running: &[Running], results: &mut Results) {
    let measures: Vec<_> = plan.measures.iter().copied().filter(|measure| measure.is_load()).collect();
    if !plan.quick && !measures.is_empty() {
        warm_up(plan, running).await;
    }
    for round in 0..plan.rounds {
        for (place, measure) in measures.iter().enumerate() {
            for turn in 0..running.len() {
                let index = (turn + round + place) % running.len();
                let subject = &running[index];
                progress(&format!("round {} of {}: {measure:?}, {}", round + 1, plan.rounds, subject.name));
                match measure.load(plan, subject).await {
                    Ok(figures) => results.add(*measure, index, round, figures),
                    Err(error) => failed(*measure, &subject.name, &error),
                }
            }
        }
    }
}

/// Connections are made and caches filled; what comes of it counts for nothing.
async fn warm_up(plan: &Plan, running: &[Running]) {
    for subject in running {
        progress(&format!("warming up {}", subject.name));
        if let Err(error) = Measure::Many.load(plan, subject).await {
            failed(Measure::Many, &subject.name, &error);
        }
    }
}

/// What needs programs that have done nothing before, or comes to harm.
async fn others(plan: &Plan, subjects: &[Subject], origin: SocketAddr, results: &mut Results) {
    let wanted = |measure| plan.measures.contains(&measure);
    for (index, subject) in subjects.iter().enumerate() {
        let name = &subject.name;
        if wanted(Measure::Memory) && subject.kind != Kind::Direct {
            progress(&format!("memory of {name}"));
            match memory::clients(subject, origin).await {
                Ok(figures) => results.add(Measure::Memory, index, 0, figures),
                Err(error) => failed(Measure::Memory, name, &error),
            }
        }
        if wanted(Measure::Telephones) && subject.kind == Kind::Ours {
            progress(&format!("1,000 telephones of {name}"));
            match memory::telephones(subject, origin).await {
                Ok(figures) => results.add(Measure::Telephones, index, 0, figures),
                Err(error) => failed(Measure::Telephones, name, &error),
            }
        }
    }
    let lines: Vec<_> = subjects.iter().enumerate().filter(|(_, subject)| subject.kind.has_line()).collect();
    if wanted(Measure::Cut) {
        progress("lines are cut");
        recovery::cut(plan, &lines, origin, results).await;
    }
    if wanted(Measure::Freeze) {
        progress("lines go dead");
        recovery::freeze(plan, &lines, origin, results).await;
    }
}

/// One line for each subject, or one that says why there is none.
async fn count_calls(plan: &Plan, running: &[Running], results: &mut Results) -> Vec<String> {
    let Some(strace) = &plan.strace else {
        return vec!["System calls were not counted: install strace with `sudo apt-get install strace`".to_owned()];
    };
    let mut notes = Vec::new();
    for (index, subject) in running.iter().enumerate().filter(|(_, subject)| !subject.programs.is_empty()) {
        progress(&format!("system calls of {}", subject.name));
        match calls::count(plan, strace, subject).await {
            Ok((total, named)) => {
                results.add(Measure::Calls, index, 0, vec![(Figure::Calls, total)]);
                notes.push(format!("System calls per request, {}: {named}", subject.name));
            }
            Err(error) => failed(Measure::Calls, &subject.name, &error),
        }
    }
    notes
}

fn failed(measure: Measure, subject: &str, error: &anyhow::Error) {
    progress("");
    eprintln!("  {measure:?} of {subject} failed: {error:#}");
}

/// One line that changes, on a terminal only.
fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K  {text}");
    }
}
