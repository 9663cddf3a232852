use memchr::memchr;

/// Looks for the end of a head. It remembers how far it has looked, so that a head that comes byte by byte costs no more
/// than one that comes at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScan {
    line: usize,
    looked: usize,
    lines: usize,
}

/// A line that ends without a carriage return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BareLineFeed;

impl HeadScan {
    /// The length of the head, its empty line included, once all of it is in `buffer`, which only grows between two
    /// calls. With `strict`, each line has to end in CRLF; RFC 9112 section 2.2 allows to take a bare LF for one, and
    /// that two parsers choose differently is one way to smuggle a request.
    pub fn find(&mut self, buffer: &[u8], strict: bool) -> Result<Option<usize>, BareLineFeed> {
        while let Some(offset) = memchr(b'\n', &buffer[self.looked..]) {
            let end = self.looked + offset;
            let returned = end > self.line && buffer[end - 1] == b'\r';
            if strict && !returned {
                return Err(BareLineFeed);
            }
            let empty = end - self.line == usize::from(returned);
            self.looked = end + 1;
            self.line = end + 1;
            if empty {
                return Ok(Some(end + 1));
            }
            self.lines += 1;
        }
        self.looked = buffer.len();
        Ok(None)
    }

    /// How many lines were found before the empty one.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }
}
