// What pages may weigh (docs: "Budgets").

import assert from "node:assert/strict";

import { api, setUp, waitForDrawn } from "../support/dashboard.mjs";
import { scenario } from "../support/stage.mjs";

const KB = 1_000;
const TUNNELS = 50;

scenario("pages stay light", async (stage, context) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const call = await api(stage.origin);
  for (let number = 1; number <= TUNNELS; number += 1) {
    await call("POST", "/tunnels", { subdomain: `preview-${number}`, name: `Preview ${number}` });
  }
  const overview = await page.goto("/web");
  const html = (await overview.body()).length;
  context.diagnostic(`HTML of the overview with ${TUNNELS} tunnels: ${(html / KB).toFixed(1)} kB`);
  assert.ok(html <= 60 * KB, `the overview is ${html} bytes of HTML`);

  for (const [path, limit, isReady] of [
    ["/web/tunnels", 300 * KB, () => page.locator("tbody tr").nth(TUNNELS - 1).waitFor()],
    ["/web", 700 * KB, () => waitForDrawn(page, "2xx", 0)],
  ]) {
    const programs = await transferred(stage, path, isReady);
    context.diagnostic(`scripts and WebAssembly of ${path}: ${(programs / KB).toFixed(1)} kB`);
    assert.ok(programs <= limit, `${path} loads ${programs} bytes of scripts and WebAssembly`);
  }

  /** Compressed bytes of scripts and WebAssembly that a first visit to a page loads. */
  async function transferred(stage, path, isReady) {
    const responses = [];
    const note = (response) => /\.(m?js|wasm)$/.test(new URL(response.url()).pathname) && responses.push(response);
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    page.on("response", note);
    // The program opens it: when it is there, everything is.
    const socket = page.waitForEvent("websocket");
    await page.goto(path);
    await socket;
    await isReady();
    page.off("response", note);
    await session.detach();
    const sizes = await Promise.all(
      responses.map(async (response) => {
        await response.finished();
        return (await response.request().sizes()).responseBodySize;
      }),
    );
    assert.ok(sizes.length >= 2, `${path} loads its program`);
    return sizes.reduce((total, size) => total + size, 0);
  }
});
