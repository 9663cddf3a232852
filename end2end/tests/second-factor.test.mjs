// A second factor, with a real app's codes: set up, asked for, lost, required of all.

import assert from "node:assert/strict";

import { ADA, confirm, row, setUp, signIn, signOut, submit } from "../support/dashboard.mjs";
import { recoveryCodes, scanned, setUpSecondFactor } from "../support/people.mjs";
import { scenario } from "../support/stage.mjs";

const BOB = { email: "bob@example.com", password: "a different long one" };

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: a second factor is set up, asked for, replaced by a recovery code, and turned off`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    await page.goto("/web/settings/second-factor");
    await submit(page, { "Code that the app shows now": "000000", "Current password": ADA.password }, "Turn it on");
    await page.waitForURL("**error=*");
    await page.locator(".field-error").waitFor();
    const { app, codes } = await setUpSecondFactor(page, ADA.password);
    await page.reload();
    assert.ok(!(await page.content()).includes(codes[0]), "the codes are shown once");

    await signOut(page);
    await page.goto("/web/tokens");
    await submit(page, { "E-mail address": ADA.email, Password: ADA.password }, "Sign in");
    await page.waitForURL("**/web/login/code?next=*");
    await submit(page, { Code: "000000" }, "Sign in");
    await page.getByRole("alert").waitFor();
    await submit(page, { Code: app.code() }, "Sign in");
    await page.waitForURL("**/web/tokens");

    // The app is lost.
    await signOut(page);
    await signIn(page);
    await page.waitForURL("**/web/login/code");
    await submit(page, { Code: codes[0] }, "Sign in");
    await page.waitForURL("**/web");
    await page.goto("/web/settings/second-factor");
    await page.getByText("9 of 10 left").waitFor();
    const renew = page.getByRole("region", { name: "New recovery codes" });
    await submit(renew, { "Current password": ADA.password }, "Make new ones");
    await page.waitForURL("**done=codes_renewed*");
    const [next] = await recoveryCodes(page);
    assert.ok(!codes.includes(next));
    await page.getByText("10 of 10 left").waitFor();

    const end = page.getByRole("region", { name: "Turn it off" });
    await submit(end, { "Current password": ADA.password }, "Turn it off");
    await page.waitForURL("**done=second_factor_off");
    await signOut(page);
    await signIn(page);
    await page.waitForURL("**/web");
  });
}

scenario("where everybody needs a second factor, the next sign-in sets it up", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  await stage.addUser(BOB.email, BOB.password);
  const bob = await stage.browser.visitor();
  await signIn(bob, BOB);
  await bob.waitForURL("**/web");

  await page.goto("/web/users");
  await confirm(page.locator("main"), "Require", /signed out now/);
  await page.getByRole("alert").getByText("Set up your own second factor first").waitFor();
  await setUpSecondFactor(page, ADA.password);
  await page.goto("/web/users");
  await confirm(page.locator("main"), "Require", /signed out now/);
  await page.waitForURL("**done=second_factor_required");
  await page.goto("/web/settings/second-factor");
  await page.getByText("An administrator can reset yours").waitFor();

  await bob.waitForURL("**/web/login?*");
  await submit(bob, { "E-mail address": BOB.email, Password: BOB.password }, "Sign in");
  await bob.waitForURL("**/web/login/second-factor?*");
  const app = await scanned(bob);
  await submit(bob, { "Code that the app shows now": app.code() }, "Turn it on and sign in");
  await recoveryCodes(bob);
  await bob.goto("/web/tunnels");
  await bob.getByRole("heading", { name: "Tunnels", level: 1 }).waitFor();

  // He has lost it, and asks an administrator.
  await page.goto("/web/users");
  await row(page, BOB.email).getByRole("link").click();
  await confirm(page.locator("main"), "Reset the second factor", /lost it/);
  await page.waitForURL("**done=second_factor_reset");
});
