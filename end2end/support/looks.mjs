// What can be judged of a page by looking: accessibility, width, and a picture for people to judge the rest.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { RESULTS } from "./stage.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const THEMES = ["light", "dark"];
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
/** The narrowest screen that pages must fit. */
const NARROWEST = { width: 360, height: 740 };

/** Looks at a loaded page in both themes and at all widths; what is wrong with it, as sentences. */
export async function look(page, name) {
  const faults = [];
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      const place = `${name}, ${theme}, ${viewport.width} px`;
      await settled(page);
      faults.push(...(await accessibility(page)).map((fault) => `${place}: ${fault}`));
      await picture(page, `${name}-${theme}-${size}`);
    }
  }
  await page.setViewportSize(NARROWEST);
  faults.push(...(await overflow(page)).map((fault) => `${name}, ${NARROWEST.width} px: ${fault}`));
  await page.setViewportSize(SIZES.wide);
  return faults;
}

/** Charts follow size and theme a frame later. */
async function settled(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function accessibility(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((rules) => globalThis.axe.run(document, { runOnly: rules }), RULES);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id} at ${node.target.join(" ")}: ${node.failureSummary.replaceAll(/\s+/g, " ")}`),
  );
}

/** What sticks out to the right. */
async function overflow(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > width + 1);
    return [`scrolls sideways: ${wide.slice(0, 5).map((element) => `${element.localName}.${element.className}`).join(", ")}`];
  });
}

async function picture(page, name) {
  const folder = path.join(RESULTS, "pages");
  await mkdir(folder, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

/** Fails with everything that was found. */
export function assertFaultless(faults) {
  assert.ok(faults.length === 0, faults.join("\n"));
}
