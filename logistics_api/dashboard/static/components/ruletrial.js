// What a rule would have done: its value by day with what is too high or too low, and the times in which it fires.

import { h } from "../dom.js";
import { count, day } from "../format.js";
import { fullWords } from "../metrics.js";
import { subjectWords } from "../alerts.js";
import { KINDS, metricOf } from "../rules.js";
import { chart } from "../charts.js";
import { length } from "../ranges.js";
import { table } from "./table.js";

const MOST_SHOWN = 20;

/** How a rule's values are written: with the unit of its metric, or of its kind; a change is in percent. */
export function wordsOf(definition, catalogue) {
  const { kind, compare } = definition.watch;
  const unit = compare ? "%" : metricOf(definition, catalogue)?.unit;
  if (unit || KINDS[kind]?.unit === undefined) return (value) => fullWords(value, { unit });
  return (value) => [fullWords(value), KINDS[kind].unit].join(" ");
}

/** The chart of days: [{day, value, fires}], `fires` in words or null. */
export function daysChart({ days, definition, catalogue, summary }) {
  const words = wordsOf(definition, catalogue);
  const { above = null, below = null } = definition.when ?? {};
  const high = above ?? (below === null ? 0 : null);
  const bounds = [high !== null && `above ${words(high)}`, below !== null && `below ${words(below)}`].filter(Boolean);
  return chart({
    name: "watched_days",
    rows: days.map((each) => ({ ...each, shown: words(each.value), high, low: below })),
    legend: [{ words: "Value", kind: "mean" }, { words: `Fires ${bounds.join(" or ")}`, kind: "reference" }],
    summary,
  });
}

/** What a trial has found. */
export function trialResult({ result, error }, definition, catalogue) {
  if (error) return h("p", { class: "note warn", role: "alert" }, error);
  const subjects = new Set(result.firings.map(({ labels }) => JSON.stringify(labels))).size;
  const summary =
    `From ${day(result.first)} to ${day(result.last)} it would have fired ${count(result.times)} ${result.times === 1 ? "time" : "times"}` +
    (definition.watch.by?.length ? `, for ${count(subjects)} of ${count(result.subjects)} subjects.` : ".");
  const unknown = length({ start: result.first, end: result.last }) - result.days.length;
  const days = result.days.map(({ day, value, firing }) => ({ day, value, fires: firing ? (definition.watch.by?.length ? `for ${count(firing)}` : "yes") : null }));
  return [
    h("p", { role: "status" }, summary),
    unknown > 0 && h("p", { class: "muted" }, `Of ${count(unknown)} of these days nothing is known: no rule has looked.`),
    daysChart({ days, definition, catalogue, summary: `${summary} On ${count(days.filter(({ fires }) => fires).length)} of ${count(days.length)} days it fires.` }),
    result.firings.length > 0 &&
      table({
        caption: "When it would have fired",
        rows: result.firings.slice(0, MOST_SHOWN),
        columns: [
          { key: "opened_on", label: "From", head: true, format: day },
          { key: "closed_on", label: "Until", format: (text) => (text ? day(text) : "still") },
          { key: "labels", label: "Subject", format: (_, row) => subjectWords(row) || "–" },
          { key: "summary", label: "What", wrap: true },
        ],
      }),
    result.times > MOST_SHOWN && h("p", { class: "muted" }, `The first ${MOST_SHOWN} of ${count(result.times)} times.`),
  ];
}
