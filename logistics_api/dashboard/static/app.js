// The shell: navigation, head, range control; opens the page that the address names and notifies it of changes.

import { openIncidents } from "./alerts.js";
import { ApiError, url } from "./api.js";
import * as events from "./events.js";
import { request } from "./figures.js";
import { clock, count, day, dayRange } from "./format.js";
import { h, replace } from "./dom.js";
import { icon } from "./icons.js";
import { DEFAULT, askable, nameOf, problem } from "./ranges.js";
import { at } from "./root.js";
import * as router from "./router.js";
import { canSignIn, may } from "./session.js";
import { isOfAllRows, isPageOfSomeRows, statusOfSomeRows } from "./somerows.js";
import { View } from "./view.js";
import { rangeControl } from "./components/range.js";
import { account, signedOut, signInButtons, withoutRole } from "./components/login.js";
import { message } from "./components/panel.js";

/** Name in the address → words, icon (or, for one that is not in the navigation, the page it is `below`), and the module; a page exports title(view), build(view), ranged (default true) and compared (default false). */
const PAGES = {
  "": { words: "Overview", image: "overview", load: () => import("./pages/overview.js") },
  routes: { words: "Routes", image: "routes", load: () => import("./pages/routes.js"), one: () => import("./pages/route.js") },
  vehicles: { words: "Vehicles", image: "vehicles", load: () => import("./pages/vehicles.js"), one: () => import("./pages/vehicle.js") },
  costs: { words: "Costs", image: "costs", load: () => import("./pages/costs.js") },
  forecasts: { words: "Forecasts", image: "forecasts", load: () => import("./pages/forecasts.js") },
  models: { words: "Models", image: "models", load: () => import("./pages/models.js") },
  explore: { words: "Explore", image: "explore", load: () => import("./pages/explore.js") },
  boards: { words: "Boards", image: "boards", load: () => import("./pages/boards.js"), one: () => import("./pages/board.js") },
  alerts: { words: "Alerts", image: "bell", load: () => import("./pages/alerts.js") },
  notifications: { words: "Notifications", image: "mail", load: () => import("./pages/notifications.js") },
  "my-notifications": { words: "My notifications", below: "notifications", load: () => import("./pages/my-notifications.js") },
  pipeline: { words: "Pipeline", image: "pipeline", load: () => import("./pages/pipeline.js") },
  sources: { words: "Sources", image: "cloud", load: () => import("./pages/sources.js"), one: () => import("./pages/source.js") },
  identities: { words: "External ids", image: "link", load: () => import("./pages/identities.js"), one: () => import("./pages/thing.js") },
  data: { words: "Data", image: "data", load: () => import("./pages/data.js"), one: () => import("./pages/dataset.js") },
  changes: { words: "Changes", below: "pipeline", load: () => import("./pages/changes.js") },
  import: { words: "Import", image: "inbox", load: () => import("./pages/import.js"), one: () => import("./pages/proposal.js") },
};
const STATUS = "/api/system/status";
/** Pages that need no figures, so they open before the first file is there. */
const WITHOUT_DATA = new Set(["pipeline", "data", "import", "explore", "boards", "sources", "forecasts", "models", "identities", "alerts", "notifications", "my-notifications", "changes"]);
/** Pages that show no range of days: what the address says about one is for others. */
const WITHOUT_RANGE = new Set(["pipeline", "data", "import", "sources", "forecasts", "models", "identities", "alerts", "notifications", "my-notifications", "changes"]);

/** Seconds between attempts to replace stale figures; an event of the server does so sooner. */
const STALE_SECONDS = 15;

let status = null; // an event announces a new one
let statusSince = null; // when a stale status was current, in milliseconds
let view = null;
let shown = null;
let opening = 0;

