// What stands in front of a tunnel, domain or route: said with a form, met by visitors, told by explain. And the page of the
// API, which is read without signing in.

import assert from "node:assert/strict";

import { row, setUp } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { addBackend, addDomain, createService, eventually, origins } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

const HOST = "shop.example.com";

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: who may come in to a domain is said, met and explained`, async (stage) => {
    const faults = [];
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const [blue] = await origins(stage, "blue");
    const ask = (headers = {}) => request(`${stage.origin}/`, { headers: { host: HOST, ...headers } });
    await createService(page, "shop");
    await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Id: "shop-blue" });
    await addDomain(page, HOST, { Service: "shop" });
    await eventually(async () => assert.match((await ask()).body, /blue/));

    await page.goto("/web/domains");
    await page.getByRole("link", { name: HOST, exact: true }).click();
    await page.getByRole("link", { name: "In front" }).click();
    await page.getByRole("heading", { name: "In front", level: 1 }).waitFor();
    if (scripts === "on") faults.push(...(await look(page, "front-empty")));

    // Something is wrong with one field: all that was entered is still there, the password is not.
    await page.getByLabel("Only from").fill("127.0.0.0/8\nnowhere");
    await page.getByLabel("Who is let in with a password").fill("ada: a quiet evening");
    await page.getByLabel("Requests in a time").fill("1000/60 client");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**error=*field=allow*");
    assert.equal(await page.getByLabel("Only from").inputValue(), "127.0.0.0/8\nnowhere");
    assert.equal(await page.getByLabel("Only from").getAttribute("aria-invalid"), "true");
    assert.equal(await page.getByLabel("Requests in a time").inputValue(), "1000/60 client");
    assert.doesNotMatch(page.url(), /evening/);
    if (scripts === "on") faults.push(...(await look(page, "front-refused")));

    await page.getByLabel("Only from").fill("127.0.0.0/8");
    await page.getByLabel("Who is let in with a password").fill("ada: a quiet evening");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**done=front_set");
    await eventually(async () => assert.equal((await ask()).status, 401));
    const authorization = `Basic ${btoa("ada:a quiet evening")}`;
    const answer = await ask({ authorization });
    assert.match(answer.body, /blue/);
    assert.match(answer.headers.ratelimit, /"client-60s";r=\d+;t=\d+/);
    assert.equal(await page.getByLabel("Who is let in with a password").inputValue(), "ada");
    if (scripts === "on") faults.push(...(await look(page, "front-set")));

    // A limit that is wrong is said of its own field, one that is right is shown as it was entered.
    await page.getByLabel("Bytes a second").fill("fast");
    await page.getByLabel("Requests at once").fill("20");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**error=*field=bandwidth*");
    assert.equal(await page.getByLabel("Bytes a second").inputValue(), "fast");
    assert.equal(await page.getByLabel("Requests at once").inputValue(), "20");
    await page.getByLabel("Bytes a second").fill("1000000 down client");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**done=front_set");
    assert.equal(await page.getByLabel("Bytes a second").inputValue(), "1000000 down client");
    assert.equal(await page.getByLabel("Requests at once").inputValue(), "20");
    assert.match((await ask({ authorization })).body, /blue/);

    await page.getByLabel("Let nobody in").check();
    await page.getByLabel("What visitors read").fill("Back at <noon>.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL("**done=front_set");
    await eventually(async () => assert.equal((await ask({ authorization })).status, 503));
    await page.goto(`/web/routes?explain=${encodeURIComponent(`http://${HOST}/`)}`);
    const explanation = page.getByRole("region", { name: "Why did I get this?" });
    await explanation.getByText("the domain is under maintenance: nobody is let in").waitFor();

    await page.goBack();
    await page.getByRole("button", { name: "Let everything pass" }).click();
    await page.waitForURL("**done=front_set");
    await eventually(async () => assert.match((await ask()).body, /blue/));
    assertFaultless(faults);
  });
}

scenario("the API can be read by anybody", async (stage) => {
  const page = await stage.browser.visitor();
  await page.goto("/api/v1/docs");
  await page.getByRole("heading", { level: 1 }).waitFor();
  const faults = await look(page, "api-docs");
  const document = await (await fetch(`${stage.origin}/api/v1/openapi.json`)).json();
  const calls = Object.values(document.paths).flatMap((path) => Object.values(path).filter((call) => call.operationId));
  assert.ok(calls.length > 100);
  const text = await page.locator("body").textContent();
  // What stands between backticks is shown as code.
  for (const { summary } of calls) assert.ok(text.includes(summary.replaceAll("`", "")), summary);
  assertFaultless(faults);
});
