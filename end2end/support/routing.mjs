// Domains, routes and services, made by their forms.

import { setTimeout as pause } from "node:timers/promises";

import { opened, submit } from "./dashboard.mjs";
import { page as document } from "./stage.mjs";

/** How long something may take that happens by itself. */
const PATIENCE_MS = 15_000;

/** A web server for each name, which it answers with; they are healthy. */
export function origins(stage, ...names) {
  return Promise.all(names.map((name) => stage.site({ "index.html": document(name), health: "ok" })));
}

/** Creates a service by its form; the path of its page. */
export async function createService(page, name) {
  await page.goto("/web/services");
  await submit(await opened(page, "Create a service"), { Name: name }, "Create the service");
  await page.waitForURL("**done=service_created");
  return new URL(page.url()).pathname;
}

/** Adds a backend on the page of its service. */
export async function addBackend(page, fields) {
  await submit(await opened(page, "Add a backend"), fields, "Add the backend");
  await page.waitForURL("**done=backend_created");
}

/** Adds a domain that leads to a service, or to what `kind` says. */
export async function addDomain(page, host, fields, kind = "service") {
  await page.goto("/web/domains");
  const form = await opened(page, "Add a domain");
  await form.getByLabel("Kind").selectOption(kind);
  await submit(form, { "Host name": host, ...fields }, "Add the domain");
  await page.waitForURL("**done=domain_created");
}

/** Sends the form for a route; whether it is accepted is for the caller to see. */
export async function addRoute(page, host, mount, fields) {
  await page.goto("/web/routes");
  await submit(await opened(page, "Add a route"), { Domain: host, Mount: mount, ...fields }, "Add the route");
}

/** What the page of a service calls a domain that leads to it, in the addresses of switches. */
export function chosen(page, host) {
  return page
    .locator("form", { has: page.getByLabel(`New tag for ${host}`) })
    .locator('input[name="switch"]')
    .inputValue();
}

/** Waits until a check passes. */
export async function eventually(check) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(50);
    }
  }
}

/** Requests one after the other, several at a time, until it is stopped. */
export class Load {
  #ask;
  #answers = [];
  #failed;
  #isStopped = false;
  #workers;

  constructor(ask, workers) {
    this.#ask = ask;
    this.#workers = Promise.all(Array.from({ length: workers }, () => this.#work()));
    // Told by `until` and `stop`.
    this.#workers.catch((error) => (this.#failed = error));
  }

  async #work() {
    while (!this.#isStopped) this.#answers.push(await this.#ask());
  }

  /** Waits until everything that is asked from now on is answered so; twenty answers in a row have to do. */
  async until(pattern) {
    await eventually(async () => {
      const from = this.#answers.length;
      while (this.#answers.length < from + 20 && !this.#failed) await pause(10);
      if (this.#failed) throw this.#failed;
      const others = this.#answers.slice(from).filter(({ body }) => !pattern.test(body));
      if (others.length > 0) throw new Error(`${others.length} answers are not ${pattern}: ${others[0].body}`);
    });
  }

  /** All answers. */
  async stop() {
    this.#isStopped = true;
    await this.#workers;
    return this.#answers;
  }
}
