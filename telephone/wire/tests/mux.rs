//! The multiplexer's rules, one by one.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::control::Limits;
use wire::frame::{FrameError, Header, Kind, ResetCode, put_data_header, put_head_frame, put_reset, put_window};
use wire::head::{RequestHead, ResponseHead, encode_trailers};
use wire::mux::{Event, Mux, OpenError, ProtocolError, Received, SendError, Settings, Side, StreamId};

const MAX: usize = 256 * 1024;

fn request() -> RequestHead {
    let target = "/".parse().unwrap();
    RequestHead { method: Method::POST, target, headers: HeaderMap::new(), upgrade: None }
}

fn response(status: u16) -> ResponseHead {
    ResponseHead { status: StatusCode::from_u16(status).unwrap(), headers: HeaderMap::new() }
}

/// Two ends joined without a network.
struct Pair {
    server: Mux,
    telephone: Mux,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        Self { server: Mux::new(Side::Server, settings), telephone: Mux::new(Side::Telephone, settings) }
    }

    /// Delivers until both are silent.
    fn settle(&mut self) {
        loop {
            let there = self.server.next_message(MAX);
            let back = self.telephone.next_message(MAX);
            if there.is_none() && back.is_none() {
                return;
            }
            there.map(|message| self.telephone.receive(message)).transpose().unwrap();
            back.map(|message| self.server.receive(message)).transpose().unwrap();
        }
    }

    /// A stream both ends know, its response begun.
    fn stream(&mut self) -> StreamId {
        let id = self.server.open(&request(), false).unwrap();
        self.settle();
        self.telephone.respond(id, &response(200), false).unwrap();
        self.settle();
        id
    }
}

fn events(mux: &mut Mux) -> Vec<Event> {
    std::iter::from_fn(|| mux.next_event()).collect()
}

fn read_all(mux: &mut Mux, id: StreamId) -> (Vec<u8>, Option<Received>) {
    let mut bytes = Vec::new();
    loop {
        match mux.read(id) {
            Some(Received::Data(data)) => bytes.extend_from_slice(&data),
            other => return (bytes, other),
        }
    }
}

#[test]
fn an_exchange_with_bodies_and_trailers() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.server.open(&request(), false).unwrap();
    pair.server.send_data(id, Bytes::from_static(b"ping"), true).unwrap();
    pair.settle();
    let arrived = events(&mut pair.telephone);
    assert_eq!(arrived[0], Event::Request { id, head: Box::new(request()), end: false });
    assert_eq!(read_all(&mut pair.telephone, id), (b"ping".to_vec(), Some(Received::End)));

    pair.telephone.respond(id, &response(103), false).unwrap();
    pair.telephone.respond(id, &response(200), false).unwrap();
    pair.telephone.send_data(id, Bytes::from_static(b"pong"), false).unwrap();
    let trailers = HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("x"))]);
    pair.telephone.send_trailers(id, &trailers).unwrap();
    pair.settle();
    assert_eq!(
        events(&mut pair.server),
        [
            Event::Response { id, head: Box::new(response(103)), end: false },
            Event::Response { id, head: Box::new(response(200)), end: false },
            Event::Readable(id),
        ]
    );
    assert_eq!(read_all(&mut pair.server, id), (b"pong".to_vec(), Some(Received::Trailers(trailers))));
    assert_eq!((pair.server.active_streams(), pair.telephone.active_streams()), (0, 0));
}

#[test]
fn a_reader_that_stops_stops_its_sender_and_nobody_else() {
    let mut pair = Pair::new(Settings::default());
    let (stalled, lively) = (pair.stream(), pair.stream());
    let mut sent = 0;
    loop {
        let capacity = pair.telephone.send_capacity(stalled).unwrap();
        if capacity == 0 {
            break;
        }
        sent += capacity;
        pair.telephone.send_data(stalled, Bytes::from(vec![1; capacity]), false).unwrap();
        pair.settle();
    }
    assert_eq!(sent, 64 * 1024, "the first window, and not a byte more");
    for _ in 0..1000 {
        pair.telephone.send_data(lively, Bytes::from(vec![2; 8 * 1024]), false).unwrap();
        pair.settle();
        assert_eq!(read_all(&mut pair.server, lively), (vec![2; 8 * 1024], None));
        pair.settle();
    }
    events(&mut pair.telephone);
    read_all(&mut pair.server, stalled);
    pair.settle();
    assert_eq!(events(&mut pair.telephone), [Event::Writable(stalled)]);
}

