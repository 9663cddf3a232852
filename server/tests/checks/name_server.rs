//! A name server, over UDP and TCP, that says what it is told to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

/// The size above which UDP answers are cut off (RFC 9715).
const UDP_MOST: usize = 1232;
/// How long an answer holds, seconds.
const TTL: u32 = 1;

/// What is said about one name.
#[derive(Clone, Debug)]
pub enum Says {
    /// A record of one string, or of several.
    Texts(Vec<Vec<&'static str>>),
    Address(IpAddr),
    Alias(&'static str),
    Code(ResponseCode),
    Nothing,
}

#[derive(Clone, Default)]
struct Zone(Arc<Mutex<HashMap<String, Vec<Says>>>>);

/// Names of which nothing was said do not exist.
pub struct NameServer {
    pub address: SocketAddr,
    zone: Zone,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl NameServer {
    pub async fn start() -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            // The same port is nearly always free for both.
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let (address, zone) = (tcp.local_addr().unwrap(), Zone::default());
        let (by_tcp, by_udp) = (zone.clone(), zone.clone());
        let tasks = [
            tokio::spawn(async move { by_udp.serve(udp).await }),
            tokio::spawn(async move { by_tcp.listen(tcp).await }),
        ];
        Self { address, zone, _tasks: tasks.map(AbortOnDropHandle::new) }
    }

    /// From now on, this is said about `name`.
    pub fn set(&self, name: &str, says: impl IntoIterator<Item = Says>) {
        self.zone.0.lock().unwrap().insert(format!("{name}."), says.into_iter().collect());
    }

    pub fn set_text(&self, name: &str, text: &'static str) {
        self.set(name, [Says::Texts(vec![vec![text]])]);
    }

    pub fn set_address(&self, name: &str, ip: &str) {
        self.set(name, [Says::Address(ip.parse().unwrap())]);
    }
}

impl Zone {
    async fn serve(&self, socket: UdpSocket) {
        let mut buffer = [0; 4096];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let Some(answer) = self.answer(&buffer[..length]) else { continue };
            let mut bytes = answer.to_vec().unwrap();
            if bytes.len() > UDP_MOST {
                bytes = answer.truncate().to_vec().unwrap();
            }
            socket.send_to(&bytes, from).await.unwrap();
        }
    }

    async fn listen(&self, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever asks may leave before the answer.
            self.converse(stream).await.ok();
        }
    }

    async fn converse(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut question = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut question).await?;
        if let Some(answer) = self.answer(&question) {
            let bytes = answer.to_vec().unwrap();
            stream.write_u16(bytes.len().try_into().unwrap()).await?;
            stream.write_all(&bytes).await?;
        }
        Ok(())
    }

    /// `None` when nothing is to be said at all.
    fn answer(&self, question: &[u8]) -> Option<Message> {
        let question = Message::from_vec(question).unwrap();
        let query = question.queries.first().unwrap().clone();
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        let zone = self.0.lock().unwrap();
        let Some(says) = zone.get(&query.name().to_lowercase().to_string()) else {
            answer.metadata.response_code = ResponseCode::NXDomain;
            return Some(answer);
        };
        for said in says {
            let datas = match said {
                Says::Texts(texts) => texts
                    .iter()
                    .map(|strings| RData::TXT(TXT::new(strings.iter().map(|text| (*text).to_owned()).collect())))
                    .collect(),
                Says::Address(IpAddr::V4(ip)) => vec![RData::A(A(*ip))],
                Says::Address(IpAddr::V6(ip)) => vec![RData::AAAA((*ip).into())],
                Says::Alias(name) => vec![RData::CNAME(CNAME(Name::from_ascii(format!("{name}.")).unwrap()))],
                Says::Code(code) => {
                    answer.metadata.response_code = *code;
                    Vec::new()
                }
                Says::Nothing => return None,
            };
            for data in datas {
                if data.record_type() == query.query_type() || matches!(data, RData::CNAME(_)) {
                    answer.add_answer(Record::from_rdata(query.name().clone(), TTL, data));
                }
            }
        }
        Some(answer)
    }
}
