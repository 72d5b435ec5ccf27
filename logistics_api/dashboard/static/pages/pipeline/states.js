// A file's state in words and colour, and how far its load is.

import { h } from "../../dom.js";
import { compact, count, percent } from "../../format.js";
import { badge } from "../../components/badges.js";

export const STATES = {
  registered: ["Waiting", "accent"],
  loading: ["Loading", "accent"],
  loaded: ["Loaded", "good"],
  failed: ["Failed", "bad"],
  unrecognised: ["Not recognised", "warn"],
  unloaded: ["Taken out", null],
};

/** The share of a file's records that was rejected, if the API says that the file has a warning; else null. */
export function rejectedShare({ state, has_warning: hasWarning, rejected_share: share }) {
  return state === "loaded" && hasWarning && share > 0 ? share : null;
}

export const isBalanced = ({ read, loaded, superseded, rejected }) => read === loaded + superseded + rejected;

/** Badges: the state, and what else has to be seen. */
export function stateBadges(file) {
  const share = rejectedShare(file);
  const [words, tone] = share === null ? (STATES[file.state] ?? [file.state, null]) : ["Loaded", "warn"];
  return h(
    "div",
    { class: "chips" },
    badge(file.retry_requested_at && file.state !== "loading" ? "Needs reloading" : words, tone),
    !isBalanced(file.records) && badge("Not balanced", "bad"),
    share !== null && badge(`${percent(100 * share)} rejected`, "warn"),
    file.unknown_fields.length > 0 && badge("New fields", "warn"),
    file.warning && badge("Warning", "warn"),
    file.attempts > 0 && badge(`${count(file.attempts)} in vain`, "warn"),
    file.is_reload_due && badge("Reload due", "warn"),
    !file.is_current && badge("Replaced"),
    file.dismissed_at && badge("Dismissed"),
  );
}

/** A bar and its words, or null where nothing is being loaded. */
export function progress(file) {
  if (!file.progress) return null;
  const { fraction, records_per_second: rate, seconds_left: left } = file.progress;
  const words = [
    fraction === null ? `${count(file.records.read)} records` : percent(100 * fraction, 0),
    rate !== null && `${compact(rate)} records/s`,
    left !== null && `${count(Math.ceil(left))} s left`,
  ].filter(Boolean);
  return h("div", { class: "loading" }, progressBar(fraction === null ? null : 100 * fraction, `Loading ${file.path}`), h("small", { class: "muted" }, words.join(" · ")));
}

/** value: percent, or null if the total is unknown. */
export function progressBar(value, label) {
  const filled = h("div", {});
  filled.style.setProperty("--done", value ?? 100);
  return h(
    "div",
    { class: `progress ${value === null ? "unknown" : ""}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": value === null ? null : Math.round(value) },
    filled,
  );
}
