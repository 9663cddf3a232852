// Takes the pictures in docs/screenshots/ from the real product with real traffic:
//   SWITCHBOARD_BIN=… TELEPHONE_BIN=… CHROMIUM_BIN=… E2E_RESULTS=… node screenshots.mjs

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { api } from "./support/dashboard.mjs";
import { request } from "./support/http.mjs";
import { furnish, visit } from "./support/scenery.mjs";
import { Stage } from "./support/stage.mjs";

const FOLDER = fileURLToPath(new URL("../docs/screenshots/", import.meta.url));
/** Seconds of traffic in the live chart. */
const SECONDS = 120;

const stage = await Stage.open();
try {
  const page = await stage.browser.visitor({ viewport: { width: 1440, height: 1120 } });
  const made = await furnish(stage, page);
  const call = await api(stage.origin);
  await call("PUT", `/tunnels/${made.online}/capture`, { level: "bodies" });
  const enough = new AbortController();
  const visitors = visit(made.shop, enough.signal);
  await page.goto("/web");
  await page.waitForFunction(measured, SECONDS, { timeout: 2_000 * SECONDS, polling: 1_000 });
  // As somebody sees it who comes now, not as it was before the first request.
  await page.reload();
  await mkdir(FOLDER, { recursive: true });
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.waitForFunction(measured, SECONDS, { polling: "raf" });
    await page.screenshot({ path: path.join(FOLDER, `overview-${theme}.png`) });
  }
  enough.abort();
  await visitors;
  await take(page, `/web/tunnels/${made.online}`, "tunnel", (shown) => shown.getByText("Slowest requests").waitFor());
  await request(`${made.shop}/products.json?page=7&sort=name`, { headers: { authorization: "Bearer nobody-sees-this" } });
  await take(page, `/web/tunnels/${made.online}/inspector`, "inspector", async (shown) => {
    await shown.locator("ol.requests > li").filter({ hasText: "page=7" }).first().getByRole("link").click();
    await shown.locator("#exchange").getByRole("heading", { name: "Response" }).waitFor();
  });
  stage.browser.assertQuiet();
} finally {
  await stage.close();
}

/** Takes pictures of a page in both themes, wide and narrow. */
async function take(page, address, name, ready) {
  for (const [suffix, viewport] of [["", { width: 1440, height: 1120 }], ["-narrow", { width: 390, height: 844 }]]) {
    await page.setViewportSize(viewport);
    await page.goto(address);
    await ready(page);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await page.screenshot({ path: path.join(FOLDER, `${name}${suffix}-${theme}.png`) });
    }
  }
}

/** Whether the chart shows requests in that many seconds. */
function measured(seconds) {
  const chart = globalThis.echarts?.getInstanceByDom(document.querySelector(".chart-canvas"));
  const series = (chart?.getOption()?.series ?? []).find(({ name }) => name === "2xx");
  return (series?.data ?? []).filter((point) => (point?.[1] ?? 0) > 0).length >= seconds;
}