/** How many proposals wait for a decision, beside the page that lists them; hidden while none does. */
const waiting = h("span", { class: "badge warn waiting", hidden: true });
/** The same of incidents that are open. */
const incidents = h("span", { class: "badge bad waiting", hidden: true });
const links = Object.entries(PAGES).filter(([, { below }]) => !below).map(([name, { words, image }]) => {
  const link = h("a", { href: at(`/${name}`) }, icon(image), words);
  link.page = name;
  if (name === "import") link.append(waiting);
  if (name === "alerts") link.append(incidents);
  return link;
});
/** Who changed what, for those who may know. */
const changes = h("a", { href: at("/changes"), hidden: true }, "Changes");
may("audit").then((allowed) => (changes.hidden = !allowed));
const staleNote = h("p", { class: "note warn stale-note", role: "status", hidden: true });
const liveState = h("p", { class: "live", role: "status" });
const range = rangeControl(() => view);
const crumbs = h("p", { class: "crumbs", hidden: true });
const title = h("h1", {});
const subtitle = h("p", { class: "subtitle" });
const body = h("div", {});
const main = h(
  "main",
  { class: "content", id: "main", tabindex: "-1" },
  h("header", { class: "head" }, h("div", {}, crumbs, title, subtitle), range),
  staleNote,
  body,
);

function build() {
  const mark = h("img", { src: document.querySelector('link[rel="icon"]').href, alt: "", width: 30, height: 30 });
  const sidebar = h(
    "header",
    { class: "sidebar" },
    h("a", { class: "brand", href: at("/") }, mark, h("span", {}, "Logistics", h("small", {}, "Analytics Platform"))),
    h("nav", { class: "nav", "aria-label": "Dashboard" }, links),
    h("div", { class: "sidebar-foot" }, h("nav", { "aria-label": "More" }, h("a", { href: at("/docs") }, "API"), h("a", { href: at("/openapi.json") }, "OpenAPI"), changes), account(), liveState, themeChoice()),
  );
  document.querySelector("#app").replaceWith(h("div", { class: "shell" }, sidebar, main));
}

function themeChoice() {
  const choices = { light: ["sun", "Light"], system: ["system", "System setting"], dark: ["moon", "Dark"] };
  const buttons = Object.entries(choices).map(([name, [image, words]]) => {
    const button = h("button", { type: "button", "aria-label": words, title: words, onclick: () => theme.choose(name) }, icon(image));
    button.choice = name;
    return button;
  });
  const update = () => buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.choice === theme.choice())));
  document.addEventListener("themechange", update);
  update();
  return h("div", { class: "theme", role: "group", "aria-label": "Colours" }, buttons);
}

/** Shows what the address says: the open page follows by itself, another one is built. */
async function follow(place) {
  const mine = ++opening;
  if (!router.isPage(location.pathname)) return refuse("Page not found", `There is no page at ${location.pathname}.`, h("a", { class: "button primary", href: at("/") }, "Open the overview"));
  if (place.page === "signed-out") return showSignedOut(place.parameters.get("problem"));
  const wrong = WITHOUT_RANGE.has(place.page) ? null : problem(place.parameters);
  if (wrong) return refuse("Invalid range", wrong, h("a", { class: "button primary", href: defaultRange() }, "Show the default range"));
  if (status === null) load(place).catch(() => {}); // what the page needs comes meanwhile; `open` reports if it does not
  try {
    if (status === null) {
      await readStatus();
      events.start();
    }
  } catch (error) {
    return mine === opening && fail(error);
  }
  if (mine !== opening) return;
  if (status.isOfSomeRows && !isPageOfSomeRows(place)) return refuseAllRows();
  events.know(status.data_version);
  const welcome = status.last_day === null && !WITHOUT_DATA.has(place.page);
  const key = JSON.stringify([welcome, place.page, ...place.arguments]);
  if (view && shown === key) {
    view.moved(place, status);
    return head();
  }
  await open(place, welcome, key, mine);
}

/** The module of the page that the address names. */
async function load({ page, arguments: { length } }) {
  const { one, load: list } = PAGES[page];
  return length && one ? one() : list();
}

