//! Bodies as they come in.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::chunked::Chunked;
use crate::{BodyError, Framing};

/// Finds a body in what is read.
#[derive(Debug)]
pub struct BodyDecoder(State);

#[derive(Debug)]
enum State {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// The next part of a body.
#[derive(Debug, PartialEq)]
pub enum Decoded {
    /// Bytes, at least one.
    Data(Bytes),
    /// The trailers, and with them the end.
    Trailers(HeaderMap),
    /// The end.
    End,
    /// More has to be read first.
    More,
}

impl BodyDecoder {
    /// For a body that ends as `framing` says.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Takes the next part out of `buffer`. Behind the end nothing is taken.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BodyError> {
        match &mut self.0 {
            State::Length(0) => Ok(Decoded::End),
            _ if buffer.is_empty() => Ok(Decoded::More),
            State::Length(left) => {
                let length = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
                *left -= length as u64;
                Ok(Decoded::Data(buffer.split_to(length).freeze()))
            }
            State::UntilClose => Ok(Decoded::Data(buffer.split().freeze())),
            State::Chunked(chunked) => {
                let decoded = chunked.decode(buffer)?;
                if matches!(decoded, Decoded::End | Decoded::Trailers(_)) {
                    self.0 = State::Length(0);
                }
                Ok(decoded)
            }
        }
    }

    /// Nothing will be read any more: an error unless that is how the body ends.
    pub fn close(&mut self) -> Result<(), BodyError> {
        match self.0 {
            State::UntilClose | State::Length(0) => {
                self.0 = State::Length(0);
                Ok(())
            }
            _ => Err(BodyError::Incomplete),
        }
    }

    /// Whether all of it was taken.
    pub fn is_ended(&self) -> bool {
        matches!(self.0, State::Length(0))
    }

    /// How many bytes are still to come, if that is known.
    pub fn left(&self) -> Option<u64> {
        match self.0 {
            State::Length(left) => Some(left),
            _ => None,
        }
    }
}
