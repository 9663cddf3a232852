// A request that was captured is changed and sent again, and what came of it is compared with it.

import assert from "node:assert/strict";

import { api } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { exchange, inspected, row, rows } from "../support/inspector.mjs";
import { origin } from "../support/origin.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { scenario } from "../support/stage.mjs";

const HOST = "pool.example.com";

/** A domain whose pool has the tunnel under the tag blue and an address under green; all of its requests are kept. */
async function pool(stage, green) {
  const call = await api(stage.origin);
  await call("POST", "/services", { name: "pool", health_check: { enabled: false } });
  await call("POST", "/backends", { id: "blue-1", service: "pool", tunnel: "shop", tags: ["blue"] });
  const address = `http://127.0.0.1:${green.port}`;
  await call("POST", "/backends", { id: "green-1", service: "pool", address, tags: ["green"] });
  const domain = await call("POST", "/domains", { domain: HOST, service: "pool", enabled_backends_tag: "blue" });
  await call("PUT", `/domains/${domain.id}/capture`, { level: "bodies" });
  return `/web/domains/${domain.id}/inspector`;
}

/** The form, opened. */
async function replayForm(page) {
  const part = exchange(page).locator("#replay");
  if (!(await part.evaluate((element) => element.open))) await part.locator("> summary").click();
  return part.locator("form");
}

scenario("traffic appears live, is narrowed, opened, compared, changed, sent to another tag, and marked", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  const green = await origin({ "/orders/v2": ["application/json", '{"name":"Ada","city":"Green"}', {}, 202] });
  try {
    await page.goto(await pool(stage, green));
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (globalThis.loadedOnce = true));

    // Traffic appears.
    const ask = (path, more = {}) => request(stage.origin + path, { ...more, headers: { host: HOST, ...more.headers } });
    const order = (city) => ({
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer hidden-secret" },
      body: `{"name":"Ada","city":"${city}"}`,
    });
    await ask("/robots.txt");
    await ask("/orders?from=web", order("London"));
    await ask("/orders?from=phone", order("Paris"));
    await row(page, "from=phone").waitFor();
    assert.equal(await rows(page).count(), 3);
    assert.ok(await page.evaluate(() => globalThis.loadedOnce), "the page was not loaded again");

    // Narrowed.
    await page.getByLabel("Path or host").fill("/orders");
    await page.getByLabel("Method").selectOption("POST");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.waitForURL("**method=POST*");
    assert.equal(await rows(page).count(), 2);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (globalThis.loadedOnce = true));

    // Opened, and compared.
    await row(page, "from=phone").getByRole("link").click();
    await exchange(page).getByRole("heading", { name: "Response" }).waitFor();
    await exchange(page).getByRole("link", { name: "Compare with…" }).click();
    await row(page, "from=web").getByRole("link").click();
    await exchange(page).getByRole("heading", { name: "Comparison" }).waitFor();
    await exchange(page).getByText("Paris").first().waitFor();
    await exchange(page).getByText("London").first().waitFor();
    await row(page, "from=phone").getByRole("link").waitFor();
    await page.goBack();
    await page.goBack();
    await exchange(page).locator(".exchange-title", { hasText: "from=phone" }).waitFor();
    assert.ok(await page.evaluate(() => globalThis.loadedOnce), "the page was not loaded again");

    // Changed, and sent to the other tag.
    await page.locator("h1").click();
    await page.keyboard.press("r");
    const form = exchange(page).locator("#replay form");
    assert.match(await form.getByLabel("Header fields").inputValue(), /authorization: \[masked\]/i);
    assert.equal(await form.getByLabel("Body").inputValue(), '{"name":"Ada","city":"Paris"}');
    await form.getByLabel("Method").fill("PUT");
    await form.getByLabel("Path and query").fill("/orders/v2");
    await form.getByLabel("Body").fill('{"name":"Ada","city":"Green"}');
    await form.getByLabel("To", { exact: true }).selectOption({ label: "green" });
    await form.getByRole("button", { name: "Send again" }).click();

    // What has come of it is marked, and leads back.
    await page.waitForURL("**done=replayed_without*");
    await exchange(page).locator(".exchange-title", { hasText: "/orders/v2" }).waitFor();
    assert.match(await exchange(page).locator(".exchange-state").innerText(), /202[\s\S]*Replay/);
    await exchange(page).getByRole("link", { name: "green-1" }).waitFor();
    await row(page, "/orders/v2").getByText("replay", { exact: true }).waitFor();
    await exchange(page).getByRole("link", { name: "compare with it" }).click();
    await exchange(page).getByRole("heading", { name: "Comparison" }).waitFor();
    const status = exchange(page).getByRole("row").filter({ hasText: "Status" });
    assert.match(await status.innerText(), /201\s+202/);
    await page.goBack();
    await exchange(page).getByText("Replay of", { exact: true }).locator("+ dd").getByRole("link").first().click();
    await exchange(page).locator(".exchange-title", { hasText: "from=phone" }).waitFor();
    await exchange(page).getByText("Replays", { exact: true }).waitFor();
    await exchange(page).getByRole("link", { name: "compare", exact: true }).waitFor();
  } finally {
    green.close();
    shop.close();
  }
});

