// Keeps the pages of the stocktake for where there is no network. From the network first, always: a page from the phone's own store
// is shown only where the network does not answer. Nothing else of Hinomi is touched, and answers that are no page are not kept.
/// <reference lib="webworker" />
import { CACHE } from "./stocktake-cache";

const self_ = self as unknown as ServiceWorkerGlobalScope;
const PATIENCE_MS = 5000;

self_.addEventListener("install", () => void self_.skipWaiting());
self_.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name.startsWith("hinomi-stocktake-") && name !== CACHE) await caches.delete(name);
      await self_.clients.claim();
    })(),
  );
});

async function limited(request: Request): Promise<Response> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), PATIENCE_MS);
  try {
    return await fetch(request, { signal: control.signal });
  } finally {
    clearTimeout(timer);
  }
}

async function page(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const answer = await limited(request);
    if (answer.status >= 500) throw new Error("busy");
    // Under its path alone: `?done=…` and filters are not for later. A redirect is no page.
    if (answer.status === 200 && answer.type === "basic" && /\/entries\/[0-9a-f-]+$/.test(path)) await cache.put(path, answer.clone());
    return answer;
  } catch {
    const tag = /^\/stocktakes\/tag\/[0-9a-f-]+$/.test(path) ? await cache.match(path) : undefined;
    if (tag) return Response.redirect(new URL(await tag.text(), self_.location.origin).href, 302);
    const kept = await cache.match(path);
    if (kept) return kept;
    const words = "圏外です。この画面はこの端末にありません。 / Offline: this page is not on this device.";
    return new Response(`<!doctype html><html lang="ja"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>火の見</title><p>${words}</p><p><a href="/stocktakes">棚卸し / Stocktake</a></p>`, {
      status: 503,
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'" },
    });
  }
}

async function part(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // Addresses with a version never change.
  const kept = await cache.match(request.url);
  if (kept) return kept;
  return fetch(request);
}

self_.addEventListener("fetch", (event) => {
  const { request } = event;
  const at = new URL(request.url);
  if (request.method !== "GET" || at.origin !== self_.location.origin) return;
  if (request.mode === "navigate" && (at.pathname === "/stocktakes" || at.pathname.startsWith("/stocktakes/")) && !/\/(export\.|photo$)/.test(at.pathname)) {
    event.respondWith(page(request, at.pathname));
  } else if (at.pathname.startsWith("/ui/") && at.searchParams.has("v")) {
    event.respondWith(part(request));
  }
});
