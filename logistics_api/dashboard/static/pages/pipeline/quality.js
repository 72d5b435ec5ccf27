// The quality of the data: a score per dataset with its dimensions, and for one of them its rules and its files.

import { h } from "../../dom.js";
import { count, percent } from "../../format.js";
import { icon } from "../../icons.js";
import { DATASETS, datasetWords } from "../../datasets.js";
import { href } from "../../router.js";
import { badge } from "../../components/badges.js";
import { sparkline } from "../../components/kpi.js";
import { panel } from "../../components/panel.js";
import { bar, table } from "../../components/table.js";
import { atIngest } from "./news.js";

const FILES = 20;
const PAUSE = 5_000;
const MOST_RULES = 15;

const DIMENSIONS = {
  completeness: ["Complete", "Cells with a value in the columns that must or should have one"],
  validity: ["Valid", "Values and records that could be read by the contract"],
  uniqueness: ["Unique", "Records that no later record with the same key has replaced"],
  consistency: ["Consistent", "References whose record is there; files without fields that the contract does not know"],
  timeliness: ["Timely", "Periods in which a file arrived, of those the contract expects one in"],
  plausibility: ["Plausible", "Values within the bounds of the contract"],
};

const RULES = {
  filled: "has no value",
  readable: "cannot be read",
  valid: "is not valid",
  unique: "is there more than once",
  known_fields: "has unknown fields",
  refers: "refers to no record",
  arrived: "brought no file",
  within_bounds: "is out of bounds",
};
const SUBJECTS = { readable: "A record", known_fields: "A file", arrived: "A period" };

/** 100 % only where nothing has failed. */
const share = (value) => (value === null || value === undefined ? "–" : value === 1 ? percent(100, 0) : percent(Math.min(99.99, 100 * value), 2));
const failed = ({ passed, tested }) => tested - passed;
const dimension = (row, name) => row.dimensions.find((each) => each.dimension === name);

/** For example: "Weight is out of bounds: 12 of 3,400". */
function ruleWords(rule, dataset) {
  const title = rule.field && (DATASETS[dataset]?.columns[rule.field]?.label ?? rule.field);
  return `${title ?? SUBJECTS[rule.rule]} ${RULES[rule.rule]}: ${count(failed(rule))} of ${count(rule.tested)}`;
}

function scoredPanel(view, options) {
  const section = panel(view, { live: null, ...options });
  atIngest(view, section.renew);
  view.atNews(() => {
    section.renew();
    setTimeout(section.renew, PAUSE); // references are counted after the figures were published
  });
  return section;
}

/** All datasets. The address names the one whose details are below (`quality`). */
export function qualityPanel(view) {
  return scoredPanel(view, {
    title: "Quality",
    subtitle: "The mean of the dimensions that were tested; a dash where nothing was",
    placeholder: "12rem",
    request: () => "/api/quality",
    empty: ({ datasets }) => (datasets.some(({ score }) => score !== null) ? null : "Nothing was loaded yet"),
    csv: ({ datasets }) => ({
      columns: ["dataset", "definition", "score", "floor", ...Object.keys(DIMENSIONS), "tested"].map((key) => ({ key })),
      rows: datasets.map((row) => ({ ...row, ...Object.fromEntries(row.dimensions.map((each) => [each.dimension, each.score])) })),
    }),
    render: ({ definition, datasets }) => [
      table({
        caption: `Quality by dataset, definition ${definition}`,
        rows: datasets.filter(({ score }) => score !== null),
        rowClass: ({ dataset }) => (dataset === view.get("quality") ? "selected" : null),
        columns: [
          { key: "dataset", label: "Dataset", head: true, wrap: true, node: (name, row) => [detailsLink(view, name), row.is_below_floor && [" ", badge(`below ${floorWords(row.floor)}`, "warn")]] },
          { key: "score", label: "Score", number: true, node: (score) => bar(100 * score, share(score)) },
          ...Object.entries(DIMENSIONS).map(([key, [label, title]]) => ({ key, label, title, number: true, format: (_, row) => share(dimension(row, key)?.score) })),
          { key: "worst", label: "Worst rule", wrap: true, format: (rule, row) => (rule ? ruleWords(rule, row.dataset) : "Nothing has failed") },
        ],
      }),
    ],
  });
}

const floorWords = (floor) => percent(100 * floor, Number.isInteger(100 * floor) ? 0 : 2);

