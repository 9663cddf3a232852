//! Embeds the front end: turns the folder that `cargo xtask build` made into a table of byte strings.
//!
//! Without `SWITCHBOARD_SITE`, as under a plain `cargo check`, the table is empty and nothing is read.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const SITE: &str = "SWITCHBOARD_SITE";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={SITE}");
    // What aliases stand for, for the descriptions of the API.
    utoipa_config::Config::new()
        .alias_for("Timestamp", "chrono::DateTime<chrono::Utc>")
        .alias_for("IpAddr", "String")
        .write_to_file();
    let table = match env::var_os(SITE).filter(|folder| !folder.is_empty()) {
        Some(folder) => table(&PathBuf::from(folder).join("pkg"))?,
        None => "&[]".to_owned(),
    };
    let out = env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?;
    fs::write(Path::new(&out).join("assets.rs"), table)?;
    Ok(())
}

/// The manifest's files as the source text of a `&[EmbeddedAsset]`.
fn table(folder: &Path) -> Result<String, Box<dyn Error>> {
    let manifest = folder.join("manifest.json");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let text = fs::read(&manifest)
        .map_err(|error| format!("{SITE}: cannot read {}: {error} (run `cargo xtask build`)", manifest.display()))?;
    let names: BTreeMap<String, String> = serde_json::from_slice(&text)?;
    let mut table = String::from("&[\n");
    for (logical, served) in names {
        let identity = folder.join(&served);
        println!("cargo::rerun-if-changed={}", identity.display());
        writeln!(
            table,
            "EmbeddedAsset {{ logical: {logical:?}, served: {served:?}, identity: {}, brotli: {}, gzip: {} }},",
            include(&identity),
            include_if_present(folder, &served, "br"),
            include_if_present(folder, &served, "gz"),
        )?;
    }
    table.push(']');
    Ok(table)
}

fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}

fn include_if_present(folder: &Path, served: &str, extension: &str) -> String {
    let file = folder.join(format!("{served}.{extension}"));
    if file.is_file() { format!("Some({})", include(&file)) } else { "None".to_owned() }
}
