//! Clients that make work for nothing: their connection is ended, and nobody else notices.

use std::time::Duration;

use crate::SOON;
use crate::client::Http2;
use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, End, HEADERS, PING, PRIORITY, PROTOCOL_ERROR,
    RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, fields, frame, get,
};
use crate::support::{Origin, Programs, until, within};

/// How much the switchboard may grow by each flood, bytes.
const GROWTH: u64 = 16 * 1024 * 1024;

/// A switchboard with a tunnel to a local server that answers with what it was asked.
struct Flooded {
    programs: Programs,
    neighbour: Http2,
    authority: String,
    _origin: Origin,
}

impl Flooded {
    async fn start() -> Self {
        let mut programs = Programs::start().await;
        let origin = Origin::mirror().await;
        programs.telephone("flooded", &origin).await;
        let authority = format!("flooded.localhost:{}", programs.address.port());
        let neighbour = Http2::connect(programs.address, &authority).await;
        let flooded = Self { programs, neighbour, authority, _origin: origin };
        flooded.neighbour_is_served().await;
        flooded
    }

    async fn neighbour_is_served(&self) {
        let answer = within(SOON, "the neighbour's answer", self.neighbour.ask(self.neighbour.get("/"), "")).await;
        assert_eq!(answer.unwrap().status, 200);
    }

