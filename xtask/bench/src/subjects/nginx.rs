//! nginx as a plain reverse proxy: one worker, connections to the origin kept, no log.

use std::{fs, net::SocketAddr, path::Path};

use tokio::process::Command;

use super::Parts;
use crate::{ports, program::Program};

pub(super) fn start(program: &Path, origin: SocketAddr, folder: &Path) -> anyhow::Result<Parts> {
    let address = ports::free();
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(address, origin, folder))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]);
    Ok(Parts::single(address, Program::start("nginx", &mut command, folder)?))
}

/// Without a master process, so that there is one process to measure and to stop.
fn configuration(address: SocketAddr, origin: SocketAddr, folder: &Path) -> String {
    let folder = folder.display();
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
        listen {address} backlog=4096;
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
