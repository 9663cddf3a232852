// From an empty server to the first request in the live chart, as a new user would go.

import assert from "node:assert/strict";

import { createToken, drawnRequests, setUp, submit, ADA, waitForDrawn } from "../support/dashboard.mjs";
import { scenario } from "../support/stage.mjs";

/** In how many milliseconds a request must be on the page. */
const LIVE_MS = 2_000;

scenario("a new user sees the first request in the live chart within two seconds", async (stage, context) => {
  const page = await stage.browser.visitor();
  await page.goto("/");
  await page.waitForURL("**/web/setup");
  await submit(page, { "E-mail address": ADA.email, Password: ADA.password }, "Create the account");
  await page.waitForURL("**/web");
  await page.getByRole("heading", { name: "Three steps to your first request" }).waitFor();

  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { url } = await stage.telephone(line, site.port);

  await page.goto("/web");
  await waitForDrawn(page, "2xx", 0);
  assert.equal((await drawnRequests(page))["2xx"], 0);
  await page.evaluate(() => (globalThis.loadedOnce = true));

  const visitor = await stage.browser.elsewhere(page);
  await visitor.goto(url);
  assert.equal(await visitor.getByRole("heading").innerText(), "Hello from behind the tunnel");

  const answered = performance.now();
  await waitForDrawn(page, "2xx", 1, LIVE_MS);
  const latest = page.getByRole("row").filter({ hasText: "GET" }).filter({ hasText: `${new URL(url).host}/` });
  await latest.filter({ hasText: "200" }).first().waitFor({ timeout: LIVE_MS });
  context.diagnostic(`in the live chart after ${Math.round(performance.now() - answered)} ms`);
  assert.ok(await page.evaluate(() => globalThis.loadedOnce), "the page was not loaded again");

  await page.getByRole("link", { name: "Tunnels", exact: true }).click();
  await page.getByRole("row").filter({ hasText: url }).getByText("Online").waitFor();
  await page.getByRole("row").filter({ hasText: url }).getByRole("link").first().click();
  const telephones = page.getByRole("region", { name: "Telephones" });
  await telephones.getByText(/telephone/i).first().waitFor();
  await telephones.getByText("127.0.0.1").first().waitFor();
});

scenario("a tunnel's page follows its telephone and its requests", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { url, program } = await stage.telephone(`${line} --subdomain shop`, site.port);
  assert.equal(new URL(url).hostname, "shop.localhost");

  await page.goto("/web/tunnels");
  await page.getByRole("row").filter({ hasText: url }).getByRole("link").first().click();
  await page.getByText("Online").first().waitFor();
  await waitForDrawn(page, "4xx", 0);
  const visitor = await stage.browser.elsewhere(page);
  await visitor.goto(`${url}/missing`);
  await waitForDrawn(page, "4xx", 1);
  await page.getByRole("row").filter({ hasText: "/missing" }).filter({ hasText: "404" }).waitFor();

  await program.stop();
  await page.getByText("Offline").first().waitFor();
  await page.getByRole("cell", { name: "No telephone is connected." }).waitFor();
});
