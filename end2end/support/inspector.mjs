// What people do in the inspector.

import { api, createToken, setUp } from "./dashboard.mjs";
import { origin } from "./origin.mjs";

/** A tunnel whose requests are kept whole; `{ url, id, path, close }`. */
export async function inspected(stage, page, answers) {
  await setUp(page);
  const { line } = await createToken(page, "laptop");
  const site = await origin(answers);
  const { url } = await stage.telephone(`${line} --subdomain shop`, site.port);
  const call = await api(stage.origin);
  const { items } = await call("GET", "/tunnels");
  const { id } = items.find((tunnel) => tunnel.subdomain === "shop");
  const path = `/web/tunnels/${id}/inspector`;
  await capture(page, path, "bodies");
  return { url, id, path, close: site.close };
}

/** Decides what is kept, with the page's own form. */
export async function capture(page, path, level) {
  await page.goto(path);
  const card = page.locator("details#capture");
  if (!(await card.evaluate((element) => element.open))) await card.locator("> summary").click();
  await card.getByLabel("What is kept").selectOption(level);
  await card.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL("**done=capture_set*");
}

/** The rows of the list. */
export function rows(page) {
  return page.locator("ol.requests > li");
}

/** The row of a request, by a part of its path. */
export function row(page, path) {
  return rows(page).filter({ hasText: path }).first();
}

/** The right side. */
export function exchange(page) {
  return page.locator("#exchange");
}
