//! Two ends joined by messages of random sizes, doing random things: every stream's bytes arrive exactly once and in
//! order, and neither end ever breaks the rules in the eyes of the other.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use wire::control::Limits;
use wire::frame::{Header, Kind, ResetCode};
use wire::head::{RequestHead, ResponseHead};
use wire::mux::{Event, Mux, Received, Settings, Side, StreamId};

/// One step of a run. Streams are picked by index among those an end knows.
#[derive(Clone, Debug)]
enum Step {
    Open { end: bool },
    Respond { stream: prop::sample::Index, end: bool },
    Send { server: bool, stream: prop::sample::Index, length: usize, end: bool },
    Trailers { server: bool, stream: prop::sample::Index },
    Read { server: bool, stream: prop::sample::Index, times: usize },
    Reset { server: bool, stream: prop::sample::Index },
    ReleaseRecv { server: bool, stream: prop::sample::Index },
    Transmit { server: bool, max: usize },
    Deliver { server: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        2 => any::<bool>().prop_map(|end| Step::Open { end }),
        2 => (index(), prop::bool::weighted(0.2)).prop_map(|(stream, end)| Step::Respond { stream, end }),
        8 => (any::<bool>(), index(), 0_usize..40_000, prop::bool::weighted(0.1))
            .prop_map(|(server, stream, length, end)| Step::Send { server, stream, length, end }),
        1 => (any::<bool>(), index()).prop_map(|(server, stream)| Step::Trailers { server, stream }),
        6 => (any::<bool>(), index(), 1_usize..4)
            .prop_map(|(server, stream, times)| Step::Read { server, stream, times }),
        1 => (any::<bool>(), index()).prop_map(|(server, stream)| Step::Reset { server, stream }),
        1 => (any::<bool>(), index()).prop_map(|(server, stream)| Step::ReleaseRecv { server, stream }),
        6 => (any::<bool>(), 1_200_usize..100_000).prop_map(|(server, max)| Step::Transmit { server, max }),
        8 => any::<bool>().prop_map(|server| Step::Deliver { server }),
    ]
}

/// The bytes of one direction of one stream are a function of their position, so that any loss, repetition or mix-up
/// shows.
fn byte(stream: StreamId, server: bool, position: usize) -> u8 {
    let seed = u64::from(stream.get()) * 31 + u64::from(server) * 7 + position as u64 * 131;
    (seed % 251) as u8
}

struct End {
    mux: Mux,
    /// The first credit of the connection, bytes.
    window: u32,
    server: bool,
    streams: Vec<StreamId>,
    /// How many bytes were sent and read on each stream.
    sent: HashMap<StreamId, usize>,
    read: HashMap<StreamId, usize>,
    /// Messages on their way to this end.
    arriving: VecDeque<Bytes>,
}

impl End {
    fn new(side: Side, settings: Settings) -> Self {
        Self {
            mux: Mux::new(side, settings),
            window: settings.local.connection_window,
            server: side == Side::Server,
            streams: Vec::new(),
            sent: HashMap::new(),
            read: HashMap::new(),
            arriving: VecDeque::new(),
        }
    }

    fn pick(&self, index: prop::sample::Index) -> Option<StreamId> {
        (!self.streams.is_empty()).then(|| *index.get(&self.streams))
    }

    fn send(&mut self, id: StreamId, wanted: usize, end: bool) {
        let Ok(capacity) = self.mux.send_capacity(id) else { return };
        let start = *self.sent.entry(id).or_default();
        let length = wanted.min(capacity);
        let data: Bytes = (start..start + length).map(|position| byte(id, self.server, position)).collect();
        self.mux.send_data(id, data, end).unwrap();
        *self.sent.get_mut(&id).unwrap() += length;
    }

