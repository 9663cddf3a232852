// Bad input is told beside its field and keeps what was typed; what is somebody else's does not exist.

import assert from "node:assert/strict";

import { ADA, api, opened, setUp, signIn, submit } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { scenario } from "../support/stage.mjs";

const EVE = { email: "eve@example.com", password: "another long password" };
/** What Chromium says about any page that comes with an error status. */
const STATUS_404 = /Failed to load resource: the server responded with a status of 404/;

/** Sends a form as a browser would that checks nothing itself. */
async function unchecked(form) {
  await form.evaluate((form) => (form.noValidate = true));
}

/** The message beside a field, which must be tied to it for screen readers. */
async function messageOf(field) {
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  const [id] = (await field.getAttribute("aria-describedby")).split(" ");
  return field.page().locator(`[id="${id}"]`).innerText();
}

scenario("bad input is told beside its field", async (stage) => {
  const page = await stage.browser.visitor();
  await page.goto("/web/setup");
  await unchecked(page.locator("form"));
  await submit(page, { "E-mail address": "ada", Password: ADA.password }, "Create the account");
  assert.match(await messageOf(page.getByLabel("E-mail address")), /name@example\.com/);
  assert.equal(await page.getByLabel("E-mail address").inputValue(), "ada");

  await unchecked(page.locator("form"));
  await submit(page, { "E-mail address": ADA.email, Password: "short" }, "Create the account");
  assert.match(await messageOf(page.getByLabel("Password")), /password/i);
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  assert.ok(!page.url().includes("short"), "no secret in an address");

  await setUp(page);
  await page.goto("/web/tunnels");
  for (const [subdomain, message] of [["-shop", /hyphen/i], ["www", /reserved/i]]) {
    const form = await opened(page, "Reserve a tunnel");
    await submit(form, { Subdomain: subdomain, Name: "Corner shop" }, "Reserve the tunnel");
    await page.waitForURL("**error=*");
    assert.match(await messageOf(page.getByLabel("Subdomain")), message);
    assert.equal(await page.getByLabel("Subdomain").inputValue(), subdomain);
    assert.equal(await page.getByLabel("Name").first().inputValue(), "Corner shop");
  }

  const call = await api(stage.origin);
  await call("POST", "/tunnels", { subdomain: "shop" });
  await page.goto("/web/tunnels");
  const form = await opened(page, "Reserve a tunnel");
  await submit(form, { Subdomain: "shop" }, "Reserve the tunnel");
  await page.getByText("This subdomain is taken").waitFor();
});

scenario("somebody else's tunnel is not there", async (stage) => {
  stage.browser.expect(STATUS_404);
  const page = await stage.browser.visitor();
  await setUp(page);
  await stage.addUser(EVE.email, EVE.password);
  const call = await api(stage.origin);
  const tunnel = await call("POST", "/tunnels", { subdomain: "shop" });

  const other = await stage.browser.visitor();
  await signIn(other, EVE);
  await other.waitForURL("**/web");
  for (const path of [`/web/tunnels/${tunnel.id}`, "/web/tunnels/nonsense", "/web/nowhere"]) {
    const response = await other.goto(path);
    assert.equal(response.status(), 404, path);
    await other.getByRole("heading", { name: "There is nothing here" }).waitFor();
  }
  await other.goto("/web/tunnels");
  await other.getByText("No tunnels yet").waitFor();
});

scenario("signing in leads nowhere but into the dashboard", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const evil = ["//evil.example/", "https://evil.example/", "/web\\@evil.example", "/webx"];
  for (const next of evil) {
    const visitor = await stage.browser.visitor();
    await visitor.goto(`/web/login?next=${encodeURIComponent(next)}`);
    await submit(visitor, { "E-mail address": ADA.email, Password: ADA.password }, "Sign in");
    await visitor.waitForURL((url) => !url.pathname.startsWith("/web/login"));
    assert.equal(new URL(visitor.url()).origin, stage.origin, next);
    assert.match(new URL(visitor.url()).pathname, /^\/web(\/|$)/, next);
    await visitor.getByRole("heading", { level: 1 }).waitFor();
    await visitor.context().close();
  }
});

scenario("a form from another origin changes nothing", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const [cookie] = (await page.context().cookies()).filter((cookie) => cookie.httpOnly && cookie.name !== "theme");
  assert.equal(cookie.sameSite, "Lax");
  const headers = {
    cookie: `${cookie.name}=${cookie.value}`,
    origin: stage.origin.replace("//", "//shop."),
    "content-type": "application/x-www-form-urlencoded",
  };
  const answer = await request(`${stage.origin}/web/action/create_tunnel`, { method: "POST", headers, body: "subdomain=evil" });
  assert.equal(answer.status, 403);
  await page.goto("/web/tunnels");
  await page.getByText("No tunnels yet").waitFor();
});

scenario("sign-up says when it is closed", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const visitor = await stage.browser.visitor();
  await visitor.goto("/web/signup");
  await visitor.getByRole("heading", { name: "Sign-up is closed" }).waitFor();
  await visitor.getByRole("link", { name: "Sign in" }).click();
  await visitor.waitForURL("**/web/login");
});

scenario("sign-up that is open lets people in", { args: ["--signup", "open"] }, async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const visitor = await stage.browser.visitor();
  await visitor.goto("/web/login");
  await visitor.getByRole("link", { name: "Sign up" }).click();
  await submit(visitor, { "E-mail address": ADA.email, Password: EVE.password }, "Create the account");
  await visitor.getByText("There is an account with this e-mail address already").waitFor();
  await submit(visitor, { "E-mail address": EVE.email, Password: EVE.password }, "Create the account");
  await visitor.waitForURL("**/web");
});
