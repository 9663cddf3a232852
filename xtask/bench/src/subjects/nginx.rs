//! nginx as a plain reverse proxy: each worker a process of its own, connections to the origin kept, no log.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::Command;

use super::Parts;
use crate::{ports, program::Program};

pub(super) fn start(program: &Path, workers: usize, origin: SocketAddr, folder: &Path) -> anyhow::Result<Parts> {
    let address = ports::free();
    let worker = |number: usize| {
        let folder = folder.join(number.to_string());
        fs::create_dir(&folder)?;
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(address, workers > 1, origin, &folder))?;
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-c").arg(&file).args(["-e", "stderr"]);
        Program::start("nginx", &mut command, &folder)
    };
    let programs = (0..workers).map(worker).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Parts { address, programs, api: None, relay: None })
}

/// Without a master process, so that there are no others than those that are measured and stopped. Several share their
/// address as workers do that are told to `reuseport`.
fn configuration(address: SocketAddr, shared: bool, origin: SocketAddr, folder: &Path) -> String {
    let folder = folder.display();
    let shared = if shared { " reuseport" } else { "" };
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream origin {{
        server {origin};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address} backlog=4096{shared};
        proxy_http_version 1.1;
        proxy_buffers 16 64k;
        proxy_busy_buffers_size 128k;
        proxy_max_temp_file_size 0;
        proxy_request_buffering off;
        client_body_buffer_size 256k;
        proxy_set_header Host $http_host;
        location / {{
            proxy_set_header Connection \"\";
            proxy_pass http://origin;
        }}
        location /echo {{
            proxy_set_header Connection upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_pass http://origin;
        }}
    }}
}}
"
    )
}
