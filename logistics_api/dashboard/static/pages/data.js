// The rows themselves: any dataset, filtered, page by page in both directions, and all that is filtered as a file.

import { h, replace } from "../dom.js";
import { get, url } from "../api.js";
import { count, day, decimal, percent, plainNumber } from "../format.js";
import { icon } from "../icons.js";
import { at } from "../root.js";
import { href } from "../router.js";
import { DATASETS } from "../datasets.js";
import { may } from "../session.js";
import { parameterSelect } from "../components/choices.js";
import { openLogin } from "../components/login.js";
import { menu } from "../components/menu.js";
import { panel } from "../components/panel.js";
import { segments } from "../components/segments.js";
import { table } from "../components/table.js";
import { versionsButton } from "../components/timeline.js";

export const title = () => "Data";
export const ranged = false;

const SIZES = [25, 50, 100, 500];
/** The datasets that are offered: of somebody who may see some rows only, those that have such rows. */
const offered = ({ status }) => status.datasetsOfSomeRows ?? Object.keys(DATASETS);
const defaultDataset = (view) => (offered(view).includes("shipments") ? "shipments" : (offered(view)[0] ?? Object.keys(DATASETS)[0]));
/** Name → words; `excel` is CSV that a spreadsheet reads as UTF-8 and takes no formula from. */
const FORMATS = { csv: "CSV", excel: "For Excel", ndjson: "NDJSON", parquet: "Parquet" };
/** By type of column: end of the parameter's name → words between column and value. */
const OPERATORS = {
  string: { _prefix: "begins with", "": "is" },
  number: { _from: "at least", _to: "at most", "": "is" },
  date: { _from: "from", _to: "to", "": "on" },
  integer: { _from: "at least", _to: "at most", "": "is" },
  boolean: { "": "is" },
  datetime: { _from: "from", _to: "to", "": "at" },
  time: { _from: "from", _to: "to", "": "at" },
  duration: { _from: "at least", _to: "at most", "": "is" },
  year: { _from: "from", _to: "to", "": "is" },
  yearmonth: { _from: "from", _to: "to", "": "is" },
  object: {},
  array: {},
};
/** Columns that can be filtered. */
const hasFilter = ([, { type }]) => type === "whole" || Object.keys(OPERATORS[type]).length > 0;
/** By type of column: the browser's own input for its values. */
const INPUTS = { date: "date", time: "time", yearmonth: "month" };
const HINTS = { boolean: "true or false", datetime: "2024-01-31T14:30", duration: "25:10:00" };
const NUMBERS = new Set(["number", "integer"]);
const FROM_FILE = { file_id: "File number", record_no: "Record number" };
const FRESH = { cursor: null, page: null };
/** The parameter with the columns that have no value, separated by commas. */
const IS_NULL = "isNull";
const lacking = (view) => (view.get(IS_NULL) ?? "").split(",").filter(Boolean);

const chosen = (view) => (DATASETS[view.get("dataset")] ? view.get("dataset") : defaultDataset(view));

/** Every filter of a dataset: parameter → {column, words, operator}. */
function filtersOf(dataset) {
  const own = Object.entries(DATASETS[dataset].columns).flatMap(([column, { label, type }]) =>
    Object.entries(OPERATORS[type]).map(([end, operator]) => [column + end, { words: label, type, operator }]),
  );
  return Object.fromEntries([...own, ...Object.entries(FROM_FILE).map(([column, words]) => [column, { words, type: "whole", operator: "is" }])]);
}

const given = (view) => Object.fromEntries([...Object.keys(filtersOf(chosen(view))), IS_NULL].map((name) => [name, view.get(name)]).filter(([, value]) => value !== null));

/** Which rows, in which order, and how exactly they are counted: with filters that may mean to read the whole table. */
function question(view) {
  const filters = given(view);
  const [first] = Object.keys(DATASETS[chosen(view)].sorts);
  return { ...filters, sort: view.get("sort", first), count: Object.keys(filters).length ? "estimated" : "capped" };
}

