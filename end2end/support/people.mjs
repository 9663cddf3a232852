// Accounts of other people, and the app on a telephone that shows codes.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { ADA, api, opened, setUp, submit } from "./dashboard.mjs";
import { json } from "./http.mjs";

/** Seconds that a code is shown for (RFC 6238). */
const STEP = 30;

/** An app for one-time passwords, given a seed as the page shows it: base32, in groups. */
export class App {
  #key;
  #last = 0;

  constructor(seed) {
    const letters = seed.replaceAll(/\s+/g, "");
    assert.match(letters, /^[A-Z2-7]{32}$/, "20 bytes in base32");
    const bits = [...letters].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
    this.#key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  }

  /** A code that was not used yet: that of now, or, when that was taken already, the next, which the server lets pass. */
  code() {
    this.#last = Math.max(Math.floor(Date.now() / 1_000 / STEP), this.#last + 1);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(this.#last));
    const digest = createHmac("sha1", this.#key).update(counter).digest();
    const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fff_ffff;
    return String(number % 1_000_000).padStart(6, "0");
  }
}

/** The app that has the seed of the page, which offers it as a picture, too. */
export async function scanned(page) {
  await page.getByRole("img", { name: "QR code with the seed" }).waitFor();
  return new App(await page.locator(".qr ~ .command code").innerText());
}

/** Turns the second factor on; `{ app, codes }`, the codes being those for recovery. */
export async function setUpSecondFactor(page, password) {
  await page.goto("/web/settings");
  await page.getByRole("link", { name: "Set it up" }).click();
  await page.getByRole("heading", { name: "Second factor", level: 1 }).waitFor();
  const app = await scanned(page);
  await submit(page, { "Code that the app shows now": app.code(), "Current password": password }, "Turn it on");
  await page.waitForURL("**done=second_factor_on*");
  return { app, codes: await recoveryCodes(page) };
}

/** The codes that the page shows once. */
export async function recoveryCodes(page) {
  const shown = page.getByRole("region", { name: "Recovery codes, shown this once" });
  const codes = (await shown.locator("code").innerText()).trim().split(/\s+/);
  assert.equal(codes.length, 10);
  return codes;
}

/** Makes an invitation by its form; the link, which the page shows once. */
export async function invite(page, email, role = "member") {
  await page.goto("/web/users");
  const form = await opened(page, "Invite somebody");
  await form.getByLabel("As", { exact: true }).selectOption(role);
  await submit(form, { "E-mail address": email }, "Make the link");
  await page.waitForURL("**done=user_invited*");
  return handed(page);
}

/** The link that the page shows once. */
export async function handed(page) {
  const shown = page.getByRole("region", { name: "The link, shown this once" });
  return (await shown.locator("code").innerText()).trim();
}

/** The longest address that people have. */
const LONG = "wilhelmina.featherstonehaugh-cholmondeley.of.engineering@department-of-long-names.subsidiary.example.com";

/**
 * Adds people to an empty switchboard: administrators and members, some with a lot, some put out, some invited; and what
 * its log of security tells then. Ends signed in as the first of them. The ids of some, and links that work.
 */
export async function furnishPeople(stage, page) {
  await setUp(page);
  const call = await api(stage.origin);
  const password = "a different long one";
  const post = (path, body, token) => json(`${stage.origin}/api/v1${path}`, { method: "POST", body, token });
  const add = async (email, role) => {
    const { link } = await call("POST", "/invitations", { email, role });
    await post("/auth/accept", { token: new URL(link).searchParams.get("token"), password });
  };
  await add("grace.hopper@example.com", "admin");
  for (const email of ["bob@example.com", "carol@example.com", "mallory@example.com", LONG]) await add(email, "member");
  const { items } = await call("GET", "/users");
  const ids = Object.fromEntries(items.map(({ email, id }) => [email.split(/[@.]/)[0], id]));
  const { access_token: bobs } = await post("/auth/login", { email: "bob@example.com", password });
  for (const subdomain of ["shop", "docs", "preview"]) await post("/tunnels", { subdomain }, bobs);
  await post("/services", { name: "billing" }, bobs);
  await post("/tokens", { name: "laptop" }, bobs);
  await call("POST", `/users/${ids.mallory}/deactivate`);
  await call("PATCH", `/users/${ids.carol}`, { role: "admin" });
  await call("PATCH", `/users/${ids.carol}`, { role: "member" });
  await call("POST", "/invitations", { email: `new.${LONG}`, role: "admin", expires_in_hours: 720 });
  const { link: invitation } = await call("POST", "/invitations", { email: "dave@example.com", expires_in_hours: 24 });
  const { link: reset } = await call("POST", `/users/${ids.bob}/reset`);
  for (const email of [ADA.email, ADA.email, "nobody@example.com"]) {
    await assert.rejects(post("/auth/login", { email, password: "not the right one" }), /401/);
  }
  await call("POST", "/me/tokens", { name: "nightly export", scopes: ["read"] });
  await call("POST", "/me/tokens", { name: "deployments from the continuous integration of the shop", scopes: ["tunnels", "admin"], expires_at: null });
  return { ids, invitation, reset };
}
