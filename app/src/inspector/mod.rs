//! What the inspector's pages make of an exchange, without any HTML: what a body is, the tree of its JSON, what differs
//! between two, the line for a shell. All of it is somebody else's text, and stays text.

mod compare;
mod content;
mod curl;
mod hex;
mod json;
mod meaning;
mod pairs;

pub use compare::{Change, Line, changes, lines};
pub use content::{Content, View};
pub use curl::{Curl, curl};
pub use hex::{BYTES_PER_LINE, dump};
pub use json::{Json, Outline};
pub use meaning::{end, error};
pub use pairs::{cookies, form, query, set_cookie};
