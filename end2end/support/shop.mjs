// A shop as it could be anywhere, and its customers: for pictures that look like what people will see.

import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import { request } from "./http.mjs";
import { page as document } from "./stage.mjs";

const JSON_TYPE = "application/json";

/** Numbers between 0 and 1 that look random and are the same in each run. */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** What the shop answers: `[method, path, status, type, milliseconds, body]`. Of several that fit, the first. */
const ANSWERS = [
  ["GET", /^\/$/, 200, "text/html; charset=utf-8", 12, document("Corner shop")],
  ["GET", /^\/products\?/, 200, JSON_TYPE, 45, products(24)],
  ["GET", /^\/products\/\d+$/, 200, JSON_TYPE, 22, products(1)],
  ["GET", /^\/search\?/, 200, JSON_TYPE, 110, products(12)],
  ["GET", /^\/assets\/shop\.css$/, 304, undefined, 3, ""],
  ["GET", /^\/assets\//, 200, "image/webp", 6, Buffer.alloc(18_000, 7)],
  ["GET", /^\/sale$/, 301, undefined, 4, ""],
  ["POST", /^\/cart$/, 201, JSON_TYPE, 60, '{"items":2,"total":59.8}'],
  ["GET", /^\/account$/, 401, JSON_TYPE, 8, '{"error":"sign in first"}'],
  ["POST", /^\/checkout$/, 201, JSON_TYPE, 240, order("paid")],
];

/** What customers ask for, and how often. */
const VISITS = [
  [20, () => ["GET", "/"]],
  [16, (at) => ["GET", `/products?page=${1 + Math.floor(at * 6)}`]],
  [18, (at) => ["GET", `/products/${100 + Math.floor(at * 400)}`]],
  [6, (at) => ["GET", `/search?q=${["lamp", "mug", "blue+chair"][Math.floor(at * 3)]}`]],
  [12, () => ["GET", "/assets/shop.css"]],
  [12, (at) => ["GET", `/assets/photo-${Math.floor(at * 9)}.webp`]],
  [3, () => ["GET", "/sale"]],
  [5, (at) => ["POST", "/cart", `{"product":${100 + Math.floor(at * 400)},"quantity":1}`]],
  [2, () => ["GET", "/account"]],
  [3, () => ["POST", "/checkout", order("new")]],
  [2, () => ["GET", "/wp-login.php"]],
  [1, () => ["GET", "/.env"]],
];

function products(count) {
  const names = ["Desk lamp", "Mug", "Blue chair", "Notebook", "Kettle", "Wall clock"];
  const product = (_, place) => ({ id: 100 + place, name: names[place % names.length], price: 12.5 + 3 * place, stock: (place * 7) % 20 });
  return JSON.stringify({ products: Array.from({ length: count }, product) });
}

function order(state) {
  const customer = { name: "Ada Lovelace", email: "ada@example.com", city: "London" };
  const items = [{ product: 102, name: "Blue chair", quantity: 2, price: 18.5 }, { product: 104, name: "Kettle", quantity: 1, price: 24.5 }];
  return JSON.stringify({ order: 4711, state, customer, items, total: 61.5, coupon: null });
}

/** Starts the shop's web server; `{ port, close }`. Now and then an answer is slow, and the checkout is out of order. */
export async function shop() {
  const chance = numbers(11);
  const server = http.createServer(async (asked, response) => {
    asked.resume();
    const [, , status, type, time, body] =
      ANSWERS.find(([method, path]) => method === asked.method && path.test(asked.url)) ?? [null, null, 404, "text/plain", 3, "not here\n"];
    const [luck, spread] = [chance.next().value, chance.next().value];
    await pause(time * (0.6 + spread) * (luck > 0.985 ? 6 : 1));
    const failed = asked.method === "POST" && luck < 0.12;
    const headers = type ? { "content-type": failed ? JSON_TYPE : type, server: "corner-shop/2.4" } : { location: "/products?page=1" };
    response.writeHead(failed ? 503 : status, headers);
    response.end(failed ? '{"error":"the payment service does not answer"}' : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Customers come until `signal` says that it is enough: more and fewer of them, from many addresses. */
export async function customers(url, signal) {
  const chance = numbers(5);
  const next = () => chance.next().value;
  const all = VISITS.reduce((sum, [weight]) => sum + weight, 0);
  const underWay = new Set();
  for (let tick = 0; !signal.aborted; tick += 1) {
    // Two waves over each other, and noise.
    const wanted = 1.6 + 0.7 * Math.sin(tick / 140) + 0.4 * Math.sin(tick / 31) + (next() - 0.5);
    for (let count = wanted + next() - 1; count > 0 && underWay.size < 40; count -= 1) {
      let choice = next() * all;
      const [, visit] = VISITS.find(([weight]) => (choice -= weight) < 0);
      const [method, path, body] = visit(next());
      // Some come much more often than others (addresses for documentation, RFC 5737).
      const client = `198.51.100.${10 + Math.floor(next() ** 3 * 60)}`;
      const headers = { "x-forwarded-for": client, "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0", accept: "*/*" };
      if (body) headers["content-type"] = JSON_TYPE;
      const visited = request(url + path, { method, headers, body }).finally(() => underWay.delete(visited));
      underWay.add(visited);
    }
    await pause(100, undefined, { signal }).catch(() => {});
  }
  await Promise.all(underWay);
}
