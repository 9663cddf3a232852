//! What loads the subjects: `wrk` for requests, our own few lines for large bodies and WebSockets.

pub mod bulk;
pub mod echo;
pub mod frames;
pub mod stalled;
pub mod wrk;
