// The periods of time charts: days, weeks or months by the length of the range or as the address says, or weekdays.

import { url } from "./api.js";
import { dayRange } from "./format.js";
import { addDays, askable, everyDay, length, listDays } from "./ranges.js";

/** Value of the parameter `grain` → words. */
export const GRAINS = { auto: "Auto", day: "By day", week: "By week", month: "By month", weekday: "By weekday" };
/** The longest ranges in days and in weeks, as /api/figures/series chooses them. */
const MOST_DAYS = 92;
const MOST_DAYS_IN_WEEKS = 731;
/** Days before the range that a mean over 7 days needs. */
export const LEAD = 6;

const NOTHING = { shipments: 0, revenue: 0, cost_with_mileage: 0, mileage_with_cost: 0, revenue_per_km: null };
const SUMS = ["shipments", "revenue", "cost_with_mileage", "mileage_with_cost"];

/** "day", "week" or "month" by the length of a range. */
export function grainOfLength(range) {
  const days = length(range);
  return days <= MOST_DAYS ? "day" : days <= MOST_DAYS_IN_WEEKS ? "week" : "month";
}

/** "day", "week", "month" or "weekday". Links of before named it `by`. */
export function grainOf(view) {
  const chosen = view.get("grain") ?? view.get("by");
  return chosen !== "auto" && Object.hasOwn(GRAINS, chosen ?? "") ? chosen : grainOfLength(view.range);
}

const led = (range) => ({ start: addDays(range.start, -LEAD), end: range.end });

/** What to request for the time charts of a page: {daily} or {series}, and {previous} where ranges are compared. */
export function request(view) {
  const grain = grainOf(view);
  const daily = (range) => url("/api/figures/daily", askable(range));
  const series = (range) => url("/api/figures/series", { ...askable(range), grain });
  const before = view.compare && { previous: grain === "weekday" ? series(view.previous) : daily(view.previous) };
  return grain === "day" ? { daily: daily(led(view.range)), ...before } : { series: series(view.range), ...before };
}

/** One row per day of a range: a day without logs has nothing, one outside of the data is not known. */
export const byDay = (view, { data }, range) => everyDay(data, range, view.known, NOTHING);

/** The days of the chart, those before the range first: {date, value, previous, mean, lead}. */
export function days(view, { daily, previous }, key) {
  const all = byDay(view, daily, led(view.range));
  const before = previous && byDay(view, previous, view.previous);
  return all.map((row, i) => ({
    date: row.date,
    value: row[key] ?? null,
    ...(i < LEAD ? { lead: true } : { previous: before?.[i - LEAD]?.[key] ?? null, mean: figure(all.slice(i - LEAD, i + 1), key) }),
  }));
}

/** A figure of several days together: sums are added, a rate is a ratio of sums. Null unless every day is known. */
function figure(rows, key) {
  if (rows.length === 0 || rows.some(({ shipments }) => shipments === undefined)) return null;
  const sum = Object.fromEntries(SUMS.map((name) => [name, rows.reduce((total, row) => total + row[name], 0)]));
  if (key === "revenue_per_km") return sum.mileage_with_cost ? sum.cost_with_mileage / sum.mileage_with_cost : null;
  return sum[key];
}

/**
 * The weeks or months that have a log: {start, end, begins, next, days, partial, words, value, previous}. `partial`: some of its
 * days lie outside of the range or of the data.
 */
export function periods(view, { series, previous }, key) {
  const before = previous && byDay(view, previous, view.previous);
  const offset = (day) => length({ start: view.range.start, end: day }) - 1;
  return series.data.map((row) => {
    const [begins, next] = series.grain === "week" ? week(row.start) : month(row.start);
    const known = within(row, view.known);
    const partial = begins < known.start || known.end < addDays(next, -1);
    return {
      start: row.start,
      end: row.end,
      days: row.days,
      begins,
      next,
      partial,
      words: dayRange(row.start, row.end) + (partial ? ` (${length(known)} of ${length({ start: begins, end: next }) - 1} days)` : ""),
      value: row[key] ?? null,
      previous: before ? figure(before.slice(offset(row.start), offset(row.end) + 1).filter(({ shipments }) => shipments !== undefined), key) : null,
    };
  });
}

/** The days of a range that lie in the data; those of the future do not count as missing. */
function within({ start, end }, { first_day: first, last_day: last }) {
  return { start: first && start < first && first <= end ? first : start, end: last && start <= last && last < end ? last : end };
}

function week(day) {
  const monday = addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
  return [monday, addDays(monday, 7)];
}

function month(day) {
  const first = `${day.slice(0, 7)}-01`;
  return [first, `${addDays(first, 31).slice(0, 7)}-01`];
}

const weekdayOf = (day) => new Date(`${day}T00:00:00Z`).getUTCDay() || 7;

/** The weekdays that have a log, from Monday: {weekday, words, days, value, previous}. Sums are means of their days. */
export function weekdays(view, { series, previous }, key) {
  const before = new Map(previous && perDay(view, previous, view.previous, key));
  const names = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });
  return perDay(view, series, view.range, key).map(([weekday, { value, days: counted }]) => ({
    weekday, days: counted, value, previous: before.get(weekday)?.value ?? null, words: names.format(new Date(Date.UTC(2024, 0, weekday))), // 1 January 2024 was a Monday
  }));
}

function perDay(view, { data }, range, key) {
  const known = listDays(within(range, view.known)).map(weekdayOf);
  return data.map((row) => {
    const counted = Math.max(row.days_with_trips, known.filter((weekday) => weekday === row.weekday).length);
    const value = row[key] ?? null;
    return [row.weekday, { days: counted, value: key === "revenue_per_km" || value === null ? value : value / counted }];
  });
}

/** The figures of a small line without axes: of days, or of whole weeks or months; null for weekdays. */
export function points(view, answer, key) {
  if (answer.daily) return byDay(view, answer.daily, view.range).map((day) => day[key] ?? null);
  if (answer.series.grain === "weekday") return null;
  return periods(view, answer, key).filter(({ partial }) => !partial).map(({ value }) => value);
}
