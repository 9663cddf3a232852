//! Masking values within JSON by their paths. The text is passed over once and stays as it was, but for those values; so
//! what is cut off can be masked as well.

use masking::MASK;

/// Deeper than this nothing of use is nested.
const DEEPEST: usize = 128;

/// A path as it is given: names, `*`, `**`.
#[derive(Debug)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Any,
    Deep,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There is nothing to mask.
    Clean,
    /// With what was to be masked masked.
    Masked(Vec<u8>),
    /// This is no JSON, so nobody knows what is in it.
    Unreadable,
}

/// Why passing over ends.
enum Stop {
    /// The text breaks off.
    End,
    /// It is no JSON.
    Broken,
}

/// A place within each path that may go on from here: number of the path, number of its next step.
type Places = Vec<(usize, usize)>;

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    paths: &'t [Path],
    out: Vec<u8>,
    /// Up to where the text is in `out`.
    copied: usize,
    depth: usize,
}

impl Path {
    pub(super) fn new(text: &str) -> Self {
        let step = |part: &str| match part {
            "*" => Step::Any,
            "**" => Step::Deep,
            name => Step::Name(name.to_owned()),
        };
        Self(text.split('.').map(step).collect())
    }
}

/// Masks all values that a path leads to, in one JSON text or several one after the other. With `whole`, text that breaks
/// off is no JSON.
pub(super) fn mask(text: &[u8], whole: bool, paths: &[Path]) -> Outcome {
    let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut scanner = Scanner { text, at, paths, out: vec![], copied: 0, depth: 0 };
    let mut places = vec![];
    (0..paths.len()).for_each(|path| scanner.arrive(&mut places, (path, 0)));
    let stopped = loop {
        match scanner.next() {
            Err(_) => break Ok(()),
            // Of a sequence of texts (RFC 7464).
            Ok(0x1e) => scanner.at += 1,
            Ok(_) => match scanner.value(&places) {
                Ok(()) => {}
                Err(stop) => break Err(stop),
            },
        }
    };
    match stopped {
        Err(Stop::Broken) => Outcome::Unreadable,
        Err(Stop::End) if whole => Outcome::Unreadable,
        _ if scanner.copied == 0 => Outcome::Clean,
        _ => {
            scanner.out.extend_from_slice(&text[scanner.copied..]);
            Outcome::Masked(scanner.out)
        }
    }
}

