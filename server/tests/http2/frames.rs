//! What RFC 9113 and RFC 7541 say of frames that are wrong, too many, too early or too late, frame by frame: the public
//! suite h2spec looks at the same.

use crate::SOON;
use crate::raw::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, End, GOAWAY, HEADERS, PING, PRIORITY, PROTOCOL_ERROR,
    RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, fields, frame, get,
};
use crate::support::{Origin, Switchboard, within};

const PUSH_PROMISE: u8 = 5;
const UNKNOWN: u8 = 0xf0;

const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;
const PRIORITISED: u8 = 0x20;
const WHOLE: u8 = END_HEADERS | END_STREAM;

const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;

/// Where RFC 9113 has a word of its own, and the library the general one.
const SIZE: &[u32] = &[FRAME_SIZE_ERROR, PROTOCOL_ERROR];
pub const COMPRESSION: &[u32] = &[COMPRESSION_ERROR, PROTOCOL_ERROR];

const MAX_FRAME: usize = 16_384;

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A stream that is reset, or a connection that ends, with this error.
pub async fn error(client: &mut Raw) -> Option<u32> {
    loop {
        let frame = client.next().await?;
        let code = match frame.kind {
            RST_STREAM => frame.payload.first_chunk(),
            GOAWAY => frame.payload.get(4..).and_then(<[u8]>::first_chunk),
            _ => continue,
        };
        return code.copied().map(u32::from_be_bytes);
    }
}

/// What is wrong, the frames, and the errors that say so.
type Case<'a> = (&'a str, Vec<Vec<u8>>, &'a [u32]);

/// Sends each of these on a connection of its own, and sees it refused with one of the errors.
async fn refuses(cases: &[Case<'_>]) {
    let switchboard = Switchboard::start().await;
    let mut wrong = Vec::new();
    for (what, frames, errors) in cases {
        let mut client = Raw::to(switchboard.address).await;
        client.write(&frames.concat()).await;
        let error = within(SOON, what, error(&mut client)).await;
        if !error.is_some_and(|error| errors.contains(&error)) {
            wrong.push(format!("{what}: {error:?} instead of {errors:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut client = Raw::to(switchboard.address).await;
    client.send(HEADERS, WHOLE, 1, &get("localhost", &[])).await;
    assert!(within(SOON, "an answer", client.next_of(HEADERS, 1)).await.is_some());
}

fn block() -> Vec<u8> {
    get("localhost", &[])
}

/// A request that has said all it has to say, and one that has not.
fn asked(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &block())
}

fn begun(stream: u32) -> Vec<u8> {
    let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")];
    frame(HEADERS, END_HEADERS, stream, &fields(&post))
}

#[tokio::test]
async fn frames_in_the_wrong_state_of_a_stream() {
    let reset = || frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes());
    let late = &[STREAM_CLOSED, PROTOCOL_ERROR][..];
    refuses(&[
        ("idle: DATA", vec![frame(DATA, END_STREAM, 1, b"x")], late),
        ("idle: RST_STREAM", vec![reset()], &[PROTOCOL_ERROR]),
        ("idle: WINDOW_UPDATE", vec![frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])], &[PROTOCOL_ERROR]),
        ("idle: CONTINUATION", vec![frame(CONTINUATION, END_HEADERS, 1, &block())], &[PROTOCOL_ERROR]),
        ("ended: DATA", vec![asked(1), frame(DATA, END_STREAM, 1, b"x")], late),
        ("ended: HEADERS", vec![asked(1), asked(1)], late),
        ("ended: CONTINUATION", vec![asked(1), frame(CONTINUATION, END_HEADERS, 1, &block())], late),
        ("reset: DATA", vec![begun(1), reset(), frame(DATA, END_STREAM, 1, b"x")], late),
        ("reset: HEADERS", vec![begun(1), reset(), asked(1)], late),
        ("reset: CONTINUATION", vec![begun(1), reset(), frame(CONTINUATION, END_HEADERS, 1, &block())], late),
        ("an even stream", vec![asked(2)], &[PROTOCOL_ERROR]),
        ("a smaller stream", vec![begun(5), asked(3)], &[PROTOCOL_ERROR, STREAM_CLOSED]),
        ("a second head that is not the end", vec![begun(1), begun(1)], &[PROTOCOL_ERROR]),
        (
            "a push",
            vec![begun(1), frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], &block()[..]].concat())],
            &[PROTOCOL_ERROR],
        ),
    ])
    .await;
}

