// Takes the pictures in docs/screenshots/ from the real product with real traffic:
//   SWITCHBOARD_BIN=… TELEPHONE_BIN=… CHROMIUM_BIN=… E2E_RESULTS=… node screenshots.mjs

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { furnish, visit } from "./support/scenery.mjs";
import { Stage } from "./support/stage.mjs";

const FOLDER = fileURLToPath(new URL("../docs/screenshots/", import.meta.url));
/** Seconds of traffic in the live chart. */
const SECONDS = 120;

const stage = await Stage.open();
try {
  const page = await stage.browser.visitor({ viewport: { width: 1440, height: 1120 } });
  const made = await furnish(stage, page);
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
  stage.browser.assertQuiet();
} finally {
  await stage.close();
}

/** Whether the chart shows requests in that many seconds. */
function measured(seconds) {
  const chart = globalThis.echarts?.getInstanceByDom(document.querySelector(".chart-canvas"));
  const series = (chart?.getOption()?.series ?? []).find(({ name }) => name === "2xx");
  return (series?.data ?? []).filter((point) => (point?.[1] ?? 0) > 0).length >= seconds;
}
