// One dataset: what it is by its contract, what each column holds, its quality and its files.

import { h, s } from "../dom.js";
import { count, day, decimal, moment, percent } from "../format.js";
import { icon } from "../icons.js";
import { DATASETS, datasetWords } from "../datasets.js";
import { href } from "../router.js";
import { badge } from "../components/badges.js";
import { panel } from "../components/panel.js";
import { bar, table } from "../components/table.js";
import { proposalsPanel } from "./import/proposals.js";
import { followFile } from "./pipeline/file.js";
import { filesPanel } from "./pipeline/files.js";
import { atIngest } from "./pipeline/news.js";
import { qualityOf } from "./pipeline/quality.js";

export const title = (view) => datasetWords(view.arguments[0]);
export const ranged = false;

/** Values shown at once; the others of the ten unfold. */
const VALUES = 3;
const CSV = ["name", "title", "type", "role", "unit", "required", "aliases", "records", "filled", "distinct", "is_distinct_exact", "least", "median", "greatest"];

export function build(view) {
  const [dataset] = view.arguments;
  followFile(view);
  const request = () => `/api/datasets/${encodeURIComponent(dataset)}/profile`;
  const about = panel(view, { title: "About this dataset", placeholder: "9rem", live: null, request, render: facts });
  const columns = panel(view, {
    title: "Columns",
    placeholder: "24rem",
    live: null,
    request,
    csv: ({ fields }) => ({ columns: CSV.map((key) => ({ key })), rows: fields.map(({ profile, ...field }) => ({ ...field, ...profile })) }),
    render: (found) => [h("p", { class: "muted" }, sampleWords(found)), columnsTable(found)],
  });
  const renew = () => [about, columns].forEach((section) => section.renew());
  atIngest(view, renew, (event) => event.dataset === undefined || event.dataset === dataset);
  view.atNews(renew);
  return h("div", { class: "grid" }, about, proposalsPanel(view, { dataset, quiet: true }), columns, qualityOf(view, () => dataset), filesPanel(view, dataset));
}

function facts(found) {
  const { dataset, description, version, accepted_at: at, accepted_by: who, key_fields: key, files, fields } = found;
  const titles = Object.fromEntries(fields.map((field) => [field.name, field.title]));
  const entries = {
    Name: h("code", {}, dataset),
    Key: key.length ? key.map((name) => titles[name]).join(" + ") : "None: each record is a row of its own",
    Contract: version === null ? "Built in" : `Version ${count(version)}`,
    Accepted: version !== null && `${moment(at)}, by ${who}`,
    "Loaded files": count(files),
    Columns: count(fields.length),
  };
  const known = DATASETS[dataset];
  return [
    description !== `${found.title}.` && h("p", { class: "about" }, description),
    h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => value && h("div", {}, h("dt", {}, label), h("dd", {}, value)))),
    h(
      "div",
      { class: "chips" },
      known && h("a", { class: "button", href: href("data", [], { dataset }) }, icon("data"), "Its rows"),
      h("a", { class: "button", href: href("pipeline", [], { rdataset: dataset }) }, icon("inbox"), "Its rejected records"),
    ),
  ];
}

function sampleWords({ records, records_sampled: sampled, files, files_profiled: profiled }) {
  if (files === 0) return "Nothing was loaded yet: only the contract is known.";
  if (profiled === 0) return "These files were loaded before profiles were made: load one again to see what its columns hold.";
  const from = profiled < files ? `the latest ${count(profiled)} of ${count(files)} files` : files === 1 ? "one file" : `${count(files)} files`;
  return sampled < records ? `From a sample of ${count(sampled)} of ${count(records)} records of ${from}.` : `From all ${count(records)} records of ${from}.`;
}

