//! The folder of files that the server embeds and serves under `/pkg/`.
//!
//! A file's name carries a hash of its content, so that browsers may keep it for ever. `manifest.json` says which name
//! each file got. Beside each file that compresses well lie its compressed copies, `.br` and `.gz`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::{
    flavour::Flavour,
    front_end::{compress, glue},
};

const MANIFEST: &str = "manifest.json";

/// Files to be served, each with the name the pages ask for and the name it is served under.
#[derive(Default)]
pub struct Site {
    files: BTreeMap<String, File>,
}

struct File {
    served: String,
    content: Vec<u8>,
}

impl Site {
    /// Adds a file under a hashed form of `name`; pages ask for it as `logical`.
    pub fn add(&mut self, logical: &str, name: &str, content: Vec<u8>) {
        let served = hashed(name, &short_hash([content.as_slice()]));
        self.files.insert(logical.to_owned(), File { served, content });
    }

    /// Adds the files of a folder and of the folders below it.
    pub fn add_folder(&mut self, folder: &Path) -> anyhow::Result<()> {
        for (name, path) in files_below(folder)? {
            self.add(&name, &name, read(&path)?);
        }
        Ok(())
    }

    /// Adds what wasm-bindgen made. Script and WebAssembly get one common hash, because Leptos derives both addresses
    /// from one name. The folder of snippets, which the script imports by relative names, gets it too.
    pub fn add_program(&mut self, folder: PathBuf) -> anyhow::Result<()> {
        let contents = files_below(&folder)?
            .into_iter()
            .map(|(name, path)| Ok((name, read(&path)?)))
            .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        let hash = short_hash(contents.values().map(Vec::as_slice));
        for (name, content) in contents {
            let file = match name.strip_prefix("snippets/") {
                Some(rest) => File { served: format!("snippets.{hash}/{rest}"), content },
                None => {
                    File { served: hashed_program(&name, &hash)?, content: with_hashed_imports(content, &name, &hash)? }
                }
            };
            self.files.insert(name, file);
        }
        Ok(())
    }

    /// Makes `folder` hold these files and no others. Files that are there already are left alone, so that neither
    /// compression nor the server's build is repeated without need.
    pub fn write(&self, folder: &Path, flavour: Flavour) -> anyhow::Result<()> {
        let mut wanted = BTreeSet::from([PathBuf::from(MANIFEST)]);
        for file in self.files.values() {
            wanted.extend(write_file(folder, file, flavour)?);
        }
        let names: BTreeMap<_, _> = self.files.iter().map(|(logical, file)| (logical, &file.served)).collect();
        write_if_different(&folder.join(MANIFEST), serde_json::to_string_pretty(&names)?.as_bytes())?;
        for (name, path) in files_below(folder)? {
            if !wanted.contains(Path::new(&name)) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// Writes a file and its compressed copies; returns the names of all.
fn write_file(folder: &Path, file: &File, flavour: Flavour) -> anyhow::Result<Vec<PathBuf>> {
    let mut names = vec![PathBuf::from(&file.served)];
    let changed = write_if_different(&folder.join(&file.served), &file.content)?;
    let Some(quality) = flavour.brotli_quality().filter(|_| compress::is_worthwhile(&file.served, &file.content))
    else {
        return Ok(names);
    };
    for extension in ["br", "gz"] {
        let name = PathBuf::from(format!("{}.{extension}", file.served));
        if changed || !folder.join(&name).is_file() {
            let compressed = if extension == "br" {
                compress::brotli(&file.content, quality)?
            } else {
                compress::gzip(&file.content)?
            };
            write_if_different(&folder.join(&name), &compressed)?;
        }
        names.push(name);
    }
    Ok(names)
}

/// Whether anything had to be written.
fn write_if_different(path: &Path, content: &[u8]) -> anyhow::Result<bool> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, content))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The files in a folder and below, with their names relative to it (`/` between the parts).
fn files_below(folder: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            bail!("{} is not a name that can be served", path.display());
        };
        if path.is_dir() {
            let below = files_below(&path)?;
            found.extend(below.into_iter().map(|(rest, path)| (format!("{name}/{rest}"), path)));
        } else {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Sixteen hexadecimal digits that change with the content.
fn short_hash<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for content in contents {
        hash.update(content);
    }
    hex::encode(&hash.finalize()[..8])
}

/// `fonts/mono.woff2` as `fonts/mono.<hash>.woff2`.
fn hashed(name: &str, hash: &str) -> String {
    let file_name = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file_name..].find('.') {
        Some(dot) => {
            let (stem, extension) = name.split_at(file_name + dot);
            format!("{stem}.{hash}{extension}")
        }
        None => format!("{name}.{hash}"),
    }
}

