// Sources: their states in words and colours, lengths of time, and requests to pull now.

import { ApiError, get, send } from "./api.js";
import { h } from "./dom.js";
import * as events from "./events.js";
import { count, decimal, moment } from "./format.js";
import { icon } from "./icons.js";
import { may } from "./session.js";
import { badge } from "./components/badges.js";
import { openLogin } from "./components/login.js";
import { toast } from "./components/dialogs.js";

/** State of a resource or a pull → words and tone. */
const STATES = {
  never: ["Never pulled", null],
  running: ["Pulling", "accent"],
  interrupted: ["Interrupted", "warn"],
  current: ["Up to date", "good"],
  complete: ["Complete", "good"],
  unchanged: ["Unchanged", "good"],
  failed: ["Failed", "bad"],
  paused: ["Paused", "warn"],
  abandoned: ["Replaced", null],
};
/** States that a filter of pulls offers. */
export const PULL_STATES = ["running", "complete", "unchanged", "failed", "paused", "abandoned"];

export const stateWords = (state) => STATES[state]?.[0] ?? state;
export const stateBadge = (state) => badge(...(STATES[state] ?? [state, null]));

/** 3 s, 12 min, 5 h or 4 d: a length of time in seconds */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 90) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 90 * 60) return `${count(seconds / 60)} min`;
  return seconds < 36 * 3600 ? `${count(seconds / 3600)} h` : `${count(seconds / 86_400)} d`;
}

/** What is wrong and what to do about it; null if nothing is. */
export function trouble({ state, error, advice, paused_until: until }) {
  if (state === "paused") return h("p", { class: "problem", tabindex: "0" }, `${error ?? "The source asks to be asked later."} The pull goes on by itself after ${moment(until)}.`);
  return state === "failed" ? h("p", { class: "problem", tabindex: "0" }, error, advice && [" ", h("strong", {}, advice)]) : null;
}

const PAUSE = 1_000;

/** Calls `listener` at news about sources, at most once a second, and every three seconds while `isBusy()`. */
export function atSources(view, listener, isBusy) {
  let waiting = null;
  const soon = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      listener();
    }, PAUSE);
  };
  const clock = setInterval(() => !document.hidden && isBusy() && listener(), 3_000);
  view.atEnd(events.on("sources", soon));
  view.atEnd(events.on("ingest", soon));
  view.atEnd(events.on("state", (state) => state === "live" && soon()));
  view.atEnd(() => {
    clearTimeout(waiting);
    clearInterval(clock);
  });
}

/** A button that requests a pull of a source, or of one resource; nothing for those who may not. `told(request)`: after each answer. */
export function pullButton(view, source, resource = null, { pending = false, told = () => {} } = {}) {
  const words = pending ? "Requested" : "Pull now";
  const button = h(
    "button",
    { type: "button", class: "button", hidden: true, disabled: pending, "data-focus": `pull-${source}-${resource ?? ""}`, "aria-label": `${words}: ${resource ?? source}`, onclick: () => pull() },
    icon("refresh"),
    words,
  );
  may("ingest").then((allowed) => (button.hidden = !allowed));

  async function pull() {
    button.disabled = true;
    try {
      const query = resource === null ? "" : `?resource=${encodeURIComponent(resource)}`;
      const request = await (await send(`/api/sources/${encodeURIComponent(source)}/pull${query}`, { method: "POST" })).json();
      toast(`${resource ?? source}: the pull is requested. ${request.detail}`);
      told(request);
      follow(view, request, told);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      button.disabled = false;
      if (error.status === 401 || error.status === 403) openLogin("Pulling a source requires an API key with the scope ingest.");
      else toast(`${error.title}: ${error.reason}`, "bad");
    }
  }

  return button;
}

/** Asks for the state of a request until it is final. */
async function follow(view, request, told) {
  const leaving = new AbortController();
  view.atEnd(() => leaving.abort());
  while (!leaving.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const now = await state(request);
    if (!now?.is_final || leaving.signal.aborted) continue;
    toast(`${request.resource ?? request.source}: ${now.detail}`, now.state === "done" ? "good" : "bad");
    return told(now);
  }
}

/** Null while the server cannot say. */
async function state({ source, request_id: id }) {
  try {
    return await get(`/api/sources/${encodeURIComponent(source)}/requests/${id}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return null;
  }
}
