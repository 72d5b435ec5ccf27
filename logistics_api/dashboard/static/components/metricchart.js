// The chart of an answer about metrics: which charts fit a question, and each of them.

import { h } from "../dom.js";
import { chart } from "../charts.js";
import { compact } from "../format.js";
import { dimensionWords, errorWords, fullWords, periodWords, periodsOf, unitWords, valueWords } from "../metrics.js";
import { kpi } from "./kpi.js";

/** Name → words. */
export const CHARTS = {
  number: "Number", columns: "Columns", lines: "Lines", stacked: "Stacked columns", bars: "Bars", heatmap: "Heatmap",
  scatter: "Scatter", histogram: "Histogram", map: "Map", table: "Table only",
};
const MOST_SERIES = 6;
const MOST_BARS = 30;
const MOST_CELLS = 60;
const MOST_POINTS = 2_000;
const BINS = 30;
/** Metrics that have a chart each; the table below shows all. */
const MOST_CHARTS = 4;
const NUMERIC = new Set(["number", "integer"]);
/** The two that make a place, by the last word of their names. */
const LATITUDE = /(^|_)(lat|latitude)$/;
const LONGITUDE = /(^|_)(lon|lng|long|longitude)$/;

/** The fields of a pair that are a place, {longitude, latitude}; null if they are none. */
export function placeOf(paths, dimensions) {
  const numeric = paths.filter((path) => NUMERIC.has(dimensions[path]?.type));
  const latitude = numeric.find((path) => LATITUDE.test(path));
  const longitude = numeric.find((path) => LONGITUDE.test(path));
  return latitude && longitude ? { latitude, longitude } : null;
}

/** The charts that fit a question, the best first. */
export function fitting({ metrics, by, grain }, { metrics: known, dimensions }) {
  const addsUp = known[metrics[0]]?.adds_up ?? false;
  const scatter = metrics.length > 1 ? ["scatter"] : [];
  if (grain === null && by.length === 0) return ["number", "table"];
  if (grain !== null && by.length === 0) return [...(addsUp ? ["columns", "lines"] : ["lines", "columns"]), ...scatter, "table"];
  if (grain !== null && by.length === 1) return [...(addsUp ? ["stacked", "lines"] : ["lines"]), "heatmap", ...scatter, "table"];
  if (grain !== null) return [...scatter, "table"];
  if (placeOf(by, dimensions)) return ["map", ...scatter, "table"];
  if (by.length === 1 && addsUp && NUMERIC.has(dimensions[by[0]]?.type)) return ["histogram", "bars", ...scatter, "table"];
  return [...(by.length === 2 ? ["heatmap", "bars"] : ["bars"]), ...scatter, "table"];
}

/** The chart that is shown: the one chosen if it fits, otherwise the best. */
export function chosenChart(question, described) {
  const all = fitting(question, described);
  return all.includes(question.chart) ? question.chart : all[0];
}

/**
 * The charts of an answer: elements, or an empty list where only the table is shown. onSelect(row) is called with the row of the
 * answer whose mark was clicked; rowsLink(row) gives the address of its rows, for figures without marks.
 */
export function answerCharts(question, described, answer, { onSelect = null, rowsLink = null, height = null } = {}) {
  const name = chosenChart(question, described);
  if (name === "table" || answer.data.length === 0) return [];
  const columns = question.metrics.map((metric) => answer.columns.find((column) => column.name === metric)).filter(Boolean);
  const context = { question, described, answer, height, select: onSelect && ((mark) => mark.at !== undefined && mark.at !== null && onSelect(answer.data[mark.at])) };
  if (name === "number") return [numbers(context, columns, rowsLink)];
  if (name === "scatter") return [scatter(context, columns)];
  const drawn = columns.slice(0, MOST_CHARTS).map((column) => ({ column, element: DRAWN[forMetric(name, described.metrics[column.metric])](context, column) }));
  return drawn.map(({ column, element }) => (drawn.length > 1 ? titled(column.title, element) : element)).flat();
}

/** A chart of parts of a whole only of what adds up to one. */
const forMetric = (name, { adds_up: addsUp }) => (addsUp ? name : ({ stacked: "lines", histogram: "bars" }[name] ?? name));

function titled(words, element) {
  const [drawn, ...notes] = [element].flat();
  if (drawn.chart) drawn.chart.title = words;
  return [h("h3", { class: "chart-title" }, words), drawn, ...notes];
}

