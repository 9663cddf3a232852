//! What shows the receiver of a notice that it comes from here.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The value of `X-Switchboard-Signature`: `t=TIME,v1=MAC`, where TIME is in seconds since 1970 and MAC is HMAC-SHA-256 (RFC
/// 2104) of TIME, a dot and the body, in hexadecimal. The key is the secret's text as it was shown.
pub fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of docs/alerts.md, where it was computed with OpenSSL.
    #[test]
    fn the_example_in_the_documentation_is_right() {
        let body = br#"{"id":"0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00","type":"alert.test"}"#;
        let page = include_str!("../../../docs/alerts.md");
        let signature = sign("sbw_example-secret", 1_764_000_000, body);
        assert!(page.contains(&format!("X-Switchboard-Signature: {signature}")), "{signature}");
        assert!(page.contains(std::str::from_utf8(body).unwrap_or_default()));
    }
}
