// What was measured, told apart, over a stretch of time of one's own choice, and taken along as a file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import http from "node:http";

import { api, createToken, setUp, waitForDrawn } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { eventually } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

/** What is in a file that the page hands out. */
async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** Ten minutes before now, as a form has it. */
function tenMinutesAgo() {
  return new Date(Date.now() - 600_000).toISOString().slice(0, 16);
}

scenario("figures are told apart, chosen by time, and saved", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { url } = await stage.telephone(`${line} --subdomain shop`, site.port);
  await request(`${url}/`);
  for (const number of [1, 2, 3]) await request(`${url}/users/${number}?secret=x`);

  await page.goto("/web/tunnels");
  await page.getByRole("row").filter({ hasText: url }).getByRole("link").first().click();
  await page.getByRole("region", { name: "Top paths", exact: true }).waitFor();
  // Figures are there a second after the requests.
  await waitForDrawn(page, "4xx", 3);
  await page.reload();
  const list = (name) => page.getByRole("region", { name, exact: true });
  const first = async (name) => (await list(name).getByRole("row").nth(1).getByRole("cell").allInnerTexts()).map((text) => text.trim());
  assert.equal(await list("Top paths").getByRole("rowheader").first().innerText(), "/users/:id");
  assert.deepEqual((await first("Top paths")).slice(0, 3), ["3", "75.0 %", "3"]);
  assert.equal(await list("Errors by code").getByRole("rowheader").first().innerText(), "404");
  assert.equal(await list("Top clients").getByRole("rowheader").first().innerText(), "127.0.0.1");
  assert.ok(!(await list("Slowest requests").innerText()).includes("secret"), "queries are not kept");
  assert.deepEqual((await first("Telephones since they connected")).slice(0, 5), ["4", "1", "0", "3", "0"]);

  // The tables follow, without loading the page again.
  await page.evaluate(() => (globalThis.loadedOnce = true));
  await request(`${url}/users/4`);
  await list("Top paths").getByRole("row").nth(1).getByText("80.0 %").waitFor();
  await list("Telephones since they connected").getByRole("cell", { name: "5", exact: true }).first().waitFor();
  assert.ok(await page.evaluate(() => globalThis.loadedOnce), "the page was not loaded again");

  await page.getByText("From … until …").click();
  await page.getByLabel("From (UTC)").fill(tenMinutesAgo());
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**/web/tunnels/*?from=*");
  await waitForDrawn(page, "4xx", 3);
  assert.equal(await list("Top paths").getByRole("rowheader").first().innerText(), "/users/:id");

  const chart = page.locator("figure.chart").first();
  const csv = await saved(page, chart.getByRole("link", { name: "Requests by status as CSV" }));
  assert.equal(csv.name, "requests.csv");
  const [head, ...rows] = csv.bytes.toString().trim().split("\r\n");
  assert.equal(head, "from,1xx,2xx,3xx,4xx,5xx");
  assert.equal(rows.reduce((sum, row) => sum + Number(row.split(",")[4]), 0), 4);
  const paths = await saved(page, page.getByRole("link", { name: "Top paths as CSV" }));
  assert.match(paths.bytes.toString(), /^path,requests,.*\r\n\/users\/:id,4,4,0,/);
  const png = await saved(page, chart.getByRole("button", { name: "PNG" }));
  assert.equal(png.name, "requests.png");
  assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
});

scenario("what a backend has under way is what it works on now", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const held = [];
  const server = http.createServer((_, response) => held.push(response));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const call = await api(stage.origin);
    const host = "slow.example.com";
    const { id } = await call("POST", "/services", { name: "slow", health_check: { enabled: false } });
    await call("POST", "/backends", { id: "slow-1", service: "slow", address: `127.0.0.1:${server.address().port}` });
    await call("POST", "/domains", { domain: host, service: "slow" });
    await eventually(async () => {
      const { outcome } = await call("POST", "/routes/explain", { url: `http://${host}/` });
      assert.equal(outcome.kind, "service");
    });
    const answered = Promise.all([1, 2, 3].map(() => request(stage.origin, { headers: { host } })));
    await page.goto(`/web/services/${id}`);
    const backend = page.getByRole("region", { name: "Backends", exact: true }).getByRole("row").nth(1);
    await backend.getByRole("cell").last().getByText("3", { exact: true }).waitFor();
    // A second was measured in which they were under way.
    await page.locator(".figures > div").filter({ hasText: "In flight" }).getByText("3", { exact: true }).waitFor();
    for (const response of held) response.end("at last");
    await answered;
    await backend.getByRole("cell").last().getByText("0", { exact: true }).waitFor();
    await page.reload();
    await backend.getByRole("cell").last().getByText("0", { exact: true }).waitFor();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

scenario("with scripts off: a stretch of time that cannot be shown says why", async (stage) => {
  const page = await stage.browser.visitor({ javaScriptEnabled: false });
  await setUp(page);
  await page.goto("/web?from=1999-01-01T00:00");
  await page.getByRole("alert").getByText("figures are kept for 62 days").waitFor();
  await page.getByLabel("From (UTC)").fill(tenMinutesAgo());
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**/web?from=*");
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.getByText("No requests.").first().waitFor();
});
