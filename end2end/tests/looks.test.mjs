// Every page in both themes and at three widths: axe finds nothing, nothing scrolls sideways, and a picture is kept.

import assert from "node:assert/strict";

import { ADA, api, confirm, createToken, setUp, signIn, signOut, submit, waitForDrawn } from "../support/dashboard.mjs";
import { assertFaultless, look } from "../support/looks.mjs";
import { furnishPeople, handed, scanned, setUpSecondFactor } from "../support/people.mjs";
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
    ["/web/domains?form=create&error=invalid&field=address&domain=app.example.com&target=address&address=nowhere", "domain-refused"],
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

scenario("pages about people look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const { ids } = await furnishPeople(stage, page);
  for (const [path, name] of [
    ["/web/users", "users"],
    ["/web/users?state=deactivated&q=bob", "users-none"],
    ["/web/users?form=invite&error=email_taken&email=bob%40example.com&role=admin", "users-refused"],
    [`/web/users/${ids.bob}`, "user"],
    [`/web/users/${ids.wilhelmina}`, "user-long"],
    [`/web/users/${ids.mallory}`, "user-deactivated"],
    [`/web/users/${ids.ada}?error=last_administrator`, "user-oneself"],
  ]) {
    await page.goto(path);
    faults.push(...(await look(page, name)));
  }
  assertFaultless(faults);
});

scenario("what is asked and shown about somebody looks right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  const { ids } = await furnishPeople(stage, page);
  await page.goto(`/web/users/${ids.bob}`);
  await page.locator("details.confirm summary").first().click();
  faults.push(...(await look(page, "user-asked")));
  await page.getByRole("button", { name: "New password by link", exact: true }).click();
  await handed(page);
  faults.push(...(await look(page, "user-link")));
  assertFaultless(faults);
});

scenario("the security log and the pages of links look right", async (stage) => {
  stage.browser.expect(/the server responded with a status of 410/);
  const faults = [];
  const page = await stage.browser.visitor();
  const { invitation, reset } = await furnishPeople(stage, page);
  for (const [path, name] of [
    ["/web/audit", "audit"],
    ["/web/audit?kind=refresh_reused", "audit-none"],
  ]) {
    await page.goto(path);
    faults.push(...(await look(page, name)));
  }
  const visitor = await stage.browser.visitor();
  for (const [path, name] of [
    [invitation, "invitation"],
    [`${invitation}&error=invalid&field=password`, "invitation-refused"],
    ["/web/invitation?token=none", "invitation-ended"],
    [reset, "reset"],
  ]) {
    await visitor.goto(path);
    faults.push(...(await look(visitor, name)));
  }
  assertFaultless(faults);
});

scenario("pages of one's own settings look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  await furnishPeople(stage, page);
  for (const [path, name] of [
    ["/web/settings", "settings-tokens"],
    ["/web/settings?form=personal_token&error=invalid&field=token_name&read=on", "settings-refused"],
    ["/web/settings/second-factor", "second-factor"],
    ["/web/settings/second-factor?form=confirm&error=invalid&field=code", "second-factor-refused"],
  ]) {
    await page.goto(path);
    faults.push(...(await look(page, name)));
  }
  await page.goto("/web/settings");
  const tokens = page.getByRole("region", { name: "Personal tokens" });
  await tokens.getByText("Create a personal token", { exact: true }).click();
  faults.push(...(await look(page, "settings-token-form")));
  await submit(tokens, { Name: "backups" }, "Create the personal token");
  await page.getByRole("region", { name: "Your personal token, shown this once" }).waitFor();
  faults.push(...(await look(page, "settings-token-created")));
  assertFaultless(faults);
});

scenario("pages of a second factor look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  await setUp(page);
  await stage.addUser("bob@example.com", "a different long one");
  const { app } = await setUpSecondFactor(page, ADA.password);
  faults.push(...(await look(page, "second-factor-codes")));
  await page.goto("/web/settings/second-factor?form=end&error=invalid&field=current_password");
  faults.push(...(await look(page, "second-factor-on")));
  await page.goto("/web/users");
  await confirm(page.locator("main"), "Require", /signed out now/);
  await page.waitForURL("**done=second_factor_required");
  faults.push(...(await look(page, "users-second-factor-required")));
  await signOut(page);
  await signIn(page);
  await page.waitForURL("**/web/login/code");
  faults.push(...(await look(page, "login-code")));
  await submit(page, { Code: "000000" }, "Sign in");
  await page.getByRole("alert").waitFor();
  faults.push(...(await look(page, "login-code-refused")));
  await submit(page, { Code: app.code() }, "Sign in");
  await page.waitForURL("**/web");

  const bob = await stage.browser.visitor();
  await signIn(bob, { email: "bob@example.com", password: "a different long one" });
  await scanned(bob);
  faults.push(...(await look(bob, "login-second-factor")));
  assertFaultless(faults);
});

scenario("pages of tokens and of what stands in front look right", async (stage) => {
  const faults = [];
  const page = await stage.browser.visitor();
  await setUp(page);
  const call = await api(stage.origin);
  const { id } = await call("POST", "/tunnels", { subdomain: "shop", name: "Corner shop" });
  const scope = {
    type: "subdomains",
    subdomains: ["preview", "staging"],
    hosts: ["*.staging.shop.example.com"],
    paths: ["/api/v1", "/checkout"],
    tags: ["green"],
    networks: ["203.0.113.0/24", "2001:db8::/32"],
    max_sessions: 4,
  };
  await call("POST", "/tokens", { name: "deployments from the continuous integration of the shop", scope });
  const rotated = await call("POST", "/tokens", { name: "shop server" });
  await call("POST", `/tokens/${rotated.id}/rotate?overlap_seconds=86400`);
  for (const [query, name] of [
    ["", "tokens-scoped"],
    ["?form=create&error=invalid&field=networks&name=ci&networks=203.0.113.0%2F99", "tokens-refused"],
  ]) {
    await page.goto(`/web/tokens${query}`);
    faults.push(...(await look(page, name)));
  }
  for (const verb of ["Rotate", "Short-lived", "Revoke"]) {
    await page.goto("/web/tokens");
    await page.locator("details.confirm summary", { hasText: verb }).last().click();
    faults.push(...(await look(page, `tokens-${verb.toLowerCase()}`)));
  }

  const front = `/tunnels/${id}/front`;
  await call("PUT", front, {
    allow: ["203.0.113.0/24", "2001:db8::/32"],
    deny: ["203.0.113.7"],
    maintenance: { message: "We are back at noon.", retry_after_seconds: 600 },
    bandwidth: [{ bytes_per_second: 1_000_000, direction: "down", per: "client" }],
    rate_limits: [{ requests: 100, seconds: 60, per: "client" }],
    basic_auth: { realm: "Preview", users: [{ name: "ada", password: "a quiet evening" }] },
    error_pages: { 503: "<h1>Back soon</h1>" },
  });
  await page.goto(`/web${front}`);
  const links = page.getByRole("region", { name: "Share links" });
  await submit(links, { "For whom": "the review by the client's department of long names" }, "Make a link");
  await page.getByRole("region", { name: "Your link, shown this once" }).waitFor();
  faults.push(...(await look(page, "front-link")));
  await page.goto(`/web${front}?form=link&error=share_link_exists&link_name=the%20review`);
  faults.push(...(await look(page, "front-link-refused")));
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