function numbers({ question, described, answer }, columns, rowsLink) {
  const [row] = answer.data;
  return h(
    "div",
    { class: "kpis numbers" },
    columns.map((column) => {
      const value = row[column.name];
      const shown = typeof value === "number" && Math.abs(value) >= 1e6 ? compact(value) : valueWords(value, column.unit);
      const words = value === null ? "not measured" : shown;
      const change = row[`${column.name}_change`];
      return kpi({
        label: column.title,
        definition: [described.metrics[column.metric]?.description, errorWords(column, described.metrics[column.metric])].filter(Boolean).join(". ") || null,
        value: column.approximate_within == null || value === null ? words : `≈ ${words}`,
        unit: value === null ? null : unitWords(column.unit),
        change,
        better: column.better === "neither" ? null : column.better,
        versus: question.compare === null ? null : change == null ? "nothing to compare with" : `from ${fullWords(row[`${column.name}_previous`], column)}`,
        link: rowsLink && rowsLink(row),
      });
    }),
  );
}

const words = (row, question, described, separator = " · ") =>
  question.by.map((path) => dimensionWords(row[path], described.dimensions[path]?.type)).join(separator);

/** The groups of an answer with their rows by period, the largest first; beyond a few, the rest as one if their values add up. */
function seriesOf({ question, described, answer }, column) {
  const groups = new Map();
  answer.data.forEach((row, at) => {
    const key = JSON.stringify(question.by.map((path) => row[path]));
    if (!groups.has(key)) groups.set(key, { words: question.by.length ? words(row, question, described) : null, rows: new Map(), size: 0 });
    const group = groups.get(key);
    group.rows.set(row.period, { at, value: row[column.name], previous: row[`${column.name}_previous`] ?? null });
    group.size += Math.abs(Number(row[column.name]) || 0);
  });
  const sorted = [...groups.values()].sort((a, b) => b.size - a.size);
  const named = sorted.slice(0, sorted.length > MOST_SERIES + 1 ? MOST_SERIES : MOST_SERIES + 1);
  return { named, rest: sorted.slice(named.length) };
}

const daysOf = ({ question, answer }) => answer.range ?? question.days;

function summaryOf({ question, described, answer }, column) {
  const known = answer.data.filter((row) => typeof row[column.name] === "number");
  if (known.length === 0) return `${column.title}: not known for any group.`;
  const sorted = [...known].sort((a, b) => b[column.name] - a[column.name]);
  const where = (row) => [row.period && periodWords(row.period, question.grain), words(row, question, described)].filter(Boolean).join(", ");
  const [most, least] = [sorted[0], sorted.at(-1)];
  return `${column.title}: highest ${fullWords(most[column.name], column)} (${where(most)}), lowest ${fullWords(least[column.name], column)} (${where(least)}). The table on Explore has all values.`;
}

function periodColumns(context, column) {
  const { question, answer } = context;
  const { named, rest } = seriesOf(context, column);
  const addsUp = context.described.metrics[column.metric]?.adds_up ?? false;
  const others = rest.length ? [{ words: `${rest.length} others`, rest }] : [];
  const rows = periodsOf(daysOf(context), question.grain).flatMap((period) => {
    const ends = { up: 0, down: 0 };
    return [...named, ...others].flatMap((group) => {
      const found = group.rest ? { value: sumOf(group.rest, period) } : group.rows.get(period.begins);
      const value = found?.value ?? (addsUp && !found ? 0 : null);
      if (value === null && !found?.previous) return [];
      const side = value < 0 ? "down" : "up";
      const lower = question.by.length ? ends[side] : 0;
      ends[side] = lower + (value ?? 0);
      return [{
        begins: period.begins, next: period.next, words: period.words, lower, upper: value === null ? null : ends[side] - (question.by.length ? 0 : lower),
        shown: fullWords(value, column), at: found?.at ?? null, ...(group.words !== null && { series: group.words }),
        ...(!question.by.length && question.compare !== null && { previous: found?.previous ?? null, before: fullWords(found?.previous ?? null, column) }),
      }];
    });
  });
  return chart({ name: question.by.length ? "metric_stack" : "metric_periods", rows, height: context.height, onSelect: context.select, legend: legendOf(question, column), summary: summaryOf({ ...context, answer }, column) });
}

