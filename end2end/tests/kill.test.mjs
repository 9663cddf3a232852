// Nothing that was answered with success is lost when a program is killed.

import assert from "node:assert/strict";

import { createToken, row, setUp, waitForDrawn } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { scenario } from "../support/stage.mjs";

scenario("a telephone that was killed comes back under the same address", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const first = await stage.telephone(line, site.port);
  await page.goto("/web");
  await page.getByText("1 of 1", { exact: true }).waitFor();

  await first.program.kill();
  const second = await stage.telephone(line, site.port);
  assert.equal(second.url, first.url);
  assert.equal((await request(second.url)).status, 200);
  await page.goto("/web/tunnels");
  assert.equal(await page.locator("tbody tr").count(), 1, "no second tunnel was made");
});

scenario("a server that was killed under traffic has lost nothing", async (stage) => {
  // Its WebSocket breaks, and so does the first attempt to reopen it.
  stage.browser.expect(/WebSocket connection to '.*' failed/);
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { url, program } = await stage.telephone(line, site.port);
  await page.goto("/web");
  await waitForDrawn(page, "2xx", 0);
  for (let sent = 0; sent < 20; sent += 1) assert.equal((await request(url)).status, 200);
  await waitForDrawn(page, "2xx", 20);
  await storedRollUps(page);

  let traffic = true;
  const sending = (async () => {
    while (traffic) await request(url).catch(() => {});
  })();
  const connected = program.lines.length;
  await stage.server.kill();
  await page.getByText("Live updates paused").waitFor();
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();

  await stage.restartServer();
  await program.line(/connected$/, { since: connected });
  traffic = false;
  await sending;
  assert.equal((await request(url)).status, 200);
  await page.getByText("Live updates paused").waitFor({ state: "hidden" });

  await page.goto("/web?range=1h");
  const summary = await page.locator(".chart-data p").first().textContent();
  assert.ok(Number(summary.replaceAll(/(\d)[\s,](?=\d)/g, "$1").match(/^(\d+) requests/)?.[1]) >= 20, summary);
  await page.goto("/web/tunnels");
  await row(page, url).getByText("Online").waitFor();
  await page.goto("/web/tokens");
  await row(page, "laptop").waitFor();
});

/** Waits until the server has stored its measurements, which it does every ten seconds: twelve more have arrived. */
async function storedRollUps(page) {
  const newest = () =>
    page.evaluate(() => {
      const chart = globalThis.echarts.getInstanceByDom(document.querySelector(".chart-canvas"));
      return chart.getOption().xAxis[0].max;
    });
  const from = await newest();
  await page.waitForFunction(
    (until) => {
      const chart = globalThis.echarts.getInstanceByDom(document.querySelector(".chart-canvas"));
      return chart.getOption().xAxis[0].max >= until;
    },
    from + 12_000,
    { polling: 250 },
  );
}
