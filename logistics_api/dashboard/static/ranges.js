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

/** {name, start, end} of the name in the address, for data from `first` to `last`; null where there is no data. */
export function resolve(name, first, last) {
  if (!last) return null;
  const custom = CUSTOM.exec(name ?? "");
  if (custom && isDay(custom[1]) && isDay(custom[2]) && custom[1] <= custom[2]) {
    return { name, start: custom[1], end: custom[2] };
  }
  const start = {
    "7d": () => addDays(last, -6),
    "30d": () => addDays(last, -29),
    "90d": () => addDays(last, -89),
    month: () => `${last.slice(0, 7)}-01`,
    year: () => `${last.slice(0, 4)}-01-01`,
    all: () => first ?? last,
  }[name];
  return start ? { name, start: start(), end: last } : resolve(DEFAULT, first, last);
}

/** The range of equal length that ends the day before. */
export function previous(range) {
  return { start: addDays(range.start, -length(range)), end: addDays(range.start, -1) };
}

export const custom = (start, end) => `${start}..${end}`;
/** Whether it is a calendar day the API knows: of the years 1900 to 2100. */
export const isDay = (day) => /^(19|20)\d{2}-\d{2}-\d{2}$|^2100-/.test(day) && !Number.isNaN(time(day)) && text(time(day)) === day;
