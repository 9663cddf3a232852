// Charts are drawn whatever comes first, and can be read by those who do not see them.

import assert from "node:assert/strict";

import { setUp, waitForDrawn } from "../support/dashboard.mjs";
import { scenario } from "../support/stage.mjs";

scenario("a chart is drawn also when its library comes last", async (stage) => {
  const page = await stage.browser.visitor();
  let live;
  const program = new Promise((resolve) => (live = resolve));
  page.on("websocket", live);
  // The program opens its socket after it has begun to draw.
  await page.route(/\/pkg\/echarts/, async (route) => {
    await program;
    await route.continue();
  });
  await setUp(page);
  await waitForDrawn(page, "2xx", 0);
});

scenario("each chart has a name, a summary and a table", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  for (const range of ["live", "1h", "24h", "7d", "30d"]) {
    await page.goto(`/web?range=${range}`);
    await waitForDrawn(page, "2xx", 0);
    const charts = page.locator("figure.chart");
    assert.equal(await charts.count(), 4);
    for (const chart of await charts.all()) {
      assert.ok(await chart.getByRole("img").getAttribute("aria-label"));
      await chart.getByText("Show as text and table").click();
      await chart.getByRole("table").waitFor();
      assert.match(await chart.locator("details p").innerText(), /\.$/);
    }
  }
});
