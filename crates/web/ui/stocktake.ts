// The stocktake on a phone that may be offline.
//
// Forms marked `data-tick` work without this script. With it, what a person says is first kept in this phone's own database, then
// sent; only the server's answer takes it out again. Each word has an id that was made once, so sending it twice counts once. What
// meets another person's word is kept by the server as a conflict and told here. Pages and their parts are kept by a service worker
// (stocktake-worker.ts), which a browser allows only where it trusts Hinomi's certificate; where it does not, open pages still keep
// what is said on them.

import { CACHE } from "./stocktake-cache";
const DATABASE = "hinomi-stocktake";
/** Longest edge of a photo that is sent. */
const EDGE = 1600;
/** Give up on a request after this and keep the word. */
const PATIENCE_MS = 15_000;
const AGAIN_MS = 20_000;

interface Word {
  id: string;
  stocktake: string;
  entry: string;
  extra: boolean;
  body: Record<string, unknown>;
  photo?: Blob | undefined;
  refused?: string | undefined;
}

let line: HTMLElement | null = null;
let running: Promise<Map<string, Told>> = Promise.resolve(new Map());

function open(): Promise<IDBDatabase> {
  return new Promise((done, fail) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("words", { keyPath: "entry" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
}

async function store<T>(mode: IDBTransactionMode, work: (words: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const base = await open();
  try {
    return await new Promise<T>((done, fail) => {
      const round = base.transaction("words", mode);
      const asked = work(round.objectStore("words"));
      round.oncomplete = () => done(asked.result);
      round.onabort = round.onerror = () => fail(round.error ?? asked.error);
    });
  } finally {
    base.close();
  }
}
const all = (): Promise<Word[]> => store("readonly", (w) => w.getAll() as IDBRequest<Word[]>);
const keep = (word: Word): Promise<unknown> => store("readwrite", (w) => w.put(word));

/** Takes a word out, unless a newer one about the same entry has taken its place meanwhile. */
async function drop(word: Word): Promise<void> {
  const there = await store<Word | undefined>("readonly", (w) => w.get(word.entry) as IDBRequest<Word | undefined>);
  if (there?.id === word.id) await store("readwrite", (w) => w.delete(word.entry));
}

function tell(key: string, more = "", tone = ""): void {
  if (!line) return;
  const words = line.dataset[key] ?? "";
  line.textContent = key === "waiting" ? `${more} ${words}` : words + more;
  line.dataset["state"] = key;
  line.className = `sync ${tone}`;
}

/** Marks what is only on this phone, and says how much that is. */
async function show(): Promise<void> {
  const words = await all().catch(() => [] as Word[]);
  const waiting = new Map(words.map((w) => [w.entry, w]));
  for (const row of document.querySelectorAll<HTMLElement>("[data-entry]")) {
    const mark = row.querySelector(".kept");
    const here = waiting.has(row.dataset["entry"] ?? "");
    if (here && !mark) {
      const tag = document.createElement("span");
      tag.className = "tag blue kept";
      tag.textContent = line?.dataset["mark"] ?? "";
      row.querySelector("[data-result]")?.after(" ", tag);
      row.querySelector<HTMLElement>("td.do form")?.setAttribute("hidden", "");
    } else if (!here && mark) mark.remove();
  }
  const refused = words.find((w) => w.refused);
  if (refused && line) {
    tell("refused", ` ${refused.refused ?? ""}`, "look");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn small";
    button.textContent = line.dataset["drop"] ?? "";
    button.addEventListener("click", () => void drop(refused).then(show));
    line.append(" ", button);
  } else if (words.length > 0) tell("waiting", String(words.length), "look");
  else if (!navigator.onLine) tell("off", "", "look");
  else if (line && !["sent", "conflict", "ready", "preparing"].includes(line.dataset["state"] ?? "")) tell("on");
}

function limited(): AbortSignal {
  const control = new AbortController();
  setTimeout(() => control.abort(), PATIENCE_MS);
  return control.signal;
}

interface Told {
  status: "saved" | "conflict" | "refused" | "offline" | "login";
  why?: string;
  rev?: number;
}

async function send(word: Word): Promise<Told> {
  let csrf: string;
  try {
    const session = await fetch("/api/v1/session", { credentials: "same-origin", signal: limited() });
    if (session.status === 401 || session.status === 403) return { status: "login" };
    if (!session.ok) return { status: "offline" };
    csrf = String(((await session.json()) as Record<string, unknown>)["csrf"] ?? "");
    const to = `/api/v1/stocktakes/${word.stocktake}`;
    if (word.photo) {
      const sent = await fetch(`${to}/photos`, { method: "POST", body: word.photo, credentials: "same-origin", headers: { "x-csrf-token": csrf, "content-type": word.photo.type || "image/jpeg" }, signal: limited() });
      if (sent.status >= 500 || sent.status === 429) return { status: "offline" };
      if (!sent.ok) return { status: "refused", why: await why(sent) };
      word.body["photo"] = String(((await sent.json()) as Record<string, unknown>)["photo"] ?? "");
      word.photo = undefined;
      await keep(word);
    }
    const answer = await fetch(`${to}/ticks`, { method: "POST", body: JSON.stringify(word.body), credentials: "same-origin", headers: { "x-csrf-token": csrf, "content-type": "application/json" }, signal: limited() });
    if (answer.status === 401) return { status: "login" };
    if (answer.status >= 500 || answer.status === 429) return { status: "offline" };
    if (!answer.ok) return { status: "refused", why: await why(answer) };
    const told = (await answer.json()) as Record<string, unknown>;
    return { status: told["outcome"] === "conflict" ? "conflict" : "saved", rev: Number(told["rev"]) };
  } catch {
    return { status: "offline" };
  }
}

async function why(answer: Response): Promise<string> {
  const told = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  const title = document.documentElement.lang === "ja" ? told["title_ja"] : told["title"];
  return String(told["detail"] ?? title ?? answer.status);
}

/** Sends what waits, until something says that it cannot be sent now. One at a time: who comes meanwhile waits for its turn. */
function flush(): Promise<Map<string, Told>> {
  running = running.then(once, once);
  return running;
}

async function once(): Promise<Map<string, Told>> {
  const done = new Map<string, Told>();
  for (const word of (await all()).filter((w) => !w.refused)) {
    const told = await send(word);
    done.set(word.id, told);
    if (told.status === "saved" || told.status === "conflict") await drop(word);
    else if (told.status === "refused") await keep({ ...word, refused: told.why });
    else {
      await show();
      if (told.status === "login") tell("login", "", "look");
      return done;
    }
  }
  await show();
  const states = [...done.values()].map((t) => t.status);
  if (states.includes("conflict")) tell("conflict", "", "look");
  else if (states.includes("saved")) tell("sent", "", "ok");
  return done;
}

/** A photo small enough to send from a shop floor: drawn again, which also leaves behind what the camera wrote into it. */
async function smaller(file: File): Promise<Blob> {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, EDGE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const drawn = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.82));
    return drawn ?? file;
  } catch {
    // The server looks at it again and says what it cannot take.
    return file;
  }
}

async function word(form: HTMLFormElement, by: HTMLButtonElement | null, stocktake: string): Promise<Word> {
  const given = new FormData(form, by);
  const text = (name: string): string => {
    const value = given.get(name);
    return typeof value === "string" ? value.replace(/\r\n/g, "\n") : "";
  };
  const photo = given.get("photo");
  const entry = form.dataset["tick"] ?? "";
  return {
    // The form's own id: sent by the form or from here, it is the same word.
    id: text("tick"),
    stocktake,
    entry,
    extra: "extra" in form.dataset,
    photo: photo instanceof File && photo.size > 0 ? await smaller(photo) : undefined,
    body: {
      id: text("tick"), entry, base: Number(text("rev")) || 0, result: text("result"), label: text("label"), note: text("note"), place_now: text("place_now"),
      console_ports: text("console_ports"), blocked_ports: text("blocked_ports"), unknown_plugs: text("unknown_plugs"), at: new Date().toISOString(),
    },
  };
}

/** A further word from the same page needs an id of its own. */
function renew(form: HTMLFormElement, rev: number | undefined): void {
  const id = form.querySelector<HTMLInputElement>("input[name=tick]");
  if (id) id.value = crypto.randomUUID();
  const base = form.querySelector<HTMLInputElement>("input[name=rev]");
  if (base && rev) base.value = String(rev);
}

function forms(stocktake: string): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-tick]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const by = (event as SubmitEvent).submitter as HTMLButtonElement | null;
      if (form.dataset["busy"]) return;
      form.dataset["busy"] = "yes";
      void (async () => {
        const said = await word(form, by, stocktake);
        try {
          await keep(said);
        } catch {
          tell("full", "", "act");
          return;
        }
        const told = (await flush()).get(said.id);
        if (told?.status === "saved" || told?.status === "conflict") {
          const entry = `/stocktakes/${stocktake}/entries/${said.entry}`;
          const back = form.querySelector<HTMLInputElement>("input[name=back]")?.value ?? entry;
          const to = new URL(told.status === "conflict" ? entry : back, location.href);
          to.searchParams.set("done", told.status === "conflict" ? "tick-conflict" : "ticked");
          location.assign(to);
          return;
        }
        await show();
        if (told?.status !== "refused" && told?.status !== "login") tell("kept", "", "look");
        if (said.extra) form.reset();
        renew(form, told?.rev);
        line?.scrollIntoView({ block: "center" });
      })().finally(() => delete form.dataset["busy"]);
    });
  }
}

