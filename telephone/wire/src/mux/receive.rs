//! What comes in: whole messages, taken apart frame by frame.

use bytes::Bytes;

use super::send::MAX_URGENT;
use super::stream::{Failure, RecvState, SendState};
use super::{Event, Mux, ProtocolError, Side, StreamId};
use crate::frame::{self, Header, Kind, ResetCode, take_number};
use crate::head::{HeadError, RequestHead, ResponseHead, decode_trailers};

impl Mux {
    /// Takes in one whole binary message. After an error the session cannot go on.
    pub fn receive(&mut self, mut message: Bytes) -> Result<(), ProtocolError> {
        let length = message.len();
        while !message.is_empty() {
            let (header, payload) = Header::decode(&mut message)?;
            match header.kind {
                Kind::Request => self.receive_request(header, payload, length)?,
                Kind::Response => self.receive_response(header, payload, length)?,
                Kind::Data => self.receive_data(header, payload, length)?,
                Kind::Trailers => self.receive_trailers(header, payload)?,
                Kind::Reset => self.receive_reset(header, ResetCode(take_number(payload)))?,
                Kind::Stop => self.receive_stop(header, ResetCode(take_number(payload)))?,
                Kind::Window => self.receive_window(header, take_number(payload))?,
            }
        }
        Ok(())
    }

    /// The stream of a frame, or `None` when that stream is over: frames may cross with a reset.
    fn known(&self, header: Header) -> Result<Option<StreamId>, ProtocolError> {
        if header.stream > self.last {
            return Err(ProtocolError::UnknownStream { kind: header.kind, stream: header.stream });
        }
        Ok(Some(StreamId(header.stream)).filter(|id| self.streams.contains_key(id)))
    }

    fn receive_request(&mut self, header: Header, payload: Bytes, message: usize) -> Result<(), ProtocolError> {
        let Header { stream, end, .. } = header;
        if self.side != Side::Telephone {
            return Err(ProtocolError::WrongSide(Kind::Request));
        }
        if stream <= self.last {
            return Err(ProtocolError::StreamReused(stream));
        }
        self.last = stream;
        let head = RequestHead::decode(own(payload, message)).map_err(in_head(stream))?;
        if self.streams.len() >= self.settings.local.max_streams as usize {
            if self.urgent.len() > MAX_URGENT {
                return Err(ProtocolError::RefusalsUnread);
            }
            frame::put_reset(&mut self.urgent, stream, ResetCode::REFUSED);
            return Ok(());
        }
        let recv = if end { RecvState::Ended(None) } else { RecvState::Open };
        let id = StreamId(stream);
        let state = self.new_stream(SendState::Idle, recv);
        self.streams.insert(id, state);
        self.events.push_back(Event::Request { id, head: Box::new(head), end });
        Ok(())
    }

    fn receive_response(&mut self, header: Header, payload: Bytes, message: usize) -> Result<(), ProtocolError> {
        let Header { stream, end, .. } = header;
        if self.side != Side::Server {
            return Err(ProtocolError::WrongSide(Kind::Response));
        }
        let Some(id) = self.known(header)? else { return Ok(()) };
        let Some(state) = self.streams.get_mut(&id) else { return Ok(()) };
        match state.recv.state {
            RecvState::AwaitHead => {}
            RecvState::Open => return Err(ProtocolError::SecondHead(stream)),
            RecvState::Stopped => return Ok(()),
            RecvState::Ended(_) | RecvState::Failed(_) | RecvState::Settled => {
                return Err(ProtocolError::AfterEnd(stream));
            }
        }
        let head = ResponseHead::decode(own(payload, message)).map_err(in_head(stream))?;
        if head.is_informational() {
            if end {
                return Err(ProtocolError::EndAfterInformational(stream));
            }
        } else {
            state.recv.state = if end { RecvState::Ended(None) } else { RecvState::Open };
        }
        self.events.push_back(Event::Response { id, head: Box::new(head), end });
        Ok(())
    }