#[tokio::test]
async fn frames_that_are_not_as_they_have_to_be() {
    let large = vec![0; MAX_FRAME + 1];
    let itself = [&[0, 0, 0, 1, 16][..], &block()].concat();
    refuses(&[
        ("DATA on the connection", vec![frame(DATA, 0, 0, b"x")], &[PROTOCOL_ERROR]),
        ("DATA that is too large", vec![begun(1), frame(DATA, 0, 1, &large)], &[FRAME_SIZE_ERROR]),
        ("DATA with more padding than payload", vec![begun(1), frame(DATA, PADDED, 1, b"\x06test")], &[PROTOCOL_ERROR]),
        ("HEADERS on the connection", vec![asked(0)], &[PROTOCOL_ERROR]),
        ("HEADERS that are too large", vec![frame(HEADERS, WHOLE, 1, &large)], &[FRAME_SIZE_ERROR]),
        (
            "HEADERS with more padding than payload",
            vec![frame(HEADERS, WHOLE | PADDED, 1, b"\xff\x82")],
            &[PROTOCOL_ERROR],
        ),
        ("HEADERS that depend on themselves", vec![frame(HEADERS, WHOLE | PRIORITISED, 1, &itself)], &[PROTOCOL_ERROR]),
        ("PRIORITY on the connection", vec![frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 1])], &[PROTOCOL_ERROR]),
        ("PRIORITY of four bytes", vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 3])], SIZE),
        ("PRIORITY on itself", vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 16])], &[PROTOCOL_ERROR]),
        ("RST_STREAM on the connection", vec![frame(RST_STREAM, 0, 0, &[0, 0, 0, 8])], &[PROTOCOL_ERROR]),
        ("RST_STREAM of three bytes", vec![begun(1), frame(RST_STREAM, 0, 1, &[0, 0, 8])], SIZE),
        ("SETTINGS on a stream", vec![frame(SETTINGS, 0, 1, &setting(3, 100))], &[PROTOCOL_ERROR]),
        ("SETTINGS of three bytes", vec![frame(SETTINGS, 0, 0, &[0, 3, 0])], SIZE),
        ("an acknowledgement with settings", vec![frame(SETTINGS, ACK, 0, &setting(3, 100))], SIZE),
        ("a push that is neither on nor off", vec![frame(SETTINGS, 0, 0, &setting(2, 2))], &[PROTOCOL_ERROR]),
        (
            "a window that is too large",
            vec![frame(SETTINGS, 0, 0, &setting(4, 1 << 31))],
            &[FLOW_CONTROL_ERROR, PROTOCOL_ERROR],
        ),
        ("frames that are too small", vec![frame(SETTINGS, 0, 0, &setting(5, 16_383))], &[PROTOCOL_ERROR]),
        ("frames that are too large", vec![frame(SETTINGS, 0, 0, &setting(5, 1 << 24))], &[PROTOCOL_ERROR]),
        ("PING on a stream", vec![frame(PING, 0, 1, b"12345678")], &[PROTOCOL_ERROR]),
        ("PING of six bytes", vec![frame(PING, 0, 0, b"123456")], SIZE),
        ("GOAWAY on a stream", vec![frame(GOAWAY, 0, 1, &[0; 8])], &[PROTOCOL_ERROR]),
        ("WINDOW_UPDATE by nothing", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 4])], &[PROTOCOL_ERROR]),
        (
            "WINDOW_UPDATE of a stream by nothing",
            vec![begun(1), frame(WINDOW_UPDATE, 0, 1, &[0; 4])],
            &[PROTOCOL_ERROR],
        ),
        ("WINDOW_UPDATE of three bytes", vec![frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1])], SIZE),
        (
            "WINDOW_UPDATE by too much",
            vec![frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]); 2],
            &[FLOW_CONTROL_ERROR],
        ),
        (
            "WINDOW_UPDATE of a stream by too much",
            vec![begun(1), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])],
            &[FLOW_CONTROL_ERROR],
        ),
        (
            "a setting that makes a stream's window too large",
            vec![begun(1), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0, 0]), frame(SETTINGS, 0, 0, &setting(4, 65_536))],
            &[FLOW_CONTROL_ERROR],
        ),
    ])
    .await;
}