function detailsLink(view, name) {
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    view.set({ quality: view.get("quality") === name ? null : name });
  };
  return h("a", { href: href("pipeline", [], { quality: name }), "data-focus": `quality-${name}`, onclick: open }, datasetWords(name));
}

/** The rules and the latest files of the dataset that the address names. */
export function qualityDetails(view) {
  return qualityOf(view, () => (view.get("quality") in DATASETS ? view.get("quality") : null));
}

/** The rules and the latest files of one dataset; nothing as long as `named()` is null. */
export function qualityOf(view, named) {
  const section = scoredPanel(view, {
    title: () => `Quality of ${datasetWords(named())}`,
    className: "quality",
    placeholder: "18rem",
    active: () => named() !== null,
    request: () => named() && { dataset: `/api/quality/${named()}`, files: `/api/quality/${named()}/files?limit=${FILES}` },
    empty: (found) => (found?.dataset.score === null ? "Nothing was loaded yet" : null),
    csv: ({ dataset }) => ({ columns: ["dimension", "rule", "field", "passed", "tested"].map((key) => ({ key })), rows: dataset.dimensions.flatMap(({ rules }) => rules) }),
    csvWords: "CSV (all rules)",
    render: (found) => found && [floorNote(found.dataset), rulesTable(found.dataset), trend(found.files), filesTable(view, found)],
  });
  const show = () => (section.hidden = named() === null);
  view.follow(show);
  show();
  return section;
}

const floorNote = ({ score, floor, is_below_floor: isBelow }) =>
  isBelow && h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, `The score is ${share(score)}: the contract expects ${floorWords(floor)} or more.`));

function rulesTable({ dataset, dimensions }) {
  const all = dimensions.flatMap(({ rules }) => rules);
  const bad = all.filter(failed).toSorted((a, b) => a.passed / a.tested - b.passed / b.tested);
  const rest = `${count(all.length - bad.length)} of ${count(all.length)} rules have passed everywhere.`;
  if (bad.length === 0) return h("p", { class: "muted" }, `All ${count(all.length)} rules have passed everywhere.`);
  return [
    h("h3", {}, "Rules that failed"),
    table({
      caption: `Rules that failed for ${datasetWords(dataset)}, the worst first`,
      rows: bad.slice(0, MOST_RULES),
      columns: [
        { key: "rule", label: "Rule", head: true, wrap: true, format: (_, rule) => ruleWords(rule, dataset) },
        { key: "dimension", label: "Dimension", format: (name) => DIMENSIONS[name][0] },
        { key: "passed", label: "Passed", number: true, node: (_, rule) => bar((100 * rule.passed) / rule.tested, share(rule.passed / rule.tested)) },
      ],
    }),
    h("p", { class: "muted" }, bad.length > MOST_RULES ? `${count(bad.length - MOST_RULES)} more have failed; the menu saves all of them. ${rest}` : rest),
  ];
}

function trend({ items }) {
  const scores = items.map(({ score }) => score).toReversed();
  if (scores.length < 2) return null;
  const lowest = items.reduce((worst, file) => (file.score < worst.score ? file : worst));
  return [
    h("h3", {}, "By file"),
    h("p", { class: "muted" }, `The latest ${count(scores.length)} files, from the oldest to the newest: lowest ${share(lowest.score)} in ${lowest.path}, last ${share(scores.at(-1))}.`),
    h("div", { class: "quality-trend" }, sparkline(scores)),
  ];
}

function filesTable(view, { dataset: { dataset }, files: { items } }) {
  if (items.length === 0) return null;
  const open = (id) => (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    view.set({ file: id });
  };
  return table({
    caption: `Quality of the latest files of ${datasetWords(dataset)}, newest first`,
    rows: items,
    columns: [
      {
        key: "path", label: "File", head: true, wrap: true,
        node: (path, row) => [
          h("a", { href: href("pipeline", [], { file: row.file_id }), "data-focus": `quality-file-${row.file_id}`, onclick: open(row.file_id) }, path),
          row.version > 1 && [" ", badge(`version ${count(row.version)}`)],
          !row.is_counted && [" ", badge("Replaced")],
        ],
      },
      { key: "score", label: "Score", number: true, node: (score) => bar(100 * score, share(score)) },
      { key: "worst", label: "Worst rule", wrap: true, format: (rule) => (rule ? ruleWords(rule, dataset) : "Nothing has failed") },
    ],
  });
}