/// How much a sender may send when its reader has taken the first of two frames that filled the window.
fn credit_after_one_of_two_frames(first: usize, second: usize) -> usize {
    let mut pair = Pair::new(Settings { send_buffer: 1024 * 1024, ..Settings::default() });
    let id = pair.stream();
    for length in [first, second] {
        pair.telephone.send_data(id, Bytes::from(vec![1; length]), false).unwrap();
        pair.settle();
    }
    assert_eq!(pair.telephone.send_capacity(id), Ok(0));
    assert!(matches!(pair.server.read(id), Some(Received::Data(data)) if data.len() == first));
    pair.settle();
    pair.telephone.send_capacity(id).unwrap()
}

#[test]
fn a_window_grows_for_a_reader_who_has_all_but_the_last_of_it() {
    const WINDOW: usize = wire::flow::STREAM_WINDOW as usize;
    let kib = 1024;
    assert_eq!(credit_after_one_of_two_frames(WINDOW - kib, kib), WINDOW - kib + WINDOW);
    assert_eq!(credit_after_one_of_two_frames(WINDOW / 2, WINDOW / 2), WINDOW / 2, "half of it lies here unread");
}

#[test]
fn what_is_held_unread_is_bounded_over_all_streams() {
    let limits = Limits { connection_window: 128 * 1024, ..Limits::default() };
    let settings = Settings { max_held: 256 * 1024, ..Settings::new(limits, limits) };
    let mut pair = Pair::new(settings);
    let streams: Vec<_> = (0..20).map(|_| pair.stream()).collect();
    for id in &streams {
        pair.telephone.send_data(*id, Bytes::from(vec![0; 64 * 1024]), true).unwrap();
    }
    pair.settle();
    let held: usize = streams.iter().map(|id| read_all(&mut pair.server, *id).0.len()).sum();
    assert!(held <= 256 * 1024 + 128 * 1024, "{held}");
    let mut total = held;
    while pair.server.active_streams() > 0 {
        // The request side stays open until it is told that nothing comes.
        pair.settle();
        total += streams.iter().map(|id| read_all(&mut pair.server, *id).0.len()).sum::<usize>();
        if total == 20 * 64 * 1024 {
            break;
        }
    }
    assert_eq!(total, 20 * 64 * 1024, "reading sets the rest free");
}

#[test]
fn what_is_queued_is_bounded_over_all_streams() {
    let settings = Settings { max_queued: 100_000, ..Settings::default() };
    let mut pair = Pair::new(settings);
    let streams: Vec<_> = (0..10).map(|_| pair.stream()).collect();
    events(&mut pair.telephone);
    let mut queued = 0;
    for id in &streams {
        let capacity = pair.telephone.send_capacity(*id).unwrap();
        pair.telephone.send_data(*id, Bytes::from(vec![0; capacity]), false).unwrap();
        queued += capacity;
    }
    assert_eq!(queued, 100_000);
    let message = pair.telephone.next_message(MAX).unwrap();
    pair.server.receive(message).unwrap();
    let told: Vec<_> = events(&mut pair.telephone);
    assert_eq!(told, streams[2..].iter().map(|id| Event::Writable(*id)).collect::<Vec<_>>());
}

#[test]
fn streams_take_turns() {
    let mut pair = Pair::new(Settings::default());
    let (bulk, small) = (pair.stream(), pair.stream());
    pair.telephone.send_data(bulk, Bytes::from(vec![0; 64 * 1024]), false).unwrap();
    pair.telephone.send_data(small, Bytes::from_static(b"x"), true).unwrap();
    let mut message = pair.telephone.next_message(MAX).unwrap();
    let mut order = Vec::new();
    while !message.is_empty() {
        let (header, _) = Header::decode(&mut message).unwrap();
        order.push((header.stream, header.length));
    }
    assert_eq!(order[..2], [(bulk.get(), 16 * 1024), (small.get(), 1)]);
}

#[test]
fn a_small_answer_waits_for_one_frame_of_many_bulk_transfers() {
    let mut pair = Pair::new(Settings::default());
    let bulk: Vec<_> = (0..8).map(|_| pair.stream()).collect();
    let small = pair.stream();
    for id in &bulk {
        pair.telephone.send_data(*id, Bytes::from(vec![0; 64 * 1024]), false).unwrap();
    }
    // Each of them has had a turn.
    pair.telephone.next_message(MAX).unwrap();
    pair.telephone.send_data(small, Bytes::from_static(b"x"), true).unwrap();
    let mut message = pair.telephone.next_message(MAX).unwrap();
    let mut before = 0;
    loop {
        let (header, _) = Header::decode(&mut message).unwrap();
        if header.stream == small.get() {
            break;
        }
        before += header.length;
    }
    assert!(before <= 16 * 1024, "{before}");
}

