// Domains, routes and services by their pages: made, explained, switched, taken back. Each form with scripts off as well.

import assert from "node:assert/strict";

import { confirm, opened, row, setUp, submit, waitForDrawn } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { Load, addBackend, addDomain, addRoute, chosen, createService, eventually, origins } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

const HOST = "shop.example.com";

/** What the page of a service calls the host, see `chosen`. */
async function subjectOf(page, service) {
  await page.goto(service);
  return chosen(page, HOST);
}

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: a service from nothing to a switch and back`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const [blue, green] = await origins(stage, "blue", "green");
    const ask = async (path = "/") => (await request(`${stage.origin}${path}`, { headers: { host: HOST } })).body;

    await page.goto("/web/services");
    await page.getByText("No services yet").waitFor();
    const service = await createService(page, "shop");
    await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Tags: "blue", Id: "shop-blue" });
    await addBackend(page, { Address: `127.0.0.1:${green.port}`, Tags: "green", Id: "shop-green" });
    for (const name of ["shop-blue", "shop-green"]) await row(page, name).getByText("Running").waitFor();

    await addDomain(page, HOST, { Service: "shop", "Enabled tag": "blue" });
    await page.getByText("Verified").first().waitFor();
    await eventually(async () => assert.match(await ask(), /blue/));

    await page.goto(service);
    const leads = page.getByRole("region", { name: "Who leads here" });
    await leads.getByLabel(`New tag for ${HOST}`).fill("green");
    await leads.getByRole("button", { name: "Preview the switch" }).click();
    await page.waitForURL("**?switch=domain*to=green");
    await row(page.getByRole("region", { name: "Who would serve" }), "shop-green").getByText("yes").waitFor();
    assert.match(await ask(), /blue/, "a preview changes nothing");
    await page.getByRole("button", { name: "Switch to green" }).click();
    await page.waitForURL("**done=tag_switched");
    await eventually(async () => assert.match(await ask(), /green/));

    await page.getByRole("button", { name: `Go back to blue for ${HOST}` }).click();
    await page.waitForURL("**done=tag_switched");
    await eventually(async () => assert.match(await ask(), /blue/));

    await page.goto(`/web/routes?explain=${encodeURIComponent(`http://${HOST}/products?id=1`)}`);
    const explanation = page.getByRole("region", { name: "Why did I get this?" });
    await explanation.getByText("A backend of").waitFor();
    await row(explanation, "shop-blue").getByText("Chosen").waitFor();

    await explanation.getByText("From another address, with headers").click();
    await explanation.getByLabel("Client's address").fill("nowhere");
    await explanation.getByRole("button", { name: "Explain" }).click();
    await explanation.getByText("nowhere is no IP address").waitFor();
    await explanation.getByLabel("Client's address").fill("203.0.113.7");
    await explanation.getByLabel("Headers").fill("X-Tenant: one");
    await explanation.getByRole("button", { name: "Explain" }).click();
    await row(explanation, "shop-blue").getByText("Chosen").waitFor();
    assert.equal(await explanation.getByLabel("Headers").inputValue(), "X-Tenant: one", "what was entered is kept");
  });

  scenario(`with scripts ${scripts}: a host and the server behind it in one form`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const [site] = await origins(stage, "site");
    await page.goto("/web/domains");
    const form = await opened(page, "Add a domain");
    const address = form.getByLabel("Address of the server");
    assert.ok(!(await address.isVisible()), "only what belongs to the kind is asked for");
    await form.getByLabel("Kind").selectOption("address");
    assert.ok(await address.isVisible());
    await submit(form, { "Host name": HOST, "Address of the server": "no address" }, "Add the domain");
    await page.waitForURL("**error=*");
    assert.equal(await page.getByLabel("Address of the server").inputValue(), "no address", "what was entered is kept");
    assert.equal(await page.getByLabel("Address of the server").getAttribute("aria-invalid"), "true");

    await addDomain(page, HOST, { "Address of the server": `127.0.0.1:${site.port}` }, "address");
    await eventually(async () => assert.match((await request(stage.origin, { headers: { host: HOST } })).body, /site/));
    // What was made is a service like any other.
    await page.goto("/web/services");
    await page.getByRole("link", { name: HOST, exact: true }).first().click();
    await row(page, `127.0.0.1:${site.port}`).getByText("Running").waitFor();

    await page.goto("/web/routes");
    const route = await opened(page, "Add a route");
    await route.getByLabel("Kind").selectOption("address");
    const fields = { Domain: HOST, Mount: "/next", "Address of the server": `127.0.0.1:${site.port}` };
    await submit(route, fields, "Add the route");
    await page.waitForURL("**done=route_created");
    await page.goto("/web/services");
    await page.getByRole("link", { name: `${HOST}-next`, exact: true }).first().waitFor();
  });

  scenario(`with scripts ${scripts}: a mount in the way is named beside its field`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    await createService(page, "shop");
    await addDomain(page, HOST, { Service: "shop" });
    await addRoute(page, HOST, "/api", { Service: "shop" });
    await page.waitForURL("**done=route_created");
    await addRoute(page, HOST, "/api/v1", { Service: "shop" });
    await page.waitForURL("**error=mount_overlaps*");
    const mount = page.getByLabel("Mount", { exact: true });
    assert.equal(await mount.inputValue(), "/api/v1", "what was entered is kept");
    assert.equal(await mount.getAttribute("aria-invalid"), "true");
    await page.getByText(`/api is mounted on ${HOST} already and in the way of /api/v1`).waitFor();
    assert.equal(await page.getByLabel("Service", { exact: false }).first().inputValue(), "shop");

    await submit(await opened(page, "Add a route"), { Mount: "/shop" }, "Add the route");
    await page.waitForURL("**done=route_created");
    await page.goto("/web/routes");
    for (const path of ["/api", "/shop"]) await row(page, path).first().waitFor();
  });

  scenario(`with scripts ${scripts}: deleting asks once, and everything can be taken back`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    await createService(page, "shop");
    await addBackend(page, { Address: "127.0.0.1:9", Tags: "v1", Id: "shop-1", Weight: "7" });
    const service = page.url().split("?")[0];
    await addDomain(page, HOST, { Service: "shop", "Enabled tag": "v1" });
    await addRoute(page, HOST, "/api", { Service: "shop", "Enabled tag": "v1" });

    await page.goto("/web/domains");
    await page.getByRole("link", { name: HOST, exact: true }).click();
    await confirm(page.locator("main"), "Delete", /Its route is deleted with it.*restore/s);
    await page.waitForURL("**/web/domains?done=domain_deleted*");
    await page.getByRole("button", { name: "Restore the deleted domain with its routes" }).click();
    await page.waitForURL("**done=domain_restored");
    await row(page, "/api").waitFor();

    await page.goto(service);
    await page.getByRole("link", { name: "shop-1", exact: true }).first().click();
    await submit(page, { Weight: "30" }, "Save");
    await page.waitForURL("**done=backend_updated");
    await page.getByRole("link", { name: "history" }).click();
    await page.waitForURL("**/web/revisions?object=*");
    const change = page.getByRole("listitem").filter({ hasText: "changed" }).first();
    await row(change, "weight").getByText("7").waitFor();
    await row(change, "weight").getByText("30").waitFor();
    await confirm(change, "Undo", /what it was before/);
    await page.waitForURL("**done=revision_restored");
    await page.goto(service);
    await page.getByRole("link", { name: "shop-1", exact: true }).first().click();
    assert.equal(await page.getByLabel("Weight").inputValue(), "7");

    await page.goto(service);
    await row(page, "shop-1").getByRole("button", { name: "Drain" }).click();
    await page.waitForURL("**done=backend_draining");
    await row(page, "shop-1").getByText("Draining").waitFor();
    await confirm(page.locator("main"), "Delete", /leads here/);
    await page.waitForURL("**error=service_in_use*");
    await page.getByText("Let them lead elsewhere first").waitFor();
  });
}

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: a switch from no tag leads back to all backends`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const [blue, green] = await origins(stage, "blue", "green");
    const ask = async () => (await request(`${stage.origin}/`, { headers: { host: HOST } })).body;
    const service = await createService(page, "shop");
    await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Tags: "blue", Id: "one" });
    await addBackend(page, { Address: `127.0.0.1:${green.port}`, Tags: "green", Id: "two" });
    await addDomain(page, HOST, { Service: "shop" });
    await page.goto(`${service}?switch=${await subjectOf(page, service)}&to=green`);
    await page.getByRole("button", { name: "Switch to green" }).click();
    await page.waitForURL("**done=tag_switched");
    for (let n = 0; n < 20; n += 1) await eventually(async () => assert.match(await ask(), /green/));
    await page.getByText("going back lets all backends serve, whatever their tags").waitFor();
    await page.getByRole("button", { name: `Go back to any tag for ${HOST}` }).click();
    await page.waitForURL("**done=tag_switched");
    await page.getByRole("region", { name: "Who leads here" }).getByText("any tag").first().waitFor();
    await eventually(async () => assert.match(await ask(), /blue/));
    await page.getByRole("button", { name: `Go back to green for ${HOST}` }).waitFor();
  });
}

