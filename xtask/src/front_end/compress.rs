//! Compressed copies, made once so that the server never compresses an asset.

use std::{io::Write, path::Path};

use anyhow::Context;
use flate2::{Compression, write::GzEncoder};

/// Whether a file is worth compressing: pictures and fonts are compressed already, and a tiny file fits one packet.
pub fn is_worthwhile(name: &str, content: &[u8]) -> bool {
    const SMALLEST: usize = 512;
    const EXTENSIONS: [&str; 9] = ["css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest"];
    let extension = Path::new(name).extension();
    content.len() >= SMALLEST && extension.is_some_and(|found| EXTENSIONS.iter().any(|known| found == *known))
}

/// Compresses with Brotli (RFC 7932) at a quality from 0 to 11.
///
/// # Errors
/// Only what the encoder itself reports.
pub fn brotli(content: &[u8], quality: u32) -> anyhow::Result<Vec<u8>> {
    const BUFFER: usize = 64 * 1024;
    const WINDOW_BITS: u32 = 22;
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut compressed, BUFFER, quality, WINDOW_BITS);
    encoder.write_all(content).and_then(|()| encoder.flush()).context("Brotli failed")?;
    drop(encoder);
    Ok(compressed)
}

/// Compresses with gzip (RFC 1952).
///
/// # Errors
/// Only what the encoder itself reports.
pub fn gzip(content: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).context("gzip failed")
}
