// Limits how often progress is requested: a load sends many events a second.

import * as events from "../../events.js";

const PAUSE = 1_000;

/** Calls `listener` soon after the first of many events and at most once a second; also when the stream is there, or back. */
export function atIngest(view, listener, concerns = () => true) {
  let waiting = null;
  let last = 0;
  let lost = events.state() !== "live"; // events before the stream opens are missed
  const call = () => {
    waiting = null;
    last = Date.now();
    listener();
  };
  const soon = () => (waiting ??= setTimeout(call, Math.max(50, last + PAUSE - Date.now())));
  view.atEnd(events.on("ingest", (event) => concerns(event) && soon()));
  view.atEnd(
    events.on("state", (state) => {
      if (state === "live" && lost) soon();
      lost = state === "lost" || state === "paused";
    }),
  );
  view.atEnd(() => clearTimeout(waiting));
}
