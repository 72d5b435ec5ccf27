// Ranges of days. They count back from the newest day with data, not from today: files arrive late.

export const NAMES = { "7d": "7 days", "30d": "30 days", "90d": "90 days", month: "Month", year: "Year", all: "All" };
export const DEFAULT = "30d";
const CUSTOM = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/;
const MILLISECONDS = 86_400_000;
const FIRST = "1900-01-01";

const time = (day) => Date.parse(`${day}T00:00:00Z`);
const text = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** The day the given number of days later, as YYYY-MM-DD. */
export const addDays = (day, number) => text(time(day) + number * MILLISECONDS);
/** How many days a range has, both ends included. */
export const length = ({ start, end }) => Math.round((time(end) - time(start)) / MILLISECONDS) + 1;
/** The days of a range that can be requested: of the years 1900 to 2100. */
export const askable = ({ start, end }) => ({ start: [start, FIRST].sort()[1], end: [end, FIRST].sort()[1] });
/** Every day of a range. */
export const listDays = ({ start, end }) => Array.from({ length: length({ start, end }) }, (_, i) => addDays(start, i));

/** One row per day of a range: `nothing` where the data has none, and only the date where the data has not begun or has ended. */
export function everyDay(rows, range, { first_day: first, last_day: last }, nothing) {
  const known = new Map(rows.map((row) => [row.date, row]));
  return listDays(range).map((date) => known.get(date) ?? (first <= date && date <= last ? { date, ...nothing } : { date }));
}

/** The range that the parameters of an address name: `range`, or `start` and `end` as in the API. */
export const nameOf = (parameters) =>
  parameters.has("start") || parameters.has("end") ? custom(parameters.get("start") ?? "", parameters.get("end") ?? "") : parameters.get("range") || DEFAULT;

/** What is wrong with the range of an address, in a sentence; null if nothing is. */
export function problem(parameters) {
  for (const name of ["start", "end"]) {
    const day = parameters.get(name);
    if (day !== null && !isDay(day)) return `${name}=${day} is not a day: it must be a date from 1900 to 2100, such as 2024-12-31.`;
  }
  if (parameters.has("start") !== parameters.has("end")) return `A range by days needs both: ${parameters.has("start") ? "end" : "start"} is missing.`;
  if (parameters.has("start") && parameters.has("range")) return "The address names two ranges: give either range, or start and end.";
  const name = nameOf(parameters);
  if (Object.hasOwn(NAMES, name)) return null;
  const [, start, end] = CUSTOM.exec(name) ?? [];
  if (!isDay(start ?? "") || !isDay(end ?? "")) return `range=${name} is not a range: it must be one of ${Object.keys(NAMES).join(", ")}, or two days such as 2024-01-01..2024-12-31.`;
  return start <= end ? null : `The range ends before it begins: ${start} is after ${end}.`;
}

/**
 * {name, start, end} of a valid name, for data from `first` to `last`; null where there is no data. Ranges by name end at
 * `newest`, which is `last` unless the newest shipments are older.
 */
export function resolve(name, first, last, newest = last) {
  if (!last) return null;
  const days = CUSTOM.exec(name);
  if (days) return { name, start: days[1], end: days[2] };
  const start = {
    "7d": () => addDays(newest, -6),
    "30d": () => addDays(newest, -29),
    "90d": () => addDays(newest, -89),
    month: () => `${newest.slice(0, 7)}-01`,
    year: () => `${newest.slice(0, 4)}-01-01`,
    all: () => first ?? last,
  }[name];
  return { name, start: start(), end: name === "all" ? last : newest };
}

/** The range of equal length that ends the day before; or the latest before that begins on the same weekday. */
export function previous(range, sameWeekdays = false) {
  const back = sameWeekdays ? Math.ceil(length(range) / 7) * 7 : length(range);
  return { start: addDays(range.start, -back), end: addDays(range.end, -back) };
}

export const custom = (start, end) => `${start}..${end}`;
/** Whether it is a calendar day the API knows: of the years 1900 to 2100. */
export const isDay = (day) => /^(19|20)\d{2}-\d{2}-\d{2}$|^2100-/.test(day) && !Number.isNaN(time(day)) && text(time(day)) === day;
