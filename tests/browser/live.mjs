// Waits for a finding to appear on an open page by itself.
//
//   HINOMI_URL=… HINOMI_USER=… HINOMI_PASSWORD=… HINOMI_OPENED=/tmp/x/opened node live.mjs
//
// Opens the findings, makes the file HINOMI_OPENED when the page follows what happens, and waits for a finding that was not there.
// Whoever sends the traffic makes HINOMI_OPENED.sent when the last frame is out: from then on the finding has HINOMI_LIMIT_MS
// (2000) to be on the page. HINOMI_EXPECT, where given, is a regular expression that its title must fit.
import { stat, writeFile } from "node:fs/promises";
import { logIn, need, withBrowser } from "./browser.mjs";

const url = need("HINOMI_URL", "the address of a running console");
const user = need("HINOMI_USER", "a login name");
const password = need("HINOMI_PASSWORD", "its password");
const opened = need("HINOMI_OPENED", "the file to make when the page is open");
const limit = Number(process.env.HINOMI_LIMIT_MS ?? 2000);
const expect = process.env.HINOMI_EXPECT ?? "";
/** For the sender to begin and end. */
const PATIENCE_MS = 60_000;

const code = await withBrowser(async (browser) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  await logIn(page, url, user, password);
  await page.goto(new URL("/findings", url).href, { waitUntil: "load" });
  await page.waitForSelector("#stream-state[data-state=on]", { state: "attached", timeout: 10_000 });
  const before = await page.locator("main a[href^='/findings/']").evaluateAll((links) => links.map((a) => a.getAttribute("href")));
  await writeFile(opened, "");

  const seen = page
    .waitForFunction(
      ([old, like]) => {
        const link = [...document.querySelectorAll("main a[href^='/findings/']")].find((a) => !old.includes(a.getAttribute("href")) && new RegExp(like).test(a.textContent));
        return link ? { title: link.textContent, at: Date.now() } : false;
      },
      [before, expect],
      { polling: 25, timeout: PATIENCE_MS + limit },
    )
    .then((handle) => handle.jsonValue())
    .catch(() => undefined);
  const sent = (async () => {
    const until = Date.now() + PATIENCE_MS;
    while (Date.now() < until) {
      const made = await stat(`${opened}.sent`).catch(() => undefined);
      if (made) return made.mtimeMs;
      await new Promise((done) => setTimeout(done, 10));
    }
    return undefined;
  })();

  const at = await sent;
  if (at === undefined) {
    console.error(`nobody made ${opened}.sent within ${PATIENCE_MS / 1000} s`);
    return 1;
  }
  const found = await Promise.race([seen, new Promise((done) => setTimeout(done, Math.max(limit * 4, 8000)))]);
  if (!found) {
    console.error(`no new finding on the page ${Math.max(limit * 4, 8000)} ms after the last frame; the page says: ${(await page.locator("main").innerText()).slice(0, 400)}`);
    return 1;
  }
  const took = Math.max(0, Math.round(found.at - at));
  console.log(`"${found.title.trim()}" was on the page ${took} ms after the last frame`);
  if (took > limit) {
    console.error(`too late: ${took} ms, at most ${limit} ms`);
    return 1;
  }
  return 0;
});
process.exit(code);