const sumOf = (groups, { begins }) => {
  const values = groups.map(({ rows }) => rows.get(begins)?.value ?? null).filter((value) => value !== null);
  return values.length ? values.reduce((sum, value) => sum + value, 0) : null;
};

/** Only where nothing else says what is drawn: groups have a legend within the chart. */
const legendOf = ({ by, compare }, column) =>
  by.length === 0 && compare !== null ? [{ words: column.title, kind: "whole" }, { words: "Compared with", kind: "previous" }] : [];

function periodLines(context, column) {
  const { question } = context;
  const { named, rest } = seriesOf(context, column);
  const addsUp = context.described.metrics[column.metric]?.adds_up ?? false;
  const rows = named.flatMap((group) =>
    periodsOf(daysOf(context), question.grain).map((period) => {
      const found = group.rows.get(period.begins);
      const value = found ? found.value : addsUp ? 0 : null;
      return {
        begins: period.begins, next: period.next, words: period.words, value, shown: fullWords(value, column), at: found?.at ?? null,
        ...(group.words !== null && { series: group.words }),
        ...(!question.by.length && question.compare !== null && { previous: found?.previous ?? null, before: fullWords(found?.previous ?? null, column) }),
      };
    }),
  );
  return [
    chart({ name: question.by.length ? "metric_series" : "metric_lines", rows, height: context.height, onSelect: context.select, legend: legendOf(question, column), summary: summaryOf(context, column) }),
    rest.length > 0 && note(`The ${named.length} largest groups; the table has the other ${rest.length}.`),
  ].filter(Boolean);
}

const note = (text) => h("p", { class: "muted" }, text);

function bars(context, column) {
  const { question, described, answer } = context;
  const known = answer.data.map((row, at) => ({ row, at })).filter(({ row }) => row[column.name] !== null);
  const shown = known.slice(0, MOST_BARS);
  const labels = distinct(shown.map(({ row }) => words(row, question, described, " → ")));
  const rows = shown.map(({ row, at }, i) => ({
    label: labels[i], value: Number(row[column.name]), shown: fullWords(row[column.name], column), at,
    ...(question.compare !== null && { previous: row[`${column.name}_previous`], before: fullWords(row[`${column.name}_previous`], column) }),
  }));
  return [
    chart({ name: "metric_bars", rows, height: null, onSelect: context.select, legend: legendOf({ ...question, by: [] }, column), summary: summaryOf(context, column) }),
    known.length > shown.length && note(`The first ${shown.length} of ${answer.groups} groups; Explore has the others in its table.`),
  ].filter(Boolean);
}

/** Names that would look the same, told apart. */
function distinct(names) {
  const seen = new Map();
  return names.map((name) => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return seen.get(name) === 1 ? name : `${name} (${seen.get(name)})`;
  });
}

function heatmap(context, column) {
  const { question, described, answer } = context;
  const [first, second] = question.by;
  const type = (path) => described.dimensions[path]?.type;
  const across = question.grain === null ? (row) => dimensionWords(row[second], type(second)) : (row) => row.period;
  const down = (row) => dimensionWords(row[first], type(first));
  const columns = question.grain === null ? largest(answer.data, across, column) : periodsOf(daysOf(context), question.grain).map(({ begins }) => begins);
  const lines = largest(answer.data, down, column);
  const shownColumns = columns.slice(-MOST_CELLS);
  const shownLines = lines.slice(0, MOST_CELLS);
  if (question.grain === null) shownColumns.sort((a, b) => a.localeCompare(b));
  shownLines.sort((a, b) => a.localeCompare(b));
  const found = new Map(answer.data.map((row, at) => [JSON.stringify([down(row), across(row)]), at]));
  const headers = new Map(shownColumns.map((text) => [text, question.grain === null ? text : periodWords(text, question.grain)]));
  const rows = shownLines.flatMap((line) =>
    shownColumns.map((text) => {
      const at = found.get(JSON.stringify([line, text])) ?? null;
      const value = at === null ? null : answer.data[at][column.name];
      return { row: line, column: headers.get(text), value: value === null ? null : Number(value), shown: fullWords(value, column), at };
    }),
  );
  const hidden = columns.length - shownColumns.length + lines.length - shownLines.length;
  return [
    chart({ name: "metric_grid", rows, minWidth: Math.min(900, 160 + 18 * shownColumns.length), maxWidth: 240 + 72 * shownColumns.length, height: null, onSelect: context.select, summary: summaryOf(context, column) }),
    hidden > 0 && note(`The ${question.grain === null ? "largest" : "latest"} rows and columns; ${hidden} more are in the table.`),
  ].filter(Boolean);
}

