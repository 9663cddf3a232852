use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::{RecvBody, SendBody, StreamError};

/// How much is read from the socket at once.
const CHUNK: usize = 16 * 1024;

/// Why a pipe did not end cleanly.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Copies bytes both ways between an upgraded stream and a socket, with back-pressure, until both directions have
/// ended; each may end long before the other. When one fails, so does the whole: the stream is reset and the socket
/// closed. Returns how many bytes went into the stream and came out of it.
pub async fn pipe<IO>(send: SendBody, recv: RecvBody, io: IO) -> Result<(u64, u64), PipeError>
where
    IO: AsyncRead + AsyncWrite,
{
    let (reader, writer) = split(io);
    tokio::try_join!(into_stream(reader, send), out_of_stream(recv, writer))
}

async fn into_stream(mut reader: impl AsyncRead + Unpin, mut send: SendBody) -> Result<u64, PipeError> {
    let mut buffer = BytesMut::new();
    let mut copied = 0;
    loop {
        buffer.reserve(CHUNK);
        let read = tokio::select! {
            read = reader.read_buf(&mut buffer) => read?,
            error = send.reset_received() => return Err(error.into()),
        };
        if read == 0 {
            send.finish()?;
            return Ok(copied);
        }
        copied += read as u64;
        send.send(buffer.split().freeze()).await?;
    }
}

async fn out_of_stream(mut recv: RecvBody, mut writer: impl AsyncWrite + Unpin) -> Result<u64, PipeError> {
    let mut copied = 0;
    while let Some(frame) = recv.frame().await {
        if let Ok(data) = frame?.into_data() {
            copied += data.len() as u64;
            writer.write_all(&data).await?;
            writer.flush().await?;
        }
    }
    writer.shutdown().await?;
    Ok(copied)
}
