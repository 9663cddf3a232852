// A dashboard with something in it: tunnels in every state, tokens of every kind, and real traffic.

import { setTimeout as pause } from "node:timers/promises";

import { api, createToken, setUp } from "./dashboard.mjs";
import { request } from "./http.mjs";
import { page as document } from "./stage.mjs";

const FILES = {
  "index.html": document("Corner shop"),
  "products.json": JSON.stringify({ products: Array.from({ length: 400 }, (_, id) => ({ id, name: `Product ${id}` })) }),
  "style.css": "body { margin: 2rem }\n".repeat(200),
};
/** What visitors ask for; the last is not there. */
const PATHS = ["/", "/products.json", "/style.css", "/", "/products.json?page=2", "/wp-login.php"];

/** Fills an empty switchboard through its own interfaces; the addresses of what was made. */
export async function furnish(stage, page) {
  await setUp(page);
  const { line } = await createToken(page, "shop server");
  const call = await api(stage.origin);
  await call("POST", "/tokens", { name: "ci", scope: { type: "subdomains", subdomains: ["preview", "staging"] } });
  await call("POST", "/tokens", { name: "laptop" });
  const site = await stage.site(FILES);
  const shop = await stage.telephone(`${line} --subdomain shop --name shop-1`, site.port);
  await stage.telephone(`${line} --subdomain shop --name shop-2`, site.port);
  await stage.telephone(`${line} --subdomain docs`, site.port);
  const make = (subdomain, more = {}) => call("POST", "/tunnels", { subdomain, ...more });
  const offline = await make("preview", { name: "Preview of the next release" });
  const paused = await make("staging", { custom_domains: ["staging.example.com"] });
  await call("POST", `/tunnels/${paused.id}/pause`);
  const deleted = await make("old-shop");
  await call("DELETE", `/tunnels/${deleted.id}`);
  const { items } = await call("GET", "/tunnels");
  const online = items.find((tunnel) => tunnel.subdomain === "shop");
  return { shop: shop.url, online: online.id, offline: offline.id, paused: paused.id, deleted: deleted.id };
}

/** Visitors come until `signal` says that it is enough: some more, some fewer, as visitors do. */
export async function visit(url, signal) {
  for (let round = 0; !signal.aborted; round += 1) {
    // At most four at once: more than Python's server takes wait a second to be let in.
    const visitors = 1 + Math.round(1.5 * (1 + Math.sin(round / 9)));
    await Promise.all(
      Array.from({ length: visitors }, (_, visitor) => request(url + PATHS[(round + visitor) % PATHS.length])),
    );
    await pause(100, undefined, { signal }).catch(() => {});
  }
}

/** Adds routing to an empty switchboard: a service in every state, domains with routes, changes to look at. */
export async function furnishRouting(stage, page) {
  await setUp(page);
  const call = await api(stage.origin);
  const healthy = await stage.site({ "index.html": document("blue"), health: "ok" });
  const service = await call("POST", "/services", { name: "shop" });
  await call("POST", "/services", { name: "empty" });
  const add = (id, port, tags, more = {}) =>
    call("POST", "/backends", { id, service: "shop", address: `127.0.0.1:${port}`, tags, ...more });
  const blue = await add("shop-blue-1", healthy.port, ["blue", "v1"], { weight: 3 });
  await add("shop-blue-2", healthy.port, ["blue"]);
  // Nobody listens at the discard port.
  await add("shop-green-1", 9, ["green"]);
  await add("shop-old", 9, ["green"], { state: "draining" });
  const domain = await call("POST", "/domains", {
    domain: "shop.example.com",
    service: "shop",
    enabled_backends_tag: "blue",
    http_to_https: false,
  });
  await call("POST", "/domains", { domain: "*.tenants.example.com", service: "shop", enabled_backends_tag: "blue" });
  await call("POST", "/domains", { domain: "old.example.com", redirect: { to: "https://shop.example.com" } });
  const route = await call("POST", "/routes", {
    domain: "shop.example.com",
    mount: "/api",
    service: "shop",
    enabled_backends_tag: "blue",
    strip_prefix: true,
    headers: { request: { set: { "x-team": "shop" } }, response: { remove: ["server"] } },
  });
  await call("POST", "/routes", { domain: "shop.example.com", mount: "/old", redirect: { to: "/new" } });
  await call("POST", "/routes", { mount: "/healthz-of-all", service: "shop", enabled_backends_tag: "blue" });
  await call("PUT", "/backends/shop-blue-1", { weight: 5, tags: ["blue", "v1", "eu"] });
  await call("POST", "/regions", { name: "eu-west", public_url: "https://eu.example.com" });
  return { service: service.id, backend: blue.key, domain: domain.id, route: route.id };
}

/** Adds a service with the longest names, many backends, many domains and routes, and a switch that is under way. */
export async function crowd(stage) {
  const call = await api(stage.origin);
  const long = (start, length) => `${start}${"-and-so-on".repeat(7)}`.slice(0, length);
  const name = long("checkout", 62);
  const service = await call("POST", "/services", { name, health_check: { enabled: false } });
  const tags = ["blue", "green", long("feature", 60), "eu-central-1", "canary", "release-2026-11-21"];
  for (let n = 0; n < 24; n += 1) {
    const address = `https://${long(`node-${n}`, 60)}.internal.example.com:8443`;
    await call("POST", "/backends", { id: long(`backend-${n}`, 60), service: name, address, tags: tags.slice(0, 2 + (n % 5)) });
  }
  const host = `${long("a", 60)}.${long("b", 60)}.example.com`;
  const headers = { request: { set: { authorization: "Bearer of-the-backend", "x-team": long("team", 60) } } };
  const domain = await call("POST", "/domains", { domain: host, service: name, enabled_backends_tag: "blue", headers });
  for (let n = 0; n < 20; n += 1) {
    await call("POST", "/domains", { domain: `shop-${n}.example.net`, service: name });
    await call("POST", "/routes", { domain: host, mount: `/${long(`part-${n}`, 60)}/${n}`, service: name });
  }
  const plan = { steps: [{ percent: 10, seconds: 600 }, { percent: 50, seconds: 600 }] };
  await call("POST", `/domains/${host}/switch`, { new_tag: "green", plan });
  return { service: service.id, domain: domain.id, host };
}