impl Scanner<'_> {
    /// The next byte that is no white space.
    fn next(&mut self) -> Result<u8, Stop> {
        while let Some(byte) = self.text.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Stop::End)
    }

    fn value(&mut self, places: &Places) -> Result<(), Stop> {
        let first = self.next()?;
        let hidden = places.iter().any(|(path, step)| self.paths[*path].0.len() == *step);
        if hidden {
            let start = self.at;
            let passed = self.pass(first, &Places::new());
            if !matches!(passed, Err(Stop::Broken)) {
                self.out.extend_from_slice(&self.text[self.copied..start]);
                self.out.extend_from_slice(format!("\"{MASK}\"").as_bytes());
                self.copied = self.at;
            }
            return passed;
        }
        self.pass(first, places)
    }

    fn pass(&mut self, first: u8, places: &Places) -> Result<(), Stop> {
        match first {
            b'{' => self.nested(|this| this.object(places)),
            b'[' => self.nested(|this| this.list(places)),
            b'"' => self.string().map(drop),
            b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => {
                let rest = &self.text[self.at..];
                let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                self.at += rest.iter().position(|byte| !fits(byte)).unwrap_or(rest.len());
                Ok(())
            }
            _ => Err(Stop::Broken),
        }
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Stop::Broken);
        }
        self.at += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, places: &Places) -> Result<(), Stop> {
        if self.next()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.next()? != b'"' {
                return Err(Stop::Broken);
            }
            let (start, end) = self.string()?;
            let inner = if places.is_empty() {
                Places::new()
            } else {
                let name: String = serde_json::from_slice(&self.text[start..end]).map_err(|_| Stop::Broken)?;
                self.further(places, Some(&name))
            };
            if self.next()? != b':' {
                return Err(Stop::Broken);
            }
            self.at += 1;
            self.value(&inner)?;
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    fn list(&mut self, places: &Places) -> Result<(), Stop> {
        if self.next()? == b']' {
            self.at += 1;
            return Ok(());
        }
        let inner = self.further(places, None);
        loop {
            self.value(&inner)?;
            if self.ends(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether it ends here, rather than going on behind a comma.
    fn ends(&mut self, end: u8) -> Result<bool, Stop> {
        let next = self.next()?;
        if next != end && next != b',' {
            return Err(Stop::Broken);
        }
        self.at += 1;
        Ok(next == end)
    }

    /// Passes over a string; where it begins and ends, with its quotes.
    fn string(&mut self) -> Result<(usize, usize), Stop> {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok((start, self.at));
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = self.text.len();
        Err(Stop::End)
    }

    /// Where the paths are behind a name, or behind a place in a list.
    fn further(&self, places: &Places, name: Option<&str>) -> Places {
        let mut further = Places::new();
        for &(path, step) in places {
            match self.paths[path].0.get(step) {
                Some(Step::Deep) => self.arrive(&mut further, (path, step)),
                Some(Step::Any) => self.arrive(&mut further, (path, step + 1)),
                Some(Step::Name(wanted)) if name == Some(wanted) => self.arrive(&mut further, (path, step + 1)),
                _ => {}
            }
        }
        further
    }

    /// Adds a place, and the ones that `**` leads to without a step.
    fn arrive(&self, places: &mut Places, (path, mut step): (usize, usize)) {
        loop {
            if !places.contains(&(path, step)) {
                places.push((path, step));
            }
            if self.paths[path].0.get(step) != Some(&Step::Deep) {
                return;
            }
            step += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use serde_json::{Value, json};

    fn masked(text: &str, whole: bool, paths: &[&str]) -> Option<String> {
        let paths: Vec<_> = paths.iter().map(|path| Path::new(path)).collect();
        match mask(text.as_bytes(), whole, &paths) {
            Outcome::Clean => Some(text.to_owned()),
            Outcome::Masked(bytes) => Some(String::from_utf8(bytes).unwrap()),
            Outcome::Unreadable => None,
        }
    }

    #[test]
    fn paths_lead_to_values() {
        for (paths, before, after) in [
            (&["a"][..], r#"{"a":1, "b":2}"#, r#"{"a":"[masked]", "b":2}"#),
            (&["user.password"], r#"{"user":{"password":"x","n":1.0}}"#, r#"{"user":{"password":"[masked]","n":1.0}}"#),
            (
                &["items.*.card"],
                r#"{"items":[{"card":{"no":[1]}},{"card":2}]}"#,
                r#"{"items":[{"card":"[masked]"},{"card":"[masked]"}]}"#,
            ),
            (&["**.s"], r#"[{"s":1},{"x":{"s":[2,{"s":3}]}}]"#, r#"[{"s":"[masked]"},{"x":{"s":"[masked]"}}]"#),
            (&["**"], r#"{"a":1}"#, r#""[masked]""#),
            (
                &["a.**.z", "b"],
                r#"{"a":{"z":1,"q":{"z":2}},"b":null}"#,
                r#"{"a":{"z":"[masked]","q":{"z":"[masked]"}},"b":"[masked]"}"#,
            ),
            (&["pass"], r#"{"p\u0061ss":"x"}"#, r#"{"p\u0061ss":"[masked]"}"#),
            (&["a"], "{\"a\":1}\n{\"a\":2}\n", "{\"a\":\"[masked]\"}\n{\"a\":\"[masked]\"}\n"),
            (&["a"], r#"{"a":1,"a":"\"}"}"#, r#"{"a":"[masked]","a":"[masked]"}"#),
            (&["b.c"], r#"{"a":1,"b":5}"#, r#"{"a":1,"b":5}"#),
        ] {
            assert_eq!(masked(before, true, paths).unwrap(), after, "{paths:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_masked_and_what_is_no_json_is_told() {
        assert_eq!(masked(r#"{"x":1,"a":"secr"#, false, &["a"]).unwrap(), r#"{"x":1,"a":"[masked]""#);
        assert_eq!(masked(r#"{"x":1,"a":{"b":["secr"#, false, &["a"]).unwrap(), r#"{"x":1,"a":"[masked]""#);
        assert_eq!(masked(r#"{"x":1,"a"#, false, &["a"]).unwrap(), r#"{"x":1,"a"#);
        for text in [r#"{"a":"secr"#, r#"{"a" "b"}"#, "{a:1}", "<a>", r#"{"a":1]"#, r#"{"a":1;"a":2}"#] {
            assert_eq!(masked(text, true, &["a"]), None, "{text}");
        }
        assert_eq!(masked(&"[".repeat(100_000), false, &["a"]), None);
    }

    fn mask_value(value: &mut Value, name: &str) {
        match value {
            Value::Object(map) => map
                .iter_mut()
                .for_each(|(key, value)| if key == name { *value = json!(MASK) } else { mask_value(value, name) }),
            Value::Array(list) => list.iter_mut().for_each(|value| mask_value(value, name)),
            _ => {}
        }
    }

    fn any_json() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(|n| json!(n)),
            ".{0,8}".prop_map(|s| json!(s))
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map("[a-c\"\\\\]{0,2}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn the_same_is_masked_as_in_the_parsed_value(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
            let mut expected = value;
            mask_value(&mut expected, "a");
            let after = masked(&text, true, &["**.a"]).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
        }

        #[test]
        fn no_cut_shows_a_secret(value in any_json(), cut in 0..200_usize) {
            let text = json!({"x": value, "a": ["SECRET", {"b": "SECRET"}], "y": 1}).to_string();
            // Keys come sorted: the secret is first.
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let after = masked(&text[..cut], false, &["a"]).unwrap();
            proptest::prop_assert!(!after.contains("SECR"), "{}", after);
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>, whole: bool) {
            mask(&bytes, whole, &[Path::new("**.a"), Path::new("*.b")]);
        }
    }
}
