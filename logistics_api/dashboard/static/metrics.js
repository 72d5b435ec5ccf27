// Questions about metrics: what there is to ask, and a question's way from the address of the page to that of the API.

import { url } from "./api.js";
import { figure, day, dayRange, money, monthName, percent } from "./format.js";
import { addDays, askable, nameOf, resolve } from "./ranges.js";
import { grainOfLength } from "./periods.js";

/** Where the API describes the metrics of all datasets. */
export const CATALOGUE = "/api/metrics";

/** An object that has its own members alone: names in an address can be any, also `constructor`. */
const plain = (members) => Object.assign(Object.create(null), members);

/** Value of the parameter `grain` → words. */
export const GRAINS = plain({ none: "No periods", day: "By day", week: "By week", month: "By month", quarter: "By quarter", year: "By year" });
/** Value of the parameter `compare`, which other pages have as well → what the API calls it, and words. */
export const COMPARISONS = plain({
  1: { name: "previous", words: "Previous period" },
  year: { name: "year", words: "A year before" },
  weekday: { name: "weekdays", words: "Same weekdays a year before" },
});
/** Value of the parameter `show` → words. */
export const SHOWN = plain({ share: "Share of the total", running: "Running total", average: "Average of 7 periods" });

const MOST_ROWS = 1_000;
/** As many as the API gives: groups of many periods, or of many numbers, would otherwise end in the middle. */
const MOST_ROWS_OF_MANY = 10_000;
const NUMERIC = new Set(["number", "integer"]);

/** Name → dataset, with its metrics and dimensions by name, of what the API returns. */
export function described({ datasets }) {
  const byName = (list, key) => plain(Object.fromEntries(list.map((each) => [each[key], each])));
  return byName(
    datasets.map((dataset) => ({ ...dataset, metrics: byName(dataset.metrics, "name"), dimensions: byName(dataset.dimensions, "path") })),
    "dataset",
  );
}

const split = (text) => (text ?? "").split(",").filter(Boolean);

/**
 * The question that parameters ask: get(name) gives one. Names that do not exist stay in it: the API says so. `grain` is null
 * without periods; `days` is null for all days.
 */
export function readQuestion(get, catalogue) {
  const names = Object.keys(catalogue);
  const name = get("dataset") ?? (catalogue.shipments ? "shipments" : names[0]);
  const dataset = catalogue[name] ?? null;
  const metrics = split(get("metrics"));
  const by = split(get("by"));
  const range = dataset?.has_days ? rangeOf(get, dataset) : null;
  return {
    dataset: name,
    metrics: metrics.length || !dataset ? metrics : Object.keys(dataset.metrics).slice(0, 1),
    by,
    hasNumbers: by.some((path) => NUMERIC.has(dataset?.dimensions[path]?.type)),
    range,
    days: range && range.name !== "all" ? askable(range) : null,
    grain: dataset?.has_days ? grainOf(get("grain"), by, range) : null,
    filter: get("filter"),
    compare: dataset?.has_days ? (COMPARISONS[get("compare")]?.name ?? null) : null,
    show: split(get("show")),
    order: get("order"),
    exact: get("exact") === "1",
    chart: get("chart"),
  };
}

/** {name, start, end} by the days of the dataset; null where none are known. */
function rangeOf(get, { days }) {
  const parameters = new URLSearchParams(["range", "start", "end"].filter((name) => get(name) !== null).map((name) => [name, get(name)]));
  return days && resolve(nameOf(parameters), days.first, days.last, days.newest ?? days.last);
}

/** Without fields to group by, a metric is shown over time. */
function grainOf(given, by, range) {
  if (given !== null && given !== "auto") return given === "none" ? null : given;
  return by.length || range === null ? null : grainOfLength(range);
}

/** The parameters of a question as the API takes them. */
export function parametersOf({ metrics, by, hasNumbers, grain, filter, compare, show, order, exact }) {
  return {
    metrics: metrics.join(",") || null,
    by: by.join(",") || null,
    grain,
    filter,
    compare,
    show: show.join(",") || null,
    order,
    limit: (grain && by.length) || hasNumbers ? MOST_ROWS_OF_MANY : MOST_ROWS,
    exact: exact ? "true" : null,
  };
}

/** The address of the answer. */
export const addressOf = (question, more = {}) => url(`/api/metrics/${encodeURIComponent(question.dataset)}`, { ...parametersOf(question), ...question.days, ...more });

// -- filters ----------------------------------------------------------------------------------------------------------

const LOGIC = new Set(["and", "or", "not"]);
/** Operator of the API → words between field and value. */
export const OPERATORS = plain({
  eq: "is", ne: "is not", in: "is one of", startsWith: "begins with", gte: "at least", lte: "at most", gt: "more than", lt: "less than", isNull: "has no value",
});

/** The conditions of a filter, [{field, operator, value}], which all hold; null if it is more than that. */
export function conditionsOf(text) {
  if (text === null) return [];
  try {
    const document = JSON.parse(text);
    const parts = Array.isArray(document.and) && Object.keys(document).length === 1 ? document.and : [document];
    if (parts.some((part) => Object.keys(part).some((key) => LOGIC.has(key)))) return null;
    return parts.flatMap((part) => Object.entries(part).flatMap(([field, value]) => conditionsOn(field, value)));
  } catch {
    return null;
  }
}

