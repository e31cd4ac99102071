// A stocktake of the demo factory on a phone, in Japanese: the ledger comes in from a list, a round is started, a label is opened as
// the camera would, assets are ticked, photographed, ticked where there is no network and sent afterwards, two people disagree, the
// round is closed, and the differences stand in the list and in the files.
//
//   HINOMI_URL=… HINOMI_USER=admin HINOMI_PASSWORD=… HINOMI_LEDGER=factory.assets.csv node stocktake.mjs
//
// With HINOMI_SHOTS=folder it keeps pictures of what the phone shows.
import { deflateSync } from "node:zlib";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { axe, logIn, need, overflow, withBrowser } from "./browser.mjs";

const url = need("HINOMI_URL", "the address of a running console");
const user = need("HINOMI_USER", "a login name");
const password = need("HINOMI_PASSWORD", "its password");
const ledger = need("HINOMI_LEDGER", "the ledger of the demo factory, as make-capture writes it");
const shots = process.env.HINOMI_SHOTS;
const problems = [];
const check = (right, what) => { if (!right) problems.push(what); };

/** A picture as a phone takes it, with a place written into it: a PNG of one colour with text in it. */
function photo() {
  const table = [...Array(256)].map((_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });
  const crc = (b) => { let c = 0xffffffff; for (const x of b) c = table[(c ^ x) & 0xff] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const out = Buffer.alloc(8);
    out.writeUInt32BE(data.length, 0);
    out.writeUInt32BE(crc(body), 4);
    return Buffer.concat([out.subarray(0, 4), body, out.subarray(4)]);
  };
  const side = 2000;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 2], 8);
  const rows = Buffer.alloc((side * 3 + 1) * side, 0x50);
  for (let y = 0; y < side; y++) rows[y * (side * 3 + 1)] = 0;
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("tEXt", Buffer.from("Comment\0GPS 35.681236,139.767125")), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

