// Tables: a real <table> whose head sorts, and pages below it.

import { h, present } from "../dom.js";
import { icon } from "../icons.js";
import { count } from "../format.js";

/** Letters after which a cell may be cut off: its title has the whole. */
const LONG = 24;

/**
 * table({columns, rows, caption, sort, onSort, rowClass}) returns the table in a box that scrolls sideways, and below it what its columns mean.
 *   columns   [{key, label, format, node, number, sortable, head, wrap, title}]
 *             format(value, row) → text; node(value, row) → node; number: right-aligned; head: a row's own heading (<th>)
 *   sort      {by: key, order: "asc" | "desc"} or null; onSort(sort) is called by the head's buttons
 *   detail    (row) => a node below the row, over all columns, or null
 *   caption   what the table holds, for those who do not see it
 */
export function table({ columns, rows, caption, sort = null, onSort = null, rowClass = () => null, detail = () => null }) {
  const made = h(
    "div",
    { class: "table-scroll wide", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => heading(column, sort, onSort)))),
      h("tbody", {}, present(rows.map((row) => [h("tr", { class: rowClass(row) }, columns.map((column) => cell(column, row))), below(row, detail, columns.length)]))),
    ),
  );
  return [made, definitions(columns, caption)];
}

/** What the columns mean, for keyboard and touch as well as for the pointer. */
function definitions(columns, caption) {
  const explained = columns.filter(({ title }) => title);
  if (explained.length === 0) return null;
  return h(
    "details",
    { class: "definitions wide" },
    h("summary", { "data-focus": `definitions-${caption}` }, "What the columns mean"),
    h("dl", {}, explained.map(({ label, title }) => [h("dt", {}, label), h("dd", {}, title)])),
  );
}

/** A line of its own, as wide as the table, for long text such as an error. */
function below(row, detail, span) {
  const content = detail(row);
  return content && h("tr", { class: "detail" }, h("td", { colspan: span }, content));
}

function heading(column, sort, onSort) {
  const sorted = sort?.by === column.key ? sort.order : null;
  const direction = sorted ? { asc: "ascending", desc: "descending" }[sorted] : null;
  const label = onSort && column.sortable !== false ? sorter(column, sorted, onSort) : column.label;
  return h("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": direction, title: column.title }, label);
}

function sorter(column, sorted, onSort) {
  // Numbers are looked at from the largest first, names from A.
  const first = column.number ? "desc" : "asc";
  const next = sorted === null ? first : sorted === "asc" ? "desc" : "asc";
  const press = () => onSort({ by: column.key, order: next });
  return h("button", { type: "button", class: "sort", "data-focus": `sort-${column.key}`, onclick: press }, column.label, icon("arrowdown"));
}

function cell(column, row) {
  const value = row[column.key];
  const content = column.node ? column.node(value, row) : column.format ? column.format(value, row) : value ?? "–";
  const classes = [column.number && "number", column.wrap && "wrap"].filter(Boolean).join(" ") || null;
  const made = column.head ? h("th", { scope: "row", class: classes }, content) : h("td", { class: classes }, content);
  if (made.textContent.length > LONG && !column.wrap) made.title = made.textContent;
  return made;
}

/** pager({page, size, total, onPage, onSize, caption}): which rows these are, and the way to the others. */
export function pager({ page, size, total, onPage, onSize = null, sizes = [10, 25, 50, 100], caption = "the table" }) {
  const last = Math.max(1, Math.ceil(total / size));
  const from = total === 0 ? 0 : (page - 1) * size + 1;
  const button = (name, label, target, disabled) =>
    h("button", { type: "button", class: "button icon-only", "aria-label": label, "data-focus": `page-${name}`, disabled, onclick: () => onPage(target) }, icon(name));
  return h(
    "nav",
    { class: "pager wide", "aria-label": `Pages of ${caption}` },
    h("div", {}, h("span", { role: "status" }, `${count(from)}–${count(Math.min(page * size, total))} of ${count(total)}`)),
    h(
      "div",
      {},
      onSize && h("label", {}, h("span", { class: "sr-only" }, "Rows per page"), sizeChoice(size, sizes, onSize)),
      button("left", "Previous page", page - 1, page <= 1),
      h("span", {}, `${count(page)} / ${count(last)}`),
      button("right", "Next page", page + 1, page >= last),
    ),
  );
}

function sizeChoice(size, sizes, onSize) {
  const options = [...new Set([...sizes, size])].sort((a, b) => a - b);
  return h(
    "select",
    { class: "input", "data-focus": "page-size", onchange: (event) => onSize(Number(event.target.value)) },
    options.map((option) => h("option", { value: option, selected: option === size }, `${option} rows`)),
  );
}

/** A small bar before a number: its share of the largest. */
export function bar(share, text) {
  const filled = h("span", {});
  filled.style.setProperty("--share", Math.max(0, Math.min(100, share)));
  return [h("span", { class: "bar", "aria-hidden": "true" }, filled), text];
}
