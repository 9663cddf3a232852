//! A handler that fails costs its request, and nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http1::RequestError;
use server::ingress::{Acceptor, ClientBody, DataPlane, Departure, Handler, Limits, Places, ResponseBody, Room};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use crate::raw::Connection;

/// Fails at `/fault`, before and after it has waited for something, and answers anything else.
struct Faulty;

impl Handler for Faulty {
    async fn answer(&self, request: Request<ClientBody>, _: IpAddr) -> Response<ResponseBody> {
        match request.uri().path() {
            "/fault" => panic!("on purpose"),
            "/later" => {
                tokio::task::yield_now().await;
                panic!("on purpose")
            }
            _ => Response::new(ResponseBody::text("fine")),
        }
    }

    async fn turn_away(&self, request: Request<ClientBody>, peer: IpAddr) -> Response<ResponseBody> {
        self.answer(request, peer).await
    }

    fn failed(&self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::text("failed"));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }

    fn is_proxy(&self, _: IpAddr) -> bool {
        false
    }

    fn refuse(&self, error: RequestError) -> Response<ResponseBody> {
        Response::new(ResponseBody::text(error.to_string()))
    }

    fn home(&self, _: &[u8], _: &DataPlane) -> Option<usize> {
        None
    }
}

#[tokio::test]
async fn a_fault_costs_one_request_and_neither_its_connection_nor_its_neighbours() {
    let plane = Arc::new(DataPlane::start(2).unwrap());
    let acceptor = Acceptor::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (address, departure) = (acceptor.address(), Departure::default());
    let stop = departure.stop.clone();
    let limits = Limits { head: Duration::from_secs(60), idle: Duration::from_secs(60) };
    let places = Places::new(Room { connections: 8, of_one_client: None, spare: 0 });
    let running =
        tokio::spawn(acceptor.run(plane.clone(), Faulty, limits, places.clone(), TaskTracker::new(), departure));

    let mut connection = Connection::to(address).await;
    for (path, status, body) in
        [("/", 200, "fine"), ("/fault", 500, "failed"), ("/later", 500, "failed"), ("/", 200, "fine")]
    {
        connection.write(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
        let answer = connection.read_to(body.as_bytes()).await.unwrap();
        assert!(answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()), "{path}: {answer:?}");
    }

    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, h2) = h2::client::handshake(stream).await.unwrap();
    let h2 = tokio::spawn(h2);
    for (path, status) in [("/", 200), ("/fault", 500), ("/later", 500), ("/", 200)] {
        sender = sender.ready().await.unwrap();
        let request = Request::get(format!("http://x{path}")).body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        assert_eq!(response.await.unwrap().status(), status, "{path}");
    }
    assert_eq!(places.figures().open, 2);
    h2.abort();
    stop.cancel();
    running.await.unwrap().unwrap();
}