export function build(view) {
  const host = h("div", {});
  const panels = {};
  const show = () => {
    const dataset = chosen(view);
    panels[dataset] ??= [filterBar(view, dataset), rowsPanel(view, dataset)];
    if (host.shown !== dataset) {
      host.replaceChildren(...panels[dataset]);
      showRejected(dataset);
    }
    host.shown = dataset;
  };
  const rejected = h("div", { role: "status" });
  const showRejected = async (dataset) => {
    const found = await get("/api/ingestion/stats").catch(() => null);
    if (host.shown === dataset) replace(rejected, found && rejectedNote(found.datasets.find((row) => row.dataset === dataset)));
  };
  view.atNews(() => showRejected(host.shown));
  const datasets = segments({
    label: "Dataset",
    options: Object.fromEntries(offered(view).map((name) => [name, DATASETS[name].words])),
    value: () => chosen(view),
    choose: (name) => view.set({ ...nothing(view), dataset: name === defaultDataset(view) ? null : name }),
  });
  host.className = "stack";
  const about = h("a", { class: "button", hidden: view.status.isOfSomeRows }, icon("file"), "About this dataset");
  const lead = () => (about.href = href("data", [chosen(view)]));
  lead();
  view.follow(datasets.update);
  view.follow(lead);
  view.follow(show);
  show();
  return h("div", { class: "grid" }, h("div", { class: "stack" }, h("div", { class: "chips" }, datasets, about), rejected), host);
}

/** That many records of a dataset are not among its rows. */
function rejectedNote(row) {
  if (!row || row.records.rejected === 0 || row.files_with_warning === 0) return null;
  const { read, rejected } = row.records;
  const words = `${count(rejected)} of ${count(read)} records of this dataset were rejected (${percent((100 * rejected) / read)}) and are not among the rows. `;
  return h("p", { class: "note warn" }, icon("warning"), h("span", {}, words, h("a", { href: href("pipeline", [], { rdataset: row.dataset }) }, "Show why")));
}

/** Takes all filters away. */
const nothing = (view) => ({ ...FRESH, sort: null, ...Object.fromEntries(Object.keys(given(view)).map((name) => [name, null])) });

function filterBar(view, dataset) {
  const filters = filtersOf(dataset);
  const columns = { ...DATASETS[dataset].columns, ...Object.fromEntries(Object.entries(FROM_FILE).map(([column, label]) => [column, { label, type: "whole" }])) };
  const column = h("select", { class: "input", "aria-label": "Column" }, Object.entries(columns).filter(hasFilter).map(([name, { label }]) => h("option", { value: name }, label)));
  const operator = h("select", { class: "input", "aria-label": "How" });
  const value = h("input", { class: "input", "aria-label": "Value", required: true, maxlength: 4096, placeholder: "Value" });
  const type = () => columns[column.value].type;
  const fit = () => {
    const options = OPERATORS[type()] ?? { "": "is" };
    const all = [...Object.entries(options), ...(type() === "whole" ? [] : [[IS_NULL, "has no value"]])];
    replace(operator, all.map(([end, words]) => h("option", { value: end }, words)));
    value.type = INPUTS[type()] ?? "text";
    value.inputMode = type() === "number" ? "decimal" : ["whole", "integer", "year"].includes(type()) ? "numeric" : "text";
    value.placeholder = HINTS[type()] ?? "Value";
    fitValue();
  };
  const fitValue = () => (value.hidden = !(value.required = operator.value !== IS_NULL));
  column.addEventListener("change", fit);
  operator.addEventListener("change", fitValue);
  fit();
  const form = h("form", { class: "filters" }, column, operator, value, h("button", { type: "submit", class: "button" }, "Add filter"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (operator.value === IS_NULL) return view.set({ ...FRESH, [IS_NULL]: [...new Set([...lacking(view), column.value])].join(",") });
    const name = column.value + operator.value;
    const text = value.value.trim();
    view.set({ ...FRESH, [name]: NUMBERS.has(type()) ? plainNumber(text) : type() === "datetime" ? text.replace(" ", "T") : text });
    value.value = "";
    value.focus();
  });
  const chips = h("div", { class: "chips" });
  const showChips = () => {
    if (chosen(view) !== dataset) return;
    const chip = (shown, changes) => h("button", { type: "button", class: "chip", "aria-label": `No longer ${shown}`, onclick: () => view.set({ ...FRESH, ...changes }) }, shown, icon("close"));
    const without = lacking(view).map((name, _, names) => chip(`${columns[name]?.label ?? name} has no value`, { [IS_NULL]: names.filter((other) => other !== name).join(",") || null }));
    const all = Object.entries(given(view)).filter(([name]) => name !== IS_NULL).map(([name, text]) => {
      const { words, operator: how, type } = filters[name];
      const shown = `${words} ${how} ${type === "date" ? day(text) : text}`;
      return chip(shown, { [name]: null });
    }).concat(without);
    const clear = all.length > 1 && h("button", { type: "button", class: "link", onclick: () => view.set(nothing(view)) }, "Clear all");
    chips.hidden = all.length === 0;
    replace(chips, all, clear);
  };
  view.follow(showChips);
  showChips();
  return h("section", { class: "panel filter-panel", "aria-label": "Filters" }, form, chips);
}