#[test]
fn who_has_been_sent_all_of_it_is_not_new_with_more_of_it() {
    for many in [2, 4, 8] {
        let mut pair = Pair::new(Settings::default());
        let bulk: Vec<_> = (0..many).map(|_| pair.stream()).collect();
        let small = pair.stream();
        // What each gets at a time goes out with one turn.
        for _ in 0..3 {
            for id in &bulk {
                let piece = pair.telephone.send_capacity(*id).unwrap().min(16 * 1024);
                pair.telephone.send_data(*id, Bytes::from(vec![0; piece]), false).unwrap();
            }
            pair.server.receive(pair.telephone.next_message(MAX).unwrap()).unwrap();
        }
        for id in &bulk {
            let piece = pair.telephone.send_capacity(*id).unwrap().min(16 * 1024);
            pair.telephone.send_data(*id, Bytes::from(vec![0; piece]), false).unwrap();
        }
        pair.telephone.send_data(small, Bytes::from_static(b"x"), true).unwrap();
        let mut message = pair.telephone.next_message(MAX).unwrap();
        let (header, payload) = Header::decode(&mut message).unwrap();
        assert_eq!((header.stream, payload.len()), (small.get(), 1), "with {many}");
    }
}

#[test]
fn heads_and_control_frames_go_before_data_and_messages_keep_to_their_size() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.server.open(&request(), false).unwrap();
    pair.server.send_data(id, Bytes::from(vec![0; 32 * 1024]), false).unwrap();
    for _ in 0..100 {
        pair.server.open(&request(), true).unwrap();
    }
    let mut kinds = Vec::new();
    while let Some(mut message) = pair.server.next_message(512) {
        assert!(message.len() <= 512);
        while !message.is_empty() {
            kinds.push(Header::decode(&mut message).unwrap().0.kind);
        }
        if kinds.len() == 101 {
            break;
        }
    }
    assert_eq!(kinds, vec![Kind::Request; 101]);
}

#[test]
fn a_reset_ends_both_directions_at_once() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.stream();
    pair.telephone.send_data(id, Bytes::from_static(b"part"), false).unwrap();
    pair.settle();
    events(&mut pair.server);
    pair.telephone.reset(id, ResetCode::BROKEN);
    pair.settle();
    assert_eq!(events(&mut pair.server), [Event::Reset(id)]);
    assert_eq!(pair.server.read(id), Some(Received::Reset(ResetCode::BROKEN)));
    assert_eq!(pair.server.send_capacity(id), Err(SendError::Reset(ResetCode::BROKEN)));
    pair.server.release_send(id, ResetCode::CANCEL);
    assert_eq!((pair.server.active_streams(), pair.telephone.active_streams()), (0, 0));
}

#[test]
fn an_end_is_taken_with_the_last_bytes_and_never_before_them() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.stream();
    pair.server.send_data(id, Bytes::new(), true).unwrap();
    pair.telephone.send_data(id, Bytes::from_static(b"one"), false).unwrap();
    pair.settle();
    assert!(!pair.server.read_end(id), "unread bytes are before it");
    assert_eq!(pair.server.read(id), Some(Received::Data(Bytes::from_static(b"one"))));
    assert!(!pair.server.read_end(id), "it has not come");
    pair.telephone.send_data(id, Bytes::from_static(b"two"), true).unwrap();
    pair.settle();
    assert!(!pair.server.read_end(id));
    assert_eq!(pair.server.read(id), Some(Received::Data(Bytes::from_static(b"two"))));
    assert!(pair.server.read_end(id));
    assert_eq!((pair.server.active_streams(), pair.server.read_end(id)), (0, false));

    // Trailers are still to be read, and so is a reset.
    let id = pair.stream();
    pair.telephone.send_trailers(id, &HeaderMap::new()).unwrap();
    pair.settle();
    assert!(!pair.server.read_end(id));
    assert_eq!(pair.server.read(id), Some(Received::Trailers(HeaderMap::new())));
    let id = pair.stream();
    pair.telephone.reset(id, ResetCode::BROKEN);
    pair.settle();
    assert!(!pair.server.read_end(id));
    assert_eq!(pair.server.read(id), Some(Received::Reset(ResetCode::BROKEN)));
}

