// Drops every pack of make_packs.py on crates/proof/page/verify.html in a headless Chromium, opened as a file, and compares what the
// page says with what verify.py said of it (check.py writes that down): verdict, state, entry, place, code, and all that is shown.
//
//   node run.mjs [DIR]          DIR: where make_packs.py has been (default /tmp/hinomi-packs; made where it is missing)
//
// Environment: CHROMIUM, PYTHON (python3), HINOMI_SHOTS (/tmp/verify-shots). Ends with 1 where something differs, 3 where a tool is missing.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { axe, overflow, withBrowser } from "../browser/browser.mjs";

const here = import.meta.dirname, root = path.join(here, "..", "..");
const folder = path.resolve(process.argv[2] ?? "/tmp/hinomi-packs");
const shots = process.env.HINOMI_SHOTS ?? "/tmp/verify-shots";
const python = process.env.PYTHON ?? "python3";
const problems = [];
const wrong = (what) => { problems.push(what); if (problems.length <= 40) console.log(`WRONG ${what}`); };

function run(...command) {
  const done = spawnSync(python, command, { stdio: "inherit" });
  if (done.error) { console.error(`${python} does not run: ${done.error.message}`); process.exit(3); }
  return done.status;
}
if (!existsSync(path.join(folder, "manifest.json")) && run(path.join(here, "make_packs.py"), folder)) process.exit(3);
const verdictsFile = path.join(folder, "verdicts.json");
if (!existsSync(verdictsFile) && run(path.join(here, "check.py"), folder, "--verdicts", verdictsFile)) wrong("check.py: verify.py is not as expected");
const verdicts = JSON.parse(await readFile(verdictsFile, "utf8"));
const manifest = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8"));

const temporary = await mkdtemp(path.join(tmpdir(), "hinomi-verify-"));
const source = await readFile(path.join(root, "crates", "proof", "page", "verify.html"), "utf8");
const names = await readFile(path.join(root, "crates", "proof", "names.tsv"), "utf8");
if (source.split("/*NAMES*/").length !== 2) wrong("the marker for the names must stand in the page once");
const pageFile = path.join(temporary, "検証 verify.html");
await writeFile(pageFile, source.replace("/*NAMES*/", () => names));
const unfinished = path.join(temporary, "unfinished.html");
await writeFile(unfinished, source);
const pageUrl = pathToFileURL(pageFile).href;
await mkdir(shots, { recursive: true });

const cache = new Map();
async function b64(file) {
  if (!cache.has(file)) { if (cache.size > 200) cache.clear(); cache.set(file, (await readFile(path.join(folder, file))).toString("base64")); }
  return cache.get(file);
}
async function sinceText(options) { return options.since ? readFile(path.join(folder, options.since), "utf8") : ""; }

/** A page of its own, watched for requests, refused things and errors. */
async function open(browser, { lang = "ja", init, url = pageUrl, ...options } = {}) {
  const context = await browser.newContext({ locale: lang === "ja" ? "ja-JP" : "en-GB", timezoneId: "Asia/Tokyo", reducedMotion: "reduce", viewport: { width: 1280, height: 900 }, ...options });
  if (init) await context.addInitScript(init);
  const page = await context.newPage();
  page.on("request", (r) => { if (r.url() !== url) wrong(`${lang}: a request: ${r.url()}`); });
  page.on("pageerror", (e) => wrong(`${lang}: script: ${e.message}`));
  page.on("console", (m) => { if (m.type() === "error" || /Content.Security.Policy|Refused to/i.test(m.text())) wrong(`${lang}: console: ${m.text()}`); });
  await page.goto(url);
  await page.evaluate(() => {
    window.bytesOf = (b) => Uint8Array.from(atob(b), (c) => c.charCodeAt(0));
    /** What check.py keeps of a report. */
    window.short = (r) => ({
      verdict: r.verdict, state: r.state, entry: r.problem?.entry ?? "", place: r.problem?.place ?? "", code: r.problem?.code ?? "", missing: r.missing ?? [], since: r.since ?? null,
      earlier: r.earlier?.result ?? null, closed: r.complete ? [r.complete.closed_before, r.complete.closed_after] : null, batches: (r.batches ?? []).map((b) => [b.index, b.table, b.shown, b.count]),
      records: (r.records ?? []).map((x) => [x.seq, x.table, x.hidden]), cosignatures: (r.cosignatures ?? []).map((c) => [c.name, c.time, c.verified]), fingerprint: r.key?.fingerprint ?? null, stamp: r.stamp?.time ?? null,
    });
    window.settle = async () => { const main = document.querySelector("main"); while (!main.dataset.verdict) await new Promise((f) => setTimeout(f, 1)); return { ...main.dataset }; };
    window.dropFile = async (b, name = "pack.zip") => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytesOf(b)], name, { type: "application/zip" }));
      document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
      return settle();
    };
    window.givenOf = (o) => ({ fingerprint: o.fingerprint ? hinomi.plainFingerprint(o.fingerprint) : null, since: o.sinceText ? new hinomi.Checkpoint(hinomi.utf8(o.sinceText)) : null, witnesses: (o.witness ?? []).map((w) => new hinomi.Key(w, 4)) });
    window.judge = async (b, o) => short(await hinomi.verify(bytesOf(b), hinomiNames, givenOf(o)));
  });
  return page;
}

