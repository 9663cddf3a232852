//! Version 1.0 of the line: whole HTTP exchanges as JSON in text messages, so that a telephone can be written in a few
//! lines of any language.
//!
//! The opening, `ping` and `pong`, `update_tunnel`, `tunnel_status`, `error` and `drain` are those of
//! [`control`](crate::control). In place of frames there are four messages more: `http_request` and `http_cancel` from
//! the server, `http_response` and `http_error` from the telephone.

mod body;
mod convert;
mod fields;
mod messages;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use body::Body;
pub use convert::BadResponse;
pub use fields::{FieldError, Fields, Values};
pub use messages::{HttpCancel, HttpError, HttpRequest, HttpResponse};

use crate::control::{Control, ControlError};

/// The version of the line described here, as it appears in `init`.
pub const VERSION: &str = "1.0";
/// The longest body of a request or a response, in bytes before base64.
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// The longest message, in bytes: a body of [`MAX_BODY`] in base64 (11.2 million characters) with its head, whatever the
/// sender's JSON escapes in it.
pub const MAX_MESSAGE: usize = 12 * 1024 * 1024;
/// How many requests of one session may be unanswered at once, unless the telephone's `init` asks for fewer.
pub const MAX_REQUESTS: u32 = 1000;

/// Any message of version 1.0 after the opening.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// `http_request`, `http_response`, `http_error` or `http_cancel`.
    Http(Http),
    /// What both versions have.
    Control(Control),
}

/// The messages that only version 1.0 has. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Http {
    /// Server to telephone: a request with its whole body.
    HttpRequest(HttpRequest),
    /// Telephone to server: the whole answer to a request.
    HttpResponse(HttpResponse),
    /// Telephone to server: there is no answer to a request.
    HttpError(HttpError),
    /// Server to telephone: nobody waits for the answer to a request any more. A telephone may ignore it.
    HttpCancel(HttpCancel),
}

const HTTP_TYPES: [&str; 4] = ["http_request", "http_response", "http_error", "http_cancel"];

impl Http {
    /// The message as JSON.
    ///
    /// # Errors
    /// When it is longer than [`MAX_MESSAGE`].
    pub fn encode(&self) -> Result<String, ControlError> {
        let text = serde_json::to_string(self).map_err(ControlError::Malformed)?;
        if text.len() > MAX_MESSAGE { Err(ControlError::TooLong(text.len())) } else { Ok(text) }
    }
}

impl Message {
    /// Parses a whole text message. What is wrong inside an answer (a header field, base64) is found when it is
    /// [made use of](HttpResponse::into_parts), so that it costs that one exchange and not the session.
    ///
    /// # Errors
    /// When it is no message at all: no JSON, an unknown type, a field that is missing or of the wrong type, too long.
    pub fn decode(text: &str) -> Result<Self, ControlError> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow)]
            r#type: Cow<'a, str>,
        }
        if text.len() > MAX_MESSAGE {
            return Err(ControlError::TooLong(text.len()));
        }
        let tag: Tag<'_> = serde_json::from_str(text).map_err(ControlError::Malformed)?;
        if HTTP_TYPES.contains(&&*tag.r#type) {
            return serde_json::from_str(text).map(Self::Http).map_err(ControlError::Malformed);
        }
        Control::decode(text).map(Self::Control)
    }
}

/// The `request_id` in a part of a message that was too long to be kept. A quote inside a JSON text is escaped, and base64
/// has none, so that the key cannot be part of a text.
pub fn find_request_id(part: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"request_id\"";
    let start = part.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let value = part[start..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let length = value.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&value[..length]).ok()
}
