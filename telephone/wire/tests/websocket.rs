//! WebSocket framing: the examples of RFC 6455, any cut of what arrives, and each way of breaking the rules.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use wire::websocket::{
    CloseReason, Decoder, Limits, Opcode, Received, Role, WebSocketError, mask, put_close, put_message,
};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn put(out: &mut BytesMut, opcode: Opcode, key: Option<[u8; 4]>, payload: &[u8]) {
    let put = put_message(out, opcode, key, |out| {
        out.extend_from_slice(payload);
        true
    });
    assert!(put);
}

fn encode(opcode: Opcode, key: Option<[u8; 4]>, payload: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    put(&mut out, opcode, key, payload);
    out
}

fn client() -> Decoder {
    Decoder::new(Role::Client, Limits::default())
}

/// All that a server sent in these bytes, up to an error.
fn decode(bytes: &[u8]) -> Result<Vec<Received>, WebSocketError> {
    decode_with(&mut client(), &[bytes])
}

fn decode_with(decoder: &mut Decoder, pieces: &[&[u8]]) -> Result<Vec<Received>, WebSocketError> {
    let mut buffer = BytesMut::new();
    let mut all = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(received) = decoder.decode(&mut buffer)? {
            all.push(received);
        }
    }
    assert!(decoder.is_inside() || buffer.len() < 14, "what is left is the beginning of a header");
    Ok(all)
}

fn text(text: &str) -> Received {
    Received::Text(text.to_owned())
}

/// RFC 6455 section 5.7.
mod golden {
    use super::*;

    #[test]
    fn a_text_message() {
        let frame = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        assert_eq!(encode(Opcode::Text, None, b"Hello"), frame[..]);
        assert_eq!(decode(&frame), Ok(vec![text("Hello")]));
    }

    #[test]
    fn a_masked_text_message() {
        let frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(encode(Opcode::Text, Some(KEY), b"Hello"), frame[..]);
        let mut server = Decoder::new(Role::Server, Limits::default());
        assert_eq!(decode_with(&mut server, &[&frame]), Ok(vec![text("Hello")]));
    }

    #[test]
    fn a_fragmented_message() {
        let frames = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
        assert_eq!(decode(&frames), Ok(vec![text("Hello")]));
    }

    #[test]
    fn a_ping_and_its_pong() {
        let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(decode(&ping), Ok(vec![Received::Ping(Bytes::from_static(b"Hello"))]));
        assert_eq!(encode(Opcode::Pong, Some(KEY), b"Hello"), pong[..]);
    }