function conditionsOn(key, value) {
  const field = key.replace(/^\./, "");
  if (value === null || typeof value !== "object") return [{ field, operator: "eq", value }];
  return Object.entries(value).map(([operator, operand]) => ({ field, operator, value: operand }));
}

/** The filter of these conditions, as text; null without any. */
export function filterOf(conditions) {
  if (conditions.length === 0) return null;
  const keyOf = (field) => (LOGIC.has(field) ? `.${field}` : field);
  const parts = conditions.map(({ field, operator, value }) => ({ [keyOf(field)]: { [operator]: value } }));
  return JSON.stringify(parts.length === 1 ? parts[0] : { and: parts });
}

/** A condition in words. */
export function conditionWords({ field, operator, value }, dataset) {
  const { title = field, type = null } = dataset?.dimensions[field] ?? {};
  if (operator === "isNull") return `${title} ${value ? "has no value" : "has a value"}`;
  const words = (each) => dimensionWords(each, type);
  return `${title} ${OPERATORS[operator] ?? operator} ${Array.isArray(value) ? value.map(words).join(", ") : words(value)}`;
}

// -- values -----------------------------------------------------------------------------------------------------------

const UNITS = { "1": null, currency: null, "%": null, Cel: "°C", "[degF]": "°F" };

/** A unit as it stands behind a number; null if nothing does. */
export function unitWords(unit) {
  if (!unit) return null;
  if (unit in UNITS) return UNITS[unit];
  return unit.replace(/^currency\//, "per ");
}

/** A value of a metric, without its unit. */
export function valueWords(value, unit = null) {
  if (typeof value === "string") return /^\d{4}-\d{2}-\d{2}$/.test(value) ? day(value) : value;
  if (unit === "%") return percent(value);
  return unit?.startsWith("currency") ? money(value) : figure(value);
}

/** The same with its unit, and marked if it is approximate. */
export function fullWords(value, { unit = null, approximate_within: error = null } = {}) {
  if (value === null || value === undefined) return "–";
  const shown = [valueWords(value, unit), unitWords(unit)].filter(Boolean).join(" ");
  return error === null ? shown : `≈ ${shown}`;
}

/** How far a value may be off, in words; null if it is exact. */
export const errorWords = (column, metric) =>
  column.approximate_within == null
    ? null
    : metric?.aggregate === "distinct"
      ? `Approximate: two of three values are at most ${percent(100 * column.approximate_within)} off`
      : `Approximate: at most ${percent(100 * column.approximate_within)} off`;

export const NO_VALUE = "(no value)";

/** A value of a field that is grouped by. */
export function dimensionWords(value, type = null) {
  if (value === null || value === undefined) return NO_VALUE;
  if (value === "") return "(empty)";
  if (type === "date") return day(value);
  if (typeof value === "number") return type === "year" ? String(value) : figure(value);
  return String(value);
}

// -- periods ----------------------------------------------------------------------------------------------------------

const MONTHS = { month: 1, quarter: 3, year: 12 };

/** The first day of the period after the one that begins on a day. */
export function nextPeriod(begins, grain) {
  if (grain === "day") return addDays(begins, 1);
  if (grain === "week") return addDays(begins, 7);
  const [year, month] = begins.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + MONTHS[grain], 1)).toISOString().slice(0, 10);
}

/** The first day of the period that a day is in. */
function periodOf(text, grain) {
  if (grain === "day") return text;
  const date = new Date(`${text}T00:00:00Z`);
  if (grain === "week") return addDays(text, -((date.getUTCDay() + 6) % 7));
  const month = Math.floor(date.getUTCMonth() / MONTHS[grain]) * MONTHS[grain];
  return new Date(Date.UTC(date.getUTCFullYear(), month, 1)).toISOString().slice(0, 10);
}

/** Every period of a range: {begins, next, start, end, words}; `start` and `end` are its days within the range. */
export function periodsOf({ start, end }, grain) {
  const found = [];
  for (let begins = periodOf(start, grain); begins <= end; begins = nextPeriod(begins, grain)) {
    const next = nextPeriod(begins, grain);
    const days = { start: begins < start ? start : begins, end: addDays(next, -1) > end ? end : addDays(next, -1) };
    found.push({ begins, next, ...days, words: periodWords(begins, grain, days) });
  }
  return found;
}

/** A period in words; one of which the range has only some days, as these. */
export function periodWords(begins, grain, days = null) {
  const whole = { start: begins, end: addDays(nextPeriod(begins, grain), -1) };
  if (grain === "day") return day(begins);
  if (days && (days.start !== whole.start || days.end !== whole.end)) return dayRange(days.start, days.end);
  if (grain === "week") return dayRange(whole.start, whole.end);
  if (grain === "month") return monthName(begins);
  return grain === "quarter" ? `Q${Math.ceil(Number(begins.slice(5, 7)) / 3)} ${begins.slice(0, 4)}` : begins.slice(0, 4);
}