/** Types into the fields and waits until the page has checked again. */
async function give(page, options, again = true) {
  const text = await sinceText(options);
  await page.evaluate(async ({ fingerprint, text, witness, again }) => {
    const set = (id, value) => { const e = document.getElementById(id); if (e.value !== value) { e.value = value; e.dispatchEvent(new Event("input", { bubbles: true })); return true; } return false; };
    const changed = [set("fingerprint", fingerprint), set("earlier", text), set("witness", witness)].some(Boolean);
    if (changed) await new Promise((f) => setTimeout(f, 330));
    if (changed && again) await settle();
  }, { fingerprint: options.fingerprint ?? "", text: text.trimEnd(), witness: (options.witness ?? []).join("\n"), again });
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const sorted = (o) => Object.fromEntries(Object.keys(o).sort().map((k) => [k, o[k]]));
function compare(what, python, page) {
  for (const key of Object.keys(python)) if (!same(python[key], page[key])) { wrong(`${what}: ${key} is ${JSON.stringify(page[key])} on the page, ${JSON.stringify(python[key])} in verify.py`); return; }
}

await withBrowser(async (browser) => {
  const started = Date.now();
  const lap = (what) => console.log(`${((Date.now() - started) / 1000).toFixed(0)} s  ${what}`);

  // --- The page without its names says so.
  {
    const url = pathToFileURL(unfinished).href, page = await open(browser, { url });
    if (!(await page.locator("#broken").isVisible())) wrong("the unfinished page does not say that it is");
    await page.context().close();
  }

  // --- Words: both dictionaries have the same keys and the same places to fill; every code of verify.py has its sentence.
  {
    const page = await open(browser);
    const words = await page.evaluate(() => hinomiWords);
    const holes = (s) => (s.match(/\{\w+\}/g) ?? []).sort().join();
    for (const key of new Set([...Object.keys(words.ja), ...Object.keys(words.en)])) {
      if (!words.ja[key] || !words.en[key]) wrong(`words: ${key} is missing in one language`);
      else if (holes(words.ja[key]) !== holes(words.en[key])) wrong(`words: ${key} has other places to fill: ${holes(words.ja[key])} and ${holes(words.en[key])}`);
    }
    const codes = [...(await readFile(path.join(here, "verify.py"), "utf8")).split("WORDS = {")[1].split("# Of folders only")[0].matchAll(/^ {4}"(\w+)":/gm)].map((m) => m[1]);
    for (const code of codes) if (!words.ja[`why.${code}`]) wrong(`words: no sentence for ${code}`);
    if (codes.length < 60) wrong("words: the codes of verify.py were not found");
    await page.context().close();
    lap(`words: ${Object.keys(words.ja).length} phrases, ${codes.length} codes`);
  }

  // --- Every pack, dropped; compared in all that is shown.
  {
    const page = await open(browser, { init: () => { const real = crypto.subtle.verify.bind(crypto.subtle); window.calls = 0; crypto.subtle.verify = (...a) => { window.calls++; return real(...a); }; } });
    const plain = verdicts.packs.filter((p) => !Object.keys(p.options).length), asked = verdicts.packs.filter((p) => Object.keys(p.options).length);
    for (let i = 0; i < plain.length; i += 25) {
      const part = plain.slice(i, i + 25), data = [];
      for (const p of part) data.push(await b64(p.file));
      const got = await page.evaluate(async (data) => { const out = []; for (const b of data) out.push([await dropFile(b), await judge(b, {})]); return out; }, data);
      part.forEach((p, k) => {
        const [shown, all] = got[k];
        compare(`${p.file} (${p.kind})`, p.verdict, all);
        for (const key of ["verdict", "state", "entry", "place", "code"]) if (shown[key] !== p.verdict[key]) wrong(`${p.file} (${p.kind}): the page shows ${key} ${shown[key]}, not ${p.verdict[key]}`);
      });
    }
    lap(`${plain.length} packs dropped`);
    for (const p of asked) {
      await give(page, p.options, Boolean(await page.evaluate(() => document.querySelector("main").dataset.verdict)));
      const shown = await page.evaluate((b) => dropFile(b), await b64(p.file));
      const all = await page.evaluate(({ b, o }) => judge(b, o), { b: await b64(p.file), o: { ...p.options, sinceText: await sinceText(p.options) } });
      compare(`${p.file} (${p.kind})`, p.verdict, all);
      for (const key of ["verdict", "state", "code"]) if (shown[key] !== p.verdict[key]) wrong(`${p.file} (${p.kind}): the page shows ${key} ${shown[key]}, not ${p.verdict[key]}`);
    }
    lap(`${asked.length} packs with a fingerprint, an earlier checkpoint or witnesses`);
    if (!(await page.evaluate(() => window.calls))) wrong("WebCrypto was not asked");
    // Flips.
    const { file, flips, verdicts: said } = verdicts.flips;
    const got = await page.evaluate(async ({ b, flips }) => {
      const out = [];
      for (const [at, bit] of flips) { const data = bytesOf(b); data[at] ^= bit; out.push(short(await hinomi.verify(data, hinomiNames, {}))); }
      return out;
    }, { b: await b64(file), flips });
    got.forEach((g, i) => { if (g.verdict === "holds") wrong(`flip of byte ${flips[i][0]} is not noticed`); compare(`flip of byte ${flips[i][0]}`, said[i], g); });
    lap(`${flips.length} flips`);
    await page.context().close();
  }

  // --- English: a pack of each kind, dropped.
  {
    const page = await open(browser, { lang: "en" }), seen = new Set();
    for (const p of verdicts.packs) {
      if (seen.has(p.kind) || Object.keys(p.options).length || p.file.startsWith("noise/")) continue;
      seen.add(p.kind);
      const shown = await page.evaluate((b) => dropFile(b), await b64(p.file));
      if (shown.verdict !== p.verdict.verdict || shown.code !== p.verdict.code) wrong(`en: ${p.file}: ${shown.verdict} ${shown.code}`);
      const told = await page.locator("#result").innerText();
      if (told.includes("⟦") || /[ぁ-んァ-ヶ]/.test(await page.locator("#result h2").first().innerText())) wrong(`en: ${p.file}: not in English: ${told.slice(0, 200)}`);
    }
    lap(`${seen.size} kinds in English`);
    await page.context().close();
  }

  // --- Without WebCrypto: the page's own Ed25519 and SHA-2.
  {
    const page = await open(browser, { init: () => Object.defineProperty(Crypto.prototype, "subtle", { get: () => undefined }) });
    if (await page.evaluate(() => crypto.subtle !== undefined)) wrong("crypto.subtle is still there");
    const seen = new Set();
    let n = 0;
    for (const p of verdicts.packs) {
      if (p.file.startsWith("forged/") && seen.has(p.kind)) continue;
      if (p.file.startsWith("noise/") && n % 7) { n++; continue; }
      seen.add(p.kind);
      n++;
      const o = { ...p.options, sinceText: await sinceText(p.options) };
      compare(`without WebCrypto: ${p.file} (${p.kind})`, p.verdict, await page.evaluate(({ b, o }) => judge(b, o), { b: await b64(p.file), o }));
    }
    const shown = await page.evaluate((b) => dropFile(b), await b64("good/plain.zip"));
    if (shown.verdict !== "holds") wrong("without WebCrypto: a good pack does not hold");
    lap(`${n} packs without WebCrypto`);
    await page.context().close();
  }

  // --- Known answers: SHA-2 of every length around a block, Ed25519 against WebCrypto's own signatures, RFC 8032's first vectors.
  {
    const page = await open(browser);
    const bad = await page.evaluate(async () => {
      const bad = [];
      for (let n = 0; n < 300; n++) {
        const data = crypto.getRandomValues(new Uint8Array(n));
        for (const [name, own] of [["SHA-256", hinomi.sha256], ["SHA-384", hinomi.sha384], ["SHA-512", hinomi.sha512]]) if (hinomi.hex(own(data)) !== hinomi.hex(new Uint8Array(await crypto.subtle.digest(name, data)))) bad.push(`${name} of ${n} bytes`);
      }
      for (let i = 0; i < 60; i++) {
        const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]), data = crypto.getRandomValues(new Uint8Array(i * 3));
        const key = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)), signature = new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, data));
        if (!hinomi.ed25519(key, signature, data)) bad.push(`Ed25519 ${i} refused`);
        signature[i] ^= 1 << i % 8;
        if (hinomi.ed25519(key, signature, data)) bad.push(`Ed25519 ${i} taken with a changed signature`);
        // S + L signs the same in a careless implementation (RFC 8032, 5.1.7).
        signature[i] ^= 1 << i % 8;
        let s = 0n;
        for (let k = 63; k >= 32; k--) s = (s << 8n) | BigInt(signature[k]);
        s += (1n << 252n) + 27742317777372353535851937790883648493n;
        for (let k = 32; k < 64; k++) { signature[k] = Number(s & 255n); s >>= 8n; }
        if (hinomi.ed25519(key, signature, data)) bad.push(`Ed25519 ${i} taken with S above L`);
      }
      const un = (h) => Uint8Array.from(h.match(/../g) ?? [], (b) => parseInt(b, 16));
      for (const [key, message, signature] of [
        ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "", "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"],
        ["3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72", "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"],
        ["fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82", "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"],
      ]) if (!hinomi.ed25519(un(key), un(signature), un(message))) bad.push("RFC 8032, 7.1");
      const huge = await hinomi.verify(new Uint8Array(hinomi.PACK + 1), hinomiNames, {});
      if (huge.verdict !== "unreadable" || huge.problem.code !== "too_large") bad.push("a pack of more than 512 MiB");
      return bad;
    });
    bad.forEach(wrong);
    lap("known answers");
    await page.context().close();
  }

  await people(browser, lap);
  await photographs(browser, lap);
});

