//! What the request inspector is told of a WebSocket or an event stream: read at once or byte by byte, it is the same, and
//! no more than may be kept. The first byte picks what it is, and what both ends have agreed on.
#![no_main]

use domain::Party;
use libfuzzer_sys::fuzz_target;
use observers::{Deflate, EventStreamObserver, Observed, Unreadable, WebSocketObserver};

const LIMIT: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((&first, bytes)) = data.split_first() else { return };
    let at_once = observe(first, bytes, bytes.len().max(1));
    assert!(at_once.0.iter().map(|observed| observed.payload.len()).sum::<usize>() <= LIMIT);
    assert_eq!(at_once, observe(first, bytes, 1));
});

fn observe(first: u8, bytes: &[u8], piece: usize) -> (Vec<Observed>, Option<Unreadable>) {
    let (mut all, mut error) = (Vec::new(), None);
    if first & 8 != 0 {
        let mut observer = EventStreamObserver::new(LIMIT);
        bytes.chunks(piece).for_each(|piece| observer.observe(piece, |observed| all.push(observed)));
        all.extend(observer.finish());
        return (all, None);
    }
    let sender = if first & 1 == 0 { Party::Client } else { Party::Server };
    let anew = first & 4 != 0;
    let deflate = Deflate { client_no_context_takeover: anew, server_no_context_takeover: anew };
    let mut observer = WebSocketObserver::new(sender, (first & 2 != 0).then_some(deflate), LIMIT);
    for piece in bytes.chunks(piece) {
        if let Err(why) = observer.observe(piece, |observed| all.push(observed)) {
            assert_eq!(error.replace(why), None);
        }
    }
    (all, error)
}
