//! The three ways to build, each a trade of build time against speed of the result.

use std::path::PathBuf;

use crate::workspace::Workspace;

/// How thoroughly to optimise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Quick to rebuild: for `cargo xtask dev`.
    Dev,
    /// Quick to build and to run: for `cargo xtask run`, `build` and `test`.
    Quick,
    /// As fast and as small as it gets: for `cargo xtask build --release`.
    Release,
}

impl Flavour {
    /// The cargo profile of the server and the telephone.
    pub fn native_profile(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Quick => "quick",
            Self::Release => "release",
        }
    }

    /// The cargo profile of the front end.
    pub fn wasm_profile(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Quick | Self::Release => "wasm-release",
        }
    }

    /// The folder that receives the front end. One each: changing between flavours rebuilds nothing.
    pub fn site(self, workspace: &Workspace) -> PathBuf {
        workspace.target.join(match self {
            Self::Dev => "site-dev",
            Self::Quick => "site-quick",
            Self::Release => "site-release",
        })
    }

    /// Brotli's quality (0 to 11) for the compressed copies of the site; `None` for no compressed copies.
    pub fn brotli_quality(self) -> Option<u32> {
        match self {
            Self::Dev => None,
            // What pages may weigh is tested with the quick one, and holds for what is shipped.
            Self::Quick | Self::Release => Some(11),
        }
    }
}
