//! WebSocket close codes of a line (RFC 6455 §7.4: 4000–4999 are private to an application).

/// The work is done: a telephone that was told to stop, a session nobody needs any more.
pub const NORMAL: u16 = 1000;
/// This end is going away (shutdown); dial again.
pub const GOING_AWAY: u16 = 1001;
/// A message was larger than this end takes.
pub const TOO_BIG: u16 = 1009;
/// The peer broke the rules of the line: a [`ProtocolError`](crate::mux::ProtocolError) or a
/// [`ControlError`](crate::control::ControlError). The reason text names it.
pub const PROTOCOL: u16 = 4000;
/// The opening was refused; an `error` message with the reason went before.
pub const REFUSED: u16 = 4001;
/// Nothing was heard from the peer for two heartbeats.
pub const HEARTBEAT: u16 = 4002;
/// The opening took longer than allowed.
pub const OPENING_TIMEOUT: u16 = 4003;
/// The same telephone came back on another socket, which replaces this one.
pub const REPLACED: u16 = 4004;
/// The tunnel was paused or deleted; an `error` message says which.
pub const TUNNEL_GONE: u16 = 4005;
/// The token was revoked or ran out; an `error` message says which.
pub const TOKEN_GONE: u16 = 4006;
