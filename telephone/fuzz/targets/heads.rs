//! Heads and trailers: what is understood can be said again, and means the same. The first byte picks which it is.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use wire::head::{RequestHead, ResponseHead, decode_trailers, encode_trailers};

fuzz_target!(|data: &[u8]| {
    let Some((first, block)) = data.split_first() else { return };
    let block = Bytes::copy_from_slice(block);
    let mut out = BytesMut::new();
    match first % 3 {
        0 => {
            let Ok(head) = RequestHead::decode(block) else { return };
            head.encode(&mut out).expect("a head that was understood");
            assert_eq!(RequestHead::decode(out.freeze()).expect("a head of ours"), head);
        }
        1 => {
            let Ok(head) = ResponseHead::decode(block) else { return };
            head.encode(&mut out).expect("a head that was understood");
            assert_eq!(ResponseHead::decode(out.freeze()).expect("a head of ours"), head);
        }
        _ => {
            let Ok(trailers) = decode_trailers(block) else { return };
            encode_trailers(&trailers, &mut out).expect("trailers that were understood");
            assert_eq!(decode_trailers(out.freeze()).expect("trailers of ours"), trailers);
        }
    }
});
