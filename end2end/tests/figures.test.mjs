// What was measured, told apart, over a stretch of time of one's own choice, and taken along as a file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { createToken, setUp, waitForDrawn } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
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
  assert.equal(rows.reduce((sum, row) => sum + Number(row.split(",")[4]), 0), 3);
  const paths = await saved(page, page.getByRole("link", { name: "Top paths as CSV" }));
  assert.match(paths.bytes.toString(), /^path,requests,.*\r\n\/users\/:id,3,3,0,/);
  const png = await saved(page, chart.getByRole("button", { name: "PNG" }));
  assert.equal(png.name, "requests.png");
  assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
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
