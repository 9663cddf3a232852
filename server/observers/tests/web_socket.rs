//! What is told of a WebSocket: every kind of message, however it is cut, and what is none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::MessageKind::{Binary, Close, Ping, Pong, Text};
use domain::{MessageKind, Party};
use flate2::{Compress, Compression, FlushCompress};
use observers::{Deflate, Observed, Unreadable, WebSocketObserver};
use proptest::prelude::*;
use wire::websocket::{Header, MAX_HEADER, Opcode, WebSocketError, mask};

const LIMIT: usize = 1024 * 1024;

/// One end, which may compress what it sends.
struct Sender {
    party: Party,
    deflate: Option<Deflate>,
    compress: Compress,
    sent: Vec<u8>,
}

impl Sender {
    fn new(party: Party, deflate: Option<Deflate>) -> Self {
        Self { party, deflate, compress: Compress::new(Compression::default(), false), sent: Vec::new() }
    }

    fn frame(&mut self, fin: bool, compressed: bool, opcode: Opcode, payload: &[u8]) {
        let key = (self.party == Party::Client).then_some([1, 2, 3, 254]);
        let header = Header { fin, compressed, opcode, length: payload.len() as u64, key };
        let mut bytes = [0; MAX_HEADER];
        let length = header.encode(&mut bytes);
        self.sent.extend_from_slice(&bytes[..length]);
        let mut payload = payload.to_vec();
        if let Some(key) = key {
            mask(&mut payload, key, 0);
        }
        self.sent.extend_from_slice(&payload);
    }

    /// A message in so many frames, with a ping between each two of them.
    fn message(&mut self, text: bool, payload: &[u8], frames: usize) {
        let payload = if self.deflate.is_some() { self.deflated(payload) } else { payload.to_vec() };
        let opcode = if text { Opcode::Text } else { Opcode::Binary };
        let mut pieces: Vec<&[u8]> = payload.chunks(payload.len().div_ceil(frames).max(1)).collect();
        if pieces.is_empty() {
            pieces.push(b"");
        }
        for (n, piece) in pieces.iter().enumerate() {
            let opcode = if n == 0 { opcode } else { Opcode::Continuation };
            self.frame(n + 1 == pieces.len(), n == 0 && self.deflate.is_some(), opcode, piece);
            if n + 1 < pieces.len() {
                self.frame(true, false, Opcode::Ping, b"between");
            }
        }
    }

    fn deflated(&mut self, payload: &[u8]) -> Vec<u8> {
        let deflate = self.deflate.unwrap();
        let anew = match self.party {
            Party::Client => deflate.client_no_context_takeover,
            Party::Server => deflate.server_no_context_takeover,
        };
        if anew {
            self.compress.reset();
        }
        let before = self.compress.total_in();
        let mut out = Vec::with_capacity(payload.len() * 2 + 1024);
        self.compress.compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(self.compress.total_in() - before, payload.len() as u64);
        assert!(out.ends_with(&[0, 0, 0xff, 0xff]));
        out.truncate(out.len() - 4);
        out
    }

    fn observer(&self, limit: usize) -> WebSocketObserver {
        WebSocketObserver::new(self.party, self.deflate, limit)
    }
}

/// What is told when the bytes come in pieces of that size.
fn observe(mut observer: WebSocketObserver, bytes: &[u8], piece: usize) -> (Vec<Observed>, Option<Unreadable>) {
    let (mut all, mut error) = (Vec::new(), None);
    for piece in bytes.chunks(piece) {
        if let Err(why) = observer.observe(piece, |observed| all.push(observed)) {
            assert_eq!(error.replace(why), None, "it is said once");
        }
    }
    (all, error)
}

fn shown(all: &[Observed]) -> Vec<(MessageKind, String, u64)> {
    all.iter().map(|it| (it.kind, String::from_utf8_lossy(&it.payload).into_owned(), it.size)).collect()
}

