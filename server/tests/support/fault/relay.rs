use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::way::{Direction, End, Flow, Way};

/// Relays connections to a target, and does to them what the test says. Dropping it ends them.
pub struct Relay {
    /// Where to connect to.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    target: SocketAddr,
    /// What new connections go by.
    ways: Mutex<Arc<Ways>>,
    ends: broadcast::Sender<End>,
    accepted: AtomicU64,
}

#[derive(Default)]
struct Ways {
    forth: Way,
    back: Way,
}

impl Ways {
    fn get(&self, direction: Direction) -> &Way {
        match direction {
            Direction::Forth => &self.forth,
            Direction::Back => &self.back,
        }
    }

    fn flow(&self, flow: Flow) {
        for way in [&self.forth, &self.back] {
            way.rules.send_modify(|rules| rules.flow = flow);
        }
    }
}

/// Connections that are cut off from the world while others are not.
pub struct Stranded(Arc<Ways>);

impl Stranded {
    /// What was held arrives, and everything goes on.
    pub fn heal(&self) {
        self.0.flow(Flow::Pass);
    }
}

impl Relay {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target,
            ways: Mutex::default(),
            ends: broadcast::Sender::new(16),
            accepted: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Under which a telephone dials the switchboard behind this.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// What becomes of bytes, on all connections there are and will be, except stranded ones.
    pub fn flow(&self, direction: Direction, flow: Flow) {
        self.ways().get(direction).rules.send_modify(|rules| rules.flow = flow);
    }

    /// Nothing comes through any more, and nobody is told.
    pub fn stall(&self) {
        self.ways().flow(Flow::Stall);
    }

    /// What becomes of bytes on the connections there are; those to come know nothing of it.
    pub fn strand(&self, flow: Flow) -> Stranded {
        let stranded = std::mem::take(&mut *self.shared.ways.lock().unwrap());
        stranded.flow(flow);
        Stranded(stranded)
    }

    /// What was held arrives, and everything goes on.
    pub fn heal(&self) {
        self.ways().flow(Flow::Pass);
    }

    /// Everything arrives this much later.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.ways().get(direction).rules.send_modify(|rules| rules.delay = delay);
    }

    /// No more than this many bytes per second pass on each connection.
    pub fn throttle(&self, direction: Direction, rate: u64) {
        self.ways().get(direction).rules.send_modify(|rules| rules.rate = Some(rate));
    }

    /// The connection that carries the last of so many more bytes ends right after it; with none, the one on which the
    /// next bytes come. It happens once.
    pub fn cut_after(&self, direction: Direction, bytes: u64, end: End) {
        self.ways().get(direction).cut_after(bytes, end);
    }

    /// Takes back a cut that has not happened; whether there was one.
    pub fn cut_nothing(&self, direction: Direction) -> bool {
        self.ways().get(direction).cut_nothing()
    }

    /// Ends all connections; new ones are taken as before.
    pub fn end_all(&self, end: End) {
        // There may be none.
        let _connections = self.shared.ends.send(end);
    }

    /// How many bytes have passed, but for stranded connections.
    pub fn passed(&self, direction: Direction) -> u64 {
        self.ways().get(direction).passed()
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.shared.ends.receiver_count()
    }

    fn ways(&self) -> Arc<Ways> {
        self.shared.ways.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                let ends = shared.ends.subscribe();
                connections.spawn(relay(accepted.unwrap().0, ends, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn relay(mut from: TcpStream, mut ends: broadcast::Receiver<End>, shared: Arc<Shared>) {
    let Ok(mut to) = TcpStream::connect(shared.target).await else {
        // As if nothing stood between: nobody listens there.
        reset(&from);
        return;
    };
    from.set_nodelay(true).unwrap();
    to.set_nodelay(true).unwrap();
    let ways = shared.ways.lock().unwrap().clone();
    let end = {
        let ((from_read, from_write), (to_read, to_write)) = (from.split(), to.split());
        let forth = ways.forth.carry(from_read, to_write);
        let back = ways.back.carry(to_read, from_write);
        tokio::select! {
            end = both(forth, back) => end,
            Ok(end) = ends.recv() => end,
        }
    };
    if end == End::Reset {
        reset(&from);
        reset(&to);
    }
}

/// Until both directions have ended, or one says that the connection does.
async fn both(
    forth: impl Future<Output = std::io::Result<Option<End>>>,
    back: impl Future<Output = std::io::Result<Option<End>>>,
) -> End {
    let (mut forth, mut back) = (std::pin::pin!(forth), std::pin::pin!(back));
    let (mut forth_ended, mut back_ended) = (false, false);
    while !(forth_ended && back_ended) {
        let (ended, outcome) = tokio::select! {
            outcome = &mut forth, if !forth_ended => (&mut forth_ended, outcome),
            outcome = &mut back, if !back_ended => (&mut back_ended, outcome),
        };
        *ended = true;
        match outcome {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            // One end broke off: so does the other.
            Err(_) => return End::Reset,
        }
    }
    End::Close
}

/// Lets go of it without a word: closing it sends RST instead of FIN, and drops what was not sent yet.
fn reset(stream: &TcpStream) {
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}
