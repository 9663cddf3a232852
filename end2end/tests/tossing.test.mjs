// Pages behind tunnels set cookies for the dashboard to stumble over. What docs/security.md promises of that holds in a
// browser: over https nothing under the session's name gets through, and on another registrable domain nothing at all does.

import assert from "node:assert/strict";
import { request as send } from "node:http";

import { ADA, createToken, signIn } from "../support/dashboard.mjs";
import { origin } from "../support/origin.mjs";
import { scenario } from "../support/stage.mjs";

const BOB = { email: "bob@example.com", password: "a different long one" };
const NAMES = ["switchboard", "__Host-switchboard", "__host-switchboard", "__Secure-switchboard", "__HOST-switchboard"];

/** What a page behind a tunnel sets, in headers: the session's name in every spelling, for every path, with `value`. */
function tossed(value, domain) {
  const scopes = ["/", "/web", "/web/settings", "/api/v1"].flatMap((path) => [
    `; Domain=${domain}; Path=${path}`,
    `; Domain=${domain}; Path=${path}; Secure`,
  ]);
  const spelled = [...NAMES, ` ${NAMES[1]}`, `${NAMES[1]} `, `"${NAMES[1]}"`].map((name) => `${name}=${value}`);
  // A cookie without a name is sent as its value alone, which reads like another one.
  const nameless = NAMES.map((name) => `=${name}=${value}`);
  return [...spelled, ...nameless, NAMES[1]].flatMap((pair) => scopes.map((scope) => pair + scope));
}

/** The same by script, besides. */
function script(value, domain) {
  const lines = JSON.stringify(tossed(value, domain));
  return `<!doctype html><html lang="en"><title>Evil</title><link rel="icon" href="data:,"><h1>Evil</h1>
    <script>for (const line of ${lines}) document.cookie = line; document.title = "done";</script></html>`;
}

/** So many cookies that a browser throws others of the same site out. */
function flood(domain) {
  return Array.from({ length: 400 }, (_, n) => `flood-${n}=x; Domain=${domain}; Path=/`);
}

/** What a session of Bob's is called: somebody who would like others to act as Bob. */
async function bobsCookie(stage, name) {
  const body = new URLSearchParams(BOB).toString();
  const { hostname, port } = new URL(stage.listens);
  const headers = {
    host: new URL(stage.origin).host,
    origin: stage.origin,
    "content-type": "application/x-www-form-urlencoded",
  };
  const cookies = await new Promise((resolve, reject) => {
    const request = send({ host: hostname, port, method: "POST", path: "/web/action/sign_in", headers, agent: false });
    request.once("error", reject);
    request.once("response", (response) => resolve(response.resume().headers["set-cookie"] ?? []));
    request.end(body);
  });
  const cookie = cookies.find((line) => line.startsWith(`${name}=`));
  assert.ok(cookie, `Bob has signed in: ${cookies}`);
  return cookie.slice(name.length + 1).split(";")[0];
}

/** Ada is signed in, and visits a page behind Bob's tunnel that does its worst. */
async function visited(stage, { domain, floods }) {
  const page = await stage.browser.visitor({ ignoreHTTPSErrors: true });
  await stage.addUser(ADA.email, ADA.password, ["--admin"]);
  await stage.addUser(BOB.email, BOB.password);
  await signIn(page);
  await page.waitForURL("**/web");
  const { secret } = await createToken(page, "evil");
  const cookie = stage.origin.startsWith("https:") ? "__Host-switchboard" : "switchboard";
  const { value: own } = (await page.context().cookies(stage.origin)).find((one) => one.name === cookie);
  const session = await bobsCookie(stage, cookie);
  // In parts: an answer's head has a limit.
  const lines = [...tossed(session, domain), ...tossed("evil", domain), ...(floods ? flood(domain) : [])];
  const parts = [];
  for (let at = 0; at < lines.length; at += 10) parts.push(lines.slice(at, at + 10));
  const answers = parts.map((part, n) => [`/part-${n}`, ["text/plain", "more", { "set-cookie": part }]]);
  const home = ["text/html; charset=utf-8", script(session, domain)];
  const site = await origin({ "/": home, ...Object.fromEntries(answers) });
  const line = `telephone http 3000 --server ${stage.listens} --token ${secret} --subdomain evil`;
  const { url } = await stage.telephone(line, site.port);
  const evil = await stage.browser.elsewhere(page);
  await evil.goto(url);
  await evil.waitForFunction(() => document.title === "done");
  const statuses = await evil.evaluate(async (count) => {
    const statuses = new Set();
    for (let part = 0; part < count; part += 1) {
      const answer = await fetch(`/part-${part}`, { credentials: "same-origin" });
      statuses.add(answer.status);
    }
    return [...statuses];
  }, parts.length);
  const set = await page.context().cookies(url);
  assert.ok(set.length > 0, "the page has set something for itself");
  assert.deepEqual(statuses, [200]);
  // What a browser keeps of one site is less than what was set.
  assert.ok(!floods || set.length < lines.length / 2, `${set.length} of ${lines.length} were kept`);
  assert.ok(site.cookies.some((line) => line !== ""), "the tunnel got what it has set itself");
  assert.ok(own !== "" && site.cookies.every((line) => !line.includes(own)), "and nothing of the dashboard's");
  site.close();
  return { page, cookie, session, url };
}

/** Who the dashboard takes the visitor for. */
async function signedInAs(page) {
  await page.goto("/web/settings");
  await page.waitForURL("**/web/settings");
  return page.getByLabel("E-mail address").first().inputValue();
}

async function isStillAda(page) {
  assert.equal(await signedInAs(page), ADA.email);
  // Forms work, too, and so does going out and in.
  await createToken(page, "after");
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL("**/web/login?*");
  await signIn(page);
  await page.waitForURL("**/web");
  assert.equal(await signedInAs(page), ADA.email);
}

const HOST = "board.switchboard.test";
/** Dashboard and tunnels on one registrable domain, and on two. */
const [SIBLINGS, APART] = ["switchboard.test", "elsewhere.test"].map((tunnels) => ({ host: HOST, tunnels }));

scenario("https: no cookie of a sibling takes the session's place", { behind: { https: true, ...SIBLINGS } }, async (stage) => {
  const { page, cookie, session } = await visited(stage, { domain: SIBLINGS.tunnels });
  const sent = await page.context().cookies(stage.origin);
  const own = sent.filter((one) => one.name === cookie);
  assert.equal(own.length, 1, "the browser keeps the prefix's promise");
  assert.notEqual(own[0].value, session);
  assert.ok(sent.some((one) => one.name === "switchboard"), "and others did get here");
  await isStillAda(page);
});

scenario("https: a tunnel elsewhere does nothing to the dashboard", { behind: { https: true, ...APART } }, async (stage) => {
  const { page } = await visited(stage, { domain: APART.tunnels, floods: true });
  const sent = await page.context().cookies(stage.origin);
  assert.deepEqual(sent.map((one) => one.name), ["__Host-switchboard"]);
  await isStillAda(page);
});

scenario("http: a tunnel elsewhere does nothing to the dashboard", { behind: { https: false, ...APART } }, async (stage) => {
  const { page } = await visited(stage, { domain: APART.tunnels, floods: true });
  const sent = await page.context().cookies(stage.origin);
  assert.deepEqual(sent.map((one) => one.name), ["switchboard"]);
  await isStillAda(page);
});
