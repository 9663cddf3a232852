//! What a WebSocket peer sends: read at once or byte by byte, it means the same, and breaks the same rule. The first byte
//! picks the end.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use wire::websocket::{Decoder, Limits, Received, Role, WebSocketError};

const LIMITS: Limits = Limits { frame: 1024, message: 2048 };

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let role = if first & 1 == 0 { Role::Server } else { Role::Client };
    let at_once = decode(role, bytes, bytes.len().max(1));
    let bit_by_bit = decode(role, bytes, 1);
    assert_eq!(at_once, bit_by_bit);
});

fn decode(role: Role, bytes: &[u8], piece: usize) -> (Vec<Received>, Option<WebSocketError>) {
    let mut decoder = Decoder::new(role, LIMITS);
    let mut buffer = BytesMut::new();
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
            }
        }
    }
    (all, None)
}
