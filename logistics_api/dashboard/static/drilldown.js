// From a figure to the rows that it is made of: the address of the Data page, filtered like the figure.

import { DATASETS } from "./datasets.js";
import { conditionsOf, nextPeriod } from "./metrics.js";
import { addDays } from "./ranges.js";
import { href } from "./router.js";

/** Operator of a metric's filter → what follows the name of a column in the filters of rows. */
const SUFFIXES = { eq: "", startsWith: "_prefix", gte: "_from", lte: "_to" };
const ORDERED = new Set(["date", "number", "integer", "datetime", "time", "duration", "year", "yearmonth"]);

/**
 * {address, missing}: where the rows of one row of an answer are, and the titles of what these rows cannot be filtered by, so
 * that there are more of them than the figure has; address is null where there are no rows to be shown.
 */
export function rowsOf(question, described, answer, row) {
  const table = DATASETS[question.dataset];
  if (!table) return { address: null, missing: [] };
  const filters = dayFilters(question, described, answer, row, table);
  const missing = [];
  const lacking = new Set();
  const add = ({ field, operator, value }) => {
    const column = columnOf(table, field);
    if (column !== null && ((operator === "eq" && value === null) || (operator === "isNull" && value === true))) return void lacking.add(column);
    const filter = filterOn(table, field, operator, value);
    if (filter === null || (filter[0] in filters && filters[filter[0]] !== filter[1])) missing.push(described.dimensions[field]?.title ?? field);
    else filters[filter[0]] = filter[1];
  };
  const conditions = conditionsOf(question.filter);
  if (conditions === null) missing.push("the filter");
  else conditions.forEach(add);
  question.by.forEach((path) => add({ field: path, operator: "eq", value: row[path] }));
  const isNull = [...lacking].join(",") || null;
  return { address: href("data", [], { dataset: question.dataset, ...filters, isNull }), missing: [...new Set(missing)] };
}

/** [parameter, value] of a filter on rows; null where rows have none like that. */
function filterOn(table, path, operator, value) {
  const column = columnOf(table, path);
  const suffix = SUFFIXES[operator];
  if (column === null || suffix === undefined || !isExact(value)) return null;
  const { type } = table.columns[column];
  if (type === "object" || type === "array") return null;
  if (suffix !== "" && (suffix === "_prefix" ? type !== "string" : !ORDERED.has(type))) return null;
  return [column + suffix, String(value)];
}

/** The column of rows that holds a field; those of another record only if rows have them as well. */
function columnOf(table, path) {
  const name = path.split(".").at(-1);
  const column = table.columns[name];
  return column && (path === name) === !column.added ? name : null;
}

/** Whether a filter can ask for a value: not for none, and JavaScript rounds numbers of more than 15 digits. */
const isExact = (value) =>
  value !== null && value !== "" && typeof value !== "object" && (typeof value !== "number" || String(value).replaceAll(/\D/g, "").length <= 15);

function dayFilters(question, described, answer, row, table) {
  const name = table.date ?? (table.columns.day?.added ? "day" : null);
  if (!described.has_days || name === null) return {};
  const days = daysOf(question, described, answer, row);
  if (days === null) return {};
  if (table.columns[name].type !== "datetime") return { [`${name}_from`]: days.start, [`${name}_to`]: days.end };
  const zone = described.time_zone;
  if (zone === null) return { [`${name}_from`]: `${days.start}T00:00`, [`${name}_to`]: `${days.end}T23:59:59.999999` };
  const last = new Date(startOfDay(addDays(days.end, 1), zone) - 1).toISOString().replace(".999Z", ".999999Z");
  return { [`${name}_from`]: new Date(startOfDay(days.start, zone)).toISOString(), [`${name}_to`]: last };
}

/** When a day begins in a time zone, in milliseconds. */
function startOfDay(day, timeZone) {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const clock = new Intl.DateTimeFormat("en-US", { timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  const offset = (moment) => {
    const { year, month, day: date, hour, minute, second } = Object.fromEntries(clock.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(year, month - 1, date, hour, minute, second) - moment;
  };
  // The offset is that of the moment itself, which is known only from the offset.
  return midnight - offset(midnight - offset(midnight));
}

/** The days that a row of an answer is about: those of its period within the range. Records without a day are in no figure. */
function daysOf(question, { days: known }, answer, row) {
  const range = answer.range ?? question.days ?? (known && { start: known.first, end: known.last });
  if (row.period === undefined || !range) return range;
  const last = addDays(nextPeriod(row.period, question.grain), -1);
  return { start: row.period < range.start ? range.start : row.period, end: last > range.end ? range.end : last };
}
