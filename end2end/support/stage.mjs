// What a test plays on: a real switchboard with an empty data folder, telephones, a web server that is not ours, and a
// browser. Everything is put away at the end, and kept as evidence when the test failed.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { Browser } from "./browser.mjs";
import { createDatabase } from "./database.mjs";
import { Program, output } from "./program.mjs";
import { terminator } from "./terminator.mjs";

function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with \`cargo xtask test --only browser\``);
  return value;
}

/** The folder for screenshots and reports. */
export const RESULTS = setting("E2E_RESULTS");
const SWITCHBOARD = setting("SWITCHBOARD_BIN");
const TELEPHONE = setting("TELEPHONE_BIN");

/** Longest time of one test. */
const TEST_MS = 240_000;

/**
 * Declares a test that plays on a stage of its own. `options` are for the switchboard: `{ args: ["--signup", "open"] }`; with
 * `{ behind: { https, host, tunnels } }` it is called `host`, has its tunnels below `tunnels`, and stands behind TLS or not.
 */
export function scenario(name, options, body) {
  if (typeof options === "function") return scenario(name, {}, options);
  return test(name, { timeout: TEST_MS }, async (context) => {
    const stage = await Stage.open(options);
    try {
      await body(stage, context);
      stage.browser.assertQuiet();
    } catch (error) {
      await stage.keepEvidence(name);
      throw error;
    } finally {
      await stage.close();
    }
  });
}

/** See {@link scenario}; scripts that are no tests open and close one by hand. */
export class Stage {
  #folder;
  #args;
  #database;
  #telephones = [];
  #sites = [];
  /** The running switchboard. */
  server;
  /** Its address, for instance `http://localhost:43210`. */
  origin;
  /** Where it listens itself; something else than `origin` where something stands in front of it. */
  listens;
  #front;
  /** The browser of this stage. */
  browser;

  static async open({ args = [], behind } = {}) {
    const stage = new Stage();
    stage.#folder = await mkdtemp(path.join(tmpdir(), "switchboard-end2end-"));
    stage.#args = args;
    try {
      stage.#database = await createDatabase();
      if (behind) await stage.#putBehind(behind);
      await stage.#serve("127.0.0.1:0");
      stage.browser = await Browser.launch(stage.origin, behind && [behind.host, behind.tunnels]);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  get #data() {
    return path.join(this.#folder, "data");
  }

  /** Names the database, where that is not a file among the data. */
  get #env() {
    return this.#database ? { SWITCHBOARD_DATABASE_URL: this.#database.url } : {};
  }

  /** Has the server reached by other names, at a port that is known before it is started. */
  async #putBehind({ https, host, tunnels }) {
    this.#front = await terminator({ https });
    const url = `${https ? "https" : "http"}://${host}:${this.#front.port}`;
    this.#args = [...this.#args, "--public-url", url, "--tunnel-domain", tunnels];
  }

  async #serve(listen) {
    const args = ["--listen", listen, "--metrics-listen", "off", "--data-dir", this.#data, ...this.#args];
    this.server = new Program("switchboard", SWITCHBOARD, args, { cwd: this.#folder, env: this.#env });
    const [, origin] = await this.server.line(/^Switchboard is ready: (https?:\S+)\/web$/);
    this.origin = origin;
    const [, own] = await this.server.line(/ listen=(\S+)/);
    this.listens = `http://${own}`;
    this.#front?.leadTo(new URL(this.listens).port);
  }

  /** Starts a switchboard again after the old one was killed: same address, same data. */
  async restartServer() {
    await this.server.ended;
    await this.#serve(`127.0.0.1:${new URL(this.origin).port}`);
  }

  /** Adds an account with the server's own command; `more` are its flags. */
  async addUser(email, password, more = []) {
    const args = ["user", "add", email, ...more, "--data-dir", this.#data, "--password-stdin"];
    await output(SWITCHBOARD, args, { input: `${password}\n`, env: this.#env });
  }

  /** Python's web server over a folder with these files. */
  async site(files = { "index.html": page("Hello from behind the tunnel") }) {
    const folder = await mkdtemp(path.join(this.#folder, "site-"));
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    const args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder];
    const program = new Program("python3 -m http.server", "python3", args);
    this.#sites.push(program);
    const [, port] = await program.line(/ port (\d+) /);
    return { port, program };
  }

  /** Runs the line that the dashboard shows, with the port of a real web server in place of its example. */
  async telephone(line, port) {
    const [program, ...args] = line.trim().split(/\s+/);
    if (program !== "telephone") throw new Error(`this is no line for a telephone: ${line}`);
    const place = args.indexOf("3000");
    if (place >= 0) args[place] = String(port);
    const telephone = new Program("telephone", TELEPHONE, args, {
      cwd: this.#folder,
      // Not the settings of whoever runs the tests.
      env: { HOME: this.#folder, XDG_CONFIG_HOME: path.join(this.#folder, "config") },
    });
    this.#telephones.push(telephone);
    const [, url] = await telephone.line(/^Public URL\s+(\S+)/);
    await telephone.line(/connected$/);
    return { program: telephone, url: url.replace(/\/$/, "") };
  }

  async keepEvidence(name) {
    const folder = path.join(RESULTS, "failed", name.replace(/[^a-z0-9]+/gi, "-").slice(0, 80));
    await mkdir(folder, { recursive: true });
    const outputs = [this.server, ...this.#telephones, ...this.#sites].filter(Boolean).map((program) => program.tail());
    await writeFile(path.join(folder, "output.txt"), outputs.join("\n\n----\n\n"));
    await this.browser?.keepEvidence(folder);
  }

  async close() {
    await this.browser?.close();
    this.#front?.close();
    await Promise.all(this.#telephones.map((telephone) => telephone.kill()));
    await this.server?.stop();
    await Promise.all(this.#sites.map((site) => site.kill()));
    await this.#database?.drop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A page that asks for nothing else. */
export function page(text) {
  return `<!doctype html><html lang="en"><title>${text}</title><link rel="icon" href="data:,"><h1>${text}</h1></html>`;
}
