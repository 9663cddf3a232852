//! The frames whose payload is one 32-bit number: RESET, STOP and WINDOW.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Header, Kind, ResetCode};

/// Appends a RESET frame.
pub fn put_reset(out: &mut BytesMut, stream: u32, code: ResetCode) {
    put(out, Kind::Reset, stream, code.0);
}

/// Appends a STOP frame.
pub fn put_stop(out: &mut BytesMut, stream: u32, code: ResetCode) {
    put(out, Kind::Stop, stream, code.0);
}

/// Appends a WINDOW frame for `stream`, 0 being the connection. `bytes` is not 0.
pub fn put_window(out: &mut BytesMut, stream: u32, bytes: u32) {
    put(out, Kind::Window, stream, bytes);
}

fn put(out: &mut BytesMut, kind: Kind, stream: u32, number: u32) {
    Header { kind, end: false, stream, length: 4 }.encode(out);
    out.put_u32(number);
}

/// The number in a payload whose length [`Header::decode`] has checked.
pub(crate) fn take_number(mut payload: Bytes) -> u32 {
    payload.try_get_u32().unwrap_or_default()
}
