// What is taken back ends at once, everywhere.

import assert from "node:assert/strict";

import { confirm, createToken, row, setUp } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { scenario } from "../support/stage.mjs";

scenario("a revoked token ends its telephone at once", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { program } = await stage.telephone(line, site.port);

  const watching = await stage.browser.elsewhere(page);
  await watching.goto(`${stage.origin}/web/tunnels`);
  await row(watching, ".localhost").getByText("Online").waitFor();
  await page.goto("/web/tokens");
  await confirm(row(page, "laptop"), "Revoke", /disconnected at once/);
  await program.line(/refused: /);
  const { code } = await program.ended;
  assert.notEqual(code, 0, "a refused token is a failure");
  await row(watching, ".localhost").getByText("Offline").waitFor();
});

scenario("a paused tunnel refuses visitors until it is resumed", async (stage) => {
  const page = await stage.browser.visitor();
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await stage.site();
  const { url } = await stage.telephone(`${line} --subdomain shop`, site.port);
  assert.equal((await request(url)).status, 200);

  await page.goto("/web/tunnels");
  await row(page, url).getByRole("link").first().click();
  await page.getByRole("heading", { name: "shop", level: 1 }).waitFor();
  await confirm(page.locator("main"), "Pause", /refused until you resume/);
  await page.waitForURL("**done=tunnel_paused");
  assert.ok((await request(url)).status >= 400);
  await page.getByRole("button", { name: "Resume" }).click();
  await page.waitForURL("**done=tunnel_resumed");
});
