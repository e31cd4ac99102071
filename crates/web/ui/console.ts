// The console's script. Pages read and post without it; it adds: lists that follow their filter (htmx), parts that follow what
// happens (live.ts), the stocktake's queue (stocktake.ts), keys, the question before what cannot be undone, and the theme without a round trip.
import "htmx.org/dist/htmx.js";
import { follow } from "./live";
import { stocktake } from "./stocktake";

const root = document.documentElement;
root.classList.add("js");

function theme(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-theme-form]")) {
    form.addEventListener("submit", (event) => {
      const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
      if (!button) return;
      event.preventDefault();
      root.dataset["theme"] = button.value;
      for (const other of document.querySelectorAll<HTMLButtonElement>("button[name=theme]")) {
        other.setAttribute("aria-pressed", String(other.value === button.value));
      }
      const body = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
      body.set("theme", button.value);
      void fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" }).catch(() => undefined);
    });
  }
}

/** Asks before a form or button marked `data-sure`. */
function sure(): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog#sure");
  const words = document.querySelector<HTMLElement>("#sure-words");
  if (!dialog || !words) return;
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const by = (event as SubmitEvent).submitter as HTMLButtonElement | null;
    const text = by?.dataset["sure"] ?? form.dataset["sure"];
    if (!text || form.dataset["answered"]) return;
    event.preventDefault();
    words.textContent = text;
    dialog.showModal();
    const yes = dialog.querySelector<HTMLButtonElement>("[data-yes]");
    const no = dialog.querySelector<HTMLButtonElement>("[data-no]");
    no?.focus();
    if (no) no.onclick = () => dialog.close();
    if (yes) yes.onclick = () => {
      dialog.close();
      form.dataset["answered"] = "yes";
      form.requestSubmit(by ?? undefined);
    };
  });
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function keys(): void {
  const dialog = document.querySelector<HTMLDialogElement>("dialog#keys");
  const places: Record<string, string> = { t: "/", f: "/findings", a: "/assets", r: "/events", s: "/settings" };
  let g = 0;
  for (const opener of document.querySelectorAll("[data-open=keys]")) opener.addEventListener("click", () => dialog?.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const now = Date.now();
    if (event.key === "/") {
      const field = document.querySelector<HTMLInputElement>("#f-q") ?? document.querySelector<HTMLInputElement>("#search");
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    } else if (event.key === "?") {
      dialog?.showModal();
    } else if (event.key === "g") {
      g = now;
      return;
    } else if (now - g < 1500) {
      const to = places[event.key];
      // Only where the rail leads: what a reader may not see has no link there.
      const link = to ? document.querySelector<HTMLAnchorElement>(`.rail nav a[href="${to}"]`) : null;
      if (link) {
        event.preventDefault();
        link.click();
      }
    }
    g = 0;
  });
}

/** Menus close on Escape and on a click elsewhere. */
function menus(): void {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open], details.sure[open]")) {
      if (!menu.contains(event.target as Node)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open], details.sure[open]")) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}

/** The box in the heading ticks all boxes of its list. */
function ticks(): void {
  document.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    const name = box.dataset?.["all"];
    if (!name) return;
    for (const each of box.form?.querySelectorAll<HTMLInputElement>(`input[type=checkbox][name="${name}"]`) ?? []) each.checked = box.checked;
  });
}

/** Says how strong a new password is, here on this page only: nothing leaves it before the form is sent. */
function strength(): void {
  const field = document.querySelector<HTMLInputElement>("input[data-strength]");
  const says = field ? document.getElementById(field.dataset["strength"] ?? "") : null;
  if (!field || !says) return;
  field.addEventListener("input", () => {
    const text = field.value;
    const length = [...text].length;
    const sorts = new Set([...text.toLowerCase()]).size;
    const least = Number(field.dataset["least"] ?? 12);
    const runs = /(.)\1{3}|0123|1234|2345|3456|4567|5678|6789|abcd|qwer|pass/i.test(text);
    const level = length === 0 ? "" : length < least ? "short" : sorts < 6 || runs ? "weak" : length < least + 6 ? "fair" : "good";
    says.textContent = level ? (says.dataset[level] ?? "") : "";
    says.dataset["level"] = level;
  });
}

theme();
sure();
keys();
menus();
ticks();
strength();
stocktake();
follow();
