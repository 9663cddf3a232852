// Every page in both themes and at three widths: axe finds nothing, nothing scrolls sideways, and a picture is kept.

import assert from "node:assert/strict";

import { ADA, createToken, setUp, signIn, submit, waitForDrawn } from "../support/dashboard.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { crowd, furnish, furnishRouting, visit } from "../support/scenery.mjs";
import { addDomain } from "../support/routing.mjs";
import { scenario } from "../support/stage.mjs";

scenario("pages of an empty server look right", async (stage) => {
  stage.browser.expect(/the server responded with a status of 404/);
  const faults = [];
  const page = await stage.browser.visitor();
  await page.goto("/web/setup");
  faults.push(...(await look(page, "setup")));
  await setUp(page);
  await waitForDrawn(page, "2xx", 0);
  faults.push(...(await look(page, "overview-empty")));
  for (const path of ["tunnels", "tokens", "domains", "routes", "services", "cluster", "revisions", "nowhere"]) {
    await page.goto(`/web/${path}`);
    faults.push(...(await look(page, path === "nowhere" ? "not-found" : `${path}-empty`)));
  }

  const visitor = await stage.browser.visitor();
  await visitor.goto("/web/signup");
  faults.push(...(await look(visitor, "signup-closed")));
  await visitor.goto("/web/login");
  faults.push(...(await look(visitor, "login")));
  await submit(visitor, { "E-mail address": ADA.email, Password: "not the right one" }, "Sign in");
  await visitor.getByRole("alert").waitFor();
  faults.push(...(await look(visitor, "login-refused")));
  assertFaultless(faults);
});

scenario("pages of a server in use look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const made = await furnish(stage, page);
  const enough = new AbortController();
  const visitors = visit(made.shop, enough.signal);
  await page.goto("/web");
  await waitForDrawn(page, "2xx", 150);
  faults.push(...(await look(page, "overview")));
  await page.goto("/web?range=1h");
  await waitForDrawn(page, "2xx", 1);
  faults.push(...(await look(page, "overview-hour")));
  await page.goto(`/web/tunnels/${made.online}`);
  await waitForDrawn(page, "2xx", 150);
  faults.push(...(await look(page, "tunnel-online")));
  await page.goto("/web/tunnels");
  await page.waitForFunction(() => document.querySelector(".sparkline polyline")?.points.length > 3);
  faults.push(...(await look(page, "tunnels")));
  enough.abort();
  await visitors;

  for (const state of ["offline", "paused", "deleted"]) {
    await page.goto(`/web/tunnels/${made[state]}`);
    faults.push(...(await look(page, `tunnel-${state}`)));
  }
  await page.goto(`/web/tunnels/${made.offline}?form=settings&error=subdomain_taken&field=subdomain&subdomain=shop`);
  faults.push(...(await look(page, "tunnel-refused")));
  for (const name of ["tokens", "settings"]) {
    await page.goto(`/web/${name}`);
    faults.push(...(await look(page, name)));
  }
  await createToken(page, "another laptop");
  await page.locator("details.confirm summary").first().click();
  faults.push(...(await look(page, "token-created")));
  assertFaultless(faults);
});

scenario("pages of routing look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const made = await furnishRouting(stage, page);
  const service = `/web/services/${made.service}`;
  await stage.addUser("eve@example.com", "another long password");
  // Until the checks have found who is healthy.
  await page.goto(service);
  for (const badge of ["Healthy", "Unhealthy"]) {
    while ((await page.locator(".badge", { hasText: new RegExp(`^${badge}$`) }).count()) === 0) {
      await page.waitForTimeout(500);
      await page.reload();
    }
  }
  for (const [path, name] of [
    ["/web/domains", "domains"],
    [`/web/domains/${made.domain}`, "domain"],
    ["/web/routes", "routes"],
    [`/web/routes/${made.route}`, "route"],
    ["/web/routes?explain=http%3A%2F%2Fshop.example.com%2Fapi%2Fusers%3Fid%3D1", "routes-explained"],
    ["/web/routes?explain=nowhere.example.com", "routes-explained-404"],
    ["/web/routes?form=create&error=mount_overlaps&field=mount&domain=shop.example.com&mount=%2Fapi%2Fv1&target=service", "routes-refused"],
    ["/web/services", "services"],
    [service, "service"],
    [`${service}?form=settings&error=invalid&field=check_path&check_path=health&check=on`, "service-refused"],
    [`${service}/backends/${made.backend}`, "backend"],
    [`${service}?switch=domain:${made.domain}&to=green`, "switch-refused"],
    [`${service}?switch=domain:${made.domain}&to=v1`, "switch"],
    ["/web/cluster", "cluster"],
    ["/web/revisions", "revisions"],
  ]) {
    await page.goto(path);
    faults.push(...(await look(page, name)));
  }

  const member = await stage.browser.visitor();
  await signIn(member, { email: "eve@example.com", password: "another long password" });
  await member.waitForURL("**/web");
  await addDomain(member, "eve.example.org", {}, "none");
  faults.push(...(await look(member, "domain-waiting")));
  await member.goto("/web/domains");
  await member.getByText("What to set for eve.example.org").click();
  faults.push(...(await look(member, "domains-waiting")));
  assertFaultless(faults);
});

scenario("pages of routing with much in them look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  await setUp(page);
  const much = await crowd(stage);
  for (const [path, name] of [
    [`/web/services/${much.service}`, "service-crowded"],
    [`/web/domains/${much.domain}`, "domain-switching"],
    ["/web/domains", "domains-crowded"],
    ["/web/routes", "routes-crowded"],
    [`/web/routes?explain=${much.host}`, "routes-explained-crowded"],
    ["/web/revisions", "revisions-crowded"],
  ]) {
    await page.goto(path);
    faults.push(...(await look(page, name)));
  }
  assertFaultless(faults);
});

scenario("the chosen theme lasts and comes with the first byte", async (stage) => {
  const page = await stage.browser.visitor({ colorScheme: "light" });
  await setUp(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await ground();
  assert.notEqual(dark, light, "the system's choice is followed");
  await page.emulateMedia({ colorScheme: "light" });

  await page.getByRole("button", { name: "Dark", exact: true }).first().click();
  await page.getByRole("button", { name: "Dark", exact: true, pressed: true }).first().waitFor();
  assert.equal(await ground(), dark, "chosen dark is the system's dark");
  const response = await page.goto("/web/tunnels");
  assert.match(await response.text(), /<html[^>]* data-theme="dark"/);
  assert.equal(await ground(), dark);
});
