// Server-sent events: a new data version, the progress of a load, proposals and contracts, pulls of sources, forecasts, models, alerts. One stream, closed while the page is hidden.

import { at } from "./root.js";

const listeners = { data_version: new Set(), ingest: new Set(), contracts: new Set(), sources: new Set(), forecasts: new Set(), models: new Set(), alerts: new Set(), database: new Set(), state: new Set() };
let source = null;
let lost = false;
let version = null;
let again = null;

/** Calls `listener(data)` for each event of that name until `stop` (a function) is called. Names: data_version, ingest, contracts, sources, forecasts, models, alerts, database, state. */
export function on(name, listener) {
  listeners[name].add(listener);
  return () => listeners[name].delete(listener);
}

/** The version of what is shown already, so that the stream's first event is not treated as a change. */
export function know(shown) {
  version ??= String(shown);
}

const tell = (name, data) => listeners[name].forEach((listener) => listener(data));

let lostDatabaseAt = null;
/** When the database was lost, in milliseconds as far as is known here; null while it is available. */
export const databaseLostAt = () => lostDatabaseAt;

/** "live", "lost" or "paused". */
export const state = () => (source === null ? "paused" : lost || source.readyState !== EventSource.OPEN ? "lost" : "live");

export function start() {
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", close);
  follow();
}

/** Closes the stream until the next `start`. */
export function stop() {
  document.removeEventListener("visibilitychange", follow);
  close();
}

function follow() {
  if (document.hidden) close();
  else if (source === null) open();
}

function open() {
  source = new EventSource(at("/api/events"));
  source.addEventListener("open", () => {
    lost = false;
    lostDatabaseAt = null; // an event follows if it is
    tell("state", state());
  });
  source.addEventListener("error", () => {
    if (source === null) return;
    if (!lost) {
      lost = true;
      tell("state", "lost");
    }
    if (source.readyState === EventSource.CLOSED) reopen();
  });
  // Each stream begins with the present version: which covers changes while it was closed.
  source.addEventListener("data_version", ({ data }) => {
    const known = version;
    version = data;
    if (known !== null && known !== data) tell("data_version", data);
  });
  source.addEventListener("ingest", ({ data }) => tell("ingest", JSON.parse(data)));
  source.addEventListener("contracts", ({ data }) => tell("contracts", JSON.parse(data)));
  source.addEventListener("sources", ({ data }) => tell("sources", JSON.parse(data)));
  source.addEventListener("forecasts", ({ data }) => tell("forecasts", data));
  source.addEventListener("alerts", ({ data }) => tell("alerts", data));
  source.addEventListener("models", ({ data }) => tell("models", data));
  source.addEventListener("database", ({ data }) => {
    lostDatabaseAt = data === "available" ? null : (lostDatabaseAt ?? Date.now());
    tell("database", data);
  });
}

/**
 * Calls `attempt` once: after this number of seconds (null: never) while the page is visible, or as soon as the stream is
 * open again. Returns a function that cancels it.
 */
export function later(seconds, attempt) {
  let isDue = false;
  const look = () => isDue && !document.hidden && go();
  const expire = () => {
    isDue = true;
    look();
  };
  const timer = seconds === null ? null : setTimeout(expire, seconds * 1000);
  const forgetStream = on("state", (state) => state === "live" && go());
  document.addEventListener("visibilitychange", look);
  const forget = () => {
    clearTimeout(timer);
    forgetStream();
    document.removeEventListener("visibilitychange", look);
  };
  const go = () => {
    forget();
    attempt();
  };
  return forget;
}

/** Browsers close a stream for good after an error response, but the server may only be starting. */
function reopen() {
  source.close();
  source = null;
  clearTimeout(again);
  again = setTimeout(() => source === null && !document.hidden && open(), 5_000);
}

function close() {
  clearTimeout(again);
  source?.close();
  source = null;
  tell("state", "paused");
}
