// Photographs every page of a running console in both languages, both themes, on a phone and on a wide screen, and Today as it
// prints; runs axe-core on each, looks for what sticks out to the right and for what the content policy refused.
//
//   HINOMI_URL=https://127.0.0.1:8443/ HINOMI_USER=admin HINOMI_PASSWORD=… HINOMI_SHOTS=docs/screenshots node shots.mjs
//
// Ends with 1 where axe-core finds something serious or critical, a page overflows, or something was refused; with 3 where a tool is missing.
import { mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { axe, logIn, need, overflow, withBrowser } from "./browser.mjs";

const url = need("HINOMI_URL", "the address of a running console");
const user = need("HINOMI_USER", "a login name");
const password = need("HINOMI_PASSWORD", "its password");
const folder = process.env.HINOMI_SHOTS ?? path.join(import.meta.dirname, "..", "..", "docs", "screenshots");
const WIDTHS = [[390, 844], [1280, 860]];
const problems = [];

await mkdir(folder, { recursive: true });
await withBrowser(async (browser) => {
  const options = { ignoreHTTPSErrors: true, deviceScaleFactor: 1, timezoneId: "Asia/Tokyo", reducedMotion: "reduce" };
  let state;
  for (const lang of ["ja", "en"]) {
    const locale = lang === "ja" ? "ja-JP" : "en-GB";
    // The page before the login goes by the browser's language.
    await photograph(browser, { ...options, locale }, lang, [["login", "/login"]]);
    const context = await browser.newContext({ ...options, locale, storageState: state });
    const page = await context.newPage();
    if (!state) await logIn(page, url, user, password);
    await page.goto(new URL("/settings", url).href, { waitUntil: "load" });
    if ((await page.locator("html").getAttribute("lang")) !== lang) {
      await Promise.all([page.waitForNavigation(), page.click(`#own ~ .card button[name=lang][value=${lang}], .top button[name=lang][value=${lang}]`)]);
    }
    // A round to look at, with its first two devices found.
    await page.goto(new URL("/stocktakes", url).href, { waitUntil: "load" });
    if ((await page.locator('main a[href^="/stocktakes/"]:not([href="/stocktakes/labels"])').count()) === 0) {
      await page.locator("#s-name").evaluate((field) => field.closest("details")?.setAttribute("open", ""));
      await page.fill("#s-name", "年末の棚卸し");
      await page.fill("#s-assignee", "佐藤");
      await Promise.all([page.waitForNavigation(), page.click("main form[action='/stocktakes'] button.main")]);
    }
    // Pages of single things: the first of each list.
    const first = async (list, like) => {
      await page.goto(new URL(list, url).href, { waitUntil: "load" });
      const found = await page.locator(`main a[href^="${like}"]`).evaluateAll((links) => links.map((a) => a.getAttribute("href")));
      return found.find((href) => /^\/(findings|assets|stocktakes)\/[0-9a-f-]{36}$|^\/events\/\d+\/\d+$/.test(href));
    };
    const pages = [["today", "/"], ["findings", "/findings?status=all"], ["assets", "/assets"], ["asset-new", "/assets/new"], ["import", "/assets/import"], ["events", "/events"], ["events-search", "/events?q=dns%20from%3A3d"], ["stocktakes", "/stocktakes"], ["stocktake-labels", "/stocktakes/labels"], ["settings", "/settings"], ["vault", "/vault"], ["vault-checkpoint", "/vault/checkpoint"], ["password", "/password"], ["error", "/no-such-page"]];
    for (const [name, list, like] of [["finding", "/findings?status=all", "/findings/"], ["asset", "/assets?sort=findings&dir=desc", "/assets/"], ["event", "/events", "/events/"], ["stocktake", "/stocktakes", "/stocktakes/"]]) {
      const href = await first(list, like);
      if (href) pages.push([name, href]);
      else console.log(`no ${name} to photograph`);
    }
    const round = pages.find(([name]) => name === "stocktake")?.[1];
    if (round) {
      const entries = await (await context.request.get(new URL(`/api/v1${round}/entries`, url).href)).json();
      pages.push(["stocktake-entry", `${round}/entries/${entries.items[0].id}`]);
    }
    state = await context.storageState();
    await context.close();
    await photograph(browser, { ...options, locale, storageState: state }, lang, pages);
    await printed(browser, { ...options, locale, storageState: state }, lang);
  }
});

async function photograph(browser, options, lang, pages) {
  for (const theme of ["light", "dark"]) {
    for (const [width, height] of WIDTHS) {
      const context = await browser.newContext({ ...options, colorScheme: theme, viewport: { width, height } });
      const page = await context.newPage();
      let name = "";
      page.on("console", (message) => {
        if (/Content.Security.Policy|Refused to/i.test(message.text())) problems.push(`${name}: refused: ${message.text()}`);
      });
      page.on("pageerror", (error) => problems.push(`${name}: script: ${error.message}`));
      for (const [what, address] of pages) {
        name = `${what}-${lang}-${theme}-${width}`;
        const answer = await page.goto(new URL(address, url).href, { waitUntil: "load" });
        if (what !== "error" && answer.status() >= 400) problems.push(`${name}: answered ${answer.status()}`);
        if ((await page.locator("html").getAttribute("lang")) !== lang) problems.push(`${name}: the page is not in ${lang}`);
        if ((await page.content()).includes("⟦")) problems.push(`${name}: a phrase is missing`);
        for (const line of await overflow(page)) problems.push(`${name}: sticks out: ${line}`);
        for (const line of await axe(page)) problems.push(`${name}: ${line}`);
        await page.screenshot({ path: path.join(folder, `${name}.png`) });
      }
      await context.close();
    }
  }
}

async function printed(browser, options, lang) {
  const context = await browser.newContext({ ...options, colorScheme: "dark", viewport: { width: 718, height: 1016 } });
  const page = await context.newPage();
  for (const [name, address] of [["today", "/"], ["vault-checkpoint", "/vault/checkpoint"]]) {
    await page.goto(new URL(address, url).href, { waitUntil: "load" });
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    if (ground !== "rgb(255, 255, 255)") problems.push(`${name}-print-${lang}: paper is ${ground}`);
    await page.screenshot({ path: path.join(folder, `${name}-${lang}-print.png`) });
  }
  await context.close();
}

const files = (await readdir(folder)).filter((f) => f.endsWith(".png"));
let bytes = 0;
for (const f of files) bytes += (await stat(path.join(folder, f))).size;
console.log(`${files.length} pictures in ${folder}, ${(bytes / 1e6).toFixed(1)} MB`);
for (const p of problems) console.error(p);
console.log(problems.length === 0 ? "axe-core: nothing serious or critical" : `${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
