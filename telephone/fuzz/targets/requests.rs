//! Request heads: their end does not depend on how they come, and what was understood says one thing only.
#![no_main]

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http1::{Framing, HeadScan, parse_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((cut, head)) = data.split_first() else { return };
    let whole = HeadScan::default().find(head, true);
    let mut scan = HeadScan::default();
    let first = scan.find(&head[..usize::from(*cut).min(head.len())], true);
    let found = if first == Ok(None) { scan.find(head, true) } else { first };
    assert_eq!(found, whole);
    let Ok(Some(length)) = whole else { return };
    let head = &head[..length];
    assert!(!head[..length - 2].windows(4).any(|window| window == b"\r\n\r\n"), "a head within a head");
    let Ok(request) = parse_request(Bytes::copy_from_slice(head), 1024) else { return };
    let headers = request.head.headers();
    let (lengths, codings) =
        (headers.get_all(CONTENT_LENGTH).iter().count(), headers.get_all(TRANSFER_ENCODING).iter().count());
    match request.framing {
        Framing::Length(_) => assert!(lengths <= 1 && codings == 0),
        Framing::Chunked => assert!(lengths == 0 && codings >= 1),
        Framing::UntilClose => unreachable!("a request does not end with its connection"),
    }
});
