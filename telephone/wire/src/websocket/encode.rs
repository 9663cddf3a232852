use bytes::{Buf, BytesMut};

use super::header::Header;
use super::{MAX_CONTROL, MAX_HEADER, Opcode, mask};

/// Appends a message in one frame. `write` appends the payload to what it is given, or says `false` when there is
/// nothing to send; then nothing is appended. `key` is a client's mask, new and unpredictable for each frame (RFC 6455
/// §5.3); a server has none.
///
/// The payload is written where it is sent from: in front of it there is room for the longest header, and what a
/// shorter one leaves over is skipped when the buffer was empty before. Only behind other frames the payload moves up.
pub fn put_message(
    out: &mut BytesMut,
    opcode: Opcode,
    key: Option<[u8; 4]>,
    write: impl FnOnce(&mut BytesMut) -> bool,
) -> bool {
    let start = out.len();
    out.extend_from_slice(&[0; MAX_HEADER]);
    if !write(out) {
        out.truncate(start);
        return false;
    }
    let payload = start + MAX_HEADER;
    let length = out.len() - payload;
    if let Some(key) = key {
        mask(&mut out[payload..], key, 0);
    }
    let mut header = [0; MAX_HEADER];
    // A usize is at most 64 bits.
    let used = Header { fin: true, compressed: false, opcode, length: length as u64, key }.encode(&mut header);
    let spare = MAX_HEADER - used;
    if start == 0 {
        out[spare..payload].copy_from_slice(&header[..used]);
        out.advance(spare);
    } else {
        out[start..start + used].copy_from_slice(&header[..used]);
        out.copy_within(payload.., start + used);
        out.truncate(start + used + length);
    }
    true
}

/// Appends a close frame (RFC 6455 §5.5.1): empty, or with a code and as much of the reason as fits.
pub fn put_close(out: &mut BytesMut, key: Option<[u8; 4]>, reason: Option<(u16, &str)>) {
    put_message(out, Opcode::Close, key, |out| {
        if let Some((code, reason)) = reason {
            out.extend_from_slice(&code.to_be_bytes());
            let fits = &reason[..reason.floor_char_boundary(MAX_CONTROL - 2)];
            out.extend_from_slice(fits.as_bytes());
        }
        true
    });
}