/** The values of a field, those with the largest figures first. */
function largest(rows, name, column) {
  const sizes = new Map();
  rows.forEach((row) => sizes.set(name(row), (sizes.get(name(row)) ?? 0) + Math.abs(Number(row[column.name]) || 0)));
  return [...sizes].sort((a, b) => b[1] - a[1]).map(([text]) => text);
}

function scatter(context, [first, second]) {
  const { question, described, answer } = context;
  const known = answer.data.map((row, at) => ({ row, at })).filter(({ row }) => row[first.name] !== null && row[second.name] !== null);
  const where = (row) => [row.period && periodWords(row.period, question.grain), words(row, question, described, " → ")].filter(Boolean).join(", ");
  const rows = known.slice(0, MOST_POINTS).map(({ row, at }) => ({
    label: where(row), x: Number(row[first.name]), y: Number(row[second.name]), at,
    shownX: `${first.title} ${fullWords(row[first.name], first)}`, shownY: `${second.title} ${fullWords(row[second.name], second)}`,
  }));
  return chart({
    name: "metric_points", rows, height: context.height, onSelect: context.select, titles: { x: titleOf(first), y: titleOf(second) },
    summary: `${second.title} against ${first.title} for ${rows.length} groups. The table on Explore has all values.`,
  });
}

const titleOf = ({ title, unit }) => [title, unitWords(unit)].filter(Boolean).join(", ");

/** Values of a number in ranges of equal width, from the smallest to the largest. */
function histogram(context, column) {
  const { question, described, answer } = context;
  const [path] = question.by;
  const known = answer.data.filter((row) => typeof row[path] === "number" && row[column.name] !== null);
  if (known.length === 0) return bars(context, column);
  // The largest values of the metric would not show how all are distributed.
  if (answer.groups > answer.data.length) return note(`There are ${answer.groups} values of ${described.dimensions[path].title}, more than a histogram can be made of: add a filter.`);
  const values = known.map((row) => row[path]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = niceWidth((high - low) / BINS || 1);
  const bins = new Map();
  known.forEach((row) => {
    const place = Math.floor(row[path] / width);
    bins.set(place, (bins.get(place) ?? 0) + row[column.name]);
  });
  const clean = (number) => Number(number.toPrecision(12));
  const rows = [...bins].sort((a, b) => a[0] - b[0]).map(([place, value]) => {
    const [lower, upper] = [clean(place * width), clean((place + 1) * width)];
    return { lower, upper, value, words: `${dimensionWords(lower)} to under ${dimensionWords(upper)}`, shown: fullWords(value, column) };
  });
  const without = answer.data.some((row) => row[path] === null);
  return [
    chart({ name: "metric_histogram", rows, height: context.height, titles: { x: described.dimensions[path].title }, summary: summaryOf(context, column) }),
    without && note("Records without a value are only in the table."),
  ].filter(Boolean);
}

/** The next 1, 2 or 5 with zeros. */
function niceWidth(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= least) ?? 10 * power;
}

function map(context, column) {
  const { question, described, answer } = context;
  const { latitude, longitude } = placeOf(question.by, described.dimensions);
  const known = answer.data.map((row, at) => ({ row, at })).filter(({ row }) => typeof row[latitude] === "number" && typeof row[longitude] === "number");
  const rows = known.slice(0, MOST_POINTS).map(({ row, at }) => ({
    longitude: row[longitude], latitude: row[latitude], value: Number(row[column.name]) || 0, shown: fullWords(row[column.name], column),
    label: question.by.map((path) => `${described.dimensions[path].title} ${row[path] ?? "–"}`).join(", "), at,
  }));
  const missing = answer.groups - rows.length;
  return [
    chart({ name: "metric_map", rows, height: context.height, onSelect: context.select, summary: summaryOf(context, column) }),
    missing > 0 && note(`${missing} groups have no place, or are only in the table.`),
  ].filter(Boolean);
}

/** Name of a chart → what draws it of one metric. */
const DRAWN = { columns: periodColumns, lines: periodLines, stacked: periodColumns, bars, heatmap, histogram, map };
