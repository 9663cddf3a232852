//! Response heads: what was understood can be passed on, and has one end. The first byte picks the request's method.
#![no_main]

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http1::{Framing, HeadScan, parse_response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, head)) = data.split_first() else { return };
    let method = if first % 2 == 0 { Method::GET } else { Method::HEAD };
    let Ok(Some(length)) = HeadScan::default().find(head, false) else { return };
    let Ok(response) = parse_response(Bytes::copy_from_slice(&head[..length]), &method) else { return };
    let headers = &response.headers;
    assert!(!(headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING)));
    if method == Method::HEAD || response.is_informational() {
        assert_eq!(response.framing, Framing::NONE);
    }
});
