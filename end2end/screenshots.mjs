// Takes the pictures in docs/screenshots/ from the real product with real traffic, which takes six minutes. pngquant, a
// package of the distribution, makes them a third as large:
//   SWITCHBOARD_BIN=… TELEPHONE_BIN=… CHROMIUM_BIN=… E2E_RESULTS=… node screenshots.mjs

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { ADA, api, createToken, signIn } from "./support/dashboard.mjs";
import { request } from "./support/http.mjs";
import { customers, shop } from "./support/shop.mjs";
import { Stage } from "./support/stage.mjs";

const FOLDER = fileURLToPath(new URL("../docs/screenshots/", import.meta.url));
/** Seconds of traffic in the live chart, which shows 300. */
const SECONDS = 285;

const WIDE = { suffix: "", viewport: { width: 1440, height: 1120 } };
const NARROW = { suffix: "-narrow", viewport: { width: 390, height: 844 } };

// Customers come from many addresses, as behind a proxy.
const stage = await Stage.open({ args: ["--trusted-proxies", "127.0.0.1"] });
const site = await shop();
try {
  const page = await stage.browser.visitor({ viewport: WIDE.viewport });
  // A server that others can reach does not let just anybody be the first.
  await stage.addUser(ADA.email, ADA.password);
  await signIn(page);
  await page.waitForURL("**/web");
  const { line } = await createToken(page, "shop server");
  const { url } = await stage.telephone(`${line} --subdomain shop --name shop-1`, site.port);
  await stage.telephone(`${line} --subdomain shop --name shop-2`, site.port);
  await stage.telephone(`${line} --subdomain docs`, site.port);
  const call = await api(stage.origin);
  await call("POST", "/tunnels", { subdomain: "preview", name: "Preview of the next release" });
  const { items } = await call("GET", "/tunnels");
  const { id } = items.find((tunnel) => tunnel.subdomain === "shop");
  await call("PUT", `/tunnels/${id}/capture`, { level: "bodies" });

  const enough = new AbortController();
  const visitors = customers(url, enough.signal);
  await page.goto("/web");
  await page.waitForFunction(measured, SECONDS, { timeout: 3_000 * SECONDS, polling: 1_000 });
  await mkdir(FOLDER, { recursive: true });
  await take(page, "/web", "overview", [WIDE], drawn);
  // As far down as what was told apart.
  await take(page, `/web/tunnels/${id}`, "tunnel", [WIDE, NARROW], async (shown) => {
    await drawn(shown);
    const { width } = shown.viewportSize();
    if (width < WIDE.viewport.width) return;
    const { y, height } = await shown.getByRole("region", { name: "Top paths", exact: true }).boundingBox();
    await shown.setViewportSize({ width, height: Math.ceil(y + height) + 8 });
  });

  // An order is looked at, which was sent twice.
  const [found] = (await call("GET", `/tunnels/${id}/requests?method=POST&q=checkout&status=201&limit=1`)).items;
  await call("POST", `/tunnels/${id}/requests/${found.id}/replay`, {});
  enough.abort();
  await visitors;
  const headers = { authorization: "Bearer nobody-sees-this", "x-forwarded-for": "198.51.100.23" };
  await request(`${url}/products?page=7&sort=name`, { headers });
  const looked = `/web/tunnels/${id}/inspector?selected=${found.id}`;
  await take(page, looked, "inspector", [WIDE, NARROW], async (shown) => {
    await shown.locator("#exchange").getByRole("heading", { name: "Response" }).waitFor();
    await shown.getByText("Live", { exact: true }).waitFor({ state: "attached" });
  });
  stage.browser.assertQuiet();
} finally {
  site.close();
  await stage.close();
}

/** Takes pictures of a page in both themes, in each of these sizes. */
async function take(page, address, name, sizes, ready) {
  for (const { suffix, viewport } of sizes) {
    await page.setViewportSize(viewport);
    // As somebody sees it who comes now, not as it was before the first request.
    await page.goto(address);
    await ready(page);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await ready(page);
      const file = path.join(FOLDER, `${name}${suffix}-${theme}.png`);
      await page.screenshot({ path: file });
      const smaller = ["--force", "--ext", ".png", "--quality", "70-100", "--speed", "1", "--strip", "256"];
      execFileSync("pngquant", [...smaller, file]);
    }
  }
}

/** Waits until the charts show what was measured. */
function drawn(page) {
  return page.waitForFunction(measured, SECONDS, { polling: "raf" });
}

/** Whether the chart shows requests in that many seconds. */
function measured(seconds) {
  const chart = globalThis.echarts?.getInstanceByDom(document.querySelector(".chart-canvas"));
  const series = (chart?.getOption()?.series ?? []).find(({ name }) => name === "2xx");
  return (series?.data ?? []).filter((point) => (point?.[1] ?? 0) > 0).length >= seconds;
}
