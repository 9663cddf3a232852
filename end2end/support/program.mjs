// Programs that a test starts: their output can be waited for, and none outlives the test.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** How long a program may take to say what is waited for; generous, because machines that run tests are busy. */
const PATIENCE_MS = 30_000;
/** Lines kept of a program's output. */
const KEPT_LINES = 2_000;

const running = new Set();

// Also when a test breaks down: nothing may be left behind.
process.on("exit", () => {
  for (const program of running) program.kill();
});

/** A child process with its output, line by line. */
export class Program {
  #child;
  #name;
  #waiting = new Set();
  #ended;
  /** What it wrote to both outputs, in order of arrival. */
  lines = [];

  constructor(name, file, args, { cwd, env } = {}) {
    this.#name = name;
    this.#child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#take(`cannot be started: ${error.message}`);
        resolve({ code: null, signal: null });
      });
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
    }).then((end) => {
      running.delete(this);
      for (const waiting of this.#waiting) waiting.ended(end);
      return end;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#read(stream);
  }

  #read(stream) {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) this.#take(line);
    });
    stream.on("end", () => rest && this.#take(rest));
  }

  #take(line) {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    for (const waiting of this.#waiting) waiting.line(line);
  }

  /** Waits for a line and returns its match; with `since`, for one after so many lines. */
  line(pattern, { since = 0 } = {}) {
    for (const line of this.lines.slice(since)) {
      const match = line.match(pattern);
      if (match) return Promise.resolve(match);
    }
    return new Promise((resolve, reject) => {
      const settle = (how, value) => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        how(value);
      };
      const missing = (why) => new Error(`${this.#name} ${why} without saying ${pattern}:\n${this.tail()}`);
      const waiting = {
        line: (line) => {
          const match = line.match(pattern);
          if (match) settle(resolve, match);
        },
        ended: ({ code, signal }) => settle(reject, missing(`ended (${signal ?? code})`)),
      };
      const timer = setTimeout(() => settle(reject, missing(`went on for ${PATIENCE_MS} ms`)), PATIENCE_MS);
      this.#waiting.add(waiting);
    });
  }

  /** The end of its output. */
  tail() {
    return this.lines.slice(-40).join("\n");
  }

  /** How it ended, once it has. */
  get ended() {
    return this.#ended;
  }

  /** Kills it as a power cut would, without a chance to tidy up. */
  kill() {
    this.#child.kill("SIGKILL");
    return this.#ended;
  }

  /** Asks it to stop, and makes it stop when it does not. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#ended;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    const end = await this.#ended;
    clearTimeout(timer);
    return end;
  }
}

/** Runs a program to its end; what it wrote to standard output. */
export async function output(file, args, { input = "", env } = {}) {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${file} ${args[0]} ended with ${code}:\n${err}`);
  return out;
}