const code = await withBrowser(async (browser) => {
  const phone = { ignoreHTTPSErrors: true, locale: "ja-JP", timezoneId: "Asia/Tokyo", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2, reducedMotion: "reduce" };
  const context = await browser.newContext(phone);
  const page = await context.newPage();
  page.on("pageerror", (e) => problems.push(`script: ${e.message}`));
  page.on("console", (m) => { if (/Content.Security.Policy|Refused to/i.test(m.text())) problems.push(`refused: ${m.text()}`); });
  if (shots) await mkdir(shots, { recursive: true });
  let n = 0;
  const look = async (name) => {
    for (const line of await overflow(page)) problems.push(`${name}: sticks out: ${line}`);
    for (const line of await axe(page)) problems.push(`${name}: ${line}`);
    check(!(await page.content()).includes("⟦"), `${name}: a phrase is missing`);
    if (shots) await page.screenshot({ path: path.join(shots, `${String(++n).padStart(2, "0")}-${name}.png`), fullPage: true });
  };
  const go = (to) => page.goto(new URL(to, url).href, { waitUntil: "load" });
  const press = (selector) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(selector)]);
  /** Sends by the script, which navigates when the answer is there. */
  const send = async (form) => Promise.all([page.waitForURL(/done=/, { timeout: 30_000 }), form.locator("button").last().click()]);
  const text = (selector = "main") => page.locator(selector).first().innerText();

  await logIn(page, url, user, password);
  check((await page.getAttribute("html", "lang")) === "ja", "the pages are not in Japanese");

  // The ledger, with the columns of somebody's own sheet: one heading nobody could guess.
  const own = (await readFile(ledger, "utf8")).replace(/^\ufeff/, "").replace(/^([^\r\n]*)/, (head) => head.replace(/place|設置場所/, "どこにある？"));
  const bring = async () => {
    await go("/assets/import");
    await page.setInputFiles("#i-file", { name: "台帳.csv", mimeType: "text/csv", buffer: Buffer.from(own) });
    await press("button[value=check] >> nth=0");
  };
  await bring();
  await look("import-columns");
  const row = page.locator("tr", { has: page.locator("label", { hasText: "どこにある？" }) });
  check((await row.locator("select").inputValue()) === "", "a heading that nobody knows was guessed");
  await row.locator("select").selectOption("place");
  await press("form[aria-labelledby=h-columns] button[value=check]");
  check((await text("[aria-labelledby=h-changes]")).includes("場所: － → "), "the preview does not show what would change");
  await look("import-preview");
  await press("form[aria-labelledby=h-columns] button[value=apply]");
  const brought = Number((await text(".counters dd")).replace(/\D/g, ""));
  check(brought > 5, `only ${brought} assets came in`);
  // The same again: the meaning is remembered and nothing changes.
  await bring();
  check((await text()).includes("前回の意味"), "the meaning of the columns was not remembered");
  check((await page.locator("form[aria-labelledby=h-columns] button[value=apply]").count()) === 0, "the same list twice would change something");

  // A round.
  await go("/stocktakes");
  await look("empty");
  if (!(await page.isVisible("#s-name"))) await page.click("summary:has-text('新しい棚卸し')");
  await page.fill("#s-name", "年末の棚卸し");
  await page.fill("#s-assignee", "佐藤");
  await page.fill("#s-due", "2030-12-25");
  await press("main form[action='/stocktakes'] button.main");
  const round = new URL(page.url()).pathname;
  const all = (await page.locator("tr[data-entry]").count());
  check(all === brought, `${brought} assets came in, ${all} are in the round`);
  await look("round");

  // Labels: every code leads to its entry by an address that stays.
  await go(`/stocktakes/labels?stocktake=${round.split("/").pop()}`);
  check((await page.locator(".labels svg").count()) === all, "a label is missing");
  await look("labels");
  if (shots) {
    await page.emulateMedia({ media: "print" });
    await page.screenshot({ path: path.join(shots, "labels-print.png"), fullPage: true });
    await page.emulateMedia({ media: "screen" });
  }
  const list = async () => (await (await context.request.get(new URL(`/api/v1${round}/entries?per_page=500`, url).href)).json()).items;
  const entries = await list();
  const tag = (e) => `/stocktakes/tag/${e.asset}`;
  const [here, moved, away, lost] = entries;

  // Scanned, found.
  await go(tag(here));
  check(new URL(page.url()).pathname === `${round}/entries/${here.id}`, `the label leads to ${page.url()}`);
  await look("entry");
  await page.check("#r-found");
  await send(page.locator("form.entry"));
  check((await text("[data-result]")).includes("あった"), "the tick is not on the page");

  // Moved, with a photo: it is kept without the place where it was taken.
  await go(tag(moved));
  await page.check("#r-moved");
  await page.fill("#e-place", "第2倉庫");
  await page.setInputFiles("#e-photo", { name: "IMG_0001.png", mimeType: "image/png", buffer: photo() });
  await send(page.locator("form.entry"));
  const kept = await context.request.get(new URL(`${round}/entries/${moved.id}/photo`, url).href);
  const bytes = await kept.body();
  check(kept.status() === 200 && /^image\//.test(kept.headers()["content-type"]), `the photo is answered ${kept.status()}`);
  check(!bytes.includes("GPS"), "the photo still says where it was taken");
  check(await page.locator("img.photo").evaluate((i) => i.complete && i.naturalWidth > 0 && i.naturalWidth <= 1600), "the photo is not drawn, or larger than needed");
  await look("photo");

  // Where there is no network: pages are there, words are kept.
  await go(`${round}?which=all`);
  await page.click("[data-prepare]");
  await page.waitForSelector("#sync[data-state=ready]", { timeout: 60_000 }).catch(async () => problems.push(`offline: not ready: ${await text("#sync")}`));
  await page.evaluate(() => navigator.serviceWorker?.ready.then(() => true));
  await look("ready");
  await context.setOffline(true);
  await go(tag(away)).catch((e) => problems.push(`offline: the label leads nowhere: ${e.message.split("\n")[0]}`));
  check(new URL(page.url()).pathname === `${round}/entries/${away.id}`, `offline: the label leads to ${page.url()}`);
  await page.check("#r-changed");
  await page.fill("#e-note", "電源が切れている");
  await page.click("form.entry button.main");
  await page.waitForSelector("#sync[data-state=kept]", { timeout: 30_000 }).catch(async () => problems.push(`offline: not kept: ${await text("#sync").catch(() => "")}`));
  await look("offline-kept");
  await go(tag(lost)).catch((e) => problems.push(`offline: ${e.message.split("\n")[0]}`));
  await page.check("#r-missing");
  await page.fill("#e-note", "棚になかった");
  await page.click("form.entry button.main");
  await page.waitForSelector("#sync[data-state=kept]", { timeout: 30_000 }).catch(() => problems.push("offline: the second word was not kept"));
  // A page that is opened again shows what was said on it.
  await go(tag(away));
  check((await page.inputValue("#e-note")) === "電源が切れている", "offline: what was said is not on the page");

  // Meanwhile somebody in the office says something else of the same thing.
  const office = await browser.newContext({ ...phone, storageState: undefined });
  const desk = await office.newPage();
  const colleague = process.env.HINOMI_SECOND_USER;
  if (colleague) {
    await logIn(desk, url, colleague, need("HINOMI_SECOND_PASSWORD", "the password of the second account"));
    await desk.goto(new URL(`${round}/entries/${lost.id}`, url).href);
    await desk.check("#r-found");
    await Promise.all([desk.waitForURL(/done=/), desk.click("form.entry button.main")]);
  }
  await office.close();

  // Back: both words go out by themselves.
  await context.setOffline(false);
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await page.waitForSelector("#sync:is([data-state=sent],[data-state=conflict])", { timeout: 30_000 }).catch(async () => problems.push(`sync: ${await text("#sync")}`));
  const after = await list();
  const of = (e) => after.find((x) => x.id === e.id);
  check(of(away).result === "changed" && of(away).note === "電源が切れている", `sync: ${JSON.stringify(of(away))}`);
  if (colleague) {
    check(of(lost).result === "found", "the colleague's word was overwritten");
    await go(round);
    check((await text()).includes("食い違っています"), "the disagreement is not told");
    await look("conflict");
    await press(".conflict button[value=yes]");
  }
  const settled = (await list()).find((x) => x.id === lost.id);
  check(settled.result === "missing" && settled.note === "棚になかった", `the word that was kept aside is lost: ${JSON.stringify(settled)}`);
  // Sent once more, as a phone does that lost the answer: nothing changes.
  const again = await page.evaluate(async ([to, word]) => {
    const { csrf } = await (await fetch("/api/v1/session")).json();
    const headers = { "x-csrf-token": csrf, "content-type": "application/json" };
    const post = async () => (await fetch(to, { method: "POST", headers, body: JSON.stringify(word) })).json();
    return [await post(), await post()];
  }, [`/api/v1${round}/ticks`, { id: "0f8fad5b-d9cb-469f-a165-70867728950e", entry: here.id, base: of(here).rev, result: "found", note: "二度送る" }]);
  check(JSON.stringify(again[0]) === JSON.stringify(again[1]) && again[0].outcome === "saved", `a repeat is answered otherwise: ${JSON.stringify(again)}`);
  check((await list()).find((x) => x.id === here.id).rev === of(here).rev + 1, "a repeat counted twice");

  // A thing that the ledger lacks.
  await go(round);
  await page.click("summary:has-text('台帳にない物')");
  await page.fill("#x-label", "名札のない無線ルーター");
  await page.fill("#x-place", "盤の上");
  await send(page.locator("form[data-extra]"));

  // It cannot be closed while something is open; then it is.
  await go(round);
  if (!(await page.isVisible("#c-next"))) await page.click("#close > summary");
  await page.click("#close button.main");
  await press("dialog#sure [data-yes]");
  check((await text()).includes("まだ見ていない機器があります"), "it was closed while something was open");
  if (!(await page.isVisible("#c-next"))) await page.click("#close > summary");
  await page.check("input[name=rest]");
  await page.fill("#c-rest", "休業日のため次回");
  await page.fill("#c-next", "2031-06-30");
  await page.fill("#c-note", "倉庫の片づけを続ける");
  await look("closing");
  await page.click("#close button.main");
  await press("dialog#sure [data-yes]");
  const report = await text();
  for (const words of ["終了", "2031年6月30日", "第2倉庫", "電源が切れている", "棚になかった", "名札のない無線ルーター", "休業日のため次回"]) check(report.includes(words), `the result lacks ${words}`);
  await look("closed");
  if (shots) {
    await page.emulateMedia({ media: "print" });
    await page.screenshot({ path: path.join(shots, "closed-print.png"), fullPage: true });
    await page.emulateMedia({ media: "screen" });
  }
  // The files, and the ledger.
  const csv = await (await context.request.get(new URL(`${round}/export.csv?which=differences`, url).href)).text();
  check(csv.startsWith("\ufeff") && csv.includes("第2倉庫") && csv.trim().split("\r\n").length === all - 1 + 1 + 1, `the differences as CSV have ${csv.trim().split("\r\n").length} lines`);
  const xlsx = await (await context.request.get(new URL(`${round}/export.xlsx`, url).href)).body();
  check(xlsx.subarray(0, 2).toString() === "PK", "the Excel file is none");
  await go(`/assets/${moved.asset}`);
  check((await page.inputValue("#l-place")) === "第2倉庫", "the ledger does not know the new place");
  await go(tag(here));
  check(new URL(page.url()).pathname === `/assets/${here.asset}`, "a label leads nowhere once the round is closed");

  // Without script the same can be read and said.
  const plain = await browser.newContext({ ...phone, javaScriptEnabled: false, storageState: await context.storageState() });
  const still = await plain.newPage();
  await still.goto(new URL("/stocktakes", url).href);
  await still.click("summary:has-text('新しい棚卸し')");
  await still.fill("#s-name", "二回目");
  await Promise.all([still.waitForNavigation(), still.click("main form[action='/stocktakes'] button.main")]);
  await Promise.all([still.waitForNavigation(), still.locator("td.do button").first().click()]);
  check((await still.locator(".flash").innerText()).includes("記録しました"), "without script: the quick tick does not work");
  await still.locator("tr[data-entry] a").first().click();
  await still.check("#r-changed");
  await still.fill("#e-note", "紙がない");
  await still.setInputFiles("#e-photo", { name: "x.png", mimeType: "image/png", buffer: photo() });
  await Promise.all([still.waitForNavigation(), still.click("form.entry button.main")]);
  check((await still.locator("main").innerText()).includes("変わっていた"), "without script: an entry cannot be said");
  const raw = await (await plain.request.get(`${still.url().split("?")[0]}/photo`)).body();
  check(!raw.includes("GPS"), "without script: the photo still says where it was taken");
  await plain.close();
  console.log(`${all} assets, ${after.length} entries, ${n} pictures`);
  return 0;
}, ["--ignore-certificate-errors"]);
for (const p of problems) console.error(p);
console.log(problems.length === 0 ? "the stocktake went as it should" : `${problems.length} problems`);
process.exit(code || (problems.length === 0 ? 0 : 1));
