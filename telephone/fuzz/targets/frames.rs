//! What a peer sends to either end of a line: whole messages, each with two bytes of length before it. The first byte
//! picks the end, and what the application does in between.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use libfuzzer_sys::fuzz_target;
use wire::frame::{Header, ResetCode};
use wire::head::{RequestHead, ResponseHead};
use wire::mux::{Event, Mux, Received, Settings, Side, StreamId};

fuzz_target!(|data: &[u8]| {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let side = if first & 1 == 0 { Side::Server } else { Side::Telephone };
    let mut mux = Mux::new(side, Settings::default());
    let mut streams = Vec::new();
    if side == Side::Server {
        let head = RequestHead {
            method: Method::POST,
            target: "/".parse().expect("a path"),
            headers: HeaderMap::new(),
            upgrade: None,
        };
        streams.extend((0..3).filter_map(|n| mux.open(&head, n == 0).ok()));
    }
    while let Some((length, more)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(more.len());
        let (message, more) = more.split_at(length);
        rest = more;
        let received = mux.receive(Bytes::copy_from_slice(message));
        while let Some(event) = mux.next_event() {
            if let Event::Request { id, .. } = event {
                streams.push(id);
            }
        }
        if received.is_err() {
            break;
        }
        for &id in &streams {
            act(&mut mux, id, first, length);
        }
        transmit(&mut mux);
    }
    // Whatever has happened, everything can be ended, and then nothing is left.
    for id in streams {
        mux.reset(id, ResetCode::CANCEL);
    }
    transmit(&mut mux);
    assert_eq!(mux.active_streams(), 0);
});

/// Does what an application may do, and some of what it should not: errors are fine.
fn act(mux: &mut Mux, id: StreamId, choice: u8, length: usize) {
    if choice & 2 != 0 {
        while let Some(Received::Data(data)) = mux.read(id) {
            assert!(!data.is_empty());
        }
    }
    if choice & 4 != 0 {
        let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
        let _outcome = mux.respond(id, &head, choice & 8 != 0);
    }
    if choice & 16 != 0 {
        let room = mux.send_capacity(id).unwrap_or(0).min(length);
        let _outcome = mux.send_data(id, Bytes::from(vec![0; room]), choice & 32 != 0);
    }
    if choice & 64 != 0 {
        mux.release_recv(id, ResetCode::CANCEL);
    }
}

/// Each message is a row of whole frames.
fn transmit(mux: &mut Mux) {
    while let Some(mut message) = mux.next_message(16 * 1024) {
        assert!(!message.is_empty());
        while !message.is_empty() {
            Header::decode(&mut message).expect("a frame of ours");
        }
    }
}
