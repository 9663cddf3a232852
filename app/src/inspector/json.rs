//! JSON as it was written: the order of names, repeated names and the digits of numbers stay, and what is cut off is
//! shown as far as it goes. A parser for values would lose all of that.

/// How deep lists and objects may lie in each other; what is deeper is no JSON to us.
const DEEPEST: usize = 64;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`, `true`, `false` or a number, as it was written.
    Plain(String),
    /// A string, with its escapes undone.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object: its names in their order.
    Object(Vec<(String, Json)>),
    /// The text ended here.
    Cut,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// What it says.
    pub value: Json,
    /// Whether the text ended before the value did.
    pub cut: bool,
}

/// Why reading stopped.
enum Stop {
    /// The text ended.
    Cut,
    /// It is no JSON.
    Wrong,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

// === impl Outline ===

impl Outline {
    /// Reads a text; `None`: it is no JSON. With `cut`, the text is the beginning of a longer one.
    pub fn of(text: &str, cut: bool) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let mut was_cut = false;
        let value = reader.value(0, &mut was_cut).ok()?;
        if was_cut {
            return (cut && value != Json::Cut).then_some(Self { value, cut: true });
        }
        reader.space();
        // Something after the value: several values in a row, or no JSON at all.
        (reader.at == text.len()).then_some(Self { value, cut: false })
    }
}

// === impl Json ===

impl Json {
    /// How many names and places are in it, itself included.
    pub fn size(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Object(fields) => 1 + fields.iter().map(|(_, value)| value.size()).sum::<usize>(),
            Self::Plain(_) | Self::Text(_) | Self::Cut => 1,
        }
    }

    /// Whether `lower`, a text in lower case, is in a name or a value of it.
    pub fn contains(&self, lower: &str) -> bool {
        match self {
            Self::Plain(text) | Self::Text(text) => text.to_lowercase().contains(lower),
            Self::List(items) => items.iter().any(|item| item.contains(lower)),
            Self::Object(fields) => {
                fields.iter().any(|(name, value)| name.to_lowercase().contains(lower) || value.contains(lower))
            }
            Self::Cut => false,
        }
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    /// A value. At the end of the text it is what there was of it, and `cut` is set.
    fn value(&mut self, depth: usize, cut: &mut bool) -> Result<Json, Stop> {
        self.space();
        match self.peek() {
            None => {
                *cut = true;
                Ok(Json::Cut)
            }
            Some(b'{' | b'[') if depth >= DEEPEST => Err(Stop::Wrong),
            Some(b'{') => self.object(depth, cut),
            Some(b'[') => self.list(depth, cut),
            Some(b'"') => match self.string() {
                Ok(text) => Ok(Json::Text(text)),
                Err(stop) => cut_here(stop, cut),
            },
            Some(_) => match self.plain() {
                Ok(text) => Ok(Json::Plain(text)),
                Err(stop) => cut_here(stop, cut),
            },
        }
    }

    fn list(&mut self, depth: usize, cut: &mut bool) -> Result<Json, Stop> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1, cut)?);
            if *cut || self.is_last(b']', cut)? {
                return Ok(Json::List(items));
            }
        }
    }

    fn object(&mut self, depth: usize, cut: &mut bool) -> Result<Json, Stop> {
        self.at += 1;
        let mut fields = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            let name = match self.name() {
                Ok(name) => name,
                Err(stop) => {
                    cut_here(stop, cut)?;
                    return Ok(Json::Object(fields));
                }
            };
            fields.push((name, self.value(depth + 1, cut)?));
            if *cut || self.is_last(b'}', cut)? {
                return Ok(Json::Object(fields));
            }
        }
    }

    /// The name of a field with its colon.
    fn name(&mut self) -> Result<String, Stop> {
        match self.peek() {
            None => return Err(Stop::Cut),
            Some(b'"') => {}
            Some(_) => return Err(Stop::Wrong),
        }
        let name = self.string()?;
        self.space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Stop::Wrong),
            None => return Err(Stop::Cut),
        }
        Ok(name)
    }

    /// Whether the list or object ends here, as against going on after a comma.
    fn is_last(&mut self, end: u8, cut: &mut bool) -> Result<bool, Stop> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(Stop::Wrong),
            None => {
                *cut = true;
                Ok(true)
            }
        }
    }

    fn string(&mut self) -> Result<String, Stop> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let mut is_escaped = false;
        let end = rest.iter().position(|&byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        let end = self.at + 1 + end.ok_or(Stop::Cut)?;
        let written = &self.text[self.at..=end];
        self.at = end + 1;
        serde_json::from_str(written).map_err(|_| Stop::Wrong)
    }

    fn plain(&mut self) -> Result<String, Stop> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        let word = &rest[..length];
        let is_value = match word.as_bytes().first() {
            Some(b'0'..=b'9' | b'-') => is_number(word),
            _ => matches!(word, "null" | "true" | "false"),
        };
        // A word at the end of the text may be the beginning of a longer one.
        match is_value {
            true => {
                self.at += length;
                Ok(word.to_owned())
            }
            false if length == rest.len() && !word.is_empty() => Err(Stop::Cut),
            false => Err(Stop::Wrong),
        }
    }
}

/// RFC 8259 section 6.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (word, exponent) = word.split_once(['e', 'E']).map_or((word, None), |(word, after)| (word, Some(after)));
    let (whole, fraction) = word.split_once('.').map_or((word, None), |(whole, after)| (whole, Some(after)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

fn cut_here(stop: Stop, cut: &mut bool) -> Result<Json, Stop> {
    match stop {
        Stop::Cut => {
            *cut = true;
            Ok(Json::Cut)
        }
        Stop::Wrong => Err(Stop::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn plain(text: &str) -> Json {
        Json::Plain(text.into())
    }

    fn same(json: &Json, value: &Value) -> bool {
        match (json, value) {
            (Json::Plain(text), value) => value.to_string().eq(text.as_str()),
            (Json::Text(text), Value::String(other)) => text == other,
            (Json::List(items), Value::Array(others)) => {
                items.len() == others.len() && items.iter().zip(others).all(|(a, b)| same(a, b))
            }
            (Json::Object(fields), Value::Object(others)) => {
                fields.len() == others.len()
                    && fields.iter().all(|(name, field)| others.get(name).is_some_and(|other| same(field, other)))
            }
            _ => false,
        }
    }

    #[test]
    fn it_stays_as_it_was_written() {
        let outline = Outline::of(r#" {"b": 12345678901234567890123, "a": [1.50, "\u00e4"], "b": null} "#, false);
        let list = Json::List(vec![plain("1.50"), Json::Text("ä".into())]);
        let fields = [("b", plain("12345678901234567890123")), ("a", list), ("b", plain("null"))];
        let value = Json::Object(fields.map(|(name, value)| (name.to_owned(), value)).into());
        assert_eq!(outline, Some(Outline { value, cut: false }));
    }

    #[test]
    fn what_is_cut_off_is_shown_as_far_as_it_goes() {
        let whole = r#"{"a": [1, {"b": "cde"}], "f": tru"#;
        let outline = Outline::of(whole, true);
        assert!(outline.as_ref().is_some_and(|outline| outline.cut && outline.value.contains("cde")));
        assert_eq!(Outline::of(whole, false), None, "unless it was to be whole");
        assert_eq!(Outline::of("", true), None);
        assert_eq!(Outline::of(" ", true), None);
    }

    #[test]
    fn what_is_none_is_left_alone() {
        let deep = "[".repeat(100_000);
        for text in ["hello", "{a: 1}", "[1,]", "01", "1.", "{\"a\" 1}", "[1] [2]", "<html>", "nul", deep.as_str()] {
            assert_eq!(Outline::of(text, false), None, "{text:.20}");
        }
        assert_eq!(Outline::of(&deep, true), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(".{0,6}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_writes(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap_or_else(|error| panic!("{error}"));
            let outline = Outline::of(&text, false);
            prop_assert!(outline.is_some_and(|outline| same(&outline.value, &value)), "{}", text);
        }

        #[test]
        fn every_beginning_of_json_can_be_shown(value in any_json(), share in 0.0..1.0_f64) {
            let text = serde_json::to_string(&value).unwrap_or_else(|error| panic!("{error}"));
            let mut end = (text.len() as f64 * share) as usize;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            let beginning = text[..end].trim_end();
            if beginning.starts_with(['[', '{']) {
                prop_assert!(Outline::of(beginning, true).is_some(), "{}", beginning);
            }
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,200}") {
            let _ = Outline::of(&text, true);
        }
    }
}
