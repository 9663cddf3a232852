//! Chunked bodies: what is read does not depend on how it comes. The first byte picks where it is cut.
#![no_main]

use bytes::BytesMut;
use http1::{BodyDecoder, Decoded, Framing};
use libfuzzer_sys::fuzz_target;

/// The data, and whether the body was whole; `None` when it was refused.
fn read(pieces: &[&[u8]]) -> Option<(Vec<u8>, bool, usize)> {
    let (mut decoder, mut buffer) = (BodyDecoder::new(Framing::Chunked), BytesMut::new());
    let (mut data, mut ended) = (Vec::new(), false);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while !ended {
            match decoder.decode(&mut buffer).ok()? {
                Decoded::Data(bytes) => data.extend_from_slice(&bytes),
                Decoded::Trailers(_) | Decoded::End => ended = true,
                Decoded::More => break,
            }
        }
    }
    Some((data, ended, buffer.len()))
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, body)) = data.split_first() else { return };
    let (one, other) = body.split_at(usize::from(*cut).min(body.len()));
    if let Some(whole) = read(&[body]) {
        assert_eq!(read(&[one, other]), Some(whole));
    }
});