/// `switchboard_bg.wasm` as `switchboard.<hash>_bg.wasm`.
fn hashed_program(name: &str, hash: &str) -> anyhow::Result<String> {
    let rest = name.strip_prefix(glue::NAME).with_context(|| format!("wasm-bindgen made an unexpected {name}"))?;
    Ok(format!("{}.{hash}{rest}", glue::NAME))
}

/// A script that imports its snippets from the folder's hashed name.
fn with_hashed_imports(content: Vec<u8>, name: &str, hash: &str) -> anyhow::Result<Vec<u8>> {
    if !name.ends_with(".js") {
        return Ok(content);
    }
    let script = String::from_utf8(content).with_context(|| format!("{name} is not text"))?;
    Ok(script.replace("from './snippets/", &format!("from './snippets.{hash}/")).into_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_hash_goes_before_the_extensions() {
        assert_eq!(hashed("echarts.min.js", "0a"), "echarts.0a.min.js");
        assert_eq!(hashed("fonts.v2/mono", "0a"), "fonts.v2/mono.0a");
        assert_eq!(hashed_program("switchboard_bg.wasm", "0a").unwrap(), "switchboard.0a_bg.wasm");
    }

    #[test]
    fn a_second_write_replaces_what_has_changed_and_leaves_the_rest_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut site = Site::default();
        site.add("main.css", "switchboard.css", "body{color:red}".repeat(100).into_bytes());
        site.add("logo.png", "logo.png", b"not compressible".to_vec());
        site.write(folder.path(), Flavour::Quick).unwrap();
        let before = files_below(folder.path()).unwrap();
        let time = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).unwrap();
        let manifest = time(&folder.path().join(MANIFEST));
        assert_eq!(before.len(), 5, "{before:?}");

        site.write(folder.path(), Flavour::Quick).unwrap();
        assert_eq!(time(&folder.path().join(MANIFEST)), manifest);

        site.add("main.css", "switchboard.css", "body{color:blue}".repeat(100).into_bytes());
        site.write(folder.path(), Flavour::Quick).unwrap();
        let after = files_below(folder.path()).unwrap();
        assert_eq!(after.len(), before.len());
        assert_eq!(after.iter().filter(|file| before.contains(file)).count(), 2, "manifest and picture stay");
    }

    #[test]
    fn script_program_and_snippets_share_their_hash() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("snippets/part")).unwrap();
        fs::write(folder.path().join("switchboard.js"), "import { a } from './snippets/part/inline0.js';").unwrap();
        fs::write(folder.path().join("switchboard_bg.wasm"), "\0asm").unwrap();
        fs::write(folder.path().join("snippets/part/inline0.js"), "export const a = 1;").unwrap();
        let mut site = Site::default();
        site.add_program(folder.path().to_owned()).unwrap();

        let [snippet, script, program] = ["snippets/part/inline0.js", "switchboard.js", "switchboard_bg.wasm"]
            .map(|name| site.files[name].served.as_str());
        let hash = snippet.trim_start_matches("snippets.").trim_end_matches("/part/inline0.js");
        assert_eq!(hash.len(), 16);
        assert_eq!(script, format!("switchboard.{hash}.js"));
        assert_eq!(program, format!("switchboard.{hash}_bg.wasm"));
        let imported = String::from_utf8(site.files["switchboard.js"].content.clone()).unwrap();
        assert_eq!(imported, format!("import {{ a }} from './{snippet}';"));
    }
}
