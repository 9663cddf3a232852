//! Undoing `Content-Encoding`, within a bound.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// More encodings on top of each other are nobody's.
const MOST_ENCODINGS: usize = 3;
/// A buffer of the brotli decoder, bytes.
const BUFFER: usize = 4_096;

/// What was encoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// As much of it as there is.
    pub(super) bytes: Vec<u8>,
    /// Whether all bytes that were there are in it: neither was the bound met, nor did they break off.
    pub(super) all: bool,
}

/// Undoes the encodings that a `Content-Encoding` names, to at most `most` bytes. `None`: one is not known to us, or not a
/// byte comes out.
pub(super) fn decode(bytes: &[u8], encodings: &str, most: usize) -> Option<Decoded> {
    let names: Vec<_> = encodings.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    if names.len() > MOST_ENCODINGS {
        return None;
    }
    let mut decoded = Decoded { bytes: bytes.to_vec(), all: true };
    // The last one was applied last.
    for name in names.iter().rev().filter(|name| !name.is_empty() && *name != "identity") {
        let before = Cow::Borrowed(decoded.bytes.as_slice());
        let (next, all) = match name.as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*before), most),
            // Zlib's format is meant (RFC 9110 section 8.4.1.2), but some send what is in it only.
            "deflate" => match read(ZlibDecoder::new(&*before), most) {
                (out, _) if out.is_empty() => read(DeflateDecoder::new(&*before), most),
                read => read,
            },
            "br" => read(brotli::Decompressor::new(&*before, BUFFER), most),
            _ => return None,
        };
        if next.is_empty() && !before.is_empty() && !all {
            return None;
        }
        decoded = Decoded { bytes: next, all: decoded.all && all };
    }
    Some(decoded)
}

fn read(mut from: impl Read, most: usize) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut piece = [0; 8_192];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return (out, true),
            Ok(count) => {
                let room = most - out.len();
                out.extend_from_slice(&piece[..count.min(room)]);
                if count > room {
                    return (out, false);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return (out, false),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use flate2::Compression;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(vec![], Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_encoding_is_undone() {
        let text = b"hello hello hello".to_vec();
        let whole = Some(Decoded { bytes: text.clone(), all: true });
        assert_eq!(decode(&gzip(&text), "gzip", 100), whole);
        assert_eq!(decode(&gzip(&gzip(&text)), "gzip, GZIP", 100), whole);
        let mut zlib = flate2::write::ZlibEncoder::new(vec![], Compression::default());
        zlib.write_all(&text).unwrap();
        assert_eq!(decode(&zlib.finish().unwrap(), "deflate", 100), whole);
        let mut raw = flate2::write::DeflateEncoder::new(vec![], Compression::default());
        raw.write_all(&text).unwrap();
        assert_eq!(decode(&raw.finish().unwrap(), "deflate", 100), whole);
        let mut br = brotli::CompressorWriter::new(vec![], 4_096, 5, 20);
        br.write_all(&text).unwrap();
        assert_eq!(decode(&br.into_inner(), "br", 100), whole);
        assert_eq!(decode(&text, "identity", 100), whole);
        assert_eq!(decode(&text, "zstd", 100), None);
        assert_eq!(decode(&text, "gzip", 100), None);
        assert_eq!(decode(&gzip(&text), "gzip,gzip,gzip,gzip", 100), None);
    }

    #[test]
    fn a_bomb_stays_within_its_bound_and_what_breaks_off_is_told() {
        let bomb = gzip(&vec![0; 10_000_000]);
        let decoded = decode(&bomb, "gzip", 1_000).unwrap();
        assert_eq!((decoded.bytes.len(), decoded.all), (1_000, false));
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let cut = &gzip(&text)[..50_000];
        let decoded = decode(cut, "gzip", 1_000_000).unwrap();
        assert!(!decoded.all && text.starts_with(&decoded.bytes) && !decoded.bytes.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, encoding in "(gzip|deflate|br|, ){0,4}") {
            if let Some(decoded) = decode(&bytes, &encoding, 1_000) {
                proptest::prop_assert!(decoded.bytes.len() <= 1_000.max(bytes.len()));
            }
        }
    }
}
