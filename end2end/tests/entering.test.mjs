// Signing in to the dashboard on the way to a tunnel: there, back, out again, and who is not let in.

import assert from "node:assert/strict";

import { createToken, api, setUp, signIn, signOut, submit } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { eventually } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

const BOB = { email: "bob@example.com", password: "a different long one" };

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: who is signed in to the dashboard comes in, and who is not signs in first`, async (stage) => {
    const faults = [];
    const page = await stage.browser.visitor(options);
    await setUp(page);
    await stage.addUser(BOB.email, BOB.password);
    const { line } = await createToken(page, "laptop");
    const site = await stage.site();
    const { url } = await stage.telephone(`${line} --subdomain shop`, site.port);
    const { host } = new URL(url);
    const { items } = await (await api(stage.origin))("GET", "/tunnels");
    const letIn = async (who, accounts = "") => {
      await page.goto(`/web/tunnels/${items[0].id}`);
      await page.getByRole("link", { name: "In front" }).click();
      await page.getByLabel("Who is let in", { exact: true }).selectOption(who);
      await page.getByLabel("Accounts that are let in").fill(accounts);
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.waitForURL("**done=front_set");
    };
    await letIn("anybody");
    await eventually(async () => assert.equal((await request(url)).status, 401));

    // Somebody who has never been here is led to the dashboard's sign-in, and back to what they wanted.
    const dashboard = await stage.browser.visitor(options);
    const visitor = await stage.browser.elsewhere(dashboard);
    await visitor.goto(`${url}/?page=1`);
    assert.equal(new URL(visitor.url()).pathname, "/web/login");
    await submit(visitor, { "E-mail address": BOB.email, Password: BOB.password }, "Sign in");
    await visitor.getByRole("heading", { name: `Go on to ${host}?` }).waitFor();
    assert.match(await visitor.locator("main").innerText(), /you are bob@example\.com/);
    if (scripts === "on") faults.push(...(await look(visitor, "enter")));
    await visitor.getByRole("link", { name: `Go on to ${host}` }).click();
    await visitor.getByRole("heading", { name: "Hello from behind the tunnel" }).waitFor();
    assert.equal(visitor.url(), `${url}/?page=1`, "nothing of the way stays in the address");
    // The owner is not asked whether to go on to what is their own.
    const own = await stage.browser.elsewhere(page);
    await own.goto(url);
    await own.getByRole("heading", { name: "Hello from behind the tunnel" }).waitFor();

    // Who signs out is out, and comes in again by signing in.
    await dashboard.goto("/web");
    await signOut(dashboard);
    await eventually(async () => {
      await visitor.goto(url);
      assert.equal(new URL(visitor.url()).pathname, "/web/login");
    });
    await signIn(dashboard, BOB);
    await dashboard.waitForURL("**/web");
    await visitor.goto(url);
    await visitor.getByRole("link", { name: `Go on to ${host}` }).click();
    await visitor.getByRole("heading", { name: "Hello from behind the tunnel" }).waitFor();

    // A member who is not on the list reads so, and may be somebody else.
    await letIn("listed", "ada@example.com");
    await eventually(async () => {
      assert.equal((await visitor.goto(url)).status(), 403);
      await visitor.getByRole("heading", { name: `${host} does not let you in` }).waitFor();
    });
    assert.match(await visitor.locator("main").innerText(), /signed in as bob@example\.com\. Ask its owner/);
    if (scripts === "on") faults.push(...(await look(visitor, "enter-refused")));
    await visitor.getByRole("button", { name: "Use another account" }).click();
    await visitor.waitForURL("**/web/login?*");
    assertFaultless(faults);
  });
}

// The provider is not asked anything before somebody goes there.
const PROVIDER = ["--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "switchboard", "--oidc-name", "Example ID"];

scenario("the sign-in page offers the provider", { args: PROVIDER }, async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  await signOut(page);
  await page.goto("/web/login");
  const button = page.getByRole("link", { name: "Continue with Example ID" });
  await button.waitFor();
  assert.equal(await button.getAttribute("href"), "/web/login/oidc");
  assertFaultless(await look(page, "login-provider"));
});