    /// Has a client send what is made of 0, 1, 2 and so on, behind `first`, until its connection is ended, while
    /// another one is served.
    async fn ends(&self, first: &[u8], piece: impl FnMut(u32) -> Vec<u8>) -> End {
        let before = self.programs.switchboard.memory();
        let mut client = Raw::to(self.programs.address).await;
        client.write(first).await;
        let flood = client.flood(piece);
        let served = async {
            loop {
                self.neighbour_is_served().await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let end = tokio::select! {
            end = within(3 * SOON, "the end of the connection", flood) => end,
            () = served => unreachable!(),
        };
        self.neighbour_is_served().await;
        until(SOON, "nothing is left", async || self.programs.figure("switchboard_streams").await == 0.0).await;
        let growth = self.programs.switchboard.memory().saturating_sub(before);
        assert!(growth < GROWTH, "it grew by {} KiB", growth / 1024);
        end
    }

    /// Has a client send this, and no more, for which its connection is ended.
    async fn ends_at(&self, bytes: &[u8]) -> End {
        let before = self.programs.switchboard.memory();
        let mut client = Raw::to(self.programs.address).await;
        client.write(bytes).await;
        let end = within(SOON, "the end of the connection", client.end()).await;
        self.neighbour_is_served().await;
        let growth = self.programs.switchboard.memory().saturating_sub(before);
        assert!(growth < GROWTH, "it grew by {} KiB", growth / 1024);
        end
    }

    /// The head of a request, as the frame that opens this stream.
    fn request(&self, stream: u32, end: bool) -> Vec<u8> {
        let end = if end { END_STREAM } else { 0 };
        frame(HEADERS, END_HEADERS | end, stream, &get(&self.authority, &[]))
    }
}

#[tokio::test]
async fn frames_that_carry_nothing() {
    let mut flooded = Flooded::start().await;
    let calm = End::Told(ENHANCE_YOUR_CALM);
    for (what, chore) in [
        ("PING", frame(PING, 0, 0, b"12345678")),
        ("the answer to a PING", frame(PING, 1, 0, b"12345678")),
        ("SETTINGS", frame(SETTINGS, 0, 0, b"")),
        ("SETTINGS that change the windows", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("a frame that nobody knows", frame(0xbe, 0, 0, b"")),
    ] {
        let piece = chore.repeat(100);
        assert_eq!(flooded.ends(b"", |_| piece.clone()).await, calm, "{what}");
    }
    // Nobody fills the log this way either.
    let said = flooded.programs.switchboard.said();
    assert!(said.len() < 50, "{said:#?}");
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once() {
    let flooded = Flooded::start().await;
    let cancelled = |stream| [flooded.request(stream, true), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    // Many in one segment (CVE-2023-44487).
    let many = |number: u32| (0..50).flat_map(|n| cancelled(2 * (50 * number + n) + 1)).collect();
    assert_eq!(flooded.ends(b"", many).await, End::Told(ENHANCE_YOUR_CALM));
    // One by one, so that each has begun.
    let one = |number: u32| cancelled(2 * number + 1);
    assert_eq!(flooded.ends(b"", one).await, End::Told(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn requests_that_we_are_made_to_reset() {
    let flooded = Flooded::start().await;
    // CVE-2025-8671: a window beyond what there is, a body longer than was said.
    let beyond = |number: u32| {
        let stream = 2 * number + 1;
        [flooded.request(stream, true), frame(WINDOW_UPDATE, 0, stream, &[0x7f, 0xff, 0xff, 0xff])].concat()
    };
    assert_eq!(flooded.ends(b"", beyond).await, End::Told(ENHANCE_YOUR_CALM));
    let block = get(&flooded.authority, &[("content-length", "1")]);
    let longer = |number: u32| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, END_STREAM, stream, b"xx")].concat()
    };
    assert_eq!(flooded.ends(b"", longer).await, End::Told(ENHANCE_YOUR_CALM));
    // A window that grows by nothing ends the connection the first time.
    let faulty = [flooded.request(1, true), frame(WINDOW_UPDATE, 0, 1, &[0; 4])].concat();
    assert_eq!(flooded.ends_at(&faulty).await, End::Told(PROTOCOL_ERROR));
    let block = get(&flooded.authority, &[("x-a", " ")]);
    let malformed = |number: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block);
    assert_eq!(flooded.ends(b"", malformed).await, End::Told(ENHANCE_YOUR_CALM), "malformed for us");
    let block = get(&flooded.authority, &[("connection", "close")]);
    let malformed = |number: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &block);
    assert_eq!(flooded.ends(b"", malformed).await, End::Told(ENHANCE_YOUR_CALM), "malformed for the library");
}

#[tokio::test]
async fn fields_without_end() {
    let flooded = Flooded::start().await;
    let begun = frame(HEADERS, 0, 1, &get(&flooded.authority, &[]));
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x-a", "b")]).repeat(1_000));
    let end = flooded.ends(&begun, |_| more.clone()).await;
    assert!(matches!(end, End::Told(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)), "{end:?}");
    let empty = frame(CONTINUATION, 0, 1, b"");
    let end = flooded.ends(&begun, |_| empty.clone()).await;
    assert!(matches!(end, End::Told(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)), "{end:?}");
    // One field that the table has, named a thousand times: 16 KiB that mean half a megabyte.
    let mut bomb = get(&flooded.authority, &[]);
    bomb.extend([0x40, 3]);
    bomb.extend(b"x-a");
    bomb.extend([0x7f, 0x81, 0x1d]);
    bomb.extend([b'x'; 3_840]);
    bomb.extend([0xbe; 10_000]);
    let bomb = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    assert_eq!(flooded.ends_at(&bomb).await, End::Told(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn bodies_of_nothing() {
    let flooded = Flooded::start().await;
    let begun = flooded.request(1, false);
    let empty = frame(DATA, 0, 1, b"").repeat(10);
    assert_eq!(flooded.ends(&begun, |_| empty.clone()).await, End::Told(ENHANCE_YOUR_CALM), "empty");
    // RFC 9113 section 6.1: padding counts as data, and is none.
    let padded = frame(DATA, 0x8, 1, &[0; 1]).repeat(10);
    assert_eq!(flooded.ends(&begun, |_| padded.clone()).await, End::Told(ENHANCE_YOUR_CALM), "with padding");
}

#[tokio::test]
async fn requests_beyond_the_limit() {
    let flooded = Flooded::start().await;
    let open = |number: u32| flooded.request(2 * number + 1, false);
    assert_eq!(flooded.ends(b"", open).await, End::Told(ENHANCE_YOUR_CALM));
}