#[test]
fn a_complete_response_survives_a_reset_that_follows_it() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.stream();
    pair.telephone.send_data(id, Bytes::from_static(b"all"), true).unwrap();
    pair.settle();
    pair.telephone.reset(id, ResetCode::NO_ERROR);
    pair.settle();
    assert_eq!(read_all(&mut pair.server, id), (b"all".to_vec(), Some(Received::End)));
}

#[test]
fn a_request_body_can_be_stopped_without_harm_to_the_response() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.stream();
    pair.server.send_data(id, Bytes::from(vec![0; 64 * 1024]), false).unwrap();
    pair.telephone.release_recv(id, ResetCode::NO_ERROR);
    pair.settle();
    assert_eq!(pair.server.send_capacity(id), Err(SendError::Stopped(ResetCode::NO_ERROR)));
    pair.server.release_send(id, ResetCode::CANCEL);
    pair.telephone.send_data(id, Bytes::from_static(b"early answer"), true).unwrap();
    pair.settle();
    assert_eq!(read_all(&mut pair.server, id), (b"early answer".to_vec(), Some(Received::End)));
    assert_eq!((pair.server.active_streams(), pair.telephone.active_streams()), (0, 0));
}

#[test]
fn data_for_a_cancelled_stream_is_dropped_and_its_credit_returned() {
    let mut pair = Pair::new(Settings::default());
    // More than the connection's window in total.
    for _ in 0..200 {
        let id = pair.stream();
        pair.telephone.send_data(id, Bytes::from(vec![0; 64 * 1024]), false).unwrap();
        pair.server.release_recv(id, ResetCode::CANCEL);
        let crossing = pair.telephone.next_message(MAX).unwrap();
        pair.server.receive(crossing).unwrap();
        pair.settle();
        pair.telephone.release_send(id, ResetCode::CANCEL);
        pair.telephone.release_recv(id, ResetCode::NO_ERROR);
    }
    assert_eq!((pair.server.active_streams(), pair.telephone.active_streams()), (0, 0));
    let id = pair.stream();
    assert_eq!(pair.telephone.send_capacity(id), Ok(64 * 1024));
}

#[test]
fn streams_are_limited_and_draining_refuses_new_ones() {
    let limits = Limits { max_streams: 2, ..Limits::default() };
    let mut pair = Pair::new(Settings::new(limits, limits));
    pair.stream();
    pair.stream();
    assert_eq!(pair.server.open(&request(), true), Err(OpenError::TooManyStreams));
    pair.server.stop_opening();
    assert_eq!(pair.server.open(&request(), true), Err(OpenError::Draining));
    assert_eq!(pair.telephone.open(&request(), true), Err(OpenError::WrongSide));
}

#[test]
fn a_telephone_turns_away_what_exceeds_its_limit() {
    let limits = Limits { max_streams: 1, ..Limits::default() };
    let mut server = Mux::new(Side::Server, Settings::default());
    let mut telephone = Mux::new(Side::Telephone, Settings::new(limits, Limits::default()));
    let first = server.open(&request(), true).unwrap();
    let second = server.open(&request(), true).unwrap();
    telephone.receive(server.next_message(MAX).unwrap()).unwrap();
    server.receive(telephone.next_message(MAX).unwrap()).unwrap();
    assert_eq!(server.read(second), Some(Received::Reset(ResetCode::REFUSED)));
    assert_eq!(server.read(first), None);
}

#[test]
fn who_goes_on_beyond_the_limit_and_reads_no_refusal_is_done_with() {
    let limits = Limits { max_streams: 1, ..Limits::default() };
    let mut telephone = Mux::new(Side::Telephone, Settings::new(limits, Limits::default()));
    let ask = |stream| {
        let mut frame = BytesMut::new();
        put_head_frame(&mut frame, Kind::Request, stream, true, |out| request().encode(out)).unwrap();
        frame.freeze()
    };
    let error = (1..2_000_000).find_map(|stream| telephone.receive(ask(stream)).err());
    assert_eq!(error, Some(ProtocolError::RefusalsUnread));
    let waits: usize = std::iter::from_fn(|| telephone.next_message(MAX)).map(|message| message.len()).sum();
    assert!(waits < 9 * 1024 * 1024, "{waits}");
}