    #[test]
    fn longer_messages() {
        let medium = encode(Opcode::Binary, None, &[7; 256]);
        assert_eq!(medium[..4], [0x82, 0x7e, 0x01, 0x00]);
        let long = encode(Opcode::Binary, None, &[7; 65536]);
        assert_eq!(long[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
        let both = [&medium[..], &long[..]].concat();
        let expected = [256, 65536].map(|length| Received::Binary(vec![7; length].into()));
        assert_eq!(decode(&both), Ok(expected.into()));
    }

    #[test]
    fn a_close() {
        let frame = [0x88, 0x06, 0x03, 0xe9, b'd', b'o', b'n', b'e'];
        let mut out = BytesMut::new();
        put_close(&mut out, None, Some((1001, "done")));
        assert_eq!(out, frame[..]);
        let reason = CloseReason { code: 1001, reason: "done".to_owned() };
        assert_eq!(decode(&frame), Ok(vec![Received::Close(Some(reason))]));
        assert_eq!(decode(&[0x88, 0x00]), Ok(vec![Received::Close(None)]));
    }
}

/// Each way of breaking the rules, with the code that tells the peer.
mod broken {
    use super::*;

    fn fails(bytes: &[u8], error: WebSocketError, code: u16) {
        assert_eq!(decode(bytes), Err(error), "{bytes:x?}");
        assert_eq!(error.close_code(), code);
    }

    #[test]
    fn headers() {
        for bits in [0x40, 0x20, 0x10] {
            fails(&[0x81 | bits, 0x00], WebSocketError::ReservedBits, 1002);
        }
        for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
            fails(&[0x80 | opcode, 0x00], WebSocketError::Opcode(opcode), 1002);
        }
        fails(&[0x81, 0x80], WebSocketError::Masked, 1002);
        let mut server = Decoder::new(Role::Server, Limits::default());
        assert_eq!(decode_with(&mut server, &[&[0x81, 0x00]]), Err(WebSocketError::Unmasked));
    }

    #[test]
    fn lengths() {
        fails(&[0x82, 126, 0, 125], WebSocketError::Length, 1002);
        fails(&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], WebSocketError::Length, 1002);
        fails(&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], WebSocketError::Length, 1002);
    }

    #[test]
    fn control_frames() {
        for opcode in [8, 9, 10] {
            fails(&[opcode, 0x00], WebSocketError::FragmentedControl, 1002);
            fails(&[0x80 | opcode, 126], WebSocketError::LongControl, 1002);
            fails(&[0x80 | opcode, 127], WebSocketError::LongControl, 1002);
        }
    }

    #[test]
    fn fragments() {
        fails(&[0x80, 0x00], WebSocketError::NothingToContinue, 1002);
        fails(&[0x00, 0x00], WebSocketError::NothingToContinue, 1002);
        fails(&[0x01, 0x00, 0x81, 0x00], WebSocketError::Interleaved, 1002);
        fails(&[0x01, 0x00, 0x82, 0x00], WebSocketError::Interleaved, 1002);
        // A message that is complete cannot be continued.
        fails(&[0x01, 0x00, 0x80, 0x00, 0x80, 0x00], WebSocketError::NothingToContinue, 1002);
    }

    #[test]
    fn closes() {
        fails(&[0x88, 0x01, 0x03], WebSocketError::BadClose, 1002);
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16] {
            let [a, b] = code.to_be_bytes();
            fails(&[0x88, 0x02, a, b], WebSocketError::BadClose, 1002);
        }
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999_u16]
        {
            let [a, b] = code.to_be_bytes();
            let expected = Received::Close(Some(CloseReason { code, reason: String::new() }));
            assert_eq!(decode(&[0x88, 0x02, a, b]), Ok(vec![expected]));
        }
        fails(&[0x88, 0x03, 0x03, 0xe8, 0xff], WebSocketError::InvalidUtf8, 1007);
    }

    #[test]
    fn limits() {
        let limits = Limits { frame: 10, message: 15 };
        let decode = |bytes: &[u8]| decode_with(&mut Decoder::new(Role::Client, limits), &[bytes]);
        let big = |limit, fragmented| Err(WebSocketError::TooBig { limit, fragmented });
        let fits = [&[0x02, 10][..], &[0; 10], &[0x80, 5], &[0; 5]].concat();
        assert_eq!(decode(&fits), Ok(vec![Received::Binary(vec![0; 15].into())]));
        // The announcement is enough: nothing of it is waited for.
        assert_eq!(decode(&[0x82, 11]), big(10, false));
        let over = [&[0x02, 10][..], &[0; 10], &[0x80, 6]].concat();
        assert_eq!(decode(&over), big(15, true));
        assert_eq!(decode(&[0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]), big(10, false));
        assert_eq!(WebSocketError::TooBig { limit: 10, fragmented: false }.close_code(), 1009);
        // A control frame may come in between, and does not count.
        let between = [&[0x02, 10][..], &[0; 10], &[0x89, 125], &[1; 125], &[0x80, 5], &[0; 5]].concat();
        assert_eq!(decode(&between).unwrap().len(), 2);
    }
}

/// RFC 6455 section 8.1, as the cases 6 of the Autobahn test suite have it.
mod utf8 {
    use super::*;

    /// κόσμε, then a code point beyond Unicode.
    const BROKEN: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80";

    #[test]
    fn the_connection_fails_at_the_first_byte_that_cannot_be_right() {
        let mut decoder = client();
        let mut buffer = BytesMut::from(&[0x81, 20][..]);
        for (place, byte) in BROKEN.iter().enumerate() {
            buffer.extend_from_slice(&[*byte]);
            let expected = if place < 12 { Ok(None) } else { Err(WebSocketError::InvalidUtf8) };
            let decoded = decoder.decode(&mut buffer);
            assert_eq!(decoded, expected, "after byte {place}");
            if decoded.is_err() {
                break;
            }
        }
    }