async function open(place, welcome, key, mine) {
  const next = new View(place, status, {
    figuresChanged: () => view === next && figuresChanged(),
    reload: () => view === next && reload(),
    foundNothing: () => view === next && findNewestShipments(),
    titleChanged: () => view === next && head(),
    reopen: () => view === next && reopen(),
  });
  const module = await (welcome ? import("./pages/welcome.js") : load(place));
  if (mine !== opening) return;
  const first = view === null;
  view?.end();
  view = next;
  view.module = module;
  shown = key;
  if (place.arguments.length) view.missing = (error) => view === next && fail(error, view.module.title(view));
  replace(body, module.build(view));
  head();
  if (!first) {
    main.focus({ preventScroll: true });
    scrollAsFar(place.scroll ?? 0);
  }
}

/** Builds the open page anew, as far down as it is. */
function reopen() {
  shown = null;
  follow({ ...router.read(), scroll: scrollY });
}

/** Goes that far down, as soon as the page is as long; unless the reader acts meanwhile, and only for a limited time. */
function scrollAsFar(height) {
  const end = new AbortController();
  const growing = new ResizeObserver(() => scrollTo(0, height));
  scrollTo(0, height);
  if (height === 0) return;
  growing.observe(body);
  end.signal.addEventListener("abort", () => growing.disconnect());
  for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(name, () => end.abort(), { signal: end.signal });
  setTimeout(() => end.abort(), 5_000);
  view.atEnd(() => end.abort());
}