scenario("switches under load are seen live, and no request is lost", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const [blue, green] = await origins(stage, "blue", "green");
  const service = await createService(page, "shop");
  await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Tags: "blue", Id: "one" });
  await addBackend(page, { Address: `127.0.0.1:${green.port}`, Tags: "green", Id: "two" });
  await addDomain(page, HOST, { Service: "shop", "Enabled tag": "blue" });
  const ask = () => request(`${stage.origin}/`, { headers: { host: HOST } });
  await eventually(async () => assert.match((await ask()).body, /blue/));
  const load = new Load(ask, 4);

  await page.goto(`${service}?switch=${await subjectOf(page, service)}&to=green`);
  await page.getByRole("button", { name: "Switch to green" }).click();
  await page.waitForURL("**done=tag_switched");
  await load.until(/green/);
  await page.getByRole("button", { name: `Go back to blue for ${HOST}` }).click();
  await page.waitForURL("**done=tag_switched");
  await load.until(/blue/);

  await page.goto(`${service}?switch=${await subjectOf(page, service)}&to=green`);
  await page.getByLabel("How").selectOption("gradual");
  await page.getByLabel("Steps").fill("10% 5s, 60% 5s");
  await page.getByRole("button", { name: "Switch to green" }).click();
  await page.waitForURL("**done=switch_started");
  await page.evaluate(() => (globalThis.stillTheSamePage = true));
  const leads = page.getByRole("region", { name: "Who leads here" });
  for (const said of ["60 % go to", "All go to"]) await leads.getByText(said).waitFor();
  await leads.getByRole("progressbar").waitFor({ state: "hidden" });
  await leads.getByRole("button", { name: `All at once to green for ${HOST}` }).waitFor({ state: "hidden" });
  assert.ok(await page.evaluate(() => globalThis.stillTheSamePage), "it was not loaded again");
  await load.until(/green/);
  await page.getByRole("button", { name: `Go back to blue for ${HOST}` }).click();
  await page.waitForURL("**done=tag_switched");
  await load.until(/blue/);

  const answers = await load.stop();
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.ok(answers.length > 100, `${answers.length} requests`);
});

