//! Variable-length integers as in RFC 9000 §16, limited to the 1, 2 and 4 byte forms (values below 2³⁰) and to the
//! shortest form of each value, so that a head has exactly one encoding.

use bytes::{Buf, BufMut, Bytes};

/// The largest value that can be written.
pub(crate) const MAX: u32 = (1 << 30) - 1;

/// Appends `value`; values above [`MAX`] are cut to it, which callers rule out by their own limits.
pub(crate) fn put(out: &mut impl BufMut, value: usize) {
    let value = u32::try_from(value).unwrap_or(MAX).min(MAX);
    match value {
        0..=0x3f => out.put_u8(value as u8),
        0x40..=0x3fff => out.put_u16(0x4000 | value as u16),
        _ => out.put_u32(0x8000_0000 | value),
    }
}

/// Takes one integer off the front; `None` when it is cut short, longer than needed or of the 8 byte form.
pub(crate) fn take(input: &mut Bytes) -> Option<usize> {
    let first = *input.first()?;
    let (value, least) = match first >> 6 {
        0 => (u32::from(input.get_u8()), 0),
        1 if input.len() >= 2 => (u32::from(input.get_u16() & 0x3fff), 0x40),
        2 if input.len() >= 4 => (input.get_u32() & MAX, 0x4000),
        _ => return None,
    };
    if value < least { None } else { usize::try_from(value).ok() }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use proptest::prelude::*;

    use super::{MAX, put, take};

    #[test]
    fn longer_forms_than_needed_are_refused() {
        for bytes in [&[0x40, 0x05][..], &[0x80, 0, 0, 5], &[0xc0, 0, 0, 0, 0, 0, 0, 5], &[0x41], &[]] {
            assert_eq!(take(&mut Bytes::copy_from_slice(bytes)), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(value in 0..=MAX as usize) {
            let mut out = BytesMut::new();
            put(&mut out, value);
            let mut input = out.freeze();
            prop_assert_eq!(take(&mut input), Some(value));
            prop_assert!(input.is_empty());
        }
    }
}