function rowsPanel(view, dataset) {
  const { words, path, sorts } = DATASETS[dataset];
  const size = () => (SIZES.includes(Number(view.get("size"))) ? Number(view.get("size")) : SIZES[1]);
  const address = () => url(path, { ...question(view), source: true, limit: size(), cursor: view.get("cursor") });
  return panel(view, {
    title: words,
    placeholder: "40rem",
    active: () => chosen(view) === dataset,
    request: address,
    actions: [parameterSelect(view, { label: "Sort by", name: "sort", also: FRESH, options: sorts }), exportMenu(view, dataset)],
    empty: ({ data }) => (data.length ? null : Object.keys(given(view)).length ? "No row is like that" : `No ${words.toLowerCase()} have been loaded yet`),
    csvWords: "CSV (this page)",
    csv: ({ data }) => ({ columns: Object.keys(data[0] ?? {}).map((key) => ({ key })), rows: data }),
    render: ({ data, next_cursor: next, total }) => [
      table({ caption: `Rows: ${words}`, rows: data, columns: columns(dataset) }),
      steps(view, { rows: data.length, size: size(), next, total }),
    ],
  });
}

function exportMenu(view, dataset) {
  const address = (format) => (format === "excel" ? url(DATASETS[dataset].exports.csv, { ...given(view), for: "excel" }) : url(DATASETS[dataset].exports[format], given(view)));
  let allowed = true;
  may("export").then((answer) => (allowed = answer));
  const links = () => {
    const all = Object.entries(FORMATS).map(([format, words]) => [format, h("a", { href: at(address(format)), download: "" }, icon("download"), words)]);
    get("/api").then(({ export_formats: offered }) => offered && all.forEach(([format, link]) => (link.hidden = !offered.includes(format === "excel" ? "csv" : format))), () => {});
    return all.map(([, link]) => link);
  };
  const host = menu("Export all rows that pass the filters", () =>
    allowed
      ? links()
      : h("button", { type: "button", onclick: () => openLogin("Exporting requires an API key with the scope export.") }, "Sign in to export"),
  );
  const button = host.querySelector("button");
  button.className = "button";
  button.replaceChildren(icon("download"), "Export");
  return host;
}

/** Dataset → column → the page of the dashboard about its value. */
const PAGES = {
  vehicles: { vehicle_id: (row) => href("vehicles", [row.vehicle_id]) },
  shipments: {
    origin: (row) => href("routes", [row.origin, row.destination]),
    destination: (row) => href("routes", [row.origin, row.destination]),
  },
};

/**
 * Where the value of a column leads: to its page; from a reference to the row it refers to; from a key to the rows that
 * refer to it. Null where it leads nowhere.
 */
function linkOf(dataset, column) {
  const page = PAGES[dataset]?.[column];
  if (page) return page;
  const { key, references } = DATASETS[dataset];
  const { references: target } = DATASETS[dataset].columns[column];
  if (target) return toRow(target, [column]);
  const combined = references.find(({ fields }) => fields.includes(column));
  if (combined) return toRow(combined.dataset, combined.fields);
  const referring = key.includes(column) && reference(dataset);
  return referring ? (row) => (valuesOf(row, key).every(isExact) ? rowsWhere(referring.name, referring.fields, valuesOf(row, key)) : null) : null;
}

/** The way to the row of another dataset whose key is in these columns; null for a row that lacks a part of the key. */
function toRow(target, columns) {
  const { key } = DATASETS[target];
  const page = key.length === 1 && PAGES[target]?.[key[0]];
  return (row) => {
    const values = valuesOf(row, columns);
    if (!values.every(isExact)) return null;
    return page ? page({ [key[0]]: values[0] }) : rowsWhere(target, key, values);
  };
}

/** The first dataset that refers to this one, and its columns that do, in the order of the key. */
function reference(dataset) {
  for (const [name, { references }] of Object.entries(DATASETS)) {
    const found = references.find((each) => each.dataset === dataset);
    if (found) return { name, fields: found.fields };
  }
  return null;
}

/** Whether a filter can ask for a value: JavaScript rounds numbers of more than 15 digits. */
const isExact = (value) => value !== null && (typeof value !== "number" || String(value).replaceAll(/\D/g, "").length <= 15);

const valuesOf = (row, columns) => columns.map((column) => row[column]);

function rowsWhere(dataset, columns, values) {
  const filters = Object.fromEntries(columns.map((column, index) => [column, values[index]]));
  return href("data", [], { dataset, ...filters });
}