function columnsTable({ fields, key_fields: key }) {
  return table({
    caption: "Columns of the dataset",
    rows: fields,
    columns: [
      { key: "title", label: "Column", head: true, wrap: true, node: (_, field) => nameCell(field, key) },
      { key: "type", label: "Type", node: (type, { required }) => [type, !required && h("small", { class: "beneath" }, "optional")] },
      { key: "role", label: "Role" },
      { key: "unit", label: "Unit", format: (unit) => unit ?? "–" },
      { key: "filled", label: "Filled", number: true, node: ofProfile(fill), title: "Rows of the sample that have a value" },
      { key: "distinct", label: "Distinct", number: true, node: ofProfile(distinct), title: "How many different values there are; ≥ where only a sample was counted, so there may be more" },
      { key: "range", label: "Range", node: ofProfile(range), title: "The least and the greatest value; of texts, how many characters they have" },
      { key: "histogram", label: "Distribution", node: ofProfile(histogram), title: "How many values lie in each of twelve parts of the range" },
      { key: "frequent", label: "Most frequent", wrap: true, node: ofProfile(frequent), title: "Values that occur most often in the sample, and how often" },
    ],
  });
}

const ofProfile = (show) => (_, { profile, type }) => (profile === null ? "–" : show(profile, type));

function nameCell({ name, title: words, description, aliases }, key) {
  return [
    words,
    key.includes(name) && [" ", badge("key", "accent")],
    h("small", { class: "beneath" }, h("code", {}, name), description !== words && ` · ${description}`),
    aliases.length > 0 && h("small", { class: "beneath" }, "In files also: ", aliases.map((alias, i) => [i > 0 && ", ", h("code", {}, alias)])),
  ];
}

function fill({ records, filled }) {
  const share = records ? (100 * filled) / records : 0;
  return bar(share, filled === records ? percent(100, 0) : percent(Math.min(99.9, share), 1));
}

const distinct = ({ distinct: number, is_distinct_exact: isExact }) => `${isExact ? "" : "≥\u00a0"}${count(number)}`;

/** A point of the range in words; "" where there is none. */
function point(kind, type, value) {
  if (value === null) return "";
  if (kind === "date") return day(value);
  if (type === "year") return String(value);
  return Number.isInteger(value) ? count(value) : decimal(value, Math.abs(value) < 1 ? 4 : 2);
}

function range({ kind, least, greatest }, type) {
  if (least === null) return "–";
  const [from, to] = [point(kind, type, least), point(kind, type, greatest)];
  const words = from === to ? from : `${from} – ${to}`;
  return kind === "text" ? `${words} ${greatest === 1 ? "character" : "characters"}` : words;
}

const BAR = 8;
const HEIGHT = 24;

/** Bars without axes; its name says the same in words. */
function histogram({ kind, least, greatest, histogram: shares }, type) {
  if (shares.length < 2) return shares.length === 0 ? "–" : kind === "text" ? "One length" : "One value";
  const highest = Math.max(...shares);
  const most = shares.indexOf(highest);
  const ends = [point(kind, type, least), point(kind, type, greatest)];
  const words = `Distribution from ${ends[0]} to ${ends[1]}: most, ${percent(100 * highest, 0)}, in part ${most + 1} of ${shares.length}`;
  const bars = shares.map((share, i) => {
    const size = share > 0 ? Math.max(1, (share / highest) * HEIGHT) : 0;
    return s("rect", { x: i * BAR, y: HEIGHT - size, width: BAR - 1, height: size });
  });
  return s("svg", { class: "histogram", viewBox: `0 0 ${shares.length * BAR} ${HEIGHT}`, role: "img", "aria-label": words }, bars);
}

function frequent({ frequent: values, distinct: number }, type) {
  if (values.length === 0) return number ? h("span", { class: "muted" }, "No value occurs twice") : "–";
  const list = (some) => h("ul", { class: "frequent" }, some.map(({ value, count: times }) => h("li", {}, h("span", {}, valueWords(value, type)), " ", h("span", { class: "muted" }, `× ${count(times)}`))));
  const rest = values.slice(VALUES);
  return [list(values.slice(0, VALUES)), rest.length > 0 && h("details", {}, h("summary", {}, `${count(rest.length)} more`), list(rest))];
}

const valueWords = (value, type) => (type === "date" ? day(value) : value);
