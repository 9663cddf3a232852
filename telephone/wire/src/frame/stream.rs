//! The frames that carry a stream: REQUEST, RESPONSE, DATA and TRAILERS.

use bytes::BytesMut;

use super::{HEADER, Header, Kind};

/// Appends the header of a DATA frame whose `length` bytes (at most [`MAX_DATA`](super::MAX_DATA)) follow.
pub fn put_data_header(out: &mut BytesMut, stream: u32, length: usize, end: bool) {
    Header { kind: Kind::Data, end, stream, length }.encode(out);
}

/// Appends a REQUEST, RESPONSE or TRAILERS frame whose payload `encode` writes; `out` is as before when it fails.
pub fn put_head_frame<E>(
    out: &mut BytesMut,
    kind: Kind,
    stream: u32,
    end: bool,
    encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    if let Err(error) = encode(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = out.len() - start - HEADER;
    out[start..start + HEADER].copy_from_slice(&Header { kind, end, stream, length }.to_bytes());
    Ok(())
}
