// The request inspector: what passes appears, is found, looked at and compared.

import assert from "node:assert/strict";
import { hostname, loadavg } from "node:os";

import { api, confirm } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { capture, exchange, inspected, row, rows } from "../support/inspector.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { scenario } from "../support/stage.mjs";

const JSON_TYPE = { "content-type": "application/json" };

scenario("traffic appears live, is narrowed, opened and compared", async (stage) => {
  const page = await stage.browser.visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  const shop = await inspected(stage, page);
  try {
    await page.goto(shop.path);
    await page.getByText("No request has been captured yet").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => (globalThis.loadedOnce = true));

    await request(`${shop.url}/orders.json?page=1&q=a%20b`);
    await row(page, "/orders.json?page=1").waitFor();
    await request(`${shop.url}/broken`, { headers: { authorization: "Bearer hidden-secret", "x-first": "1" } });
    await row(page, "/broken").waitFor();

    // Opened without loading the page anew.
    await row(page, "/orders.json").getByRole("link").click();
    await exchange(page).getByRole("heading", { name: "Response" }).waitFor();
    await exchange(page).getByText("12345678901234567890").waitFor();
    await exchange(page).getByText("Ada Lovelace").waitFor();
    assert.match(page.url(), /selected=/);
    assert.equal(await row(page, "/orders.json").getByRole("link").getAttribute("aria-current"), "true");

    // Another view, and back.
    const views = exchange(page).getByRole("navigation", { name: "Views of the response's body" });
    await views.getByRole("link", { name: "Hex" }).click();
    await exchange(page).getByText("00000000").waitFor();
    await page.goBack();
    await exchange(page).locator(".json").waitFor();

    // Something in the body.
    await exchange(page).getByLabel("Find in bodies").fill("hopper");
    await exchange(page).getByRole("button", { name: "Find", exact: true }).click();
    await exchange(page).locator("mark", { hasText: "Hopper" }).waitFor();

    // By keys: the next one up is newer.
    await page.locator("h1").click();
    await page.keyboard.press("k");
    await exchange(page).getByText("/broken").first().waitFor();
    await exchange(page).getByText("masked", { exact: true }).first().waitFor();
    assert.ok(!(await page.content()).includes("hidden-secret"));
    await page.keyboard.press("c");
    await page.getByText("Copied", { exact: true }).waitFor();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(line, /^curl '?http:\/\/shop\.localhost:\d+\/broken/);
    assert.ok(line.includes("x-first: 1") && !/authorization/i.test(line), line);

    // Compared with the other.
    await exchange(page).getByRole("link", { name: "Compare with…" }).click();
    await exchange(page).getByText("Compare with which one?").waitFor();
    await row(page, "/orders.json").getByRole("link").click();
    await exchange(page).getByRole("heading", { name: "Comparison" }).waitFor();
    const status = exchange(page).getByRole("row").filter({ hasText: "Status" });
    assert.match(await status.innerText(), /500\s+200/);
    assert.ok(await page.evaluate(() => globalThis.loadedOnce), "the page was not loaded again");
    const link = page.url();
    await page.reload();
    await exchange(page).getByRole("heading", { name: "Comparison" }).waitFor();
    assert.equal(page.url(), link);
    await page.getByText("Live", { exact: true }).waitFor();

    // The key for the list, and the search.
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter-q");
    await page.getByLabel("Path or host").fill("orders");
    await page.keyboard.press("Enter");
    await page.waitForURL("**q=orders*");
    assert.equal(await rows(page).count(), 1);
    await page.getByText("Live", { exact: true }).waitFor();
    await request(`${shop.url}/robots.txt`);
    await request(`${shop.url}/orders.json?page=2`);
    await row(page, "page=2").waitFor();
    assert.equal(await rows(page).count(), 2, "only what is looked for arrives");
    await page.goto(`${shop.path}?status=5xx`);
    assert.equal(await rows(page).count(), 1);
    await page.goto(`${shop.path}?body=hopper`);
    assert.equal(await rows(page).count(), 2);
  } finally {
    shop.close();
  }
});

scenario("a list that stands still says how many have come", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    await request(`${shop.url}/robots.txt`);
    await page.goto(shop.path);
    await page.getByText("Live", { exact: true }).waitFor();
    await row(page, "/robots.txt").waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    for (const n of [1, 2, 3]) await request(`${shop.url}/orders.json?n=${n}`);
    await page.getByText("3 new", { exact: true }).waitFor();
    assert.equal(await rows(page).count(), 1);
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await row(page, "n=3").waitFor();
    assert.equal(await rows(page).count(), 4);
  } finally {
    shop.close();
  }
});