/** The head of the page: title, breadcrumb, range. */
function head() {
  const place = router.read();
  const words = view.module.title(view);
  title.textContent = words;
  document.title = `${words} · Logistics Analytics`;
  const page = PAGES[place.page];
  const above = [page.below, place.arguments.length > 0 && place.page].filter(Boolean);
  crumbs.hidden = above.length === 0;
  replace(crumbs, above.map((name, i) => [i > 0 && " / ", h("a", { href: router.href(name) }, PAGES[name].words)]));
  const ranged = view.range !== null && view.module.ranged !== false;
  range.hidden = !ranged;
  range.update();
  subtitle.hidden = !ranged;
  if (ranged) {
    const days = dayRange(view.range.start, view.range.end);
    subtitle.textContent = view.compare && view.module.compared ? `${days}, compared with ${dayRange(view.previous.start, view.previous.end)}` : days;
  }
  for (const link of links) {
    link.href = router.href(link.page);
    if (link.page === (page.below ?? place.page)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Some proxies cut the event stream, so no event announces new figures: then each navigation checks for them. */
async function move(place) {
  const isFirst = view === null;
  await follow(place);
  if (isFirst || events.state() === "live") return;
  const found = await request(STATUS).catch(() => null);
  if (found && found.data.data_version !== status?.data_version) await renew();
}

async function readStatus() {
  const { data, stale, at } = await request(STATUS).catch((error) => (isOfAllRows(error) ? statusOfSomeRows() : Promise.reject(error)));
  if (data.isOfSomeRows) showSomeRows();
  status = { ...data, newest_day: data.data_version === newest?.version ? newest.day : data.last_day };
  statusSince = stale ? at : null;
  showWaiting(data.open_proposals);
  showIncidents(data.open_incidents);
  showLive();
  renewLater();
}

/** Nothing tells of changes to people who may see some rows only, and they have fewer pages. */
function showSomeRows() {
  events.stop();
  liveState.hidden = true;
  for (const link of links) link.hidden = !isPageOfSomeRows({ page: link.page, arguments: [] });
}

function refuseAllRows() {
  const explore = h("a", { class: "button primary", href: at("/explore") }, "Open Explore");
  refuse("This page shows all rows", "You may see some rows only. Explore, Boards, Data and Alerts show yours.", explore);
}

function showWaiting(proposals) {
  waiting.hidden = proposals === 0;
  if (!waiting.hidden) replace(waiting, count(proposals), h("span", { class: "sr-only" }, proposals === 1 ? " proposal waits" : " proposals wait"));
}

/** Shows how many warnings and critical incidents are open; what is for information waits for nobody. */
function showIncidents(number) {
  incidents.hidden = number === 0;
  if (!incidents.hidden) replace(incidents, count(number), h("span", { class: "sr-only" }, number === 1 ? " incident is open" : " incidents are open"));
}

/** A proposal was made or decided on. */
async function contractsChanged() {
  const found = await request(STATUS).catch(() => null);
  if (found) showWaiting(found.data.open_proposals);
}

/** New figures: reloads the status, then all that is shown. The old figures stay until then. */
async function renew() {
  try {
    await readStatus();
  } catch (error) {
    if (view) return void events.later(error.retryAfter ?? 10, renew);
  }
  await follow(router.read());
  view?.renew();
}

/** The present address without its range. */
function defaultRange() {
  const rest = new URLSearchParams(location.search);
  for (const name of ["range", "start", "end"]) rest.delete(name);
  return rest.size ? `${location.pathname}?${rest}` : location.pathname;
}

/** Shows what is wrong with the address, and where to go instead. */
function refuse(heading, reason, link) {
  leave(heading);
  replace(body, h("div", { class: "panel" }, alert(heading, reason, link)));
  showLive();
}

/** What a visitor sees where people sign in: the words of the API are for programs. */
function askToSignIn(buttons) {
  replace(body, h("div", { class: "panel" }, alert("Sign in", "This dashboard is for people who have signed in.", buttons)));
  showLive();
  events.stop();
}

/** Where a sign-out ends, or a sign-in that did not succeed. */
function showSignedOut(problem) {
  const [heading, words] = signedOut(problem);
  leave(heading);
  const links = h("p", { class: "chips" }, signInButtons(canSignIn ? "Sign in to see this dashboard." : "This dashboard requires an API key.", "/"));
  replace(body, h("div", { class: "panel" }, message(problem ? "warning" : "check", heading, words, links)));
  showLive();
  const overview = h("a", { class: "button", href: at("/") }, "Open the overview");
  request(STATUS).then(() => links.append(overview), () => {}); // where it can be read without signing in
}

function leave(heading) {
  view?.end();
  view = null;
  shown = null;
  title.textContent = heading;
  document.title = `${heading} · Logistics Analytics`;
  links.forEach((link) => link.removeAttribute("aria-current"));
  crumbs.hidden = true;
  range.hidden = true;
  subtitle.hidden = true;
}

function alert(...words) {
  const note = message("warning", ...words);
  note.classList.add("error");
  note.setAttribute("role", "alert");
  return note;
}

/** Shows an error in place of the page, such as a missing status or an unknown address. */
async function fail(error, heading = "Logistics Analytics") {
  const mine = opening;
  const lacking = error.status === 403 ? await withoutRole() : null;
  if (mine !== opening) return;
  if (lacking) return refuse(...lacking);
  if (!(error instanceof ApiError)) console.error(error);
  leave(heading);
  const again = error.status === 401
    ? h("p", { class: "chips" }, signInButtons(canSignIn ? "Sign in to see this dashboard." : "This dashboard requires an API key."))
    : h("button", { type: "button", class: "button primary", onclick: () => follow(router.read()) }, icon("refresh"), "Try again");
  if (canSignIn && error.kind?.endsWith(":key-needed")) return askToSignIn(again);
  const note = error.requestId && h("small", {}, `request ${error.requestId}`);
  replace(body, h("div", { class: "panel" }, alert(error.title ?? "The page could not be opened", error.reason ?? error.message, again, note)));
  showLive();
  if (error.status === 401) return events.stop();
  if (!error.isOfServer && !error.retryAfter) return;
  events.later(error.retryAfter ?? 10, () => mine === opening && follow(router.read()));
}

/** A load has ended, which does not always change the figures. */
async function reload() {
  const known = status.data_version;
  await readStatus().catch(() => {});
  if (status.data_version === known) await follow(router.read());
  else await renew();
}

let newest = null; // the newest day with shipments, and in which data version

/** The newest logs may have no shipments yet: then the ranges end at the newest day that has some. */
async function findNewestShipments() {
  const place = router.read();
  const { data_version: version, first_day: start, last_day: end } = status;
  if (nameOf(place.parameters) !== DEFAULT || newest?.version === version) return;
  newest = { version, day: end };
  const found = await request(url("/api/figures/daily", askable({ start, end }))).catch(() => null);
  const day = found?.data.data.filter(({ shipments }) => shipments > 0).at(-1)?.date;
  if (!day || found.version !== version || status.data_version !== version) return;
  newest = { version, day };
  status = { ...status, newest_day: day };
  await follow(router.read());
}

let forgetRenewal = null;

/** The page shows other figures, or older ones: says so, and looks for newer ones. */
function figuresChanged() {
  showLive();
  if (view.figures.version !== null && view.figures.version !== view.known.data_version) matchDays(view, view.figures.version);
  renewLater();
}

/** Looks for newer figures, and a newer status, as long as what is shown may be old. */
function renewLater() {
  if (staleSince() === null) {
    forgetRenewal?.();
    forgetRenewal = null;
  } else {
    forgetRenewal ??= events.later(STALE_SECONDS, () => {
      forgetRenewal = null;
      renew();
    });
  }
}

/** The first and the last day of the version shown: of the status where that is newer, else of that version's own. */
async function matchDays(mine, version) {
  mine.known = { data_version: version, first_day: null, last_day: null };
  const found = await request(STATUS, version).catch(() => null);
  if (mine !== view || mine.figures.version !== version) return;
  if (found && !found.stale) {
    status = { ...found.data, newest_day: found.data.last_day };
    statusSince = null;
    return void follow(router.read());
  }
  mine.know(found?.data ?? mine.known);
}

/** When what the page shows was last known to be current, in milliseconds; null if it is. */
function staleSince() {
  const known = [view?.figures.staleSince, events.databaseLostAt(), view?.figures.version == null ? statusSince : null];
  const moments = known.filter((moment) => moment !== null && moment !== undefined);
  return moments.length ? Math.min(...moments) : null;
}

const LIVE_WORDS = { live: "Live", lost: "Connection lost, trying again", paused: "Paused" };

function showLive() {
  const since = staleSince();
  const state = events.state() === "live" && since !== null ? "stale" : events.state();
  liveState.dataset.state = state;
  liveState.textContent = state === "stale" ? `Stale since ${clock(since)}` : LIVE_WORDS[state];
  staleNote.hidden = since === null || view === null;
  if (staleNote.hidden) return;
  const version = view.figures.version;
  const words = version === null ? `The database is not available. ${lastKnown()}` : `The database is not available; these are the figures of data version ${count(version)}.`;
  const missing = view.figures.isPartial ? " Some are not available in this version." : "";
  const text = `Stale since ${clock(since)}. ${words}${missing}`;
  if (staleNote.textContent !== text) replace(staleNote, icon("warning"), h("span", {}, text));
}

/** What the last status said, for pages without figures. */
function lastKnown() {
  if (status === null || status.isOfSomeRows) return "";
  const { files, records, last_day: last } = status;
  const newest = last === null ? "" : `, newest day ${day(last)}`;
  return `Last known: ${count(files.loaded)} files loaded, ${count(files.failed)} failed, ${count(records.loaded)} rows${newest}.`;
}

function databaseChanged(state) {
  showLive();
  if (state === "available") renew();
}

build();
showLive();
router.start(move);
events.on("state", showLive);
events.on("data_version", renew);
events.on("database", databaseChanged);
events.on("contracts", contractsChanged);
events.on("alerts", async () => {
  const open = await openIncidents();
  if (open !== null) showIncidents(open.critical + open.warning);
});
if (router.read().page !== "signed-out") events.start();
