// What stands in front of a server where there is https: takes TLS off, and passes bytes on. Without TLS it is only another
// port, which is known before the server is started.

import net from "node:net";
import tls from "node:tls";

import { certificate } from "./certificate.mjs";

/** Listens; `{ port, leadTo, close }`. Connections wait until it is said where they lead. */
export async function terminator({ https }) {
  const sockets = new Set();
  let lead;
  const target = new Promise((resolve) => (lead = resolve));
  const keep = (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Who leaves in the middle is nobody's fault here.
    socket.on("error", () => socket.destroy());
  };
  const pass = async (socket) => {
    keep(socket);
    const server = net.connect(await target, "127.0.0.1");
    keep(server);
    socket.pipe(server).pipe(socket);
    socket.once("close", () => server.destroy());
    server.once("close", () => socket.destroy());
  };
  const listener = https
    ? tls.createServer({ ...certificate(), ALPNProtocols: ["http/1.1"] }, pass)
    : net.createServer(pass);
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: listener.address().port,
    leadTo: lead,
    close: () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}
