// Everything can be reached and done without a mouse.

import assert from "node:assert/strict";

import { ADA, setUp } from "../support/dashboard.mjs";
import { scenario } from "../support/stage.mjs";

/** What has the focus, by role and name as good as a test needs it. */
function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText ?? "";
    return `${element.localName} ${name.replaceAll(/\s+/g, " ").trim()}`;
  });
}

/** Presses Tab until something has the focus; fails when it comes round without. */
async function tabTo(page, pattern) {
  const seen = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const name = await focused(page);
    if (pattern.test(name)) return seen;
    seen.push(name);
  }
  assert.fail(`no ${pattern} among ${seen.join(", ")}`);
}

scenario("an account is set up and a token made by keyboard alone", async (stage) => {
  const page = await stage.browser.visitor();
  await page.goto("/web/setup");
  await tabTo(page, /^input E-mail/);
  await page.keyboard.type(ADA.email);
  await tabTo(page, /^input Password/);
  await page.keyboard.type(ADA.password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/web");

  await page.keyboard.press("Tab");
  assert.match(await focused(page), /^a Skip to the content/);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await tabTo(page, /^a Create a token/);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/web/tokens");
  await tabTo(page, /^input Name/);
  await page.keyboard.type("laptop");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/web/tokens?*created=*");
  await tabTo(page, /^button Copy/);
  const shown = await page.evaluate(() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1;
  });
  assert.ok(shown, "the focus can be seen");
});

scenario("the folded menu opens and closes by keyboard", async (stage) => {
  const page = await stage.browser.visitor({ viewport: { width: 390, height: 844 } });
  await setUp(page);
  const link = page.getByRole("link", { name: "Tunnels", exact: true });
  assert.equal(await link.isVisible(), false);
  await tabTo(page, /^button Menu/);
  await page.keyboard.press("Enter");
  await link.waitFor();
  await page.keyboard.press("Escape");
  await link.waitFor({ state: "hidden" });
  assert.match(await focused(page), /^button Menu/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^a Tunnels/);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/web/tunnels");
});

scenario("copy buttons copy and say so", async (stage) => {
  const page = await stage.browser.visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  await setUp(page);
  await page.goto("/web/tunnels");
  await page.getByRole("button", { name: "Copy command" }).click();
  await page.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, `telephone http 3000 --server ${stage.origin}`);
});