#[test]
fn informational_heads_without_end_take_no_memory_and_hold_nobody_up() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.server.open(&request(), true).unwrap();
    pair.settle();
    for _ in 0..100_000 {
        pair.telephone.respond(id, &response(103), false).unwrap();
    }
    pair.telephone.respond(id, &response(200), true).unwrap();
    let messages: Vec<_> = std::iter::from_fn(|| pair.telephone.next_message(MAX)).collect();
    let waits: usize = messages.iter().map(Bytes::len).sum();
    assert!(waits < 80 * 1024, "{waits}");
    for message in messages {
        pair.server.receive(message).unwrap();
    }
    let heads = events(&mut pair.server);
    assert_eq!(heads.last(), Some(&Event::Response { id, head: Box::new(response(200)), end: true }));
}

#[test]
fn as_many_requests_as_a_peer_takes_may_come_at_once() {
    let mut pair = Pair::new(Settings::default());
    let mut head = request();
    // As long as the head of a browser.
    head.headers.insert("cookie", HeaderValue::from_bytes(&[b'x'; 700]).unwrap());
    for _ in 0..Limits::default().max_streams {
        pair.server.open(&head, true).unwrap();
    }
    pair.settle();
    assert_eq!(events(&mut pair.telephone).len(), Limits::default().max_streams as usize);
}

#[test]
fn a_peer_that_reads_nothing_cannot_make_the_queue_grow_without_bound() {
    let mut server = Mux::new(Side::Server, Settings::default());
    let refused = (0..1_000_000).find_map(|_| match server.open(&request(), true) {
        Ok(id) => {
            server.reset(id, ResetCode::CANCEL);
            None
        }
        Err(error) => Some(error),
    });
    assert_eq!(refused, Some(OpenError::Congested));
}

#[test]
fn sending_out_of_turn_is_an_error_and_changes_nothing() {
    let mut pair = Pair::new(Settings::default());
    let id = pair.server.open(&request(), false).unwrap();
    pair.settle();
    assert_eq!(pair.telephone.send_data(id, Bytes::new(), true), Err(SendError::State));
    assert_eq!(pair.telephone.respond(id, &response(100), true), Err(SendError::State));
    assert_eq!(pair.server.respond(id, &response(200), true), Err(SendError::State));
    pair.telephone.respond(id, &response(200), false).unwrap();
    assert_eq!(pair.telephone.respond(id, &response(200), false), Err(SendError::State));
    let too_much = Bytes::from(vec![0; 64 * 1024 + 1]);
    assert_eq!(pair.telephone.send_data(id, too_much, false), Err(SendError::NoCapacity));
    pair.telephone.send_data(id, Bytes::new(), true).unwrap();
    assert_eq!(pair.telephone.send_data(id, Bytes::new(), true), Err(SendError::Closed));
    pair.settle();
    assert_eq!(read_all(&mut pair.server, id), (vec![], Some(Received::End)));
}

/// Frames that an honest peer would not send.
mod illegal {
    use super::*;

    fn head_frame(kind: Kind, stream: u32, end: bool) -> Bytes {
        let mut out = BytesMut::new();
        match kind {
            Kind::Request => put_head_frame(&mut out, kind, stream, end, |out| request().encode(out)).unwrap(),
            Kind::Response => put_head_frame(&mut out, kind, stream, end, |out| response(200).encode(out)).unwrap(),
            _ => put_head_frame(&mut out, kind, stream, end, |out| encode_trailers(&HeaderMap::new(), out)).unwrap(),
        }
        out.freeze()
    }

    fn data(stream: u32, length: usize, end: bool) -> Bytes {
        let mut out = BytesMut::new();
        put_data_header(&mut out, stream, length, end);
        out.resize(out.len() + length, 0);
        out.freeze()
    }

    fn window(stream: u32, bytes: u32) -> Bytes {
        let mut out = BytesMut::new();
        put_window(&mut out, stream, bytes);
        out.freeze()
    }

    /// A telephone that has one open stream, 1.
    fn telephone() -> Mux {
        let mut mux = Mux::new(Side::Telephone, Settings::default());
        mux.receive(head_frame(Kind::Request, 1, false)).unwrap();
        mux
    }

    /// A server that has one open stream, 1.
    fn server() -> Mux {
        let mut mux = Mux::new(Side::Server, Settings::default());
        mux.open(&request(), false).unwrap();
        mux
    }

    #[test]
    fn wrong_side() {
        let error = server().receive(head_frame(Kind::Request, 2, true));
        assert_eq!(error, Err(ProtocolError::WrongSide(Kind::Request)));
        let error = telephone().receive(head_frame(Kind::Response, 1, true));
        assert_eq!(error, Err(ProtocolError::WrongSide(Kind::Response)));
    }

