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
