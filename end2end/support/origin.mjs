// A web server behind a telephone that answers with whatever an inspector has to show.

import { createHash } from "node:crypto";
import http from "node:http";
import { gzipSync } from "node:zlib";

/** One pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

const ORDERS = {
  orders: [
    { id: 12345678901234567890n, state: "paid", total: 49.9, customer: { name: "Ada Lovelace", city: "London" } },
    { id: 2n, state: "open", total: 12.0, customer: { name: "Grace Hopper", city: "New York" } },
  ],
  next: null,
};

const json = (value) => JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `#${part}#` : part)).replaceAll(/"#(\d+)#"/g, "$1");

const ANSWERS = {
  "/": ["text/html; charset=utf-8", '<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><h1>Shop</h1></html>'],
  "/orders.json": ["application/json", json(ORDERS)],
  "/logo.png": ["image/png", PNG],
  "/robots.txt": ["text/plain", "User-agent: *\nDisallow: /private\n"],
  "/data.bin": ["application/octet-stream", Buffer.from([0, 1, 2, 3, 255, 254, 253])],
};

/** Starts the server; `{ port, cookies, close }`, with the cookies of each request. `answers` are more of them, by path: `[type, body, headers, status]`. */
export async function origin(answers = {}) {
  const all = { ...ANSWERS, ...answers };
  const sockets = new Set();
  const cookies = [];
  const server = http.createServer((request, response) => {
    cookies.push(request.headers.cookie ?? "");
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => answer(request, Buffer.concat(chunks), response, all));
  });
  server.on("upgrade", (request, socket) => echo(request, socket));
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    cookies,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function answer(request, body, response, answers) {
  const path = request.url.split("?")[0];
  if (answers[path]) {
    const [type, content, headers = {}, status = 200] = answers[path];
    response.writeHead(status, { "content-type": type, "set-cookie": ["visit=1; Path=/", "secret=42; HttpOnly"], ...headers });
    return response.end(content);
  }
  if (path === "/packed.json") {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    return response.end(gzipSync(json(ORDERS)));
  }
  if (path === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const n of [1, 2, 3]) response.write(`event: tick\ndata: {"n":${n}}\n\n`);
    return response.end();
  }
  if (path === "/broken") {
    response.writeHead(500, { "content-type": "application/json" });
    return response.end('{"error":"out of stock"}');
  }
  // What was sent comes back.
  response.writeHead(request.method === "POST" ? 201 : 404, { "content-type": request.headers["content-type"] ?? "text/plain" });
  response.end(body.length > 0 ? body : `nothing at ${path}\n`);
}

/** A WebSocket (RFC 6455) that greets, and sends every short message back. */
function echo(request, socket) {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.write(frame(1, Buffer.from("hello from the server")));
  let rest = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      if (rest.length < 2) return;
      let [length, at] = [rest[1] & 0x7f, 2];
      if (length === 126) {
        if (rest.length < 4) return;
        [length, at] = [rest.readUInt16BE(2), 4];
      }
      if (rest.length < at + 4 + length) return;
      const mask = rest.subarray(at, at + 4);
      const payload = Buffer.from(rest.subarray(at + 4, at + 4 + length)).map((byte, index) => byte ^ mask[index % 4]);
      const kind = rest[0] & 0x0f;
      rest = rest.subarray(at + 4 + length);
      socket.write(frame(kind, payload));
      if (kind === 8) return socket.end();
    }
  });
}

function frame(kind, payload) {
  const head = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | kind, ...head]), payload]);
}
