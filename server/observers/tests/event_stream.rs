//! What is told of an event stream: events as they were written, however the stream is cut.

use domain::MessageKind;
use observers::{EventStreamObserver, Observed};
use proptest::prelude::*;

fn observe(bytes: &[u8], piece: usize, limit: usize) -> (Vec<Observed>, Option<Observed>) {
    let mut observer = EventStreamObserver::new(limit);
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        observer.observe(piece, |observed| all.push(observed));
    }
    assert!(all.iter().all(|it| it.kind == MessageKind::Event));
    (all, observer.finish())
}

fn payloads(stream: &str) -> Vec<String> {
    let (all, unfinished) = observe(stream.as_bytes(), 1, 1000);
    assert_eq!(unfinished, None, "{stream:?}");
    all.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect()
}

#[test]
fn events_are_told_as_they_were_written() {
    for (stream, events) in [
        ("", &[][..]),
        ("\n\n\r\n\r\r", &[]),
        ("data: a\n\n", &["data: a"]),
        ("\u{feff}data: a\n\ndata: b\n\n", &["data: a", "data: b"]),
        ("event: x\ndata: a\ndata: b\nid: 7\n\n", &["event: x\ndata: a\ndata: b\nid: 7"]),
        ("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", &["data: a\r\ndata: b", "data: c"]),
        ("data: a\rdata: b\r\rdata: c\r\r", &["data: a\rdata: b", "data: c"]),
        ("data: a\r\rdata: b\r\n\ndata: c\n\r", &["data: a", "data: b", "data: c"]),
        (": still here\n\n\n\ndata\n\n", &[": still here", "data"]),
    ] {
        assert_eq!(payloads(stream), events, "{stream:?}");
    }
}

#[test]
fn what_has_begun_is_told_in_the_end() {
    let (all, unfinished) = observe(b"data: a\n\ndata: b\ndata: c\n", 4, 1000);
    assert_eq!(all.len(), 1);
    assert_eq!(unfinished.map(|it| (it.payload, it.size)), Some(("data: b\ndata: c".into(), 15)));
}

#[test]
fn no_more_is_kept_than_the_limit_and_sizes_stay_whole() {
    let (all, _) = observe("data: ä\n\ndata: ää\n\ndata: c\n\n".as_bytes(), 5, 8 + 9);
    let told: Vec<_> = all.iter().map(|it| (String::from_utf8_lossy(&it.payload), it.size)).collect();
    // The half of a character is left out.
    assert_eq!(told, [("data: ä".into(), 8), ("data: ä".into(), 10), ("".into(), 7)]);
}

proptest! {
    #[test]
    fn any_cut_tells_the_same(
        bytes in prop::collection::vec(prop::sample::select(&b"a:\n\r\xef\xbb\xbf "[..]), 0..500),
        piece in 1_usize..100,
        limit in 0_usize..600,
    ) {
        let told = observe(&bytes, piece, limit);
        prop_assert!(told.0.iter().map(|it| it.payload.len()).sum::<usize>() <= limit);
        prop_assert_eq!(told, observe(&bytes, 1, limit));
    }
}