scenario("two thousand rows scroll, and only those in sight are drawn", async (stage, context) => {
  const ROWS = 2_000;
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    await page.goto(shop.path);
    await page.getByText("Live", { exact: true }).waitFor();
    let sent = 0;
    const send = async () => {
      while (sent < ROWS) await request(`${shop.url}/robots.txt?n=${(sent += 1)}`);
    };
    await Promise.all(Array.from({ length: 8 }, send));
    await row(page, `n=${ROWS}`).waitFor();
    // From the newest to the oldest, a piece in each frame.
    const { frames, ...seen } = await page.evaluate(async () => {
      const list = document.querySelector(".request-list");
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      const frames = [];
      let [most, least, before] = [0, Infinity, await frame()];
      while (list.scrollTop + list.clientHeight < list.scrollHeight - 1) {
        list.scrollTop += 400;
        const now = await frame();
        frames.push(now - before);
        before = now;
        const drawn = [...list.querySelectorAll(".request")];
        most = Math.max(most, drawn.length);
        const box = list.getBoundingClientRect();
        least = Math.min(least, drawn.filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).length);
      }
      return { most, least, frames, height: list.scrollHeight };
    });
    frames.sort((one, other) => one - other);
    const at = (share) => `${frames[Math.floor((frames.length - 1) * share)].toFixed(1)} ms`;
    const load = loadavg()[0].toFixed(1);
    context.diagnostic(`${frames.length} frames, median ${at(0.5)}, 95 % within ${at(0.95)}, longest ${at(1)}, at a load of ${load}`);
    context.diagnostic(JSON.stringify(seen));
    await row(page, "n=1").waitFor();
    assert.ok(seen.most <= 60, `only what is in sight, and some around, not ${seen.most}`);
    assert.ok(seen.least >= 1, "there is always something to see");
    assert.ok(seen.height > ROWS * 40);
  } finally {
    shop.close();
  }
});

