// Parts of the page that follow what happens.
//
// A notice carries no content: on `finding`, `asset` or `sensor` the page fetches its own address again and swaps the parts marked
// `data-live="finding asset"` whose words have changed. What a person is typing, has ticked, opened or focused stays: a part with a
// field being edited is left alone until it is not. Bursts are gathered; a hidden page waits until it is seen again.

type Kind = "finding" | "asset" | "sensor";
const KINDS: Kind[] = ["finding", "asset", "sensor"];
/** The first notice is followed at once; those after it at most this often. */
const PAUSE_MS = 1000;
/** Browsers reconnect by themselves; when one gives up for good, try again after this. */
const RETRY_MS = 5000;

const waiting = new Set<Kind>();
let last = 0;
let timer: number | undefined;
let busy = false;

function state(name: "on" | "off" | "lost"): void {
  const line = document.getElementById("stream-state");
  if (!line) return;
  line.textContent = line.dataset[name] ?? "";
  line.dataset["state"] = name;
}

function say(kinds: Set<Kind>): void {
  const said = document.getElementById("said");
  const kind = KINDS.find((k) => kinds.has(k));
  if (said && kind && kind !== "sensor") said.textContent = said.dataset[kind] ?? "";
}

/** Somebody is at work in this part. */
function inUse(part: Element): boolean {
  const active = document.activeElement;
  if (active instanceof HTMLElement && part.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) return true;
  for (const field of part.querySelectorAll<HTMLInputElement>("input:not([type=hidden]), textarea")) {
    if (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue) return true;
  }
  return false;
}

/** Where the focus is inside a part, in words that find it again after the swap. */
function focusIn(part: Element): string | undefined {
  const active = document.activeElement;
  if (!active || !part.contains(active)) return undefined;
  if (active.id) return `#${CSS.escape(active.id)}`;
  const href = active.getAttribute("href");
  return href ? `[href="${CSS.escape(href)}"]` : undefined;
}

function swap(page: Document, kinds: Set<Kind>): boolean {
  let changed = false;
  for (const part of document.querySelectorAll<HTMLElement>("[data-live][id]")) {
    const follows = (part.dataset["live"] ?? "").split(" ");
    if (!follows.some((k) => kinds.has(k as Kind)) || inUse(part)) continue;
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.outerHTML === part.outerHTML) continue;
    const open = [...part.querySelectorAll("details")].map((d) => d.open);
    const before = part.dataset["shown"] ?? part.innerHTML;
    if (before === fresh.innerHTML) continue;
    const focus = focusIn(part);
    const shown = fresh.innerHTML;
    part.replaceChildren(...[...fresh.childNodes].map((n) => document.importNode(n, true)));
    part.querySelectorAll("details").forEach((d, i) => (d.open = open[i] ?? d.open));
    part.dataset["shown"] = shown;
    if (focus) part.querySelector<HTMLElement>(focus)?.focus({ preventScroll: true });
    changed = true;
  }
  return changed;
}

async function refresh(): Promise<void> {
  timer = undefined;
  if (busy || waiting.size === 0 || document.hidden) return;
  busy = true;
  const kinds = new Set(waiting);
  waiting.clear();
  last = Date.now();
  try {
    const answer = await fetch(document.body.dataset["src"] ?? location.href, { credentials: "same-origin", headers: { accept: "text/html" }, redirect: "manual" });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (swap(page, kinds)) say(kinds);
      document.title = page.title || document.title;
    } else if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
    }
  } catch {
    state("lost");
  } finally {
    busy = false;
    if (waiting.size > 0) soon();
  }
}

function soon(): void {
  if (timer !== undefined) return;
  timer = window.setTimeout(() => void refresh(), Math.max(0, last + PAUSE_MS - Date.now()));
}

/** Follows `/live`, where the page allows it. */
export function follow(): void {
  const address = document.body.dataset["stream"];
  if (!address || !("EventSource" in window)) return;
  const connect = (): void => {
    const source = new EventSource(address);
    let before = false;
    source.addEventListener("open", () => {
      state("on");
      // After a break, anything may have happened.
      if (before) {
        for (const k of KINDS) waiting.add(k);
        soon();
      }
      before = true;
    });
    source.addEventListener("error", () => {
      state("lost");
      if (source.readyState === EventSource.CLOSED) {
        window.setTimeout(connect, RETRY_MS);
      }
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, () => {
        waiting.add(kind);
        soon();
      });
    }
    // Told where too much happened to tell it singly, or Hinomi was started anew.
    source.addEventListener("resync", () => {
      for (const k of KINDS) waiting.add(k);
      soon();
    });
    window.addEventListener("pagehide", () => source.close(), { once: true });
  };
  connect();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && waiting.size > 0) soon();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