#[tokio::test]
async fn blocks_of_fields_that_are_torn_or_make_no_sense() {
    let half = || frame(HEADERS, END_STREAM, 1, &block()[..20]);
    let rest = |stream| frame(CONTINUATION, END_HEADERS, stream, &block()[20..]);
    let wrong = |bytes: &[u8]| vec![frame(HEADERS, WHOLE, 1, &[&block()[..], bytes].concat())];
    refuses(&[
        ("PRIORITY within", vec![half(), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16]), rest(1)], &[PROTOCOL_ERROR]),
        ("DATA within", vec![half(), frame(DATA, 0, 1, b"x"), rest(1)], &[PROTOCOL_ERROR]),
        ("HEADERS of another stream within", vec![half(), asked(3), rest(1)], &[PROTOCOL_ERROR]),
        ("a frame of no known kind within", vec![half(), frame(UNKNOWN, 0, 0, &[0; 8]), rest(1)], &[PROTOCOL_ERROR]),
        ("CONTINUATION on the connection", vec![half(), rest(0)], &[PROTOCOL_ERROR]),
        ("CONTINUATION of another stream", vec![half(), rest(3)], &[PROTOCOL_ERROR]),
        ("CONTINUATION behind the end", vec![half(), rest(1), rest(1)], &[PROTOCOL_ERROR]),
        ("CONTINUATION behind DATA", vec![begun(1), frame(DATA, 0, 1, b"x"), rest(1)], &[PROTOCOL_ERROR]),
        // RFC 7541 sections 2.3.3, 4.2, 5.2, 6.1 and 6.3.
        ("an index beyond the table", wrong(&[0xff, 0x80, 0x01]), COMPRESSION),
        ("a name beyond the table", wrong(&[0x7f, 0x80, 0x01, 0x01, b'x']), COMPRESSION),
        ("the index 0", wrong(&[0x80]), COMPRESSION),
        ("a size of the table at the end", wrong(&[0x20]), COMPRESSION),
        (
            "a size of the table that was not allowed",
            vec![frame(HEADERS, WHOLE, 1, &[&[0x3f, 0xe2, 0xff, 0x03][..], &block()].concat())],
            COMPRESSION,
        ),
        ("Huffman's code with a byte of padding", wrong(&[0x00, 0x01, b'x', 0x82, 0x1f, 0xff]), COMPRESSION),
        ("Huffman's code padded with zeros", wrong(&[0x00, 0x01, b'x', 0x81, 0x18]), COMPRESSION),
        ("the end within Huffman's code", wrong(&[0x00, 0x01, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]), COMPRESSION),
    ])
    .await;
}

#[tokio::test]
async fn what_is_unknown_or_unusual_does_no_harm() {
    let switchboard = Switchboard::start().await;
    let mut client = Raw::to(switchboard.address).await;
    let padded = [&[4][..], &block(), &[0; 4]].concat();
    for (what, frames, stream) in [
        ("an unknown kind", vec![frame(UNKNOWN, 0xff, 0, b"whatever"), asked(1)], 1),
        ("unknown flags", vec![frame(PING, 0xfe, 0, b"12345678"), asked(3)], 3),
        ("the reserved bit", vec![frame(PING, 0, 1 << 31, b"12345678"), asked(5)], 5),
        ("an unknown setting", vec![frame(SETTINGS, 0, 0, &setting(0xff, 1)), asked(7)], 7),
        ("a PING that was answered", vec![frame(PING, ACK, 0, b"nobody's"), asked(9)], 9),
        ("padding", vec![frame(HEADERS, WHOLE | PADDED, 11, &padded)], 11),
        (
            "a block in pieces",
            vec![
                frame(HEADERS, END_STREAM, 13, &block()[..5]),
                frame(CONTINUATION, 0, 13, &block()[5..9]),
                frame(CONTINUATION, END_HEADERS, 13, &block()[9..]),
            ],
            13,
        ),
        ("a priority", vec![frame(PRIORITY, 0, 99, &[0x80, 0, 0, 1, 255]), asked(15)], 15),
        ("an unknown reason", vec![begun(17), frame(RST_STREAM, 0, 17, &[0, 0, 0, 0xff]), asked(19)], 19),
        ("the largest DATA", vec![begun(21), frame(DATA, END_STREAM, 21, &vec![b'x'; MAX_FRAME])], 21),
        (
            "DATA of padding alone",
            vec![begun(23), frame(DATA, PADDED, 23, &[3, 0, 0, 0]), frame(DATA, END_STREAM, 23, b"")],
            23,
        ),
        // What may still be under way when a stream has ended (RFC 9113 section 5.1).
        (
            "late frames of a stream that has ended",
            vec![
                frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 16]),
                frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
                frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes()),
                asked(25),
            ],
            25,
        ),
        ("a window as large as may be", vec![asked(27), frame(WINDOW_UPDATE, 0, 27, &[0x7f, 0xff, 0, 0])], 27),
    ] {
        client.write(&frames.concat()).await;
        assert!(within(SOON, what, client.next_of(HEADERS, stream)).await.is_some(), "{what}");
    }
    client.send(PING, 0, 0, b"are you?").await;
    let pong = within(SOON, "an answer", client.next_of(PING, 0)).await;
    assert_eq!(pong.map(|pong| (pong.flags, pong.payload)), Some((ACK, "are you?".into())));
}