scenario("the traffic of a service is followed live", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const [blue] = await origins(stage, "blue");
  const service = await createService(page, "shop");
  await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Tags: "blue", Id: "one" });
  await addDomain(page, HOST, { Service: "shop", "Enabled tag": "blue" });
  await page.goto(service);
  await submit(await opened(page, "Settings"), { "Every so many seconds": "1" }, "Save");
  await page.waitForURL("**done=service_updated");
  await waitForDrawn(page, "2xx", 0);
  for (let visit = 0; visit < 5; visit += 1) await request(`${stage.origin}/`, { headers: { host: HOST } });
  await waitForDrawn(page, "2xx", 5);
  // The row has not been loaded again: the feed says so.
  await row(page, "one").locator('td[data-label="Answered"]').getByText("5", { exact: true }).waitFor();
  await row(page, "one").getByText("Healthy").waitFor();
  await blue.program.kill();
  await row(page, "one").getByText("Unhealthy").waitFor({ timeout: 60_000 });
  await page.locator(".page-head").getByText("Unhealthy").waitFor();
  await page.goto(`${service}?range=1h`);
  await waitForDrawn(page, "2xx", 5);
  await page.goto("/web/services");
  await row(page, "shop").getByText("1 of 1").waitFor();
});

scenario("a backend without an id is called as it is reached", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  await createService(page, "shop");
  await addBackend(page, { Address: "127.0.0.1:9", Tags: "one" });
  const pool = page.getByRole("region", { name: "Pool" });
  await pool.getByRole("link", { name: "127.0.0.1:9", exact: true }).waitFor();
  // Of two that are reached alike, one has an id that is made.
  await addBackend(page, { Address: "127.0.0.1:9", Tags: "two" });
  await row(pool, "two").getByRole("link", { name: /^[0-9a-f-]{36}$/ }).waitFor();
  await row(pool, "two").getByText("127.0.0.1:9", { exact: true }).waitFor();
});

