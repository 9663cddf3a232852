//! Backends on Unix sockets.

use server::upstream::{ConnectPolicy, Outside, Settings, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::asking::{common, get, upstream};

#[tokio::test]
async fn a_unix_socket_is_a_backend_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 1024];
        for _ in 0..2 {
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET / HTTP/1.1\r\nhost: app.example\r\n"));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        }
    });
    let address = format!("unix:{}", path.display());
    let backend = upstream(&address);
    for _ in 0..2 {
        assert_eq!(get(&backend).await.unwrap().1, "ok");
    }
    served.await.unwrap();

    let policy = ConnectPolicy::Public(Outside::default().into());
    let members = Upstream::new(address.parse().unwrap(), true, policy, &common(Settings::default()));
    assert!(get(&members).await.is_err());
}