/** Puts back what was said on this page and only waits to be sent. */
async function refill(): Promise<void> {
  const words = await all().catch(() => [] as Word[]);
  for (const form of document.querySelectorAll<HTMLFormElement>("form.entry[data-tick]")) {
    const said = words.find((w) => w.entry === form.dataset["tick"]);
    if (!said) continue;
    for (const name of ["note", "place_now", "console_ports", "blocked_ports", "unknown_plugs", "label"]) {
      const field = form.elements.namedItem(name);
      if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = String(said.body[name] ?? "");
    }
    const pick = form.querySelector<HTMLInputElement>(`input[name=result][value="${CSS.escape(String(said.body["result"]))}"]`);
    if (pick) pick.checked = true;
    renew(form, undefined);
  }
}

async function worker(): Promise<boolean> {
  if (!("serviceWorker" in navigator) || !("caches" in window)) return false;
  try {
    await navigator.serviceWorker.register("/ui/stocktake-worker.js", { scope: "/stocktakes" });
    return true;
  } catch {
    return false;
  }
}

/** Keeps every page of this round on the phone. */
async function prepare(stocktake: string, trusted: boolean): Promise<void> {
  if (!trusted) return tell("untrusted", "", "look");
  const cache = await caches.open(CACHE);
  const put = async (at: string, as = at): Promise<boolean> => {
    const answer = await fetch(at, { credentials: "same-origin", redirect: "manual" });
    if (answer.ok) await cache.put(as, answer);
    return answer.ok;
  };
  try {
    for (const part of document.querySelectorAll<HTMLLinkElement | HTMLScriptElement>("link[rel=stylesheet], link[rel=icon], script[src]")) {
      await put("href" in part ? part.href : part.src);
    }
    await put(`/stocktakes/${stocktake}?which=all`, `/stocktakes/${stocktake}`);
    await put("/stocktakes");
    let done = 0;
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const answer = await fetch(`/api/v1/stocktakes/${stocktake}/entries?per_page=200&page=${page}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const part = (await answer.json()) as { items: { id: string; asset: string | null }[]; pages: number; total: number };
      pages = part.pages;
      const left = [...part.items];
      const some = async (): Promise<void> => {
        for (let entry = left.pop(); entry; entry = left.pop()) {
          const at = `/stocktakes/${stocktake}/entries/${entry.id}`;
          await put(at);
          if (entry.asset) await cache.put(`/stocktakes/tag/${entry.asset}`, new Response(at));
          done += 1;
          tell("preparing", ` ${done} / ${part.total}`);
        }
      };
      await Promise.all([some(), some(), some(), some()]);
    }
    tell("ready", "", "ok");
  } catch {
    tell("off", "", "look");
  }
}

/** Where somebody logs out, the pages on this phone go; words that were not sent stay until they are. */
function forget(): void {
  document.querySelector<HTMLFormElement>("form[action='/logout']")?.addEventListener("submit", () => {
    if ("caches" in window) void caches.delete(CACHE);
  });
}

export function stocktake(): void {
  forget();
  const part = document.querySelector<HTMLElement>("[data-stocktake]");
  line = document.getElementById("sync");
  const id = part?.dataset["stocktake"];
  if (!id || !("indexedDB" in window)) return;
  forms(id);
  const trusted = worker();
  document.querySelector("[data-prepare]")?.addEventListener("click", () => void trusted.then((yes) => prepare(id, yes)));
  void refill().then(show).then(() => (navigator.onLine ? flush() : undefined));
  window.addEventListener("online", () => void flush());
  window.addEventListener("offline", () => void show());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void flush();
  });
  window.setInterval(() => void (navigator.onLine && all().then((w) => (w.some((x) => !x.refused) ? flush() : undefined))), AGAIN_MS);
}
