//! A compiler for the browser's half of the code.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

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
        /// The linker of the same LLVM.
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
        const PURPOSE: &str = "building for WebAssembly without rustup";
        let (major, minor) = workspace.rust_version;
        let is_usable = |found: &DistributionRustc| found.version >= (major, minor) && found.has_library_sources;
        if !DistributionRustc::find().as_ref().is_some_and(is_usable) {
            packages::install(PURPOSE, &["rustc-web", "cargo-web", "rust-web-src"])?;
        }
        let Some(rustc) = DistributionRustc::find().filter(is_usable) else {
            bail!(
                "{DISTRIBUTION_RUSTC} is missing, older than {major}.{minor} or without the sources of its library: \
                 install a newer one, or make rustup's host reachable and run `rustup target add {TARGET}`"
            );
        };
        // The linker has to read what the compiler's own LLVM writes.
        let linker = PathBuf::from(format!("/usr/bin/wasm-ld-{}", rustc.llvm));
        if !linker.is_file() {
            packages::install(PURPOSE, &[&format!("lld-{}", rustc.llvm)])?;
        }
        Ok(Self::Distribution { linker })
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
        // Where its host is out of reach it should say so soon, and in one line.
        let mut rustup = process::command("rustup");
        process::run(rustup.env("RUSTUP_MAX_RETRIES", "1").env("RUST_BACKTRACE", "0").args(["target", "add", TARGET]))?;
        if !has_target() {
            bail!("rustup added {TARGET} to a toolchain other than the one in use");
        }
        Ok(())
    })
}

/// What the distribution's compiler says of itself.
struct DistributionRustc {
    version: (u32, u32),
    /// The major version of its LLVM.
    llvm: u32,
    has_library_sources: bool,
}

impl DistributionRustc {
    /// `None` when there is none.
    fn find() -> Option<Self> {
        let ask = |arguments: &[&str]| {
            let mut rustc = process::command(DISTRIBUTION_RUSTC);
            process::output(rustc.env_remove("RUSTUP_TOOLCHAIN").args(arguments)).ok()
        };
        let description = ask(&["--version", "--verbose"])?;
        let field = |name: &str| description.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let sources = Path::new(ask(&["--print", "sysroot"])?.trim()).join("lib/rustlib/src/rust/library/std");
        Some(Self {
            version: workspace::parse_version(field("release:")?)?,
            llvm: workspace::parse_version(field("LLVM version:")?)?.0,
            has_library_sources: sources.join("Cargo.toml").is_file(),
        })
    }
}
