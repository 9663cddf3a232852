// What people do in the dashboard, in its own words.

import assert from "node:assert/strict";

import { json } from "./http.mjs";

/** The account that a test begins with. */
export const ADA = { email: "ada@example.com", password: "correct horse battery" };

/** Fills in fields by their labels and presses a button. */
export async function submit(scope, fields, button) {
  for (const [label, value] of Object.entries(fields)) await scope.getByLabel(label, { exact: false }).first().fill(value);
  await scope.getByRole("button", { name: button, exact: true }).click();
}

/** Creates the first account; ends on the overview. */
export async function setUp(page, { email, password } = ADA) {
  await page.goto("/");
  await page.waitForURL("**/web/setup");
  await submit(page, { "E-mail address": email, Password: password }, "Create the account");
  await page.waitForURL("**/web");
}

/** Signs in; ends wherever the server leads. */
export async function signIn(page, { email, password } = ADA) {
  await page.goto("/web/login");
  await submit(page, { "E-mail address": email, Password: password }, "Sign in");
}

export async function signOut(page) {
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.waitForURL("**/web/login?*");
}

/** Creates a token; its secret and the line to run, as the page shows them. */
export async function createToken(page, name) {
  await page.goto("/web/tokens");
  const form = await opened(page, "Create a token");
  await submit(form, { Name: name }, "Create the token");
  return revealed(page);
}

/** The secret and the line that the page shows once. */
export async function revealed(page) {
  const shown = page.getByRole("region", { name: "Your token, shown this once" });
  const codes = await shown.locator(".command code").allTextContents();
  const [secret, line] = codes.map((text) => text.trim());
  assert.match(secret, /^sbt_[A-Za-z0-9_-]{20,}$/);
  assert.ok(line.startsWith("telephone http 3000 ") && line.includes(secret), line);
  return { secret, line };
}

/** A disclosure by its heading, opened. */
export async function opened(page, heading) {
  const disclosure = page.locator("details", { has: page.getByRole("heading", { name: heading, exact: true }) });
  if (!(await disclosure.evaluate((element) => element.open))) await disclosure.locator("> summary").click();
  return disclosure;
}

/** Presses a button that asks first, reads the question, and agrees. */
export async function confirm(scope, verb, question) {
  const box = scope.locator("details.confirm", { has: scope.page().locator("summary", { hasText: verb }) }).first();
  await box.locator("summary").click();
  assert.match(await box.locator(".confirm-body p").innerText(), question);
  await box.getByRole("button", { name: verb, exact: true }).click();
}

/** The row of a table that names something. */
export function row(page, name) {
  return page.getByRole("row").filter({ hasText: name });
}

/** An API client with somebody's rights. */
export async function api(origin, { email, password } = ADA) {
  const login = await json(`${origin}/api/v1/auth/login`, { method: "POST", body: { email, password } });
  return (method, path, body) => json(`${origin}/api/v1${path}`, { method, body, token: login.access_token });
}

/** The requests that a chart of the page has drawn so far, by class, from the chart itself. */
export function drawnRequests(page) {
  return page.evaluate(() => {
    const chart = globalThis.echarts?.getInstanceByDom(document.querySelector(".chart-canvas"));
    const sum = (series) => (series.data ?? []).reduce((total, point) => total + (point?.[1] ?? point?.value?.[1] ?? 0), 0);
    return Object.fromEntries((chart?.getOption()?.series ?? []).map((series) => [series.name, sum(series)]));
  });
}

/** Waits until the chart of the page has drawn that many requests of a class. */
export async function waitForDrawn(page, name, count, timeout) {
  await page.waitForFunction(
    ([name, count]) => {
      const chart = globalThis.echarts?.getInstanceByDom(document.querySelector(".chart-canvas"));
      const series = (chart?.getOption()?.series ?? []).find((series) => series.name === name);
      const value = (point) => point?.[1] ?? point?.value?.[1] ?? 0;
      // Not drawn at all is not the same as nothing to draw.
      if (!series?.data?.length) return false;
      return series.data.reduce((total, point) => total + value(point), 0) >= count;
    },
    [name, count],
    { timeout, polling: 50 },
  );
}
