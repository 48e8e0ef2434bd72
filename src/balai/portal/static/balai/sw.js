// The line first; when it is down, a page that says so. Nothing personal is kept.
const SHELF = "balai-1";
const PAGE = "/luring/";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const shelf = await caches.open(SHELF);
    const page = await fetch(PAGE, { credentials: "omit" });
    const links = (await page.clone().text()).matchAll(/(?:href|src)="(\/static\/[^"#]+\.(?:css|svg))["#]/g);
    await shelf.put(PAGE, page);
    await shelf.addAll([...new Set([...links].map((match) => match[1]))]);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) =>
    Promise.all(names.filter((name) => name !== SHELF).map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const asset = new URL(request.url).pathname.startsWith("/static/");
  if (request.mode !== "navigate" && !asset) return;
  event.respondWith(fetch(request).catch(async () =>
    (await caches.match(asset ? request : PAGE)) ?? Response.error()));
});