/** What people do: keyboard, language, fields, an earlier pack, text that would be markup. */
async function people(browser, lap) {
  const page = await open(browser);
  const good = manifest.find((m) => m.good === "consistency" && m.expect.state === "green"), fingerprint = good.options.fingerprint;
  const hit = async (key) => page.evaluate(() => document.activeElement.id || document.activeElement.dataset?.lang || document.activeElement.tagName);
  const reached = [];
  for (let i = 0; i < 7; i++) { await page.keyboard.press("Tab"); reached.push(await hit()); }
  for (const id of ["ja", "en", "pack", "fingerprint", "earlier", "earlier-file", "witness"]) if (!reached.includes(id)) wrong(`keyboard: ${id} is not reached: ${reached}`);
  await page.setInputFiles("#pack", path.join(folder, "good", "consistency.zip"));
  await page.waitForSelector("main[data-verdict=holds]");
  if ((await hit()) !== "verdict") wrong(`the verdict has no focus: ${await hit()}`);
  const heading = () => page.locator("#verdict").innerText();
  const ja = await heading();
  await page.click("[data-lang=en]");
  if ((await heading()) === ja || (await page.locator("html").getAttribute("lang")) !== "en") wrong("the language does not change");
  await page.click("[data-lang=ja]");
  // Half a fingerprint, then a wrong one, then the right one as somebody types it in full-width letters.
  await page.fill("#fingerprint", fingerprint.slice(0, 30));
  await page.waitForTimeout(400);
  if (!(await page.locator("#fingerprint-said").innerText()).match(/\d/) || (await page.locator("#fingerprint").getAttribute("aria-invalid")) !== "true") wrong("half a fingerprint is not told");
  await page.fill("#fingerprint", "0".repeat(64));
  await page.waitForSelector("main[data-code=fingerprint_other]");
  await page.fill("#fingerprint", fingerprint.toLowerCase().replace(/[0-9a-f]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).replaceAll(" ", "\u3000"));
  await page.waitForSelector("main[data-state=amber]");
  if (!(await page.locator("#fingerprint-said").innerText()).startsWith("●")) wrong("the right fingerprint is not told");
  // A checkpoint pasted as mail programs leave it.
  const text = await readFile(path.join(folder, good.options.since), "utf8");
  await page.fill("#earlier", `\n  ${text.replaceAll("\n", "\r\n")}\r\n\r\n`);
  await page.waitForSelector("main[data-state=green]");
  await page.fill("#earlier", "おはようございます");
  await page.waitForSelector("main[data-state=amber]");
  if ((await page.locator("#earlier").getAttribute("aria-invalid")) !== "true") wrong("a checkpoint that is none is not told");
  // An earlier pack gives checkpoint and fingerprint; one that does not hold gives nothing.
  await page.fill("#earlier", "");
  await page.fill("#fingerprint", "");
  await page.setInputFiles("#earlier-file", path.join(folder, "good", "plain.zip"));
  await page.waitForSelector("main[data-state=green]");
  await page.fill("#earlier", "");
  await page.waitForSelector("main[data-state=amber]");
  await page.setInputFiles("#earlier-file", path.join(folder, "forged", "plain", "zip-trailing.zip"));
  await page.waitForFunction(() => document.getElementById("earlier-said").classList.contains("bad"));
  await page.setInputFiles("#earlier-file", path.join(folder, good.options.since));
  await page.waitForSelector("main[data-state=green]");
  // Text of others stays text.
  await page.evaluate((b) => dropFile(b, "<img src=x onerror=alert(1)>.zip"), await b64("good/all.zip"));
  if ((await page.locator("#result img, #result script, #picked img").count()) || !(await page.locator("#result").innerHTML()).includes("&lt;/script&gt;")) wrong("text of others became markup, or is not shown");
  // Everything is in the page, also what the canonical bytes say of times, addresses and unknown names.
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
  const all = await page.locator("#result").innerText();
  for (const said of ["192.168.2.10", "::ffff:192.0.2.33", "2001:db8::1:0:0:1", "3c:52:82:1f:aa:07", "00010203-0405-0607-0809-0a0b0c0d0e0f", "9007199254740992", "2025-11-20T00:00:00.000000000Z", "#9999", "しきい値", "温度が上限をこえました", "overheated", "kiln_temperature", "第2ライン 11月20日の通信", "田中 (監査)"]) if (!all.includes(said)) wrong(`the page does not show ${said}`);
  // A new pack while the old one is being checked: the last one counts.
  const [slow, fast] = [await b64("good/large.zip"), await b64("forged/plain/zip-trailing.zip")];
  const last = await page.evaluate(async ([slow, fast]) => { dropFile(slow); return dropFile(fast); }, [slow, fast]);
  await page.waitForTimeout(500);
  if (last.code !== "zip_trailing" || (await page.locator("main").getAttribute("data-code")) !== "zip_trailing") wrong(`two packs at once: ${JSON.stringify(last)}`);
  // Three hundred records are shown a part at a time.
  await page.evaluate((b) => dropFile(b), slow);
  const at = await page.locator("details.rec").count();
  await page.click("button.more");
  if (at !== 50 || (await page.locator("details.rec").count()) !== 70) wrong(`${at} records at once`);
  lap("what people do");
  await page.context().close();
}

