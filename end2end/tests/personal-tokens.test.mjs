// Personal tokens: made on the page, used by a program, ended.

import assert from "node:assert/strict";

import { confirm, row, setUp, submit } from "../support/dashboard.mjs";
import { json, request } from "../support/http.mjs";
import { eventually } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: a personal token is made, used against the API, and ended`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    await page.goto("/web/settings");
    const section = page.getByRole("region", { name: "Personal tokens" });
    await section.getByText("Create a personal token", { exact: true }).click();
    await submit(section, { Name: "nightly export" }, "Create the personal token");
    await page.waitForURL("**done=personal_token_created*");
    const shown = page.getByRole("region", { name: "Your personal token, shown this once" });
    const secret = (await shown.locator(".command code").innerText()).trim();
    assert.match(secret, /^sbp_[A-Za-z0-9_-]{20,}$/);
    await page.reload();
    assert.ok(!(await page.content()).includes(secret), "the secret is shown once");
    await page.getByText("The secret was shown once").waitFor();

    const url = `${stage.origin}/api/v1/tunnels`;
    assert.deepEqual((await json(url, { token: secret })).items, []);
    // It is good for looking only.
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    assert.equal((await request(url, { method: "POST", headers, body: '{"subdomain":"shop"}' })).status, 403);
    await eventually(async () => {
      await page.goto("/web/settings");
      const used = row(page, "nightly export").locator('[data-label="Last used"]');
      assert.doesNotMatch(await used.innerText(), /never/);
    });

    await confirm(row(page, "nightly export"), "Revoke", /nightly export.*cannot be undone/s);
    await page.waitForURL("**done=personal_token_revoked");
    assert.equal(await row(page, "nightly export").count(), 0);
    assert.equal((await request(url, { headers })).status, 401);
    await page.goto("/web/audit");
    await row(page, "personal token revoked").getByText("nightly export").waitFor();
  });
}
