use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

thread_local! {
    static NOW: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The time as a `Date` (RFC 9110 section 6.6.1), written once a second.
pub fn now() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    NOW.with_borrow_mut(|(written, value)| {
        if *written != seconds {
            let mut text = String::with_capacity(29);
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            if write!(text, "{}", httpdate::HttpDate::from(time)).is_ok()
                && let Ok(date) = HeaderValue::try_from(text)
            {
                (*written, *value) = (seconds, date);
            }
        }
        value.clone()
    })
}
