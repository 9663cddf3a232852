//! Percent-encoding in paths (RFC 3986 section 2), as far as comparing two of them asks for it.

pub use masking::decode_escape as decode;

/// Whether the byte means the same with and without percent-encoding, and is therefore never encoded in a path that is
/// compared (`unreserved`, RFC 3986 section 2.3).
pub const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether the byte may stand in a segment of a path as it is (`pchar` without its escapes, RFC 3986 section 3.3).
pub const fn is_segment_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// Appends the byte in the one form in which paths are compared: as it is when it is unreserved, otherwise as an escape
/// in capitals (RFC 3986 section 6.2.2).
pub fn push(out: &mut String, byte: u8) {
    if is_unreserved(byte) {
        out.push(char::from(byte));
    } else {
        push_escape(out, byte);
    }
}

/// Appends the escape of the byte.
pub fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from(DIGITS[usize::from(digit)]));
    }
}

/// The character as its escapes.
pub(crate) fn escapes(character: char) -> String {
    let mut out = String::new();
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        push_escape(&mut out, byte);
    }
    out
}
