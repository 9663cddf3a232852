// Every form with scripts off: plain POST, redirect, message.

import assert from "node:assert/strict";

import { ADA, confirm, createToken, opened, row, setUp, signIn, signOut, submit } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { scenario } from "../support/stage.mjs";

const SCRIPTS_OFF = { javaScriptEnabled: false };

scenario("with scripts off: account, sign-in and sign-out", async (stage) => {
  const page = await stage.browser.visitor(SCRIPTS_OFF);
  await setUp(page);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await signOut(page);
  await page.getByText("You are signed out").waitFor();

  await page.goto("/web/tunnels?sort=name");
  await page.waitForURL("**/web/login?next=*");
  await submit(page, { "E-mail address": ADA.email, Password: "not the right one" }, "Sign in");
  await page.getByText("E-mail address or password are wrong").waitFor();
  assert.equal(await page.getByLabel("E-mail address").inputValue(), ADA.email);
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  await submit(page, { Password: ADA.password }, "Sign in");
  await page.waitForURL("**/web/tunnels?sort=name");
});

scenario("with scripts off: tokens", async (stage) => {
  const page = await stage.browser.visitor(SCRIPTS_OFF);
  await setUp(page);
  const first = await createToken(page, "laptop");
  await page.reload();
  assert.ok(!(await page.content()).includes(first.secret), "the secret is shown once");
  await page.getByText("The secret was shown once").waitFor();

  await page.goto("/web/tokens");
  await confirm(row(page, "laptop"), "Rotate", /laptop.*new secret/s);
  await page.waitForURL("**/web/tokens?*done=token_rotated*");
  const secret = await page.locator(".command code").first().innerText();
  assert.notEqual(secret.trim(), first.secret);

  await page.goto("/web/tokens");
  await confirm(row(page, "laptop"), "Revoke", /laptop.*cannot be undone/s);
  await page.waitForURL("**/web/tokens?done=token_revoked");
  await page.getByText("There are no tokens yet").waitFor();
});

scenario("with scripts off: tunnels", async (stage) => {
  const page = await stage.browser.visitor(SCRIPTS_OFF);
  await setUp(page);
  await page.goto("/web/tunnels");
  const form = await opened(page, "Reserve a tunnel");
  await submit(form, { Subdomain: "shop", Name: "Shop" }, "Reserve the tunnel");
  await page.waitForURL("**/web/tunnels/*done=tunnel_created");
  await page.getByRole("heading", { name: "Shop", level: 1 }).waitFor();

  await submit(page, { Name: "Corner shop", "Custom domains": "shop.example.com\nwww.shop.example.com" }, "Save");
  await page.waitForURL("**/web/tunnels/*done=tunnel_updated");
  await page.getByRole("heading", { name: "Corner shop", level: 1 }).waitFor();
  assert.equal(await page.getByLabel("Custom domains").inputValue(), "shop.example.com\nwww.shop.example.com");

  await confirm(page.locator("main"), "Pause", /Corner shop/);
  await page.waitForURL("**done=tunnel_paused");
  await page.getByText("Paused", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.waitForURL("**done=tunnel_resumed");
  await page.getByText("Offline", { exact: true }).first().waitFor();

  await confirm(page.locator("main"), "Delete", /Corner shop.*restore/s);
  await page.waitForURL("**/web/tunnels?done=tunnel_deleted*");
  assert.equal((await request(stage.origin.replace("//", "//shop."))).status, 404);
  await page.getByRole("button", { name: "Restore the deleted tunnel" }).click();
  await page.waitForURL("**done=tunnel_restored");
  await page.getByRole("heading", { name: "Corner shop", level: 1 }).waitFor();

  await page.goto("/web/tunnels?q=corner");
  await row(page, "Corner shop").waitFor();
  await page.goto("/web/tunnels?q=nothing-like-this");
  await page.getByText("No tunnel is like that").waitFor();
});

scenario("with scripts off: settings", async (stage) => {
  const page = await stage.browser.visitor(SCRIPTS_OFF);
  await setUp(page);
  const other = await stage.browser.visitor(SCRIPTS_OFF);
  await signIn(other);
  await other.waitForURL("**/web");

  await page.goto("/web/settings");
  const password = page.getByRole("region", { name: "Password" });
  const next = "a better horse battery";
  const fields = { "Current password": "wrong wrong wrong", "New password again": next };
  await password.getByLabel("New password", { exact: true }).fill(next);
  await submit(password, fields, "Change the password");
  await page.waitForURL("**/web/settings?*error=*");
  await page.locator(".field-error").first().waitFor();

  await password.getByLabel("New password", { exact: true }).fill(next);
  await submit(password, { ...fields, "Current password": ADA.password }, "Change the password");
  await page.waitForURL("**/web/settings?done=password_changed");
  await other.goto("/web");
  await other.waitForURL("**/web/login*");

  const profile = page.getByRole("region", { name: "Profile" });
  await submit(profile, { "E-mail address": "lovelace@example.com", "Current password": next }, "Change the address");
  await page.waitForURL("**/web/settings?done=email_changed");
  await signIn(other, { email: "lovelace@example.com", password: next });
  await other.waitForURL("**/web");

  await page.goto("/web/settings");
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await page.waitForURL("**/web/settings?done=other_sessions_ended");
  await other.goto("/web");
  await other.waitForURL("**/web/login*");

  await page.getByRole("region", { name: "Colours" }).getByRole("button", { name: "Dark" }).click();
  await page.waitForURL("**/web/settings?done=theme_set");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});