    fn receive_data(&mut self, header: Header, payload: Bytes, message: usize) -> Result<(), ProtocolError> {
        let Header { stream, end, .. } = header;
        // At most MAX_DATA.
        let bytes = payload.len() as u32;
        self.window.receive(bytes).map_err(|_| ProtocolError::ConnectionWindow)?;
        let Some(state) = self.known(header)?.and_then(|id| self.streams.get_mut(&id)) else {
            self.return_credit(bytes);
            return Ok(());
        };
        let recv = &mut state.recv;
        match recv.state {
            RecvState::Open => {}
            RecvState::Stopped => {
                self.return_credit(bytes);
                return Ok(());
            }
            RecvState::AwaitHead => return Err(ProtocolError::BodyBeforeHead(stream)),
            RecvState::Ended(_) | RecvState::Failed(_) | RecvState::Settled => {
                return Err(ProtocolError::AfterEnd(stream));
            }
        }
        recv.window.receive(bytes).map_err(|_| ProtocolError::StreamWindow(stream))?;
        if recv.held.len() == 0 {
            self.events.push_back(Event::Readable(StreamId(stream)));
        }
        recv.held.push(payload, message);
        if end {
            recv.state = RecvState::Ended(None);
        }
        self.held += bytes as usize;
        if self.held <= self.settings.max_held {
            self.return_credit(bytes);
        } else {
            self.withheld += bytes;
        }
        Ok(())
    }

    fn receive_trailers(&mut self, header: Header, payload: Bytes) -> Result<(), ProtocolError> {
        let stream = header.stream;
        let Some(state) = self.known(header)?.and_then(|id| self.streams.get_mut(&id)) else { return Ok(()) };
        match state.recv.state {
            RecvState::Open => {}
            RecvState::Stopped => return Ok(()),
            RecvState::AwaitHead => return Err(ProtocolError::BodyBeforeHead(stream)),
            RecvState::Ended(_) | RecvState::Failed(_) | RecvState::Settled => {
                return Err(ProtocolError::AfterEnd(stream));
            }
        }
        let trailers = decode_trailers(own(payload, usize::MAX)).map_err(in_head(stream))?;
        state.recv.state = RecvState::Ended(Some(trailers));
        if state.recv.held.len() == 0 {
            self.events.push_back(Event::Readable(StreamId(stream)));
        }
        Ok(())
    }

    fn receive_reset(&mut self, header: Header, code: ResetCode) -> Result<(), ProtocolError> {
        let Some(id) = self.known(header)? else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        match stream.send.state {
            SendState::Idle | SendState::Open => stream.send.state = SendState::Failed(Failure::Reset(code)),
            // All was given already; nobody is left to be told.
            SendState::Ending(_) => stream.send.state = SendState::Settled,
            SendState::Settled | SendState::Failed(_) => {}
        }
        let queued = stream.send.clear();
        let mut released = 0;
        if matches!(stream.recv.state, RecvState::AwaitHead | RecvState::Open) {
            stream.recv.state = RecvState::Failed(code);
            released = stream.recv.held.clear();
        }
        self.release_held(released);
        self.release_queued(queued);
        self.events.push_back(Event::Reset(id));
        self.remove_if_settled(id);
        Ok(())
    }

    fn receive_stop(&mut self, header: Header, code: ResetCode) -> Result<(), ProtocolError> {
        let Some(id) = self.known(header)? else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        match stream.send.state {
            SendState::Settled | SendState::Failed(_) => return Ok(()),
            // All was given already; nobody is left to be told.
            SendState::Ending(_) => stream.send.state = SendState::Settled,
            SendState::Idle | SendState::Open => stream.send.state = SendState::Failed(Failure::Stopped(code)),
        }
        let queued = stream.send.clear();
        self.release_queued(queued);
        self.events.push_back(Event::Reset(id));
        self.remove_if_settled(id);
        Ok(())
    }

    fn receive_window(&mut self, header: Header, bytes: u32) -> Result<(), ProtocolError> {
        let error = ProtocolError::Credit(header.stream);
        if bytes == 0 {
            return Err(error);
        }
        if header.stream == 0 {
            self.turns.go_on_all(&mut self.starved);
            return self.credit.grant(bytes).map_err(|_| error);
        }
        let Some(id) = self.known(header)? else { return Ok(()) };
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        let send = &mut stream.send;
        send.credit.grant(bytes).map_err(|_| error)?;
        if send.blocked && send.capacity(self.settings.send_buffer) > 0 {
            send.blocked = false;
            self.events.push_back(Event::Writable(id));
        }
        Ok(())
    }
}

/// The header values of a head are slices of it. A head that is a small part of its message is copied, once and as a
/// whole, so that it does not pin the message for as long as the exchange takes.
fn own(block: Bytes, message: usize) -> Bytes {
    if block.len() * 2 < message { Bytes::copy_from_slice(&block) } else { block }
}

fn in_head(stream: u32) -> impl Fn(HeadError) -> ProtocolError {
    move |error| ProtocolError::Head { stream, error }
}