scenario("bodies of every kind are shown as what they are", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    for (const path of ["/logo.png", "/data.bin", "/packed.json", "/events", "/robots.txt"]) await request(shop.url + path);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    await request(`${shop.url}/orders`, { method: "POST", headers: form, body: "name=Ada+Lovelace&city=L%C3%B6ndon" });
    const visitor = await stage.browser.elsewhere(page);
    await visitor.goto(shop.url);
    await visitor.evaluate(
      () =>
        new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/chat`);
          socket.onmessage = ({ data }) => (data === "ping-1" ? socket.close() : socket.send("ping-1"));
          socket.onclose = resolve;
        }),
    );
    await page.goto(shop.path);
    await row(page, "/chat").waitFor();

    const open = async (path) => {
      await row(page, path).getByRole("link").click();
      await exchange(page).locator(".exchange-title", { hasText: path }).waitFor();
    };
    await open("/logo.png");
    const picture = exchange(page).getByAltText("The picture in the body");
    await picture.waitFor();
    assert.ok(await picture.evaluate((image) => image.complete && image.naturalWidth === 1));
    await open("/data.bin");
    await exchange(page).getByText("00 01 02 03 ff fe fd").waitFor();
    await open("/packed.json");
    await exchange(page).locator(".json").getByText("Grace Hopper").waitFor();
    await exchange(page).getByText(/gzip, .* unpacked/).waitFor();
    await open("/orders");
    await exchange(page).getByRole("cell", { name: "Löndon" }).first().waitFor();
    await open("/events");
    const messages = exchange(page).getByRole("region", { name: /^Messages/ }).getByRole("listitem");
    assert.equal(await messages.count(), 3);
    assert.match(await messages.nth(1).innerText(), /from the server[\s\S]*event[\s\S]*\{"n":2\}/);
    await open("/chat");
    await exchange(page).getByText("ping-1").first().waitFor();
    const kinds = await messages.allInnerTexts();
    assert.ok(kinds.some((text) => /from the client\s+text/.test(text)) && kinds.some((text) => /close/.test(text)), kinds.join("\n"));
  } finally {
    shop.close();
  }
});

scenario("what was not kept says how to keep it, and who answered says its name", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    await capture(page, shop.path, "metadata");
    await request(`${shop.url}/orders.json`);
    await page.goto(`/web/tunnels/${shop.id}`);
    await page.getByRole("link", { name: "Inspect requests" }).click();
    await row(page, "/orders.json").getByRole("link").click();
    await exchange(page).getByText(`telephone ${hostname()}, session`).waitFor();

    await exchange(page).getByRole("link", { name: "Keep bodies from now on" }).click();
    await page.waitForURL("**keep=bodies#capture-form");
    const level = page.getByLabel("What is kept");
    assert.equal(await level.inputValue(), "bodies");
    await page.locator("details#capture").getByRole("button", { name: "Save", exact: true }).click();
    await page.waitForURL("**done=capture_set*");
    // Less than what is kept already is not chosen by it.
    await page.goto(`${shop.path}?keep=headers`);
    assert.equal(await level.inputValue(), "bodies");
  } finally {
    shop.close();
  }
});

scenario("domains and routes have inspectors of their own", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    const call = await api(stage.origin);
    const host = "shop.example.com";
    const domain = await call("POST", "/domains", { domain: host, tunnel: "shop" });
    const route = await call("POST", "/routes", { domain: host, mount: "/api", tunnel: "shop" });
    const ask = (path) => request(stage.origin + path, { headers: { host } });
    await page.goto(`/web/domains/${domain.id}`);
    await page.getByRole("link", { name: "Inspect requests" }).click();
    await page.getByText(/curl -i http:\/\/shop\.example\.com:\d+\//).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await ask("/robots.txt");
    await row(page, "/robots.txt").waitFor();
    await row(page, "/robots.txt").getByRole("link").click();
    await exchange(page).locator(".exchange-title", { hasText: "http://shop.example.com/robots.txt" }).waitFor();

    await page.goto(`/web/routes/${route.id}`);
    await page.getByRole("link", { name: "Inspect requests" }).click();
    await page.getByText("Live", { exact: true }).waitFor();
    await ask("/robots.txt?not=here");
    await ask("/api/orders.json");
    await row(page, "/api/orders.json").waitFor();
    assert.equal(await rows(page).count(), 1);
    // Whatever came to the tunnel is in its own.
    await page.goto(shop.path);
    await row(page, "not=here").waitFor();
    assert.equal(await rows(page).count(), 3);
  } finally {
    shop.close();
  }
});

scenario("with scripts off: the inspector is whole", async (stage) => {
  const page = await stage.browser.visitor({ javaScriptEnabled: false });
  const shop = await inspected(stage, page);
  try {
    for (let n = 1; n <= 65; n += 1) await request(`${shop.url}/robots.txt?n=${n}`);
    await request(`${shop.url}/orders`, { method: "POST", headers: JSON_TYPE, body: '{"id":7}' });
    const reloaded = async () => {
      await page.goto(shop.path);
      return row(page, "/orders").count();
    };
    while (!(await reloaded())) await new Promise((resolve) => setTimeout(resolve, 100));
    await page.getByRole("link", { name: "Show older ones" }).click();
    await row(page, "n=1").waitFor();

    await page.goto(shop.path);
    await page.getByLabel("Method").selectOption("POST");
    await page.getByRole("button", { name: "Show", exact: true }).first().click();
    await page.waitForURL("**method=POST*");
    assert.equal(await rows(page).count(), 1);
    await rows(page).getByRole("link").click();
    await exchange(page).getByRole("button", { name: "Pin" }).click();
    await exchange(page).getByText("Pinned", { exact: true }).waitFor();
    await exchange(page).getByText("Write a note").click();
    await exchange(page).getByLabel("Note").fill("look at <b>this</b>");
    await exchange(page).getByRole("button", { name: "Save the note" }).click();
    await exchange(page).locator("p.note", { hasText: "look at <b>this</b>" }).waitFor();
    await confirm(exchange(page), "Delete", /cannot be brought back/);
    await page.getByText("What was kept of the request was deleted").waitFor();
    await page.getByText("No request is like that").waitFor();

    await page.goto(shop.path);
    await confirm(page.locator(".inspector-tools"), "Delete", /more than 60/);
    await page.waitForURL("**done=requests_deleted*");
    await page.getByText("No request has been captured yet").waitFor();

    await capture(page, shop.path, "off");
    await page.getByRole("heading", { name: "Nothing is captured here" }).waitFor();
    await page.getByRole("button", { name: "Switch it on" }).click();
    await page.getByText("No request has been captured yet").waitFor();
  } finally {
    shop.close();
  }
});

scenario("the inspector looks right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    await page.goto(shop.path);
    faults.push(...(await look(page, "inspector-empty")));
    for (const path of ["/", "/robots.txt", "/logo.png", "/events", "/broken", "/wp-login.php", "/packed.json"]) await request(shop.url + path);
    const order = (city) => ({ method: "POST", headers: { ...JSON_TYPE, cookie: "session=abc; theme=dark" }, body: `{"name":"Ada","city":"${city}"}` });
    await request(`${shop.url}/orders?source=web&coupon=SUMMER%2026`, order("London"));
    await request(`${shop.url}/orders?source=web`, order("Paris"));
    await request(`${shop.url}/orders.json?page=2`, { headers: { "x-long": "long ".repeat(60) } });
    await page.goto(shop.path);
    await row(page, "/orders.json").waitFor();
    const link = (path) => row(page, path).getByRole("link").getAttribute("href");
    const [first, second, events, broken] = await Promise.all(["coupon", "/orders?source=web", "/events", "/broken"].map(link));
    faults.push(...(await look(page, "inspector-list")));
    for (const [address, name] of [
      [await link("/orders.json"), "inspector-json"],
      [first, "inspector-post"],
      [events, "inspector-events"],
      [broken, "inspector-error"],
      [`${second}&compare=${new URL(first, stage.origin).searchParams.get("selected")}`, "inspector-compare"],
    ]) {
      await page.goto(address);
      faults.push(...(await look(page, name)));
    }
    await page.goto(`${shop.path}?errors=true&header=x`);
    await page.locator(".filter-more > summary").click();
    faults.push(...(await look(page, "inspector-filter")));
    await page.goto(shop.path);
    await page.locator("details#capture > summary").click();
    faults.push(...(await look(page, "inspector-settings")));
    assertFaultless(faults);
  } finally {
    shop.close();
  }
});
