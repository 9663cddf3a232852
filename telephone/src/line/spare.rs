//! Buffers that the connections of one thread use in turn: an idle connection holds none, and whoever has work finds
//! one that is still in the processor's cache.

use std::cell::RefCell;

use bytes::BytesMut;

/// How large they are. A read takes several messages at once, and few are cut by the buffer's end.
pub(super) const SIZE: usize = 256 * 1024;
/// How many a thread keeps.
const KEPT: usize = 4;
/// As few bytes as this move to a memory of their own while their connection waits for its peer.
const FEW: usize = 4 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for `least` bytes.
pub(super) fn take(least: usize) -> BytesMut {
    let spare = if least <= SIZE { SPARE.with_borrow_mut(Vec::pop) } else { None };
    spare.unwrap_or_else(|| BytesMut::with_capacity(least.max(SIZE)))
}

/// Gives a buffer back. One that is still shared, or of another size, is let go.
pub(super) fn give(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() > 0 && buffer.try_reclaim(SIZE) && buffer.capacity() < 2 * SIZE {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < KEPT {
                spare.push(buffer);
            }
        });
    }
}

/// For a connection that has to wait for its peer: leaves it no more than a few bytes are worth, if it holds few.
pub(super) fn rest(buffer: &mut BytesMut) {
    if buffer.len() <= FEW {
        let few = BytesMut::from(&buffer[..]);
        give(std::mem::replace(buffer, few));
    }
}

/// Makes room for `more` bytes behind what the buffer holds.
pub(super) fn reserve(buffer: &mut BytesMut, more: usize) {
    if buffer.capacity() - buffer.len() < more && !buffer.try_reclaim(more) {
        let mut larger = take(buffer.len() + more);
        larger.extend_from_slice(buffer);
        give(std::mem::replace(buffer, larger));
    }
}
