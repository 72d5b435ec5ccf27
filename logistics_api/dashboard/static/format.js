// Numbers, dates and lengths of time as people read them. Figures without a value are a dash.

const NONE = "–";
const numbers = new Map();

function numberFormat(options) {
  const key = JSON.stringify(options);
  if (!numbers.has(key)) numbers.set(key, new Intl.NumberFormat(undefined, options));
  return numbers.get(key);
}

const isMissing = (value) => value === null || value === undefined;
const format = (value, options) => (isMissing(value) ? NONE : numberFormat(options).format(value));

/** 12,345 */
export const count = (value) => format(value, { maximumFractionDigits: 0 });
/** 12,345.67: money has no unit here, the data does not name one */
export const money = (value) => format(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
/** 12.3 with the given number of decimals */
export const decimal = (value, digits = 2) => format(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const COMPACT = { notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3 };
const SCIENTIFIC = { notation: "scientific", maximumFractionDigits: 2 };
/** 12,345 or 12,345.68 or 0.00123: a figure of which nothing but its size is known */
export const figure = (value) =>
  Number.isInteger(value) ? count(value) : Math.abs(value) < 0.01 ? format(value, { maximumSignificantDigits: 3 }) : decimal(value);
/** 1.23M; 1.23E24 where there is no word for it */
export const compact = (value) => {
  const size = Math.abs(value);
  return format(value, size < 10_000 ? { maximumFractionDigits: 0 } : size < 1e15 ? COMPACT : SCIENTIFIC);
};
/** 12.3, or 1.23M where there is no room for all digits */
export const shortDecimal = (value, digits) => (Math.abs(value) < 10_000 ? decimal(value, digits) : compact(value));
/** 97.5 % of a value that is in percent already */
export const percent = (value, digits = 1) =>
  isMissing(value) ? NONE : numberFormat({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value / 100);
/** 12.3 h */
export const hours = (value) => (isMissing(value) ? NONE : `${Math.abs(value) < 1e6 ? decimal(value, 1) : compact(value)} h`);
/** 3.4 MB */
export function bytes(value) {
  if (isMissing(value)) return NONE;
  const unit = ["B", "kB", "MB", "GB", "TB"];
  const step = value < 1 ? 0 : Math.min(unit.length - 1, Math.floor(Math.log10(value) / 3));
  return `${numberFormat({ maximumFractionDigits: step ? 1 : 0 }).format(value / 1000 ** step)} ${unit[step]}`;
}

/**
 * A number as the API reads it, 1234.5, of one as people write it: 1.234,5 or 1,234.5 or 1234,5 or 1 234,5. What could be
 * either, such as 1,234, stays as it is.
 */
export function plainNumber(text) {
  const bare = text.replaceAll(/[\s'’]/g, "");
  const found = /^([+-]?\d+)(?:([.,])(\d{3}(?:\2\d{3})*))?(?:([.,])(\d*))?$/.exec(bare);
  if (!found) return text;
  const [, whole, group, thousands = "", point, rest = ""] = found;
  const isGrouped = group && (point ? point !== group : thousands.length > 3);
  if (isGrouped) return `${whole}${thousands.replaceAll(group, "")}${rest && `.${rest}`}`;
  return point === "," && !group ? `${whole}.${rest}` : bare;
}

const DAY = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
// Made when they are needed: a browser takes milliseconds for each.
const once = (make) => {
  let made = null;
  return () => (made ??= make());
};
const days = once(() => new Intl.DateTimeFormat(undefined, DAY));
const moments = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }));
/** The browser's own words for how long ago: relative().format(-3, "day"). */
export const relative = once(() => new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }));

/** 31 Jan 2024, of YYYY-MM-DD: a day of the data, whatever the time zone here */
export const day = (text) => (text ? days().format(new Date(`${text}T00:00:00Z`)) : NONE);
/** 1 – 31 Jan 2024 */
export const dayRange = (start, end) =>
  days().formatRange(new Date(`${start}T00:00:00Z`), new Date(`${end}T00:00:00Z`));
const months = once(() => new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" }));
/** Jan 2024, of YYYY-MM-DD */
export const monthName = (text) => months().format(new Date(`${text}T00:00:00Z`));
/** A moment, in the reader's time zone */
export const moment = (text) => (text ? moments().format(new Date(text)) : NONE);
const times = once(() => new Intl.DateTimeFormat(undefined, { timeStyle: "short" }));
/** 14:02 of a time in milliseconds, with the day if that is not today */
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  return date.toDateString() === new Date().toDateString() ? times().format(date) : moments().format(date);
}
/** 5 minutes ago */
export function ago(text, now = Date.now()) {
  if (!text) return NONE;
  const seconds = (new Date(text).getTime() - now) / 1000;
  for (const [unit, length] of [["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return relative().format(Math.round(seconds / length), unit);
  }
  return relative().format(Math.round(seconds), "second");
}