scenario("what cannot be sent again as it was says why", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    const call = await api(stage.origin);
    await call("PUT", `/tunnels/${shop.id}/capture`, { level: "bodies", body_limit: 1_024 });
    await request(`${shop.url}/orders.json?page=1`, { headers: { authorization: "Bearer hidden-secret" } });
    await request(`${shop.url}/large`, { method: "POST", headers: { "content-type": "text/plain" }, body: "large ".repeat(500) });
    const bytes = Buffer.from([0, 1, 2, 254, 255]);
    await request(`${shop.url}/bytes`, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: bytes });
    await page.goto(shop.path);
    await page.getByText("Live", { exact: true }).waitFor();

    // What was entered comes back, and so does what is wrong with it.
    await row(page, "/orders.json").getByRole("link").click();
    await exchange(page).getByRole("heading", { name: "Response" }).waitFor();
    const form = await replayForm(page);
    await form.getByLabel("Path and query").fill("no path");
    await form.getByRole("button", { name: "Send again" }).click();
    await exchange(page).getByText("A path begins with a slash").waitFor();
    assert.equal(await form.getByLabel("Path and query").inputValue(), "no path");
    faults.push(...(await look(page, "replay-refused")));

    await form.getByLabel("Path and query").fill("/robots.txt");
    await form.getByLabel("How often").fill("3");
    await form.getByRole("button", { name: "Send again" }).click();
    await page.waitForURL("**done=replayed_without*");
    await exchange(page).getByText("Replays", { exact: true }).waitFor();
    assert.equal(await exchange(page).getByRole("link", { name: "compare", exact: true }).count(), 3);
    faults.push(...(await look(page, "replay-thrice")));

    // Nothing of an earlier act is said of another request.
    await row(page, "/large").getByRole("link").click();
    await exchange(page).locator(".exchange-title", { hasText: "/large" }).waitFor();
    assert.equal(await page.locator("main > .notice").count(), 0);
    await replayForm(page);
    await form.getByText("Of the body of 3.0 kB only the first 1.0 kB were kept.").waitFor();
    faults.push(...(await look(page, "replay-body-missing")));
    await form.getByRole("button", { name: "Send again" }).click();
    await exchange(page).getByText("Enter one to send in its place, or choose that there be none.").waitFor();
    faults.push(...(await look(page, "replay-body-wanted")));
    await form.getByLabel("No body").check();
    await form.getByRole("button", { name: "Send again" }).click();
    await page.waitForURL("**done=replayed*");
    await exchange(page).locator(".badge-replay").waitFor();
    assert.match(await exchange(page).locator(".exchange-facts").innerText(), /0 B received/);

    // What is no text is sent as it was.
    await page.getByText("Live", { exact: true }).waitFor();
    await row(page, "/bytes").getByRole("link").click();
    await exchange(page).locator(".exchange-title", { hasText: "/bytes" }).waitFor();
    await replayForm(page);
    assert.ok(await form.getByLabel("As it was").isChecked());
    faults.push(...(await look(page, "replay-bytes")));
    await form.getByRole("button", { name: "Send again" }).click();
    await page.waitForURL("**done=replayed*");
    await exchange(page).locator(".badge-replay").waitFor();
    assert.equal(await exchange(page).getByText("00 01 02 fe ff").count(), 2);
    assertFaultless(faults);
  } finally {
    shop.close();
  }
});
