//! Variable-length integers as in RFC 9000 §16, limited to the 1, 2 and 4 byte forms (values below 2³⁰) and to the
//! shortest form of each value, so that a head has exactly one encoding.

/// The largest value that can be written.
pub(crate) const MAX: u32 = (1 << 30) - 1;

/// A number as it is written: the first so many of four bytes.
pub(crate) type Written = ([u8; 4], usize);

/// Writes `value`; values above [`MAX`] are cut to it, which callers rule out by their own limits.
pub(crate) fn write(value: usize) -> Written {
    let value = u32::try_from(value).unwrap_or(MAX).min(MAX);
    let bytes = match value {
        0..=0x3f => value << 24,
        0x40..=0x3fff => (0x4000 | value) << 16,
        _ => 0x8000_0000 | value,
    };
    (bytes.to_be_bytes(), length(value as usize))
}

/// How many bytes `value` takes when it is written.
pub(crate) fn length(value: usize) -> usize {
    match value {
        0..=0x3f => 1,
        0x40..=0x3fff => 2,
        _ => 4,
    }
}

/// Reads the number at the front, and says how many bytes it has; `None` when it is cut short, longer than needed or of the
/// 8 byte form.
pub(crate) fn read(input: &[u8]) -> Option<(usize, usize)> {
    let (value, least, length) = match *input {
        [one, ..] if one < 0x40 => (u32::from(one), 0, 1),
        [one, two, ..] if one < 0x80 => (u32::from_be_bytes([0, 0, one & 0x3f, two]), 0x40, 2),
        [one, two, three, four, ..] if (0x80..0xc0).contains(&one) => {
            (u32::from_be_bytes([one & 0x3f, two, three, four]), 0x4000, 4)
        }
        _ => return None,
    };
    if value < least { None } else { Some((usize::try_from(value).ok()?, length)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MAX, read, write};

    #[test]
    fn longer_forms_than_needed_are_refused() {
        for bytes in [&[0x40, 0x05][..], &[0x80, 0, 0, 5], &[0xc0, 0, 0, 0, 0, 0, 0, 5], &[0x41], &[]] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(value in 0..=MAX as usize) {
            let (bytes, length) = write(value);
            prop_assert_eq!(read(&bytes[..length]), Some((value, length)));
            prop_assert_eq!(read(&bytes[..length - 1]), None);
        }
    }
}
