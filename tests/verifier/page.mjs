// What crates/proof/page/verify.html says of packs: one JSON document a line, in the shape of `verify.py --json` without `why`.
//
//   node page.mjs PACK… [--fingerprint F] [--since FILE] [--witness VKEY]… [--page FILE]
//
// Without --page the source is taken and names.tsv put in; --page takes a finished one (unzip -p pack.zip verify.html > page.html).
// Ends as verify.py does: 0 all hold, 1 one does not (or --since could not be compared), 2 wrong usage, 3 not readable.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { withBrowser } from "../browser/browser.mjs";

const usage = (why) => { console.error(why); process.exit(2); };
let parsed;
try {
  parsed = parseArgs({ allowPositionals: true, options: { fingerprint: { type: "string" }, since: { type: "string" }, witness: { type: "string", multiple: true }, page: { type: "string" } } });
} catch (e) { usage(e.message); }
const { values, positionals } = parsed;
if (!positionals.length) usage("give a pack");

const proof = path.join(import.meta.dirname, "..", "..", "crates", "proof");
const folder = await mkdtemp(path.join(tmpdir(), "hinomi-page-"));
const file = path.join(folder, "verify.html");
const source = await readFile(values.page ?? path.join(proof, "page", "verify.html"), "utf8");
await writeFile(file, source.replace("/*NAMES*/", await readFile(path.join(proof, "names.tsv"), "utf8").then((names) => () => names)));
const since = values.since ? await readFile(values.since, "utf8") : "";
let status = 0;
await withBrowser(async (browser) => {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(file).href);
  for (const pack of positionals) {
    const report = await page.evaluate(async ({ data, fingerprint, since, witness }) => {
      const given = { fingerprint: fingerprint ? hinomi.plainFingerprint(fingerprint) : null, since: null, witnesses: [] };
      try {
        if (fingerprint && !given.fingerprint) throw new Error("--fingerprint");
        if (since) given.since = new hinomi.Checkpoint(hinomi.utf8(since));
        given.witnesses = witness.map((w) => new hinomi.Key(w, 4));
      } catch (e) { return { usage: e.message }; }
      const report = await hinomi.verify(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), hinomiNames, given);
      report.records = report.records?.map(({ seq, table, hidden, erased }) => ({ seq, table, hidden, ...(erased ? { erased } : {}) }));
      return JSON.parse(JSON.stringify(report, (_, v) => (typeof v === "bigint" ? String(v) : v)));
    }, { data: (await readFile(pack)).toString("base64"), fingerprint: values.fingerprint, since, witness: values.witness ?? [] });
    if (report.usage) usage(`not in its form: ${report.usage}`);
    console.log(JSON.stringify({ file: pack, ...report }));
    status = Math.max(status, report.verdict === "unreadable" ? 3 : report.verdict !== "holds" || (since && report.earlier?.result !== "consistent") ? 1 : 0);
  }
});
await rm(folder, { recursive: true, force: true });
process.exit(status);
