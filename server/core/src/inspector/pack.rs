//! How contents are packed in the database. The first byte says how, so that another way can be added.
//!
//! Deflate at its fastest: of what text it packs, each millisecond of the recorder counts for more than the last tenth of
//! its size.

use std::io::{Read, Write};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

use crate::{CoreError, Result};

const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;
/// What is shorter gains nothing.
const WORTH_IT: usize = 128;
/// The most that anything packed holds, bytes: more than the largest body and all that is known of an exchange.
const MOST: u64 = 64 * 1024 * 1024;

/// Packs. What is `dense` (a picture, something compressed) is left as it is.
pub(super) fn pack(bytes: &[u8], dense: bool) -> Vec<u8> {
    if !dense && bytes.len() >= WORTH_IT {
        let mut encoder = DeflateEncoder::new(vec![DEFLATED], Compression::fast());
        let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
        if let Ok(packed) = packed
            && packed.len() <= bytes.len()
        {
            return packed;
        }
    }
    let mut plain = Vec::with_capacity(bytes.len() + 1);
    plain.push(PLAIN);
    plain.extend_from_slice(bytes);
    plain
}

/// The reverse.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let wrong = |what: String| CoreError::Internal(format!("the database holds an exchange that {what}"));
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&DEFLATED, bytes)) => {
            let mut out = Vec::new();
            let read = DeflateDecoder::new(bytes).take(MOST).read_to_end(&mut out);
            read.map(|_| out).map_err(|error| wrong(format!("cannot be unpacked: {error}")))
        }
        _ => Err(wrong("is packed in an unknown way".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_packed_comes_back(bytes: Vec<u8>, times in 1..50_usize, dense: bool) {
            let bytes = bytes.repeat(times);
            let packed = pack(&bytes, dense);
            proptest::prop_assert!(packed.len() <= bytes.len() + 1);
            proptest::prop_assert_eq!(unpack(&packed).unwrap(), bytes);
        }

        #[test]
        fn whatever_is_found_is_no_panic(bytes: Vec<u8>) {
            unpack(&bytes).ok();
        }
    }
}
