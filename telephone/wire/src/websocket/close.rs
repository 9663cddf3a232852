use super::WebSocketError;

/// Why a connection is closed, as a close frame says it (RFC 6455 §7.1.5, §7.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// The code, see [`crate::close`].
    pub code: u16,
    /// Words for people; at most 123 bytes of them are sent.
    pub reason: String,
}

impl CloseReason {
    /// The payload of a close frame taken apart; `None` for an empty one.
    pub(super) fn decode(payload: &[u8]) -> Result<Option<Self>, WebSocketError> {
        if payload.is_empty() {
            return Ok(None);
        }
        let Some((code, reason)) = payload.split_first_chunk() else { return Err(WebSocketError::BadClose) };
        let code = u16::from_be_bytes(*code);
        if !may_be_sent(code) {
            return Err(WebSocketError::BadClose);
        }
        let reason = std::str::from_utf8(reason).map_err(|_| WebSocketError::InvalidUtf8)?;
        Ok(Some(Self { code, reason: reason.to_owned() }))
    }
}

/// §7.4 and the registry it founded; 1004, 1005, 1006 and 1015 must not appear in a frame.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
