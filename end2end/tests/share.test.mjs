// Links that let in without the password: made, opened by somebody who has nothing else, ended.

import assert from "node:assert/strict";

import { api, createToken, row, setUp, submit } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { eventually } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

for (const [scripts, options] of [["on", {}], ["off", { javaScriptEnabled: false }]]) {
  scenario(`with scripts ${scripts}: a share link lets in without the password until it is ended`, async (stage) => {
    const page = await stage.browser.visitor(options);
    await setUp(page);
    const { line } = await createToken(page, "laptop");
    const site = await stage.site();
    const { url } = await stage.telephone(`${line} --subdomain shop`, site.port);
    const { items } = await (await api(stage.origin))("GET", "/tunnels");
    await page.goto(`/web/tunnels/${items[0].id}`);
    await page.getByRole("link", { name: "In front" }).click();
    await page.getByLabel("Who is let in with a password").fill("ada: a quiet evening");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.waitForURL("**done=front_set");
    await eventually(async () => assert.equal((await request(url)).status, 401));

    const links = page.getByRole("region", { name: "Share links" });
    await submit(links, { "For whom": "the client's review" }, "Make a link");
    await page.waitForURL("**done=link_made*");
    const shown = page.getByRole("region", { name: "Your link, shown this once" });
    const link = (await shown.locator(".command code").innerText()).trim();
    assert.ok(link.startsWith(`${url}/?switchboard-share=`), link);
    await row(page, "the client's review").waitFor();
    await page.reload();
    assert.ok(!(await page.content()).includes(link), "the link is shown once");

    // Somebody with a browser that has never been here.
    const visitor = await stage.browser.visitor(options);
    const client = await stage.browser.elsewhere(visitor);
    await eventually(async () => assert.equal((await client.goto(link)).status(), 200));
    await client.getByRole("heading", { name: "Hello from behind the tunnel" }).waitFor();
    assert.doesNotMatch(client.url(), /switchboard-share/, "the secret is not left in the address");
    assert.equal((await client.goto(url)).status(), 200, "the browser is known from now on");

    await row(page, "the client's review").getByRole("button", { name: "End" }).click();
    await page.waitForURL("**done=link_ended");
    const [{ name, value }] = await client.context().cookies(url);
    await eventually(async () => assert.equal((await request(url, { headers: { cookie: `${name}=${value}` } })).status, 401));
    assert.equal((await request(link)).status, 403);
  });
}
