//! A switchboard as small as can be: it opens lines and hands them to the test.

use std::time::Duration;

use telephone::line::{self, ControlReceiver, Line, LineError, Side, Socket, opening};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_async;
use wire::control::{AuthChallenge, Control, Init, Limits, Refusal, Status, TunnelCreated};
use wire::websocket;

pub struct Hub {
    listener: TcpListener,
    pub url: String,
    sessions: u32,
}

/// An open line, from the server's end.
pub struct Session {
    pub init: Init,
    pub line: Line,
    pub control: ControlReceiver,
    pub driver: JoinHandle<LineError>,
}

impl Hub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url, sessions: 0 }
    }

    /// The next telephone's WebSocket, with nothing said yet.
    pub async fn socket(&mut self) -> Socket<TcpStream> {
        let (stream, _) = self.listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        // A telephone says nothing before it is challenged, so that nothing has been read beyond the handshake.
        let stream = accept_async(stream).await.unwrap().into_inner();
        Socket::new(stream, websocket::Role::Server, websocket::Limits::default(), &[])
    }

    /// The next telephone, challenged.
    pub async fn init(&mut self) -> (Socket<TcpStream>, Init) {
        let mut ws = self.socket().await;
        opening::send(&mut ws, &challenge()).await.unwrap();
        match opening::receive(&mut ws).await.unwrap() {
            Control::Init(init) => (ws, init),
            other => panic!("{other:?} instead of init"),
        }
    }

    /// The next telephone, refused.
    pub async fn refuse(&mut self, code: &str, message: &str) -> Init {
        let (mut ws, init) = self.init().await;
        let refusal = Refusal { code: code.to_owned().into(), message: message.to_owned() };
        opening::send(&mut ws, &Control::Error(refusal)).await.unwrap();
        init
    }

    /// The next telephone, accepted.
    pub async fn accept(&mut self) -> Session {
        let (mut ws, init) = self.init().await;
        let (session_id, resume) = match &init.join {
            Some(join) => (join.session_id.clone(), join.resume.clone()),
            None => {
                self.sessions += 1;
                (format!("session-{}", self.sessions), format!("resume-{}", self.sessions))
            }
        };
        let subdomain = init.subdomain.clone().unwrap_or_else(|| "random".to_owned());
        let created = TunnelCreated {
            tunnel_id: "tunnel".to_owned(),
            public_url: format!("http://{subdomain}.test"),
            subdomain,
            status: Status::Active,
            session_id,
            resume,
            services: Vec::new(),
        };
        opening::send(&mut ws, &Control::TunnelCreated(created)).await.unwrap();
        assert_eq!(opening::receive(&mut ws).await.unwrap(), Control::Ready);
        let (line, driver, incoming, control) = line::new(ws, Side::Server, settings());
        drop(incoming);
        Session { init, line, control, driver: tokio::spawn(driver.run()) }
    }
}

pub fn challenge() -> Control {
    Control::AuthChallenge(AuthChallenge {
        versions: vec!["2".to_owned()],
        heartbeat_s: 5,
        limits: Limits::default(),
        server: "hub".to_owned(),
    })
}

pub fn settings() -> line::Settings {
    line::Settings { mux: wire::mux::Settings::default(), heartbeat: Duration::from_secs(5) }
}
