// The address is the state: path, range, filters, sort, page. Nothing that a shared link should show lives elsewhere.

import { at, pathOf } from "./root.js";

/** Parameters that stay when another page is opened. */
export const SHARED = ["range", "start", "end", "compare"];
let follow = () => {};

/**
 * Calls `listener(place)` now and at every change of the address; clicks on links of this page become such changes.
 * On the way back or forward `place.scroll` says how far down the reader was.
 */
export function start(listener) {
  follow = () => listener(read());
  addEventListener("popstate", ({ state }) => listener({ ...read(), scroll: state?.scroll }));
  addEventListener("scroll", rememberScroll, { passive: true });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const target = new URL(link.href);
    if (link.target || link.hasAttribute("download") || target.origin !== location.origin || !isPage(target.pathname)) return;
    if (target.hash && target.pathname === location.pathname && target.search === location.search) return;
    event.preventDefault();
    go(target.pathname + target.search);
  });
  follow();
}

let resting = null;
/** Each place in the history knows how far down the reader was: also those that are left by the buttons of the browser. */
function rememberScroll() {
  const place = location.href;
  clearTimeout(resting);
  resting = setTimeout(() => location.href === place && history.replaceState({ ...history.state, scroll: scrollY }, ""), 150);
}

export const isPage = (pathname) => /^\/($|(routes|vehicles|data|import|boards|sources|identities)(\/|$)|(costs|pipeline|explore|forecasts|models|alerts|notifications|my-notifications|changes|signed-out)$)/.test(pathOf(pathname) ?? "");

export function read() {
  const segments = (pathOf(location.pathname) ?? "/").split("/").filter(Boolean).map(decoded);
  return { page: segments[0] ?? "", arguments: segments.slice(1), parameters: new URLSearchParams(location.search) };
}

/** An address that somebody has typed may hold a lone %. */
function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Opens an address. With `replace`, the back button skips the present one. */
export function go(address, { replace = false } = {}) {
  if (address === location.pathname + location.search) return;
  if (replace) {
    history.replaceState(history.state, "", address);
  } else {
    history.replaceState({ scroll: scrollY }, "");
    history.pushState(null, "", address);
  }
  follow();
}

/** Changes parameters of the present address; null or "" takes one away. */
export function change(changes, options) {
  go(address(location.pathname, { ...Object.fromEntries(new URLSearchParams(location.search)), ...changes }), options);
}

/** The address of a page, with what is shared kept: href("routes", ["Hamburg", "Köln"], {sort: "…"}). */
export function href(page, segments = [], parameters = {}) {
  const present = new URLSearchParams(location.search);
  const shared = Object.fromEntries(SHARED.filter((name) => present.has(name)).map((name) => [name, present.get(name)]));
  return address(at(`/${[page, ...segments].map(encodeURIComponent).join("/")}`), { ...shared, ...parameters });
}

function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString().replaceAll("%2C", ",");
  return text ? `${path}?${text}` : path;
}
