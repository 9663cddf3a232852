//! What is looked for, however it is spelled.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::form_urlencoded::byte_serialize;

/// Secrets, and where they were found.
#[derive(Default)]
pub(super) struct Secrets {
    /// What each is, and its spellings.
    known: Vec<(String, Vec<String>)>,
    found: Vec<String>,
}

impl Secrets {
    pub(super) fn add(&mut self, what: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref();
        assert!(secret.len() >= 10, "{what} is too short to be looked for");
        self.known.push((what.to_owned(), spellings(secret)));
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// Looks at `bytes` for all but what is excepted.
    pub(super) fn look(&mut self, place: &str, bytes: impl AsRef<[u8]>, excepted: &[&str]) {
        let text = characters(bytes.as_ref());
        for (what, spellings) in self.known.iter().filter(|(what, _)| !excepted.contains(&what.as_str())) {
            for spelling in spellings {
                if let Some(at) = text.find(spelling) {
                    let before: String = text[..at].chars().rev().take(200).collect();
                    let before: String = before.chars().rev().collect();
                    self.found.push(format!("{what}, as {spelling}, is in {place}, after …{before}"));
                }
            }
        }
    }

    pub(super) fn look_in_files(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.look_in_files(&path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                // What has gone since the folder was read is nowhere.
                self.look(&path.display().to_string(), bytes, &[]);
            }
        }
    }

    pub(super) fn were_nowhere(&self) {
        assert!(self.found.is_empty(), "{}", self.found.join("\n\n"));
    }
}

/// Each byte as the character of its number, so that whatever holds text can be looked through as text.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// As it is, percent-encoded, in hexadecimal digits, and in base64 wherever in a text it begins.
fn spellings(secret: &[u8]) -> Vec<String> {
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let escape = |byte: &u8, is_upper: bool| if is_upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
    let mut spellings = vec![characters(secret), digits.to_uppercase(), digits, byte_serialize(secret).collect()];
    for is_upper in [true, false] {
        let usual =
            secret.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { escape(byte, is_upper) });
        spellings.push(usual.collect());
        spellings.push(secret.iter().map(|byte| escape(byte, is_upper)).collect());
    }
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret].concat();
        // The first and the last character may also hold bits of what is beside it.
        let begin = [0, 2, 3][before];
        let shared = usize::from(bytes.len() % 3 != 0);
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            spellings.push(text[begin..text.len() - shared].to_owned());
        }
    }
    spellings.sort();
    spellings.dedup();
    spellings
}

#[test]
fn a_secret_is_found_however_it_is_spelled() {
    let secret = "a secret: of 100% / ~";
    for text in [
        secret.to_owned(),
        format!("x={}", byte_serialize(secret.as_bytes()).collect::<String>()),
        "a%20secret%3a%20of%20100%25%20%2f%20~".to_owned(),
        STANDARD_NO_PAD.encode(secret),
        STANDARD_NO_PAD.encode(format!("ada:{secret}")),
        URL_SAFE_NO_PAD.encode(format!("ad:{secret} and more")),
        URL_SAFE_NO_PAD.encode(format!("a:{secret}, and more")),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ] {
        let mut secrets = Secrets::default();
        secrets.add("it", secret);
        secrets.look("a text", format!("before {text} after"), &["another"]);
        assert!(!secrets.found.is_empty(), "{text}");
    }
}
