//! Buffers that the connections of one thread use in turn: an idle connection holds none, and whoever has work finds
//! one that is still in the processor's cache.

use std::cell::RefCell;

use bytes::BytesMut;

/// How large they are. A read takes several messages at once, and few are cut by the buffer's end.
pub(super) const SIZE: usize = 256 * 1024;
/// How many a thread keeps: as many as are being read out by streams while the next one is filled.
const KEPT: usize = 6;
/// As few bytes as this move to a memory of their own while their connection waits for its peer.
const FEW: usize = 4 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for `least` bytes.
pub(super) fn take(least: usize) -> BytesMut {
    let spare = if least <= SIZE { SPARE.with_borrow_mut(take_free) } else { None };
    spare.unwrap_or_else(|| BytesMut::with_capacity(least.max(SIZE)))
}

/// The one that was given back last of those of which nobody holds a part any more.
fn take_free(spare: &mut Vec<BytesMut>) -> Option<BytesMut> {
    let place = spare.iter_mut().rposition(|buffer| buffer.try_reclaim(SIZE))?;
    Some(spare.remove(place))
}

/// Gives a buffer back. Parts of it may still be held: it is used again when they are gone, which costs less than to
/// allocate another one each time. One that is too large is let go, and so is the oldest when there are enough.
pub(super) fn give(mut buffer: BytesMut) {
    buffer.clear();
    // Whole again, if nobody holds a part of it, it shows how large it is.
    let free = buffer.try_reclaim(SIZE);
    let capacity = buffer.capacity();
    if capacity == 0 || free && capacity >= 2 * SIZE {
        return;
    }
    SPARE.with_borrow_mut(|spare| {
        if spare.len() >= KEPT {
            spare.remove(0);
        }
        spare.push(buffer);
    });
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
        let smaller = std::mem::replace(buffer, larger);
        // A buffer that is just full with a few bytes is what its connection rested with: not worth keeping.
        if smaller.capacity() > smaller.len().min(FEW) {
            give(smaller);
        }
    }
}
