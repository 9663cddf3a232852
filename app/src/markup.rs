//! Text for the two elements whose content Leptos writes as it is.

/// The text as the content of `<title>` or `<textarea>`, which browsers read as text with references to characters
/// (escapable raw text in the HTML standard). Elsewhere Leptos does this itself, and doing it twice would show.
pub fn raw_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::raw_text;

    #[test]
    fn nothing_ends_the_element() {
        assert_eq!(raw_text("</textarea><b>&lt;"), "&lt;/textarea&gt;&lt;b&gt;&amp;lt;");
        assert_eq!(raw_text("plain\n\"text\""), "plain\n\"text\"");
    }
}