#[tokio::test]
async fn windows_are_kept_to_also_when_they_change() {
    let switchboard = Switchboard::start().await;
    let mut client = Raw::to(switchboard.address).await;
    // Of two settings the later one counts. A page of several kilobytes follows.
    let narrow = [setting(4, 100), setting(4, 1)].concat();
    client.send(SETTINGS, 0, 0, &narrow).await;
    let page = [(":method", "GET"), (":scheme", "http"), (":path", "/web/nothing"), (":authority", "localhost")];
    client.send(HEADERS, WHOLE, 1, &fields(&page)).await;
    let next = async |what: &str, client: &mut Raw| {
        let data = within(SOON, what, client.next_of(DATA, 1)).await;
        data.map(|data| data.payload.len())
    };
    assert_eq!(next("the first byte", &mut client).await, Some(1));
    // Three more for all streams, then five less, which leaves one owing three.
    client.send(SETTINGS, 0, 0, &setting(4, 4)).await;
    assert_eq!(next("three bytes", &mut client).await, Some(3));
    client.send(SETTINGS, 0, 0, &setting(4, 1)).await;
    client.send(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 3]).await;
    client.send(PING, 0, 0, b"in order").await;
    // Nothing but the answer came: there was no room.
    let mut kinds = Vec::new();
    while let Some(frame) = within(SOON, "an answer", client.next()).await {
        kinds.push(frame.kind);
        if frame.kind == PING {
            break;
        }
    }
    assert!(!kinds.contains(&DATA), "{kinds:?}");
    client.send(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 2]).await;
    assert_eq!(next("two bytes", &mut client).await, Some(2));
}

#[tokio::test]
async fn the_first_frame_is_of_settings_and_ours_are_acknowledged() {
    let switchboard = Switchboard::start().await;
    let mut client = Raw::to(switchboard.address).await;
    let first = within(SOON, "the server's settings", client.next()).await.unwrap();
    assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
    let seen = within(SOON, "that ours are seen", client.next_of(SETTINGS, 0)).await.unwrap();
    assert_eq!((seen.flags, seen.payload.len()), (ACK, 0));
}

#[tokio::test]
async fn more_of_a_body_may_come_at_once_when_bodies_are_read() {
    let switchboard = Switchboard::start().await;
    let origin = Origin::echo().await;
    let _telephone = switchboard.telephone("echo", &origin).await;
    let authority = format!("echo.localhost:{}", switchboard.address.port());
    let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", authority.as_str())];
    let mut client = Raw::to(switchboard.address).await;
    let first = within(SOON, "the server's settings", client.next_of(SETTINGS, 0)).await.unwrap();
    assert!(first.payload.chunks(6).any(|one| one == setting(4, 64 * 1024)), "{first:?}");
    client.send(SETTINGS, ACK, 0, &[]).await;
    client.send(HEADERS, END_HEADERS, 1, &fields(&post)).await;
    let window = frame(DATA, 0, 1, &[b'x'; MAX_FRAME]).repeat(64 * 1024 / MAX_FRAME);
    client.write(&window).await;
    let wider = loop {
        let settings = within(SOON, "more room", client.next_of(SETTINGS, 0)).await.unwrap();
        if settings.flags != ACK {
            break settings.payload;
        }
    };
    assert_eq!(wider, setting(4, 256 * 1024));
    client.send(SETTINGS, ACK, 0, &[]).await;
    // What was read has been given back as well.
    client.write(&window.repeat(2)).await;
    client.send(DATA, END_STREAM, 1, b"").await;
    assert!(within(SOON, "an answer", client.next_of(HEADERS, 1)).await.is_some());
}

#[tokio::test]
async fn who_says_that_it_will_leave_is_still_answered() {
    let switchboard = Switchboard::start().await;
    let mut client = Raw::to(switchboard.address).await;
    let rest = frame(DATA, END_STREAM, 1, b"the rest");
    client.write(&[begun(1), frame(GOAWAY, 0, 0, &[0; 8]), rest].concat()).await;
    assert!(within(SOON, "an answer", client.next_of(HEADERS, 1)).await.is_some());
}

#[tokio::test]
async fn who_sends_more_than_there_is_room_for_is_cut_off() {
    let switchboard = Switchboard::start().await;
    // It never reads.
    let origin = Origin::start(async |_| std::future::pending().await).await;
    let _telephone = switchboard.telephone("full", &origin).await;
    let authority = format!("full.localhost:{}", switchboard.address.port());
    let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", authority.as_str())];
    let mut client = Raw::to(switchboard.address).await;
    client.send(HEADERS, END_HEADERS, 1, &fields(&post)).await;
    let end = client.flood(|_| frame(DATA, 0, 1, &[b'x'; MAX_FRAME]));
    assert_eq!(within(SOON, "the end", end).await, End::Told(FLOW_CONTROL_ERROR));
}