scenario("a switch to nobody is refused until it is forced", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const service = await createService(page, "shop");
  await addBackend(page, { Address: "127.0.0.1:9", Tags: "v1", Id: "one" });
  await addBackend(page, { Address: "127.0.0.1:9", Tags: "v2", Id: "two" });
  await row(page, "two").getByRole("button", { name: "Drain" }).click();
  await page.waitForURL("**done=backend_draining");
  await addDomain(page, HOST, { Service: "shop", "Enabled tag": "v1" });
  for (const [tag, words] of [["v2", "nobody would serve"], ["v3", "No backend of this service carries this tag"]]) {
    await page.goto(service);
    await page.getByLabel(`New tag for ${HOST}`).fill(tag);
    await page.getByRole("button", { name: "Preview the switch" }).click();
    await page.getByRole("alert").getByText(words).waitFor();
  }
  assert.equal(await page.getByRole("button", { name: /^Switch to/ }).count(), 0);
  await page.goBack();
  await page.goto(`${service}?switch=${await chosen(page, HOST)}&to=v2`);
  await page.getByLabel("Do it although requests would fail").check();
  await page.getByRole("button", { name: "Switch to v2" }).click();
  await page.waitForURL("**done=tag_switched");
});

scenario("a switch goes step by step and is ended by hand", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const [blue, green] = await origins(stage, "blue", "green");
  const service = await createService(page, "shop");
  await addBackend(page, { Address: `127.0.0.1:${blue.port}`, Tags: "blue", Id: "one" });
  await addBackend(page, { Address: `127.0.0.1:${green.port}`, Tags: "green", Id: "two" });
  await addDomain(page, HOST, { Service: "shop", "Enabled tag": "blue" });
  await page.goto(service);
  const subject = await chosen(page, HOST);
  await page.goto(`${service}?switch=${subject}&to=green`);
  await page.getByLabel("How").selectOption("gradual");
  await page.getByLabel("Steps").fill("10% soon");
  await page.getByRole("button", { name: "Switch to green" }).click();
  await page.waitForURL("**error=invalid*");
  await page.getByText("Write steps such as").waitFor();
  await page.getByLabel("Steps").fill("10% 300s, 50% 300s");
  await page.getByRole("button", { name: "Switch to green" }).click();
  await page.waitForURL("**done=switch_started");
  await page.getByText("10 % go to").waitFor();
  await page.getByRole("button", { name: `Go back to blue for ${HOST}` }).click();
  await page.waitForURL("**done=tag_switched");
  assert.equal(await page.getByRole("progressbar").count(), 0);
});

scenario("regions are an administrator's, and their mistakes are told beside the field", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  await page.goto("/web/cluster");
  const nodes = page.getByRole("table", { name: "Nodes by name" });
  await nodes.getByText("Running").waitFor();
  await page.getByText("There are no regions").waitFor();
  const form = await opened(page, "Add a region");
  await submit(form, { Name: "eu-west", "Public address": "https://eu.example.com/path" }, "Add the region");
  await page.waitForURL("**error=invalid*");
  assert.equal(await page.getByLabel("Public address").inputValue(), "https://eu.example.com/path");
  await submit(await opened(page, "Add a region"), { "Public address": "https://eu.example.com" }, "Add the region");
  await page.waitForURL("**done=region_created");
  await confirm(row(page, "eu-west"), "Delete", /eu-west.*restore/s);
  await page.waitForURL("**done=region_deleted*");
  await page.getByRole("button", { name: "Restore the deleted region" }).click();
  await page.waitForURL("**done=region_restored");
  await row(page, "eu-west").waitFor();
});