    #[test]
    fn wrong_stream() {
        assert_eq!(
            telephone().receive(head_frame(Kind::Request, 1, true)),
            Err(ProtocolError::StreamReused(1)),
            "numbers only grow"
        );
        for (frame, kind) in [
            (data(2, 1, true), Kind::Data),
            (head_frame(Kind::Trailers, 2, true), Kind::Trailers),
            (window(2, 1), Kind::Window),
        ] {
            assert_eq!(telephone().receive(frame), Err(ProtocolError::UnknownStream { kind, stream: 2 }));
        }
        let mut reset = BytesMut::new();
        put_reset(&mut reset, 2, ResetCode::CANCEL);
        let error = server().receive(reset.freeze());
        assert_eq!(error, Err(ProtocolError::UnknownStream { kind: Kind::Reset, stream: 2 }));
    }

    #[test]
    fn wrong_order() {
        assert_eq!(server().receive(data(1, 1, false)), Err(ProtocolError::BodyBeforeHead(1)));
        assert_eq!(server().receive(head_frame(Kind::Trailers, 1, true)), Err(ProtocolError::BodyBeforeHead(1)));
        let mut mux = server();
        mux.receive(head_frame(Kind::Response, 1, false)).unwrap();
        assert_eq!(mux.receive(head_frame(Kind::Response, 1, false)), Err(ProtocolError::SecondHead(1)));
        let mut mux = telephone();
        mux.receive(data(1, 1, true)).unwrap();
        assert_eq!(mux.receive(data(1, 1, false)), Err(ProtocolError::AfterEnd(1)));
        assert_eq!(mux.receive(head_frame(Kind::Trailers, 1, true)), Err(ProtocolError::AfterEnd(1)));
        let mut informational = BytesMut::new();
        put_head_frame(&mut informational, Kind::Response, 1, true, |out| response(103).encode(out)).unwrap();
        assert_eq!(server().receive(informational.freeze()), Err(ProtocolError::EndAfterInformational(1)));
    }

    #[test]
    fn more_than_credit() {
        let mut mux = telephone();
        mux.receive(data(1, 64 * 1024, false)).unwrap();
        assert_eq!(mux.receive(data(1, 1, false)), Err(ProtocolError::StreamWindow(1)));

        let limits = Limits { connection_window: 1000, ..Limits::default() };
        let mut mux = Mux::new(Side::Telephone, Settings::new(limits, limits));
        mux.receive(head_frame(Kind::Request, 1, false)).unwrap();
        assert_eq!(mux.receive(data(1, 1001, false)), Err(ProtocolError::ConnectionWindow));
    }

    #[test]
    fn impossible_credit() {
        for stream in [0, 1] {
            assert_eq!(server().receive(window(stream, 0)), Err(ProtocolError::Credit(stream)));
            assert_eq!(server().receive(window(stream, u32::MAX)), Err(ProtocolError::Credit(stream)));
        }
    }

    #[test]
    fn not_frames() {
        let receive = |bytes: &[u8]| telephone().receive(Bytes::copy_from_slice(bytes));
        let cases: [(&[u8], FrameError); 9] = [
            (&[1, 0, 0], FrameError::CutShort),
            (&[3, 0, 0, 2, 0, 0, 0, 1, 7], FrameError::CutShort),
            (&[0, 0, 0, 0, 0, 0, 0, 1], FrameError::UnknownKind(0)),
            (&[0x43, 0, 0, 1, 0, 0, 0, 1, 7], FrameError::UnknownKind(0x43)),
            (&[3, 1, 0, 1, 0, 0, 0, 1], FrameError::Length { kind: Kind::Data, length: 65_537 }),
            (&[3, 0, 0, 0, 0, 0, 0, 1], FrameError::Length { kind: Kind::Data, length: 0 }),
            (&[0x85, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1], FrameError::End(Kind::Reset)),
            (&[4, 0, 0, 1, 0, 0, 0, 1, 0], FrameError::End(Kind::Trailers)),
            (&[0x83, 0, 0, 0, 0, 0, 0, 0], FrameError::StreamZero(Kind::Data)),
        ];
        for (bytes, error) in cases {
            assert_eq!(receive(bytes), Err(ProtocolError::Frame(error)), "{bytes:?}");
        }
        assert!(matches!(receive(&[1, 0, 0, 1, 0, 0, 0, 2, 0]), Err(ProtocolError::Head { stream: 2, .. })));
    }
}