    #[test]
    fn a_fragment_is_checked_before_the_next_one_comes() {
        let bytes = [&[0x01, 11][..], &BROKEN[..11], &[0x00, 4], &BROKEN[11..]].concat();
        assert_eq!(decode(&bytes), Err(WebSocketError::InvalidUtf8));
    }

    #[test]
    fn a_character_may_be_cut_by_fragments_but_not_by_the_end() {
        let cut = [0x01, 1, 0xe2, 0x00, 1, 0x82, 0x80, 1, 0xac];
        assert_eq!(decode(&cut), Ok(vec![text("€")]));
        assert_eq!(decode(&[0x81, 2, 0xe2, 0x82]), Err(WebSocketError::InvalidUtf8));
        assert_eq!(decode(&[0x01, 1, 0xe2, 0x80, 1, 0x82]), Err(WebSocketError::InvalidUtf8));
        // What one message leaves open is not continued by the next.
        assert_eq!(decode(&[0x81, 1, 0xe2, 0x81, 2, 0x82, 0xac]), Err(WebSocketError::InvalidUtf8));
    }

    #[test]
    fn surrogates_and_overlong_forms_are_refused() {
        for bytes in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xff", b"\x80"] {
            let frame = encode(Opcode::Text, None, bytes);
            assert_eq!(decode(&frame), Err(WebSocketError::InvalidUtf8), "{bytes:x?}");
        }
    }

    #[test]
    fn binary_messages_and_pings_hold_anything() {
        let frames = [encode(Opcode::Binary, None, b"\xff"), encode(Opcode::Ping, None, b"\xff")].concat();
        let expected = vec![Received::Binary(Bytes::from_static(b"\xff")), Received::Ping(Bytes::from_static(b"\xff"))];
        assert_eq!(decode(&frames), Ok(expected));
    }
}

#[test]
fn control_frames_come_between_fragments() {
    let frames = [0x01, 2, b'o', b'n', 0x89, 1, b'?', 0x00, 1, b'c', 0x8a, 0, 0x80, 1, b'e'];
    let expected = vec![Received::Ping(Bytes::from_static(b"?")), Received::Pong(Bytes::new()), text("once")];
    assert_eq!(decode(&frames), Ok(expected));
}

#[test]
fn a_message_with_nothing_to_send_leaves_nothing() {
    let mut out = BytesMut::from(&b"before"[..]);
    assert!(!put_message(&mut out, Opcode::Binary, Some(KEY), |_| false));
    assert_eq!(out, b"before"[..]);
}

#[test]
fn a_close_reason_that_is_too_long_is_cut_between_characters() {
    let mut out = BytesMut::new();
    put_close(&mut out, None, Some((1000, &"€".repeat(50))));
    let reason = CloseReason { code: 1000, reason: "€".repeat(41) };
    assert_eq!(decode(&out), Ok(vec![Received::Close(Some(reason))]));
}

#[test]
fn a_long_message_stays_in_the_buffer_it_came_in() {
    let mut buffer = encode(Opcode::Binary, None, &[7; 5000]);
    let there = buffer[4..].as_ptr();
    let Ok(Some(Received::Binary(payload))) = client().decode(&mut buffer) else { panic!("no message") };
    assert_eq!(payload.as_ptr(), there);
}

#[test]
fn a_decoder_says_how_much_a_frame_lacks() {
    let frame = encode(Opcode::Binary, None, &[7; 5000]);
    let mut decoder = client();
    let mut buffer = BytesMut::from(&frame[..104]);
    assert_eq!(decoder.decode(&mut buffer), Ok(None));
    assert_eq!((buffer.len(), decoder.missing(buffer.len())), (100, 4900));
}

fn message() -> impl Strategy<Value = (Opcode, Vec<u8>)> {
    let length = prop_oneof![0..200_usize, 120..130_usize, 65530..65540_usize];
    let bytes = length.prop_flat_map(|length| prop::collection::vec(any::<u8>(), length));
    let short = prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![
        bytes.prop_map(|payload| (Opcode::Binary, payload)),
        ".{0,200}".prop_map(|text| (Opcode::Text, text.into_bytes())),
        short.clone().prop_map(|payload| (Opcode::Ping, payload)),
        short.prop_map(|payload| (Opcode::Pong, payload)),
    ]
}

