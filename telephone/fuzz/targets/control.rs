//! Control messages of both versions, and the exchanges of version 1.0.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use wire::control::Control;
use wire::plain::{Http, Message};

fuzz_target!(|text: &str| {
    if let Ok(message) = Control::decode(text)
        && let Ok(encoded) = message.encode()
    {
        assert_eq!(Control::decode(&encoded).expect("a message of ours"), message);
    }
    let Ok(Message::Http(message)) = Message::decode(text) else { return };
    if let Ok(encoded) = message.encode() {
        Message::decode(&encoded).expect("a message of ours");
    }
    if let Http::HttpResponse(response) = message {
        let _outcome = response.into_parts(&Method::GET);
    }
});