function columns(dataset) {
  const { key, columns: all } = DATASETS[dataset];
  const own = Object.entries(all).map(([name, { label, type, description }]) => {
    const link = linkOf(dataset, name);
    const format = (value) => shownAs(type, value);
    const shown = link ? { node: (value, row) => linked(value === null ? null : link(row), format(value)) } : { format };
    return { key: name, label, title: description, number: NUMBERS.has(type), head: key.includes(name), ...shown };
  });
  const versions = (row) => key.length > 0 && valuesOf(row, key).every(isExact) && [" ", versionsButton(dataset, row, (name, value) => shownAs(all[name]?.type, value))];
  const source = {
    key: "file_path",
    label: "Came from",
    node: (value, row) => h("span", {}, h("a", { href: href("pipeline", [], { file: row.file_id }) }, `${value}, record ${count(row.record_no)}`), versions(row)),
  };
  return [...own, source];
}

const shownAs = (type, value) => (value === null || value === undefined ? "–" : (SHOWN[type] ?? String)(value));

const linked = (address, text) => (address ? h("a", { href: address }, text) : text);

/** Every digit that was delivered, at least two behind the point. */
const decimalAsGiven = (value) => decimal(value, Math.min(20, Math.max(2, (String(value).split(".")[1] ?? "").length)));

/** 25:10:00, of PT25H10M; what has months or days stays as it is. */
function clockTime(text) {
  const found = /^PT(-?\d+H)?(-?\d+M)?(-?\d+(?:\.\d+)?S)?$/.exec(text);
  if (!found) return text;
  const parts = found.slice(1).map((part) => Number.parseFloat(part ?? "0"));
  const [hours, minutes, seconds] = parts.map(Math.abs);
  const padded = (number) => String(number).padStart(2, "0");
  const [whole, rest] = String(seconds).split(".");
  return `${parts.some((part) => part < 0) ? "−" : ""}${padded(hours)}:${padded(minutes)}:${padded(whole)}${rest ? `.${rest}` : ""}`;
}

/** A timestamp as it is stored, without the letter between day and time; a moment is in UTC. */
const timestamp = (text) => text.replace("T", " ").replace(/\+00:00$/, " UTC");

/** By type of column: how a value is shown. */
const SHOWN = {
  number: decimalAsGiven,
  integer: count,
  date: day,
  datetime: timestamp,
  duration: clockTime,
  object: JSON.stringify,
  array: JSON.stringify,
};

/**
 * The way to the next page and back. An answer only knows the next one; the way back is kept in this tab, under the
 * address of each page, so it is there after a reload as well. A shared page has no way back but to the first.
 */
function steps(view, { rows, size, next, total }) {
  const cursor = view.get("cursor");
  const page = cursor === null ? 1 : Math.max(2, Number(view.get("page")) || 2);
  const back = cursor === null ? null : sessionStorage.getItem(`before:${cursor}`);
  const from = (page - 1) * size + 1;
  const forward = () => {
    sessionStorage.setItem(`before:${next}`, cursor ?? "");
    view.set({ cursor: next, page: page + 1 });
  };
  const backward = () => view.set(back ? { cursor: back, page: page - 1 } : FRESH);
  const button = (name, label, action, disabled) =>
    h("button", { type: "button", class: "button icon-only", "aria-label": label, "data-focus": `step-${name}`, disabled, onclick: action }, icon(name));
  const all = total && ` of ${{ exact: "", at_least: "more than ", estimated: "about " }[total.kind]}${count(total.rows)}`;
  return h(
    "nav",
    { class: "pager wide", "aria-label": "Pages" },
    h("span", { role: "status" }, `${count(from)}–${count(from + rows - 1)}${all ?? ""}`),
    h(
      "div",
      {},
      h("label", {}, h("span", { class: "sr-only" }, "Rows per page"), sizeSelect(view, size)),
      cursor !== null && h("button", { type: "button", class: "button", "data-focus": "step-first", onclick: () => view.set(FRESH) }, "First"),
      button("left", "Previous page", backward, back === null),
      h("span", {}, count(page)),
      button("right", "Next page", forward, next === null),
    ),
  );
}

function sizeSelect(view, size) {
  const choose = (event) => view.set({ ...FRESH, size: event.target.value === String(SIZES[1]) ? null : event.target.value });
  return h("select", { class: "input", "data-focus": "page-size", onchange: choose }, SIZES.map((option) => h("option", { value: option, selected: option === size }, `${option} rows`)));
}
