// Accounts as an administrator and other people walk through them: invited, let in, put out; and the log of it.

import assert from "node:assert/strict";

import { ADA, confirm, createToken, row, setUp, signIn, submit } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { handed, invite } from "../support/people.mjs";
import { eventually } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

const BOB = { email: "bob@example.com", password: "a different long one" };
/** What Chromium says about any page that comes with an error status. */
const STATUS_404 = /Failed to load resource: the server responded with a status of 404/;
const STATUS_410 = /Failed to load resource: the server responded with a status of 410/;

/** Opens the page of an account. */
async function openUser(page, email) {
  await page.goto("/web/users");
  await page.getByRole("link", { name: email, exact: true }).click();
  await page.getByRole("heading", { name: email, level: 1 }).waitFor();
}

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: somebody is invited, comes in, is put out and let in again`, async (stage) => {
    stage.browser.expect(STATUS_404, STATUS_410);
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const link = await invite(page, BOB.email);
    assert.equal(new URL(link).origin, stage.origin);
    await row(page, BOB.email).getByText("member").waitFor();
    await page.reload();
    assert.ok(!(await page.content()).includes(link), "the link is shown once");
    await page.getByText("The link was shown once").waitFor();

    const bob = await stage.browser.visitor(options);
    await bob.goto(link);
    await bob.getByRole("heading", { name: "Welcome", level: 1 }).waitFor();
    await bob.getByText(BOB.email).waitFor();
    await submit(bob, { Password: "qwertyuiop" }, "Create the account");
    await bob.locator(".field-error").waitFor();
    await submit(bob, { Password: BOB.password }, "Create the account");
    await bob.waitForURL("**/web");
    await bob.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    assert.equal(await bob.getByRole("link", { name: "Users", exact: true }).count(), 0, "members manage nobody");
    assert.equal((await bob.goto("/web/users")).status(), 404);
    const nobody = await stage.browser.visitor(options);
    assert.equal((await nobody.goto(link)).status(), 410, "a link works once");
    await nobody.getByRole("heading", { name: "This link no longer works" }).waitFor();

    // His telephone serves until he is put out.
    const { line } = await createToken(bob, "laptop");
    const site = await stage.site();
    const { program, url } = await stage.telephone(`${line} --subdomain bobs`, site.port);
    assert.equal((await request(url)).status, 200);
    await bob.goto("/web");

    await openUser(page, BOB.email);
    await page.getByText("1 tunnel, 1 token", { exact: true }).waitFor();
    await confirm(page.locator("main"), "Deactivate", /signed out everywhere.*disconnected/s);
    await page.waitForURL("**done=user_deactivated");
    await page.getByText("Deactivated", { exact: true }).first().waitFor();
    await program.line(/refused: /);
    await program.ended;
    assert.ok((await request(url)).status >= 400);
    // With scripts the open page goes by itself.
    if (scripts === "off") await bob.reload();
    await bob.waitForURL("**/web/login?*");
    await submit(bob, { "E-mail address": BOB.email, Password: BOB.password }, "Sign in");
    await bob.getByRole("alert").waitFor();

    await confirm(page.locator("main"), "Reactivate", /as before/);
    await page.waitForURL("**done=user_reactivated");
    await submit(bob, { "E-mail address": BOB.email, Password: BOB.password }, "Sign in");
    await bob.waitForURL("**/web");
  });
}

scenario("an invitation is withdrawn, and its link no longer works", async (stage) => {
  stage.browser.expect(STATUS_410);
  const page = await stage.browser.visitor();
  await setUp(page);
  const link = await invite(page, BOB.email, "admin");
  await row(page, BOB.email).getByText("administrator").waitFor();
  await row(page, BOB.email).getByRole("button", { name: `Withdraw ${BOB.email}` }).click();
  await page.waitForURL("**done=invitation_withdrawn");
  assert.equal(await row(page, BOB.email).count(), 0);
  const bob = await stage.browser.visitor();
  assert.equal((await bob.goto(link)).status(), 410);
});

scenario("a password that was forgotten is set anew by a link, and roles change", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  await stage.addUser(BOB.email, BOB.password);
  const bob = await stage.browser.visitor();
  await signIn(bob, BOB);
  await bob.waitForURL("**/web");

  await openUser(page, BOB.email);
  await confirm(page.locator("main"), "New password by link", /within a day/);
  await page.waitForURL("**done=reset_offered*");
  const link = await handed(page);
  const forgetful = await stage.browser.visitor();
  await forgetful.goto(link);
  await forgetful.getByText(BOB.email).waitFor();
  await submit(forgetful, { "New password": "a third and longer one" }, "Set the password");
  await forgetful.waitForURL("**/web/login?done=password_reset");
  // Where he was signed in he no longer is.
  await bob.waitForURL("**/web/login?*");
  await submit(forgetful, { "E-mail address": BOB.email, Password: "a third and longer one" }, "Sign in");
  await forgetful.waitForURL("**/web");

  await openUser(page, BOB.email);
  await confirm(page.locator("main"), "Make an administrator", /what everybody has/);
  await page.waitForURL("**done=role_set");
  // What was opened with the old role is closed.
  await forgetful.waitForURL("**/web/login?*");
  await submit(forgetful, { "E-mail address": BOB.email, Password: "a third and longer one" }, "Sign in");
  await forgetful.waitForURL((url) => url.pathname === "/web");
  await eventually(async () => {
    await forgetful.goto("/web/users");
    await forgetful.getByRole("link", { name: ADA.email, exact: true }).waitFor();
  });
});

scenario("the security log tells who came in, who did not, and what was done about accounts", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const stranger = await stage.browser.visitor();
  for (let times = 0; times < 3; times += 1) {
    await signIn(stranger, { ...ADA, password: "not the right one" });
    await stranger.getByRole("alert").waitFor();
  }
  await invite(page, BOB.email);
  await createToken(page, "laptop");

  await page.getByRole("link", { name: "Security log", exact: true }).click();
  await page.getByRole("heading", { name: "Security log", level: 1 }).waitFor();
  await row(page, "sign-in failed").getByText("3 times").waitFor();
  await row(page, "sign-in failed").getByText("not signed in").waitFor();
  await row(page, "invited").getByText(BOB.email).waitFor();
  await row(page, "token made").getByText("laptop").waitFor();
  await row(page, "account made").first().waitFor();

  // What it is narrowed to is in the address.
  await page.getByLabel("What", { exact: true }).selectOption({ label: "sign-in failed" });
  await page.getByLabel("Account", { exact: true }).fill(ADA.email);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**/web/audit?*kind=sign_in_failed*");
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.equal(await page.getByLabel("Account", { exact: true }).inputValue(), ADA.email);
  await page.getByLabel("Account", { exact: true }).fill("nobody@example.com");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.waitForURL("**email=nobody*");
  await page.locator(".empty").waitFor();
});
