// Two assets are made one by hand, one address is split off again, and both are taken back.
//
//   HINOMI_URL=… HINOMI_USER=admin HINOMI_PASSWORD=… node joins.mjs
import { axe, logIn, need, overflow, withBrowser } from "./browser.mjs";

const url = need("HINOMI_URL", "the address of a running console that has the demo factory's ledger");
const user = need("HINOMI_USER", "a login name");
const password = need("HINOMI_PASSWORD", "its password");
const problems = [];
const check = (right, what) => { if (!right) problems.push(what); };

const code = await withBrowser(async (browser) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "ja-JP", timezoneId: "Asia/Tokyo", viewport: { width: 390, height: 844 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (e) => problems.push(`script: ${e.message}`));
  const go = (to) => page.goto(new URL(to, url).href, { waitUntil: "load" });
  const names = async () => (await (await context.request.get(new URL("/api/v1/assets?per_page=200", url).href)).json()).items;
  const find = async (name) => (await names()).find((a) => a.label === name || a.names?.some?.((n) => n === name || n.name === name) || a.ledger?.name === name);
  const joined = () => page.locator("section[aria-labelledby=h-joins]");
  const send = (button) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), button.click()]);
  const look = async (name) => {
    for (const line of await overflow(page)) problems.push(`${name}: sticks out: ${line}`);
    for (const line of await axe(page)) problems.push(`${name}: ${line}`);
    check(!(await page.content()).includes("⟦"), `${name}: a phrase is missing`);
  };

  await logIn(page, url, user, password);
  const before = (await names()).length;
  const [one, other] = [await find("PC-EIGYO1"), await find("PC-SOUMU1")];
  check(one && other, "the two computers are not in the ledger");
  if (!one || !other) return;
  const addresses = async () => joined().locator("form[action$='/split'] input[name=place]").count();

  await go(`/assets/${one.id}`);
  check((await addresses()) === 0 || (await addresses()) >= 2, "one address alone is offered for a split");
  await joined().locator("details:has(form[action$='/merge']) > summary").click();
  await page.fill("#j-other", "PC-SOUMU1");
  await look("merge");
  await send(joined().locator("form[action$='/merge'] button"));
  check((await names()).length === before - 1, `after the merge there are ${(await names()).length} assets of ${before}`);
  const together = await addresses();
  check(together >= 2, `after the merge ${together} addresses can be split off`);

  // One of its addresses becomes a device of its own.
  await joined().locator("details:has(form[action$='/split']) > summary").click();
  await joined().locator("form[action$='/split'] input[name=place]").last().check();
  await look("split");
  await send(joined().locator("form[action$='/split'] button"));
  check((await names()).length === before, `after the split there are ${(await names()).length} assets of ${before}`);

  // Both are taken back, the newest first.
  for (const left of [before - 1, before]) {
    await go(`/assets/${one.id}`);
    const undo = joined().locator("form[action$='/undo'] button").first();
    if ((await undo.count()) === 0) {
      problems.push(`nothing can be taken back where ${left} assets should be left`);
      return;
    }
    await send(undo);
    await look("undone");
    check((await names()).length === left, `after taking back there are ${(await names()).length} assets, not ${left}`);
  }
  const back = await find("PC-SOUMU1");
  check(back?.id === other.id, "the asset that was merged away did not come back as itself");
});
for (const p of problems) console.error(p);
console.log(problems.length === 0 ? "joined, split and taken back" : `${problems.length} problems`);
process.exit(code ?? (problems.length === 0 ? 0 : 1));
