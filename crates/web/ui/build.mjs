// Builds the console's script and style into ../assets, which is committed; `--check` builds anew and compares byte for byte.
// Needs `npm ci` in this folder first (Node 18 or newer).
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const assets = path.join(here, "..", "assets");
const check = process.argv.includes("--check");
/** Limit for all script and style of a page, compressed. */
const LIMIT = 150 * 1024;

let esbuild;
try {
  esbuild = await import("esbuild");
} catch {
  console.error("The packages are not there. Run: npm ci --ignore-scripts (in crates/web/ui)");
  process.exit(1);
}

const common = { bundle: true, minify: true, write: false, charset: "utf8", legalComments: "inline", logLevel: "warning", absWorkingDir: here };
const script = await esbuild.build({ ...common, entryPoints: ["console.ts"], format: "iife", target: ["es2021"], platform: "browser" });
const worker = await esbuild.build({ ...common, entryPoints: ["stocktake-worker.ts"], format: "iife", target: ["es2021"], platform: "browser" });
const style = await esbuild.build({ ...common, entryPoints: ["hinomi.css"], target: ["chrome100", "firefox100", "safari15.4"] });
const files = new Map([
  ["console.js", Buffer.from(script.outputFiles[0].contents)],
  ["console.css", Buffer.from(style.outputFiles[0].contents)],
  ["stocktake-worker.js", Buffer.from(worker.outputFiles[0].contents)],
  ["favicon.svg", await readFile(path.join(here, "favicon.svg"))],
]);
const hash = createHash("sha256");
for (const bytes of files.values()) hash.update(bytes);
files.set("version.txt", Buffer.from(hash.digest("hex").slice(0, 16) + "\n"));

let total = 0;
let stale = [];
for (const [name, bytes] of files) {
  const packed = gzipSync(bytes, { level: 9 }).length;
  total += packed;
  console.log(`${name.padEnd(20)} ${String(bytes.length).padStart(7)} bytes ${String(packed).padStart(7)} gzip`);
  const target = path.join(assets, name);
  if (check) {
    const there = await readFile(target).catch(() => Buffer.alloc(0));
    if (!there.equals(bytes)) stale.push(name);
  } else {
    await writeFile(target, bytes);
  }
}
console.log(`in all               ${" ".repeat(13)} ${String(total).padStart(7)} gzip, limit ${LIMIT}`);
if (total > LIMIT) {
  console.error("Too large: see what was added.");
  process.exit(1);
}
if (stale.length > 0) {
  console.error(`Not as built: ${stale.join(", ")}. Run: npm run build (in crates/web/ui) and commit crates/web/assets.`);
  process.exit(1);
}
