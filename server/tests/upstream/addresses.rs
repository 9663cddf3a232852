//! Where a member's backend may be, whatever is written and whatever a name server says.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use domain::BackendAddress;
use server::upstream::{Common, ConnectError, ConnectPolicy, Names, Outside, Settings, Upstream, UpstreamError};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::asking::{common, get};
use crate::name_server::{NameServer, Says};
use crate::raw::{Connection, RawOrigin};

/// What leads to this machine or to its networks, in all spellings that somebody has thought of. `PORT` is an open port here.
const SPELLINGS: &[&str] = &[
    "127.0.0.1:PORT",
    "127.1.2.3:PORT",
    "0.0.0.0:PORT",
    "http://127.0.0.1:PORT",
    "HTTP://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT",
    "h2c://127.0.0.1:PORT",
    "[::1]:PORT",
    "[::]:PORT",
    "[0:0:0:0:0:0:0:1]:PORT",
    "[0000:0000:0000:0000:0000:0000:0000:0001]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "[::FFFF:7F00:0001]:PORT",
    "[::127.0.0.1]:PORT",
    "[::ffff:0:127.0.0.1]:PORT",
    "[64:ff9b::127.0.0.1]:PORT",
    "[64:ff9b::7f00:1]:PORT",
    "[2002:7f00:1::]:PORT",
    "[2002:7f00:1::1]:PORT",
    // As numbers, in octal, hexadecimal and with parts left out, as `inet_aton` takes them.
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0x7f.0.0.1:PORT",
    "0x7f.0x0.0x0.0x1:PORT",
    "0177.0.0.1:PORT",
    "017700000001:PORT",
    "127.1:PORT",
    "127.0.1:PORT",
    "0:PORT",
    "0x0:PORT",
    // Other digits and dots, which names are written with too.
    "①②⑦.⓪.⓪.①:PORT",
    "127。0。0。1:PORT",
    "１２７.０.０.１:PORT",
    // Names.
    "localhost:PORT",
    "LOCALHOST:PORT",
    "localhost.:PORT",
    "here.example:PORT",
    "there.example:PORT",
    "mapped.example:PORT",
    "alias.example:PORT",
    "zero.example:PORT",
    // Other servers than this one.
    "169.254.169.254:80",
    "[::ffff:a9fe:a9fe]:80",
    "[fe80::1]:80",
    "metadata.example:80",
    "10.0.0.5:3000",
    "172.16.0.1:80",
    "192.168.1.1:80",
    "100.64.0.1:80",
    "[fd00::1]:80",
    "lan.example:80",
    "unix:/run/docker.sock",
];

async fn name_server() -> NameServer {
    let server = NameServer::start().await;
    for (name, address) in [
        ("here.example", "127.0.0.1"),
        ("there.example", "::1"),
        ("mapped.example", "::ffff:127.0.0.1"),
        ("zero.example", "0.0.0.0"),
        ("metadata.example", "169.254.169.254"),
        ("lan.example", "192.168.1.1"),
    ] {
        server.set_address(name, address);
    }
    server.set("alias.example", [Says::Alias("here.example")]);
    server
}

fn asking(server: &NameServer, address: BackendAddress, policy: ConnectPolicy) -> Upstream {
    let names = Arc::new(Names::asking(vec![server.address]));
    // No connection is kept, so that every request needs a new one.
    let settings = Settings { connect_timeout: Duration::from_secs(5), max_idle: 0, ..Settings::default() };
    Upstream::new(address, true, policy, &Common { names, ..common(settings) })
}

async fn here() -> RawOrigin {
    RawOrigin::start(answer).await
}

async fn answer(mut connection: Connection) {
    connection.head().await;
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
}

#[tokio::test]
async fn no_spelling_leads_a_member_inside() {
    let (server, origin) = (name_server().await, here().await);
    let port = origin.address.port().to_string();
    let members = Arc::new(Outside::default()).policy(false);
    let mut refused = 0;
    for spelling in SPELLINGS {
        // What cannot be entered leads nowhere.
        let Ok(address) = spelling.replace("PORT", &port).parse::<BackendAddress>() else { continue };
        let upstream = asking(&server, address, members.clone());
        let failed = get(&upstream).await.unwrap_err();
        match failed.error {
            UpstreamError::Connect(ConnectError::Policy(_)) => {
                assert!(upstream.refusal().is_some(), "{spelling}: what is known is told");
                refused += 1;
            }
            // A name that nobody has.
            UpstreamError::Connect(ConnectError::Name(_)) => {}
            error => panic!("{spelling}: {error:?}"),
        }
    }
    assert_eq!(origin.accepted(), 0);
    assert!(refused > 35, "{refused} of {} spellings are addresses", SPELLINGS.len());
    // Some of them lead here indeed, for an administrator.
    for spelling in ["127.0.0.1:PORT", "0.0.0.0:PORT", "[::ffff:7f00:1]:PORT", "localhost:PORT", "alias.example:PORT"] {
        let address = spelling.replace("PORT", &port).parse().unwrap();
        assert_eq!(get(&asking(&server, address, ConnectPolicy::Anything)).await.unwrap().1, "ok", "{spelling}");
    }
}

#[tokio::test]
async fn a_name_that_is_bound_anew_leads_nowhere_else() {
    let server = NameServer::start().await;
    let inside = here().await;
    let port = inside.address.port();
    let allowed = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).await.unwrap();
    let _allowed = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            answer(Connection::new(allowed.accept().await.unwrap().0)).await;
        }
    }));
    let members = Arc::new(Outside { own: Vec::new(), allowed: vec!["127.0.0.2/32".parse().unwrap()] }).policy(false);
    let upstream = asking(&server, format!("app.example:{port}").parse().unwrap(), members.clone());
    server.set_address("app.example", "127.0.0.2");
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
    assert!(upstream.refusal().is_none());
    server.set_address("app.example", "127.0.0.1");
    // As long as the last answer holds it is the same place; then it is none.
    let failed = loop {
        match get(&upstream).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(failed) => break failed,
        }
    };
    assert!(matches!(failed.error, UpstreamError::Connect(ConnectError::Policy(_))), "{failed:?}");
    assert!(failed.error.to_string().contains("member_networks"), "{}", failed.error);

    // Of several addresses only those are connected to that may be.
    let all = ["127.0.0.1", "127.0.0.2", "::1"].map(|ip| Says::Address(ip.parse().unwrap()));
    server.set("all.example", all);
    let upstream = asking(&server, format!("all.example:{port}").parse().unwrap(), members);
    assert_eq!(get(&upstream).await.unwrap().1, "ok");
    assert_eq!(inside.accepted(), 0);
}
