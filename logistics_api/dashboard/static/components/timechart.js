// A panel with a figure over time: by day with what 7 days give together, by week or month, or by weekday.

import { chart } from "../charts.js";
import { day } from "../format.js";
import * as periods from "../periods.js";
import { panel } from "./panel.js";

/** Measures that are metrics of shipments as well. */
const METRICS = new Set(["revenue", "shipments"]);
const NONE = "No shipments in this range";

/**
 * timePanel(view, {key, words, format, name, field, mean, empty, …}): `key` is the measure in the responses; `name` the chart by
 * day and `field` the column of its rows; `mean` the words for its 7 days; `missing` what to say where there are shipments but none
 * has the measure. Further options as for panel().
 */
export function timePanel(view, { key, words, format, name, field = key, mean = "7-day mean", missing, height = null, subtitle = null, ...options }) {
  const grain = () => periods.grainOf(view);
  const shown = { day: (answer) => periods.days(view, answer, key), week: (answer) => periods.periods(view, answer, key), weekday: (answer) => periods.weekdays(view, answer, key) };
  const rows = (answer) => (answer.daily ? shown.day : answer.series.grain === "weekday" ? shown.weekday : shown.week)(answer);
  const isRate = key === "revenue_per_km";
  const further = (answer) => [answer.daily && isRate && "mean", view.compare && "previous"].filter(Boolean);
  return panel(view, {
    title: () => `${words} by ${grain()}`,
    subtitle: () => [subtitle, grain() === "weekday" && !isRate && "Mean of each weekday"].filter(Boolean).join(". "),
    request: () => periods.request(view),
    empty: (answer) => {
      if (rows(answer).some(({ value, lead }) => value && !lead)) return null;
      const all = answer.daily ? periods.byDay(view, answer.daily, view.range) : answer.series.data;
      return missing && all.some(({ shipments }) => shipments) ? missing : NONE;
    },
    csv: (answer) => csv(rows(answer), answer, [field, ...further(answer)]),
    explore: () => METRICS.has(key) && grain() !== "weekday" ? { dataset: "shipments", metrics: key, grain: grain() } : null,
    render: (answer) => {
      const options = { format, words, name, field, mean, height, compare: view.compare };
      return (answer.daily ? dayChart : answer.series.grain === "weekday" ? weekdayChart : periodChart)(rows(answer), options, answer);
    },
    ...options,
  });
}

function csv(rows, answer, [field, ...further]) {
  const first = answer.daily ? ["date"] : answer.series.grain === "weekday" ? ["weekday", "days"] : ["start", "end", "days", "partial"];
  return {
    columns: [...first, field, ...further].map((key) => ({ key })),
    rows: rows.filter(({ lead }) => !lead).map(({ value, ...row }) => ({ ...row, [field]: value })),
  };
}

const highest = (rows) => rows.filter(({ value }) => value !== null).reduce((best, row) => (row.value > best.value ? row : best));
const lowest = (rows) => rows.filter(({ value }) => value !== null).reduce((best, row) => (row.value < best.value ? row : best));
const previousWords = (compare) => (compare ? [{ words: "Previous range", kind: "previous" }] : []);

function dayChart(rows, { format, words, name, field, mean, height, compare }) {
  const shown = rows.filter(({ lead }) => !lead);
  const [most, least] = [highest(shown), lowest(shown)];
  return chart({
    name,
    rows: rows.map(({ value, ...row }) => ({ ...row, [field]: value })),
    height,
    legend: [{ words: "Day", kind: "day" }, { words: mean, kind: "mean" }, ...previousWords(compare)],
    summary: `${words} by day, ${shown.length} days: highest on ${day(most.date)} (${format(most.value)}), lowest on ${day(least.date)} (${format(least.value)}).`,
  });
}

const inWords = (rows, format) => rows.map((row) => ({ ...row, shown: format(row.value), before: row.previous === null ? null : format(row.previous) }));

function periodChart(rows, { format, words, height, compare }, { series: { grain } }) {
  const most = highest(rows);
  return chart({
    name: "periods",
    rows: inWords(rows, format),
    height,
    legend: [
      ...(rows.some(({ partial }) => !partial) ? [{ words: grain === "week" ? "Week" : "Month", kind: "whole" }] : []),
      ...(rows.some(({ partial }) => partial) ? [{ words: `Partial ${grain}`, kind: "day" }] : []),
      ...previousWords(compare),
    ],
    summary: `${words} by ${grain}: ${rows.length} ${grain}s, highest from ${day(most.start)} (${format(most.value)})${rows.some(({ partial }) => partial) ? `; partial: ${rows.filter(({ partial }) => partial).map((row) => row.words).join(", ")}` : ""}.`,
  });
}

function weekdayChart(rows, { format, words, height, compare }) {
  const most = highest(rows);
  return chart({
    name: "weekdays",
    rows: inWords(rows, format),
    height,
    legend: compare ? [{ words: "Weekday", kind: "whole" }, ...previousWords(true)] : [],
    summary: `${words} by weekday: ${rows.map((row) => `${row.words} ${format(row.value)}`).join(", ")}; highest on ${most.words}.`,
  });
}
