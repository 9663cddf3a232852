use std::io;

use tokio::net::TcpStream;

/// How much may lie unsent in the kernel, bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

/// Makes a TCP connection one that a line is to run over: what the network does not take yet stays with the
/// multiplexer, where a small answer can pass a large one. The kernel would queue megabytes of it, and on a slow
/// connection everything behind them would wait for seconds (`TCP_NOTSENT_LOWAT`, tcp(7)).
pub(crate) fn limit_unsent(connection: &TcpStream) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(connection).set_tcp_notsent_lowat(UNSENT)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _unsupported = connection;
    Ok(())
}
