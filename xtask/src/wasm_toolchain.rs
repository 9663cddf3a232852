//! A compiler for the browser's half of the code.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{
    packages, process, progress,
    workspace::{self, Workspace},
};

const TARGET: &str = "wasm32-unknown-unknown";
const CHOICE: &str = "SWITCHBOARD_WASM_TOOLCHAIN";
const DISTRIBUTION_CARGO: &str = "/usr/bin/cargo";
const DISTRIBUTION_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds for WebAssembly.
pub enum WasmToolchain {
    /// The one that builds everything else: it has the target's standard library.
    Ordinary,
    /// The distribution's compiler, which builds the target's standard library from its own sources. It works where
    /// rustup, or the host it downloads from, is out of reach.
    Distribution {
        /// The linker that comes with it.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// Finds a compiler with the WebAssembly target, and sets one up where there is none.
    ///
    /// # Errors
    /// When there is none and none can be installed; the text says what to install.
    pub fn find_or_install(workspace: &Workspace) -> anyhow::Result<Self> {
        match env::var(CHOICE).ok().as_deref().map(str::trim) {
            None | Some("") => {
                if has_target() || add_target().is_ok() {
                    return Ok(Self::Ordinary);
                }
                eprintln!("  rustup cannot add the target {TARGET} here: trying the distribution's compiler");
                Self::distribution(workspace)
            }
            Some("rustup") if has_target() => Ok(Self::Ordinary),
            Some("rustup") => add_target().map(|()| Self::Ordinary),
            Some("distribution") => Self::distribution(workspace),
            Some(other) => bail!("{CHOICE} is {other:?}, but can only be `rustup` or `distribution`"),
        }
    }

    fn distribution(workspace: &Workspace) -> anyhow::Result<Self> {
        if distribution_version().is_none_or(|version| version < workspace.rust_version)
            || distribution_linker().is_err()
        {
            packages::install("building for WebAssembly without rustup", &["rustc-web", "cargo-web", "rust-web-src"])?;
        }
        match distribution_version() {
            Some(version) if version >= workspace.rust_version => {
                Ok(Self::Distribution { linker: distribution_linker()? })
            }
            version => bail!(
                "{DISTRIBUTION_RUSTC} is {}, but {}.{} or newer is needed: install a newer Rust, or make the \
                 target's host reachable and run `rustup target add {TARGET}`",
                version.map_or("missing".to_owned(), |(major, minor)| format!("version {major}.{minor}")),
                workspace.rust_version.0,
                workspace.rust_version.1,
            ),
        }
    }

    /// `cargo <verb>` for the WebAssembly target.
    pub fn cargo(&self, workspace: &Workspace, verb: &str) -> Command {
        let mut cargo = match self {
            Self::Ordinary => process::cargo(),
            Self::Distribution { linker } => {
                let mut cargo = process::command(DISTRIBUTION_CARGO);
                // `-Z build-std` is what needs the bootstrap switch. Two compilers in one target folder would rebuild
                // each other's work, hence a folder of its own.
                cargo
                    .env("RUSTC", DISTRIBUTION_RUSTC)
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env_remove("RUSTUP_TOOLCHAIN")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                    .env("CARGO_TARGET_DIR", workspace.target.join("distribution"));
                cargo
            }
        };
        cargo.current_dir(&workspace.root).args([verb, "--target", TARGET]);
        if matches!(self, Self::Distribution { .. }) {
            cargo.args(["-Z", "build-std=std,panic_abort"]);
        }
        cargo
    }

    /// Whether `cargo clippy` can be used with this compiler; Debian ships none of that age.
    pub fn has_clippy(&self) -> bool {
        matches!(self, Self::Ordinary)
    }
}

fn rustc() -> Command {
    process::command(env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from))
}

/// Whether the ordinary compiler has the target's standard library.
fn has_target() -> bool {
    let mut rustc = rustc();
    let Ok(folder) = process::output(rustc.args(["--print", "target-libdir", "--target", TARGET])) else {
        return false;
    };
    let Ok(mut files) = Path::new(folder.trim()).read_dir() else { return false };
    files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

fn add_target() -> anyhow::Result<()> {
    progress::quiet_step(&format!("rustup target add {TARGET}"), || {
        process::run(process::command("rustup").args(["target", "add", TARGET]))?;
        if !has_target() {
            bail!("rustup added {TARGET} to a toolchain other than the one in use");
        }
        Ok(())
    })
}

/// The version of the distribution's compiler, if there is one.
fn distribution_version() -> Option<(u32, u32)> {
    let text = process::output(&mut distribution_rustc("--version").ok()?).ok()?;
    workspace::parse_version(text.strip_prefix("rustc ")?)
}

/// The linker and, in passing, the library sources that the distribution's compiler needs.
fn distribution_linker() -> anyhow::Result<PathBuf> {
    let sysroot = process::output(distribution_rustc("--print=sysroot")?.arg("--print=host-tuple"))?;
    let (sysroot, host) = sysroot.trim().split_once('\n').context("rustc did not say where its parts are")?;
    let rustlib = Path::new(sysroot).join("lib/rustlib");
    let sources = rustlib.join("src/rust/library/std/Cargo.toml");
    let linker = rustlib.join(host).join("bin/rust-lld");
    for part in [&sources, &linker] {
        if !part.is_file() {
            bail!("{} is missing: install the packages rustc-web and rust-web-src", part.display());
        }
    }
    Ok(linker)
}

fn distribution_rustc(argument: &str) -> anyhow::Result<Command> {
    if !Path::new(DISTRIBUTION_RUSTC).is_file() {
        bail!("{DISTRIBUTION_RUSTC} is missing");
    }
    let mut rustc = process::command(DISTRIBUTION_RUSTC);
    rustc.env_remove("RUSTUP_TOOLCHAIN").arg(argument);
    Ok(rustc)
}
