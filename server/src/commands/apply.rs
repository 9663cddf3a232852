//! `switchboard apply`

use clap::Args;
use serde_json::Value;
use server_core::{CoreError, Declaration, Plan, Planned, Services};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Failure, block_on, exit, export::Whose, open, output};
use crate::config::Config;

/// The largest document that is read, bytes: all that one may name, with room to spare.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;

/// A document, and what to do with it.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The document (TOML), as `switchboard export` writes it; - reads standard input
    #[arg(short = 'f', long = "file")]
    file: PathBuf,
    /// Only show what would be made, changed and deleted
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    whose: Whose,
}

pub(super) fn run(arguments: &ApplyArguments, config: &Config) -> Result<(), Failure> {
    let document = parse(&arguments.file)?;
    let plan = block_on(async {
        let services = open::services(config).await?;
        let applied = apply(&services, arguments, &document).await;
        services.close().await;
        applied
    })?;
    let mut text = lines(&plan);
    text.push_str(&summary(&plan, arguments.dry_run));
    if !arguments.dry_run && !plan.is_empty() {
        let when = match config.storage.database_url.sqlite_path() {
            // It hears of it from the database.
            None => "at once".to_owned(),
            Some(_) => {
                let interval = humantime::format_duration(config.node.update_interval);
                format!("within {interval}, its update_interval")
            }
        };
        let _ = writeln!(text, "A server that is running routes by this {when}.");
    }
    output::write(&text)
}

/// What a file is called in messages.
fn called(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

/// What a file says.
struct Document {
    declaration: Declaration,
    /// Whether there is nothing in it at all.
    is_blank: bool,
}

fn parse(file: &Path) -> Result<Document, Failure> {
    let wrong = |text: String| Failure::new(exit::DATA, format!("{}: {text}", called(file)));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(MAX_DOCUMENT + 1).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(MAX_DOCUMENT + 1).read_to_string(&mut text))
    };
    read.map_err(|error| wrong(format!("it cannot be read: {error}")))?;
    if text.len() as u64 > MAX_DOCUMENT {
        return Err(wrong(format!("it is larger than {} MiB", MAX_DOCUMENT / 1024 / 1024)));
    }
    let declaration = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let is_blank = toml::from_str::<toml::Table>(&text).is_ok_and(|table| table.is_empty());
    Ok(Document { declaration, is_blank })
}

async fn apply(services: &Services, arguments: &ApplyArguments, document: &Document) -> Result<Plan, Failure> {
    let (viewer, reach) = arguments.whose.find(services).await?;
    let (declared, wanted) = (services.declared(), &document.declaration);
    let refused = |error| refused(&arguments.file, error);
    if arguments.dry_run || document.is_blank {
        let plan = declared.plan(&viewer, reach, wanted).await.map_err(refused)?;
        if arguments.dry_run || plan.is_empty() {
            return Ok(plan);
        }
        // More likely, what was to write the document has failed.
        let message = "it is empty, so that all there is would be deleted; write services = [] if that is meant";
        return Err(Failure::new(exit::DATA, format!("{}: {message}", called(&arguments.file))));
    }
    declared.apply(&viewer, reach, wanted).await.map_err(refused)
}

fn refused(file: &Path, error: CoreError) -> Failure {
    match error {
        CoreError::Invalid { field, message } | CoreError::Unusable { field, message, .. } => {
            let text = format!("{}: {message} (field {field}); nothing was changed", called(file));
            Failure::new(exit::DATA, text)
        }
        CoreError::Conflict { message, .. } => {
            Failure::new(exit::DATA, format!("{}: {message}; nothing was changed", called(file)))
        }
        error => error.into(),
    }
}

// Writing to a `String` does not fail, hence the results that nobody looks at.

/// One line for each thing: `+` it is made, `~` it is changed, `-` it is deleted.
fn lines(plan: &Plan) -> String {
    let mut text = String::new();
    for (sign, planned) in [('+', &plan.creates), ('~', &plan.changes), ('-', &plan.deletes)] {
        for Planned { kind, name, before, after, .. } in planned {
            let _ = write!(text, "{sign} {} {name}", kind.as_str());
            if let (Some(before), Some(after)) = (before, after) {
                let _ = write!(text, ": {}", changes(before, after));
            }
            text.push('\n');
        }
    }
    text
}

/// The fields that differ, with both values.
fn changes(before: &Value, after: &Value) -> String {
    let keys: BTreeSet<&String> =
        [before, after].into_iter().filter_map(Value::as_object).flat_map(|fields| fields.keys()).collect();
    let differing = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    let shown = |value: Option<&Value>| value.map_or_else(|| "(none)".to_owned(), ToString::to_string);
    let changes: Vec<_> =
        differing.map(|key| format!("{key} {} -> {}", shown(before.get(key)), shown(after.get(key)))).collect();
    // Passwords and secret headers are not among what is shown.
    if changes.is_empty() { "what is secret of it".to_owned() } else { changes.join(", ") }
}

fn summary(plan: &Plan, dry_run: bool) -> String {
    if plan.is_empty() {
        return "Everything is as the document says; nothing to do.\n".to_owned();
    }
    let (creates, changes, deletes) = (plan.creates.len(), plan.changes.len(), plan.deletes.len());
    if dry_run {
        format!("{creates} to make, {changes} to change, {deletes} to delete; nothing was changed.\n")
    } else {
        format!("{creates} made, {changes} changed, {deletes} deleted.\n")
    }
}