#[test]
fn every_kind_is_told_with_its_size_masked_or_not() {
    for party in [Party::Client, Party::Server] {
        let mut sender = Sender::new(party, None);
        sender.message(true, "κόσμε".as_bytes(), 1);
        sender.message(false, &[7; 70_000], 1);
        sender.frame(true, false, Opcode::Pong, b"");
        sender.message(true, b"in three frames", 3);
        sender.frame(true, false, Opcode::Close, b"\x03\xe8done");
        sender.message(true, b"behind a close", 1);
        let (all, error) = observe(sender.observer(LIMIT), &sender.sent, 1000);
        assert_eq!(error, None);
        let seven = "\u{7}".repeat(70_000);
        let told = [
            (Text, "κόσμε", 10),
            (Binary, &seven, 70_000),
            (Pong, "", 0),
            (Ping, "between", 7),
            (Ping, "between", 7),
            (Text, "in three frames", 15),
            (Close, "1000 done", 6),
        ];
        let told = told.map(|(kind, payload, size)| (kind, payload.to_owned(), size));
        assert_eq!(shown(&all), told);
    }
}

#[test]
fn compressed_messages_are_inflated_as_both_ends_agreed() {
    for deflate in [Deflate::default(), Deflate { client_no_context_takeover: true, server_no_context_takeover: true }]
    {
        for party in [Party::Client, Party::Server] {
            let mut sender = Sender::new(party, Some(deflate));
            for _ in 0..3 {
                sender.message(true, br#"{"the":"same again"}"#, 2);
            }
            sender.message(true, b"", 1);
            let (all, error) = observe(sender.observer(LIMIT), &sender.sent, 1);
            assert_eq!(error, None);
            let texts: Vec<_> = all.iter().filter(|it| it.kind == Text).collect();
            assert_eq!(texts.len(), 4);
            assert!(texts[..3].iter().all(|it| it.payload[..] == br#"{"the":"same again"}"#[..] && it.size == 20));
            assert_eq!(texts[3].size, 0);
        }
    }
}

/// RFC 7692 §7.2.3.
#[test]
fn the_examples_of_the_rfc_are_read() {
    let deflate = Some(Deflate::default());
    for (bytes, what) in [
        (&[0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], "one block"),
        (&[0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00], "two frames"),
        (&[0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], "no compression"),
        (&[0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], "a final block"),
        (&[0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], "two blocks"),
    ] {
        let twice = [bytes, bytes].concat();
        let (all, error) = observe(WebSocketObserver::new(Party::Server, deflate, LIMIT), &twice, 1);
        let hello = (Text, "Hello".to_owned(), 5);
        assert_eq!((shown(&all), error), (vec![hello.clone(), hello], None), "{what}");
    }
}

#[test]
fn no_more_is_kept_than_the_limit_and_sizes_stay_whole() {
    for deflate in [None, Some(Deflate::default())] {
        let mut sender = Sender::new(Party::Server, deflate);
        sender.message(true, b"first", 1);
        sender.message(true, "ääää".as_bytes(), 1);
        sender.message(true, b"nothing is left for this one", 1);
        let (all, error) = observe(sender.observer(5 + 5), &sender.sent, 3);
        assert_eq!(error, None);
        // The half of a character is left out.
        assert_eq!(shown(&all[..2]), [(Text, "first".to_owned(), 5), (Text, "ää".to_owned(), 8)]);
        assert_eq!((all.len(), all[2].payload.len()), (3, 0));
        if deflate.is_none() {
            assert_eq!(all[2].size, 28);
        }
    }
}

#[test]
fn what_breaks_the_rules_is_told_once_and_ends_it() {
    let none = None;
    let some = Some(Deflate::default());
    for (party, deflate, bytes, why) in [
        (Party::Client, none, &[0x81, 0x01, b'a'][..], WebSocketError::Unmasked.into()),
        (Party::Server, none, &[0x81, 0x81], WebSocketError::Masked.into()),
        (Party::Server, none, &[0xc1, 0x00], WebSocketError::ReservedBits.into()),
        (Party::Server, some, &[0xa1, 0x00], WebSocketError::ReservedBits.into()),
        (Party::Server, some, &[0xc9, 0x00], WebSocketError::ReservedBits.into()),
        (Party::Server, none, &[0x83, 0x00], WebSocketError::Opcode(3).into()),
        (Party::Server, none, &[0x80, 0x00], WebSocketError::NothingToContinue.into()),
        (Party::Server, none, &[0x01, 0x00, 0x81, 0x00], WebSocketError::Interleaved.into()),
        (Party::Server, none, &[0x09, 0x00], WebSocketError::FragmentedControl.into()),
        (Party::Server, none, &[0x88, 0x01, 0x03], WebSocketError::BadClose.into()),
        (Party::Server, some, &[0xc1, 0x02, 0xff, 0xff], Unreadable::Deflate),
    ] {
        let bytes = [bytes, &[0x81, 0x00, 0x81, 0x81, 0, 0, 0, 0, 0]].concat();
        let (all, error) = observe(WebSocketObserver::new(party, deflate, LIMIT), &bytes, 1);
        assert_eq!((all, error), (vec![], Some(why)), "{bytes:x?}");
    }
}

#[test]
fn a_bomb_is_not_inflated_to_its_end() {
    let mut sender = Sender::new(Party::Client, Some(Deflate::default()));
    sender.message(false, &vec![0; 64 * 1024 * 1024], 1);
    assert!(sender.sent.len() < 128 * 1024);
    let (all, error) = observe(sender.observer(LIMIT), &sender.sent, 16 * 1024);
    assert_eq!((all, error), (vec![], Some(Unreadable::TooMuch)));
}

#[test]
fn what_was_agreed_on_is_read_from_the_answer() {
    let none: [&str; 0] = [];
    assert_eq!(Deflate::agreed(none), Ok(None));
    assert_eq!(Deflate::agreed(["permessage-deflate"]), Ok(Some(Deflate::default())));
    let all =
        "Permessage-Deflate ; server_no_context_takeover; client_max_window_bits=\"10\" ;client_no_context_takeover";
    let both = Deflate { client_no_context_takeover: true, server_no_context_takeover: true };
    assert_eq!(Deflate::agreed([all]), Ok(Some(both)));
    for unknown in ["x-webkit-deflate-frame", "permessage-deflate, x", "permessage-deflate, permessage-deflate"] {
        assert!(matches!(Deflate::agreed([unknown]), Err(Unreadable::Extension(_))), "{unknown}");
    }
}

proptest! {
    #[test]
    fn any_cut_tells_the_same(
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(0_u8..3, 0..3000), 1_usize..5), 0..8),
        client in any::<bool>(),
        deflate in prop::option::of((any::<bool>(), any::<bool>())),
        piece in 1_usize..5000,
        limit in 0_usize..9000,
    ) {
        let party = if client { Party::Client } else { Party::Server };
        let deflate = deflate.map(|(client_no_context_takeover, server_no_context_takeover)| Deflate {
            client_no_context_takeover,
            server_no_context_takeover,
        });
        let mut sender = Sender::new(party, deflate);
        for (text, payload, frames) in &messages {
            sender.message(*text, payload, *frames);
        }
        let (all, error) = observe(sender.observer(LIMIT), &sender.sent, piece);
        prop_assert_eq!(error, None);
        let told: Vec<_> = all.into_iter().filter(|it| it.kind != Ping).map(|it| (it.kind == Text, it.payload)).collect();
        let sent: Vec<_> = messages.into_iter().map(|(text, payload, _)| (text, payload.into())).collect();
        prop_assert_eq!(told, sent);
        let (cut, error) = observe(sender.observer(limit), &sender.sent, piece);
        prop_assert_eq!(error, None);
        prop_assert!(cut.iter().map(|it| it.payload.len()).sum::<usize>() <= limit);
        prop_assert_eq!(cut, observe(sender.observer(limit), &sender.sent, 1).0);
    }

    #[test]
    fn anything_else_does_no_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        client in any::<bool>(),
        deflate in prop::option::of(Just(Deflate::default())),
        piece in 1_usize..100,
    ) {
        let party = if client { Party::Client } else { Party::Server };
        let observer = || WebSocketObserver::new(party, deflate, 100);
        let told = observe(observer(), &bytes, piece);
        prop_assert!(told.0.iter().map(|it| it.payload.len()).sum::<usize>() <= 100);
        prop_assert_eq!(told, observe(observer(), &bytes, 1));
    }
}