    fn read(&mut self, id: StreamId) -> bool {
        match self.mux.read(id) {
            Some(Received::Data(data)) => {
                let position = self.read.entry(id).or_default();
                for got in &data {
                    assert_eq!(*got, byte(id, !self.server, *position), "stream {id} at {position}");
                    *position += 1;
                }
                true
            }
            _ => false,
        }
    }

    fn deliver(&mut self) {
        let Some(message) = self.arriving.pop_front() else { return };
        self.mux.receive(message).unwrap();
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.mux.next_event() {
            if let Event::Request { id, .. } = event {
                self.streams.push(id);
            }
        }
    }
}

fn request() -> RequestHead {
    RequestHead {
        method: Method::POST,
        target: http::uri::PathAndQuery::from_static("/"),
        headers: HeaderMap::new(),
        upgrade: None,
    }
}

fn run(steps: Vec<Step>, settings: Settings) {
    // Streams that were cut short by either end, and so need not arrive as a whole.
    let mut cut = HashSet::new();
    let mut ends = [End::new(Side::Telephone, settings), End::new(Side::Server, settings)];
    for step in steps {
        match step {
            Step::Open { end } => {
                if let Ok(id) = ends[1].mux.open(&request(), end) {
                    ends[1].streams.push(id);
                }
            }
            Step::Respond { stream, end } => {
                let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
                if let Some(id) = ends[0].pick(stream) {
                    // Refused when the stream is over or answered; that must not disturb anything.
                    let _outcome = ends[0].mux.respond(id, &head, end);
                }
            }
            Step::Send { server, stream, length, end } => {
                let from = &mut ends[usize::from(server)];
                if let Some(id) = from.pick(stream) {
                    from.send(id, length, end);
                }
            }
            Step::Trailers { server, stream } => {
                let from = &mut ends[usize::from(server)];
                if let Some(id) = from.pick(stream) {
                    let _outcome = from.mux.send_trailers(id, &HeaderMap::new());
                }
            }
            Step::Read { server, stream, times } => {
                let at = &mut ends[usize::from(server)];
                if let Some(id) = at.pick(stream) {
                    (0..times).all(|_| at.read(id));
                }
            }
            Step::Reset { server, stream } => {
                let at = &mut ends[usize::from(server)];
                if let Some(id) = at.pick(stream) {
                    at.mux.reset(id, ResetCode::INTERNAL);
                    cut.insert(id);
                }
            }
            Step::ReleaseRecv { server, stream } => {
                let at = &mut ends[usize::from(server)];
                if let Some(id) = at.pick(stream) {
                    at.mux.release_recv(id, ResetCode::CANCEL);
                    cut.insert(id);
                }
            }
            Step::Transmit { server, max } => {
                if let Some(message) = ends[usize::from(server)].mux.next_message(max) {
                    ends[usize::from(!server)].arriving.push_back(message);
                }
            }
            Step::Deliver { server } => ends[usize::from(server)].deliver(),
        }
    }
    finish(ends, &cut);
}

/// Ends every direction, lets everything arrive, reads it, and expects nothing to be left.
fn finish(mut ends: [End; 2], cut: &HashSet<StreamId>) {
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    let mut quiet = 0;
    while quiet < 2 {
        let mut moved = false;
        for at in 0..2 {
            while let Some(message) = ends[at].mux.next_message(100_000) {
                ends[1 - at].arriving.push_back(message);
                moved = true;
            }
            let end = &mut ends[at];
            while !end.arriving.is_empty() {
                end.deliver();
                moved = true;
            }
            end.take_events();
            for id in end.streams.clone() {
                let _answered = end.mux.respond(id, &head, false);
                end.send(id, 0, true);
                while end.read(id) {
                    moved = true;
                }
                if end.mux.send_failure(id).is_some() {
                    end.mux.release_send(id, ResetCode::CANCEL);
                }
            }
        }
        quiet = if moved { 0 } else { quiet + 1 };
    }
    for end in &ends {
        assert_eq!(end.mux.active_streams(), 0, "server: {}", end.server);
    }
    assert_credit_is_whole(&mut ends);
    for (from, to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
        // A telephone that has not read its old streams yet may turn new ones away.
        for (id, sent) in from.sent.iter().filter(|(id, _)| !cut.contains(*id) && to.streams.contains(*id)) {
            assert_eq!(to.read.get(id).unwrap_or(&0), sent, "stream {id}, from the server: {}", from.server);
        }
    }
}

