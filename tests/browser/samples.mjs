// The console's pages with invented and hostile content, without a console: axe-core, overflow, the strict content policy, and what
// the script does (live parts, keys, questions, theme).
//
//   HINOMI_SAMPLES=/tmp/x cargo test -p web samples && HINOMI_SAMPLES=/tmp/x node samples.mjs [pattern of pages]
//
// With HINOMI_SHOTS=folder it also keeps pictures of the pages.
import { mkdir, readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { axe, need, overflow, withBrowser } from "./browser.mjs";

const samples = need("HINOMI_SAMPLES", "the folder into which the test of crate web wrote its pages");
const bundle = path.join(import.meta.dirname, "..", "..", "crates", "web", "assets");
const only = new RegExp(process.argv[2] ?? ".");
const shots = process.env.HINOMI_SHOTS;
const HOST = "http://console.test";
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8" };
const problems = [];
const check = (right, what) => { if (!right) problems.push(what); };

/** Answers from the files; `change` may rewrite a page that the script fetches, `told` is what /live says once. */
async function answer(context, { change = (html) => html, told = "", when = Promise.resolve(), posts = [] } = {}) {
  let open = 0;
  await context.route(`${HOST}/**`, async (route) => {
    const request = route.request();
    const at = new URL(request.url());
    if (request.method() === "POST") {
      posts.push([at.pathname, request.postData() ?? ""]);
      return route.fulfill({ status: 200, contentType: "text/html", body: "<!doctype html><title>posted</title>" });
    }
    if (at.pathname === "/live") {
      open += 1;
      await when;
      return told && open === 1 ? route.fulfill({ status: 200, contentType: "text/event-stream", body: `retry: 60000\n\n${told}` }) : route.fulfill({ status: 204 });
    }
    const file = at.pathname.startsWith("/ui/") ? path.join(bundle, path.basename(at.pathname)) : path.join(samples, path.basename(at.pathname === "/" ? "today.ja.html" : at.pathname.includes(".") ? at.pathname : `${at.pathname}.en.html`));
    const body = await readFile(file).catch(() => undefined);
    if (!body) return route.fulfill({ status: 404, contentType: "text/html", body: "<!doctype html><title>none</title>" });
    const page = request.resourceType() === "fetch" || request.resourceType() === "xhr" ? change(body.toString()) : body;
    return route.fulfill({ status: 200, contentType: TYPES[path.extname(file)] ?? "text/plain", headers: { "content-security-policy": CSP }, body: page });
  });
}

await withBrowser(async (browser) => {
  const pages = (await readdir(samples)).filter((f) => f.endsWith(".html") && only.test(f)).sort();
  check(pages.length > 0, `no pages in ${samples}`);
  if (shots) await mkdir(shots, { recursive: true });
  let looked = 0;
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      const context = await browser.newContext({ viewport: { width, height: width < 500 ? 780 : 900 }, colorScheme, reducedMotion: "reduce" });
      await answer(context);
      const page = await context.newPage();
      let name = "";
      page.on("console", (m) => { if (/Content.Security.Policy|Refused to/i.test(m.text())) problems.push(`${name}: refused: ${m.text()}`); });
      page.on("pageerror", (e) => problems.push(`${name}: script: ${e.message}`));
      page.on("dialog", (d) => { problems.push(`${name}: a script of the hostile name ran`); void d.dismiss(); });
      for (const file of pages) {
        name = `${file.replace(".html", "")}-${colorScheme}-${width}`;
        await page.goto(`${HOST}/${file}`, { waitUntil: "load" });
        for (const line of await overflow(page)) problems.push(`${name}: sticks out: ${line}`);
        for (const line of await axe(page)) problems.push(`${name}: ${line}`);
        if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
        looked += 1;
      }
      await context.close();
    }
  }
  console.log(`${looked} pages looked at`);

  // A finding that was not there appears by itself; what is typed elsewhere stays.
  {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await answer(context, { told: "event: finding\ndata: 1\n\n", change: (html) => html.replace("<tbody>", '<tbody><tr><td></td><th class="name"><a href="/findings/new">NEW FINDING</a></th></tr>') });
    const page = await context.newPage();
    const began = Date.now();
    await page.goto(`${HOST}/findings.en.html`);
    await page.fill("#search", "typed");
    await page.waitForSelector("text=NEW FINDING", { timeout: 4000 }).catch(() => problems.push("live: the finding did not appear"));
    console.log(`live: on the page ${Date.now() - began} ms after it was opened`);
    check((await page.inputValue("#search")) === "typed", "live: what was typed is gone");
    check((await page.textContent("#said"))?.includes("Findings"), "live: nothing was said");
    await context.close();
  }
  // A part in which something is ticked is left alone.
  {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    let tell;
    await answer(context, { when: new Promise((done) => (tell = done)), told: "event: asset\ndata: 1\n\n", change: (html) => html.replace("<tbody>", "<tbody><tr><td>CHANGED</td></tr>") });
    const page = await context.newPage();
    await page.goto(`${HOST}/assets.en.html`);
    await page.check("input[name=id]");
    tell();
    await page.waitForTimeout(2000);
    check(!(await page.content()).includes("CHANGED") && (await page.isChecked("input[name=id]")), "live: a ticked list was swapped");
    await context.close();
  }
  // Keys, questions, theme, filter.
  {
    const posts = [];
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await answer(context, { posts, change: (html) => html.replace('id="list"', 'id="list" data-filtered="yes"') });
    const page = await context.newPage();
    await page.goto(`${HOST}/settings.en.html`);
    await page.keyboard.press("?");
    check(await page.isVisible("dialog#keys"), "keys: ? opens no list");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    check((await page.evaluate(() => document.activeElement?.id)) === "search", "keys: / does not search");
    await page.evaluate(() => document.activeElement?.blur());
    await page.locator("summary", { hasText: "Tanaka" }).click();
    await page.click(".menu-body button[value=dark]");
    check((await page.getAttribute("html", "data-theme")) === "dark", "theme: did not change");
    await page.waitForTimeout(200);
    check(posts.some(([to, body]) => to === "/settings/theme" && body.includes("theme=dark") && body.includes("csrf=token")), "theme: was not saved");
    await page.keyboard.press("Escape");
    await page.locator(".zone button[value=remove]").first().click();
    check(await page.isVisible("dialog#sure"), "sure: nothing was asked");
    await page.click("dialog#sure [data-no]");
    check(!posts.some(([to]) => to === "/settings/zones"), "sure: it was done without the answer");
    await page.locator(".zone button[value=remove]").first().click();
    await Promise.all([page.waitForNavigation(), page.click("dialog#sure [data-yes]")]);
    check(posts.some(([to, body]) => to === "/settings/zones" && body.includes("act=remove")), "sure: it was not done after the answer");
    await page.goto(`${HOST}/findings.en.html`);
    await page.selectOption("#f-status", "open");
    await page.dispatchEvent("#f-status", "change");
    await page.waitForSelector("#list[data-filtered]", { timeout: 3000 }).catch(() => problems.push("filter: the list did not follow"));
    await page.keyboard.press("g");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("g");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("t")]).catch(() => problems.push("keys: g t leads nowhere"));
    check(new URL(page.url()).pathname === "/", `keys: g t leads to ${page.url()}`);
    await context.close();
  }
  // Without script everything can be read and sent.
  {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    await answer(context);
    const page = await context.newPage();
    await page.goto(`${HOST}/assets.en.html`);
    check(await page.isVisible(".filter .end button"), "without script: the filter has no button");
    check(!(await page.isVisible("button[data-open=keys]")), "without script: a button that does nothing");
    await page.goto(`${HOST}/asset.en.html`);
    await page.locator("summary", { hasText: "Retire" }).click();
    check(await page.isVisible("button[value=retired]"), "without script: retiring cannot be confirmed");
    await context.close();
  }
});
for (const p of problems) console.error(p);
console.log(problems.length === 0 ? "nothing wrong" : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
