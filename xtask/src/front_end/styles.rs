//! One small style sheet out of the readable ones.

use std::path::Path;

use anyhow::{Context, anyhow};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
};

/// Follows the `@import`s of a style sheet and returns everything as one minified sheet.
///
/// # Errors
/// When a file is missing or does not parse; the text names file, line and column.
pub fn bundle(entry: &Path) -> anyhow::Result<Vec<u8>> {
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    // The errors borrow from the bundler, so their texts are what can be handed on.
    let mut sheet =
        bundler.bundle(entry).map_err(|error| anyhow!("{error}")).with_context(|| format!("in {}", entry.display()))?;
    sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("cannot minify the style sheet: {error}"))?;
    let css = sheet
        .to_css(PrinterOptions { minify: true, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("cannot print the style sheet: {error}"))?;
    Ok(css.code.into_bytes())
}
