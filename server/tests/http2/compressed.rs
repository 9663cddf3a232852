//! Fields as clients compress them (RFC 7541): by index, by Huffman's code, in a table that both ends keep.

use crate::SOON;
use crate::frames::{COMPRESSION, error};
use crate::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, Raw};
use crate::support::{Origin, Switchboard, within};

/// `:method: GET`, `:scheme: http` and `:path: /` of the static table.
const A_GET: &[u8] = &[0x82, 0x86, 0x84];
/// `www.example.com` and `no-cache` as appendix C.4 has them.
const EXAMPLE: &[u8] = &[0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
const NO_CACHE: &[u8] = &[0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
/// Allows the table nothing, and then as much as before.
const EMPTIED: &[u8] = &[0x20, 0x3f, 0xe1, 0x1f];

fn text(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// A field that is kept in the table, with a name of its own.
fn kept(name: &str, value: &str) -> Vec<u8> {
    [&[0x40][..], &text(name), &text(value)].concat()
}

/// A GET for a host, `:authority` of the static table with a value of its own.
fn get(authority: &str, before: &[u8], more: &[u8]) -> Vec<u8> {
    [before, A_GET, &[0x01], &text(authority), more].concat()
}

/// A switchboard, a telephone whose local server answers with what it was asked, and its host.
async fn mirrored() -> (Switchboard, impl Sized, String) {
    let switchboard = Switchboard::start().await;
    let origin = Origin::mirror().await;
    let telephone = switchboard.telephone("packed", &origin).await;
    let authority = format!("packed.localhost:{}", switchboard.address.port());
    (switchboard, (telephone, origin), authority)
}

/// What arrived of a request.
async fn asked(client: &mut Raw, stream: u32, block: &[u8]) -> String {
    client.send(HEADERS, END_HEADERS | END_STREAM, stream, block).await;
    let data = within(SOON, "an answer", client.next_of(DATA, stream)).await.unwrap();
    String::from_utf8_lossy(&data.payload).into_owned()
}

/// What fills the table; the last one is the index 62.
fn filling() -> Vec<u8> {
    let by_name = [&[0x58], NO_CACHE].concat();
    [kept("x-one", "first"), kept("x-two", "second"), by_name].concat()
}

#[tokio::test]
async fn what_was_said_once_is_said_by_its_number() {
    let (switchboard, _there, authority) = mirrored().await;
    let mut client = Raw::to(switchboard.address).await;
    let all = ["x-one: first", "x-two: second", "cache-control: no-cache"];
    let coded = [&[0x00][..], &text("x-coded"), EXAMPLE].concat();
    let first = asked(&mut client, 1, &get(&authority, &[], &[filling(), coded].concat())).await;
    for line in all.iter().chain(&["x-coded: www.example.com"]) {
        assert!(first.contains(line), "{line} is not in {first}");
    }
    let again = asked(&mut client, 3, &get(&authority, &[], &[0xbe, 0xbf, 0xc0])).await;
    for line in all {
        assert!(again.contains(line), "{line} is not in {again}");
    }
    assert!(!again.contains("x-coded"), "what was not kept is not there: {again}");

    // Emptied, and used anew; what must never be kept is read as anything else.
    let never = [&[0x10][..], &text("x-never"), &text("kept")].concat();
    let emptied = asked(&mut client, 5, &get(&authority, EMPTIED, &[kept("x-three", "third"), never].concat())).await;
    let anew = asked(&mut client, 7, &get(&authority, &[], &[0xbe])).await;
    assert!(emptied.contains("x-three: third") && emptied.contains("x-never: kept"), "{emptied}");
    assert!(anew.contains("x-three: third") && !anew.contains("x-one"), "{anew}");
}

#[tokio::test]
async fn what_was_forgotten_has_no_number() {
    let (switchboard, _there, authority) = mirrored().await;
    for (what, before) in [("emptied", EMPTIED), ("never so many", &[][..])] {
        let mut client = Raw::to(switchboard.address).await;
        asked(&mut client, 1, &get(&authority, &[], &filling())).await;
        let number = if before.is_empty() { 0xc1 } else { 0xbe };
        client.send(HEADERS, END_HEADERS | END_STREAM, 3, &get(&authority, before, &[number])).await;
        let error = within(SOON, what, error(&mut client)).await;
        assert!(error.is_some_and(|error| COMPRESSION.contains(&error)), "{what}: {error:?}");
    }
}