fn as_received((opcode, payload): (Opcode, Vec<u8>)) -> Received {
    match opcode {
        Opcode::Text => Received::Text(String::from_utf8(payload).unwrap()),
        Opcode::Ping => Received::Ping(payload.into()),
        Opcode::Pong => Received::Pong(payload.into()),
        _ => Received::Binary(payload.into()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded_however_it_is_cut(
        messages in prop::collection::vec(message(), 1..6),
        key in prop::option::of(any::<[u8; 4]>()),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut bytes = BytesMut::new();
        for (opcode, payload) in &messages {
            put(&mut bytes, *opcode, key, payload);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        let role = if key.is_some() { Role::Server } else { Role::Client };
        let received = decode_with(&mut Decoder::new(role, Limits::default()), &pieces);
        prop_assert_eq!(received, Ok(messages.into_iter().map(as_received).collect::<Vec<_>>()));
    }

    #[test]
    fn fragments_make_the_same_message(
        text in ".{0,100}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let payload = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.extend([0, payload.len()]);
        cuts.sort_unstable();
        let last = cuts.len() - 2;
        let mut bytes = Vec::new();
        for (n, cut) in cuts.windows(2).enumerate() {
            let opcode = if n == 0 { Opcode::Text } else { Opcode::Continuation };
            let mut frame = encode(opcode, None, &payload[cut[0]..cut[1]]);
            if n < last {
                frame[0] &= 0x7f;
            }
            bytes.extend_from_slice(&frame);
        }
        prop_assert_eq!(decode(&bytes), Ok(vec![Received::Text(text)]));
    }

    #[test]
    fn masking_twice_is_not_masking_at_all(
        payload in prop::collection::vec(any::<u8>(), 0..70),
        key in any::<[u8; 4]>(),
        start in 0..8_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        // At any alignment, and as the definition says: octet i with octet i MOD 4 of the key.
        let start = start.min(payload.len());
        let mut masked = payload.clone();
        mask(&mut masked[start..], key, 0);
        for (n, (plain, masked)) in payload[start..].iter().zip(&masked[start..]).enumerate() {
            prop_assert_eq!(plain ^ key[n % 4], *masked);
        }
        // In two goes.
        let (first, second) = masked[start..].split_at_mut(cut.index(payload.len() - start + 1));
        let before = first.len();
        mask(second, key, before);
        mask(first, key, 0);
        prop_assert_eq!(masked, payload);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), server in any::<bool>()) {
        let role = if server { Role::Server } else { Role::Client };
        let _outcome = decode_with(&mut Decoder::new(role, Limits { frame: 200, message: 250 }), &[&bytes]);
    }
}

#[test]
fn a_text_that_is_too_long_can_be_read_past() {
    let limits = Limits { frame: 10, message: 15 };
    let message = |pieces: &[&str]| {
        let last = pieces.len() - 1;
        let frames = pieces.iter().enumerate().map(|(n, piece)| {
            let first = u8::from(n == 0) | if n == last { 0x80 } else { 0 };
            let mut frame = vec![first, 0x80 | piece.len() as u8, 1, 2, 3, 4];
            frame.extend(piece.bytes().enumerate().map(|(n, byte)| byte ^ [1, 2, 3, 4][n % 4]));
            frame
        });
        frames.flatten().collect::<Vec<u8>>()
    };
    for pieces in [&["0123456789ABCDEFGHIJ"][..], &["01234567", "89ABCDEF", "GHIJ"], &["0123456789", "ABCDEFGHIJ", ""]]
    {
        let mut bytes = message(pieces);
        bytes.extend(message(&["next"]));
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::new(Role::Server, limits);
            decoder.skip_long_texts(4);
            let received = decode_with(&mut decoder, &[&bytes[..cut], &bytes[cut..]]).unwrap();
            let [Received::TooLong(skipped), next] = &received[..] else { panic!("{received:?}") };
            assert_eq!((skipped.length, &skipped.beginning[..], &skipped.end[..]), (20, &b"0123"[..], &b"GHIJ"[..]));
            assert_eq!(next, &text("next"));
            assert!(!decoder.is_inside());
        }
    }
}
