//! How contents are packed in the database. The first byte says how, so that another way can be added.
//!
//! LZ4: what is packed here is small and there is much of it, and each microsecond of the recorder counts for more than
//! the last third of its size. Deflate at its fastest takes ten times as long for a head, and five times for a body.

use lz4_flex::block::{compress_into, decompress, get_maximum_output_size};

use crate::{CoreError, Result};

const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// What is shorter gains nothing.
const WORTH_IT: usize = 256;
/// The most that anything packed holds, bytes: more than the largest body and all that is known of an exchange.
const MOST: usize = 64 * 1024 * 1024;
/// What comes before what is packed: how, and its length unpacked.
const HEAD: usize = 5;

/// Packs. What is `dense` (a picture, something compressed) is left as it is.
pub(super) fn pack(bytes: &[u8], dense: bool) -> Vec<u8> {
    if !dense
        && (WORTH_IT..=MOST).contains(&bytes.len())
        && let Ok(length) = u32::try_from(bytes.len())
    {
        let mut packed = vec![0; HEAD + get_maximum_output_size(bytes.len())];
        packed[0] = LZ4;
        packed[1..HEAD].copy_from_slice(&length.to_be_bytes());
        if let Ok(taken) = compress_into(bytes, &mut packed[HEAD..])
            && HEAD + taken <= bytes.len()
        {
            packed.truncate(HEAD + taken);
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
    let wrong = |what: &str| CoreError::Internal(format!("the database holds an exchange that {what}"));
    match packed.split_first() {
        Some((&PLAIN, bytes)) => Ok(bytes.to_vec()),
        Some((&LZ4, bytes)) => {
            let (length, bytes) = bytes.split_first_chunk().ok_or_else(|| wrong("ends too early"))?;
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > MOST {
                return Err(wrong("is longer than any can be"));
            }
            decompress(bytes, length).map_err(|error| wrong(&format!("cannot be unpacked: {error}")))
        }
        _ => Err(wrong("is packed in an unknown way")),
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
