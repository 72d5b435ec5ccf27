// The table of an answer about metrics: one row per group and period, each with the way to its rows.

import { h } from "../dom.js";
import { percent } from "../format.js";
import { dimensionWords, errorWords, fullWords, periodWords, periodsOf } from "../metrics.js";
import { trend } from "./badges.js";
import { table } from "./table.js";

/**
 * answerTable({question, described, answer, rows, sort, onSort, linkOf}): `rows` are those of the answer to be shown; linkOf(row) →
 * the address of the rows it is made of, or null.
 */
export function answerTable({ question, described, answer, rows, sort = null, onSort = null, linkOf = null }) {
  const columns = answer.columns.map((column) => asShown(column, question, described, answer));
  if (linkOf) columns.push({ key: "rows", label: "Rows", sortable: false, node: (_, row) => toRows(linkOf(row), row, question, described) });
  return table({ caption: `Table: ${questionWords(question, described)}`, columns, rows, sort, onSort });
}

/** What is asked: "Revenue, Shipments by month and origin". */
export function questionWords({ metrics, by, grain }, { metrics: known, dimensions }) {
  const groups = by.map((path) => (dimensions[path]?.title ?? path).toLowerCase());
  const all = [grain, ...groups].filter(Boolean);
  return `${metrics.map((name) => known[name]?.title ?? name).join(", ")}${all.length ? ` by ${all.join(" and ")}` : ""}`;
}

function asShown(column, question, described, answer) {
  const { name, title, kind } = column;
  const range = answer.range ?? question.days;
  if (kind === "period") return { key: name, label: title, head: true, format: (value) => periodInRange(value, question.grain, range) };
  if (kind === "dimension") {
    const type = described.dimensions[name]?.type;
    return { key: name, label: title, head: true, format: (value) => dimensionWords(value, type) };
  }
  if (kind === "change") {
    const better = column.better === "neither" ? null : column.better;
    return { key: name, label: title, number: true, node: (value) => trend(value, better) ?? "–" };
  }
  if (kind === "share") return { key: name, label: title, number: true, format: (value) => percent(value) };
  const error = errorWords(column, described.metrics[column.metric]);
  const definition = kind === "value" ? described.metrics[column.metric]?.description : null;
  const shown = (value) => fullWords(value, column);
  return {
    key: name, label: title, number: true, title: [definition, error].filter(Boolean).join(". ") || null,
    ...(error === null ? { format: shown } : { node: (value) => h("span", { title: error }, shown(value)) }),
  };
}

function periodInRange(begins, grain, range) {
  if (!range) return periodWords(begins, grain);
  const [found] = periodsOf({ start: begins < range.start ? range.start : begins, end: range.end }, grain);
  return found?.begins === begins ? found.words : periodWords(begins, grain);
}

/** A row of an answer in words: which period and which group. */
export const rowWords = (row, question, described) =>
  [row.period && periodWords(row.period, question.grain), ...question.by.map((path) => dimensionWords(row[path], described.dimensions[path]?.type))].filter(Boolean).join(", ");

function toRows({ address, missing }, row, question, described) {
  if (address === null) return "–";
  const where = rowWords(row, question, described) || "all";
  const warning = missing.length ? missingWords(missing) : null;
  return h("a", { href: address, title: warning, "aria-label": `Rows of ${where}${warning ? `. ${warning}` : ""}` }, missing.length ? "Rows*" : "Rows");
}

/** What the rows behind a figure cannot be filtered by. */
export const missingWords = (missing) => `The rows cannot be filtered by ${missing.join(", ")}: there are more of them than the figure counts.`;