/// All credit is back, of streams that ended well and of those that did not: in each direction, what is sent while the
/// other end says nothing is at least what is never waited for, a whole window less the half that is announced at once.
fn assert_credit_is_whole(ends: &mut [End; 2]) {
    let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
    let mut passed = [0, 0];
    let mut moved = true;
    while std::mem::take(&mut moved) {
        let Ok(id) = ends[1].mux.open(&request(), false) else { break };
        // The telephone hears of the stream; the server hears of nothing, so that neither gets new credit.
        while let Some(message) = ends[1].mux.next_message(100_000) {
            ends[0].mux.receive(message).unwrap();
        }
        ends[0].take_events();
        ends[0].mux.respond(id, &head, false).unwrap();
        for (end, passed) in ends.iter_mut().zip(&mut passed) {
            let capacity = end.mux.send_capacity(id).unwrap();
            end.mux.send_data(id, vec![0; capacity].into(), false).unwrap();
            while let Some(message) = end.mux.next_message(100_000) {
                let data = data_in(message);
                *passed += data;
                moved |= data > 0;
            }
        }
    }
    let window = ends[0].window as usize;
    for (passed, end) in passed.into_iter().zip(ends) {
        assert!(passed >= window - window / 2, "{passed} of {window}, from the server: {}", end.server);
    }
}

/// How many bytes of bodies a message carries.
fn data_in(mut message: Bytes) -> usize {
    let mut data = 0;
    while !message.is_empty() {
        let (header, payload) = Header::decode(&mut message).unwrap();
        if header.kind == Kind::Data {
            data += payload.len();
        }
    }
    data
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 96 } else { 1024 }))]

    #[test]
    fn every_byte_once_and_in_order(steps in proptest::collection::vec(step(), 0..400)) {
        run(steps, Settings::default());
    }

    #[test]
    fn also_with_tight_windows(steps in proptest::collection::vec(step(), 0..400)) {
        let limits = Limits { stream_window: 3_000, connection_window: 5_000, max_streams: 8 };
        let settings = Settings { max_held: 4_000, max_stream_window: 9_000, max_queued: 6_000, ..Settings::new(limits, limits) };
        run(steps, settings);
    }

    #[test]
    fn arbitrary_messages_never_panic(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
        for side in [Side::Server, Side::Telephone] {
            let mut mux = Mux::new(side, Settings::default());
            for message in &messages {
                if mux.receive(Bytes::from(message.clone())).is_err() {
                    break;
                }
            }
        }
    }

    /// Valid headers, arbitrary everything else: this reaches past the frame decoder.
    #[test]
    fn plausible_frames_never_panic(frames in proptest::collection::vec(
        (1_u8..8, any::<bool>(), 0_u32..6, proptest::collection::vec(any::<u8>(), 0..40)), 0..60,
    )) {
        for side in [Side::Server, Side::Telephone] {
            let mut mux = Mux::new(side, Settings::default());
            for _ in 0..3 {
                let _opened = mux.open(&request(), false);
            }
            for (kind, end, stream, payload) in &frames {
                let mut message = vec![kind | u8::from(*end) << 7, 0, 0, payload.len() as u8];
                message.extend(stream.to_be_bytes());
                message.extend(payload);
                if mux.receive(message.into()).is_err() {
                    break;
                }
                while let Some(event) = mux.next_event() {
                    if let Event::Readable(id) | Event::Request { id, .. } = event {
                        mux.read(id);
                    }
                }
            }
        }
    }
}
