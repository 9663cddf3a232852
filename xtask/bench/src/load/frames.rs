//! Small WebSocket messages (RFC 6455 §5.2): one frame each, at most 125 bytes.

/// Binary message, final frame.
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;

/// Appends a message. Clients mask theirs.
pub fn put(to: &mut Vec<u8>, payload: &[u8], mask: Option<[u8; 4]>) {
    debug_assert!(payload.len() <= 125, "such messages are small");
    // Checked above.
    let length = payload.len() as u8;
    match mask {
        None => {
            to.extend_from_slice(&[BINARY, length]);
            to.extend_from_slice(payload);
        }
        Some(mask) => {
            to.extend_from_slice(&[BINARY, MASKED | length]);
            to.extend_from_slice(&mask);
            to.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}

/// Hands over each whole message at the beginning of `bytes`, which are unmasked in place; how many bytes they take.
pub fn take(bytes: &mut [u8], mut each: impl FnMut(&[u8])) -> usize {
    let mut used = 0;
    while let [_, second, rest @ ..] = &mut bytes[used..] {
        let length = usize::from(*second & !MASKED);
        let keys = if *second & MASKED == 0 { 0 } else { 4 };
        if rest.len() < keys + length {
            break;
        }
        let (key, rest) = rest.split_at_mut(keys);
        let payload = &mut rest[..length];
        if !key.is_empty() {
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        each(payload);
        used += 2 + keys + length;
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut bytes = Vec::new();
        put(&mut bytes, b"masked", Some([1, 2, 3, 4]));
        put(&mut bytes, b"plain", None);
        let whole = bytes.len();
        put(&mut bytes, b"cut short", None);
        bytes.pop();
        let mut seen = Vec::new();
        assert_eq!(take(&mut bytes, |payload| seen.push(payload.to_vec())), whole);
        assert_eq!(seen, [&b"masked"[..], b"plain"]);
    }
}
