//! Bytes as people look at them: offset, hexadecimal, and what is printable.

use std::fmt::Write as _;

/// Bytes in a line.
pub const BYTES_PER_LINE: usize = 16;

/// The bytes, sixteen in a line.
pub fn dump(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(BYTES_PER_LINE) * 79);
    for (line, chunk) in bytes.chunks(BYTES_PER_LINE).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:08x} ", line * BYTES_PER_LINE);
        for place in 0..BYTES_PER_LINE {
            let gap = if place % 8 == 0 { " " } else { "" };
            let _ = match chunk.get(place) {
                Some(byte) => write!(text, "{gap}{byte:02x} "),
                None => write!(text, "{gap}   "),
            };
        }
        text.push(' ');
        text.extend(
            chunk.iter().map(|&byte| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '.' }),
        );
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::dump;

    #[test]
    fn lines_are_aligned() {
        let text = dump(b"GET / HTTP/1.1\r\nHost: \xff");
        let expected = "\
00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1..\n\
00000010  48 6f 73 74 3a 20 ff                              Host: .\n";
        assert_eq!(text, expected);
        assert_eq!(dump(b""), "");
    }
}