/** Every state, narrow and wide, light and dark, in both languages; axe-core on each. */
async function photographs(browser, lap) {
  const green = manifest.find((m) => m.good === "all" && m.expect.state === "green");
  const views = [
    ["start", null, {}], ["green", "good/all.zip", green.options], ["amber", "good/hidden.zip", {}], ["amber-complete", "good/complete-paths.zip", {}], ["amber-newer", "good/consistency-newer.zip", manifest.find((m) => m.good === "consistency-newer").options],
    ["red", "forged/all/readable-text-changed.zip", {}], ["red-fingerprint", "forged/all/other-key.zip", { fingerprint: green.options.fingerprint }], ["red-zip", "forged/plain/zip-made-anew.zip", {}], ["unreadable", "forged/plain/not-a-zip.zip", {}], ["input", "good/cosigned.zip", { fingerprint: "12AB", witness: ["nonsense"] }],
  ];
  for (const lang of ["ja", "en"]) for (const colorScheme of ["light", "dark"]) for (const width of [390, 1280]) {
    const page = await open(browser, { lang, colorScheme, viewport: { width, height: 900 } });
    for (const [name, file, options] of views) {
      const what = `${name}-${lang}-${colorScheme}-${width}`;
      if (file) await page.evaluate((b) => dropFile(b, "hinomi-2025-11-20-第2ライン.zip"), await b64(file));
      await give(page, options, Boolean(file));
      await page.evaluate(() => scrollTo(0, 0));
      for (const line of await axe(page)) wrong(`${what}: ${line}`);
      for (const line of await overflow(page)) wrong(`${what}: sticks out: ${line}`);
      if ((await page.evaluate(() => document.body.innerText)).includes("⟦")) wrong(`${what}: a phrase is missing`);
      await page.screenshot({ path: path.join(shots, `${what}.png`), fullPage: true });
    }
    if (width === 1280 && colorScheme === "light") {
      await give(page, green.options);
      await page.evaluate((b) => dropFile(b, "hinomi.zip"), await b64("good/all.zip"));
      await page.pdf({ path: path.join(shots, `print-${lang}.pdf`), format: "A4" });
    }
    await page.context().close();
  }
  lap(`photographs in ${shots}`);
}

await rm(temporary, { recursive: true, force: true });
console.log(problems.length ? `${problems.length} wrong` : `all agree: ${verdicts.packs.length} packs`);
process.exit(problems.length ? 1 : 0);
