// The distribution's Chromium, and pages that fail a test when they complain.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { chromium } from "playwright-core";

/** What a headless Chromium needs where tests run, often as root and without a graphics card. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a page may take to show what is waited for. */
const PATIENCE_MS = 20_000;

/** Has the browser look for these hosts here. */
function resolved(names) {
  const rules = names.flatMap((name) => [`MAP ${name} 127.0.0.1`, `MAP *.${name} 127.0.0.1`]);
  return rules.length ? [`--host-resolver-rules=${rules.join(", ")}`] : [];
}

/** A browser with an empty profile, and everything its pages complained about. */
export class Browser {
  #chromium;
  #origin;
  #complaints = [];
  #expected = [];
  #pages = [];

  /** `names`: hosts that are this machine, with everything below them. */
  static async launch(origin, names = []) {
    const browser = new Browser();
    browser.#origin = origin;
    browser.#chromium = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN, args: [...ARGS, ...resolved(names)] });
    return browser;
  }

  /** A page for one visitor, with cookies of its own. `options` are Playwright's for a context. */
  async visitor(options = {}) {
    const context = await this.#chromium.newContext({
      baseURL: this.#origin,
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    this.#watch(page);
    // With scripts off, Chromium calls every script that it leaves out blocked, and the program that it has loaded for it
    // not used, where the page is there for long enough.
    if (options.javaScriptEnabled === false) {
      this.expect(/^request: csp \S+\.js /, /^console: The resource \S+\.wasm was preloaded using link preload but not used/);
    }
    return page;
  }

  /** Another page of the same visitor, for an address that is not the dashboard's. */
  async elsewhere(page) {
    const other = await page.context().newPage();
    this.#pages.push(other);
    return other;
  }

  /** Complaints that a test provokes on purpose, as patterns. */
  expect(...patterns) {
    this.#expected.push(...patterns);
  }

  #watch(page) {
    this.#pages.push(page);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.#complain(page, `console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.#complain(page, `script: ${error.stack ?? error}`));
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "failed";
      // Leaving a page cuts what it was still loading.
      if (reason !== "net::ERR_ABORTED") this.#complain(page, `request: ${reason} ${request.url()}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol.startsWith("http") && url.origin !== this.#origin) {
        this.#complain(page, `request to another server: ${url}`);
      }
    });
  }

  #complain(page, text) {
    this.#complaints.push(`${text} (on ${page.url()})`);
  }

  /** Fails when a page complained of something that was not expected. */
  assertQuiet() {
    const unexpected = this.#complaints.filter((text) => !this.#expected.some((pattern) => pattern.test(text)));
    assert.ok(unexpected.length === 0, `pages complained:\n${unexpected.join("\n")}`);
  }

  async keepEvidence(folder) {
    await writeFile(path.join(folder, "complaints.txt"), this.#complaints.join("\n"));
    for (const [index, page] of this.#pages.entries()) {
      if (page.isClosed()) continue;
      // A page that hangs must not hide why the test failed.
      await page.screenshot({ path: path.join(folder, `page-${index}.png`), timeout: 5_000 }).catch(() => {});
      const html = await page.content().catch(() => "");
      await writeFile(path.join(folder, `page-${index}.html`), html);
    }
  }

  close() {
    return this.#chromium.close();
  }
}
