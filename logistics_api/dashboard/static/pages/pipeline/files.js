// The ledger as a table: every file with its state and its balance.

import { h } from "../../dom.js";
import { bytes, count, decimal } from "../../format.js";
import { icon } from "../../icons.js";
import { DATASETS, datasetWords } from "../../datasets.js";
import { href } from "../../router.js";
import { parameterSelect, parameterSwitch } from "../../components/choices.js";
import { searchBox } from "../../components/lists.js";
import { morePanel } from "../../components/more.js";
import { table } from "../../components/table.js";
import { keepTimes, when } from "../../components/times.js";
import { badge } from "../../components/badges.js";
import { atIngest } from "./news.js";
import { STATES, progress, stateBadges } from "./states.js";

const SIZE = 20;
const COLUMNS = ["file_id", "path", "version", "dataset", "state", "read", "loaded", "superseded", "rejected", "size_bytes", "seconds", "attempts", "registered_at", "finished_at", "error"].map((key) => ({ key }));

/** All files, or those of one dataset. */
export function filesPanel(view, dataset = null) {
  const fresh = { files: null };
  const section = morePanel(view, {
    title: "Files",
    subtitle: "Newest first; read = loaded + superseded + rejected",
    placeholder: "24rem",
    live: null,
    name: "files",
    size: SIZE,
    path: "/api/ingestion/files",
    parameters: () => ({
      state: view.get("state"),
      dataset: dataset ?? view.get("dataset"),
      path_prefix: view.get("path"),
      current: view.get("versions") === "1" ? null : true,
      dismissed: view.get("versions") === "1" ? null : false,
    }),
    actions: [
      searchBox(view, { label: "Path begins with", name: "path", also: fresh }),
      parameterSelect(view, { label: "State", name: "state", also: fresh, options: { "": "Any state", ...Object.fromEntries(Object.entries(STATES).map(([state, [words]]) => [state, words])) } }),
      dataset === null && parameterSelect(view, { label: "Dataset", name: "dataset", also: fresh, options: { "": "Any dataset", ...Object.fromEntries(Object.entries(DATASETS).map(([name, { words }]) => [name, words])) } }),
      parameterSwitch(view, { label: "Replaced and dismissed", name: "versions", also: fresh }),
    ],
    items: ({ items }) => items,
    more: "Load older",
    empty: () => (["state", dataset === null && "dataset", "path"].some((name) => view.get(name)) ? "No files match" : "No file has arrived yet"),
    csv: (rows) => ({ columns: COLUMNS, rows: rows.map((row) => ({ ...row, ...row.records })) }),
    list: (rows) => table({ caption: "Files, newest first", rows, columns: columns(view).filter(({ key }) => key !== "dataset" || dataset === null), rowClass: (row) => (String(row.file_id) === view.get("file") ? "selected" : null), detail: (row) => row.error && h("p", { class: "problem", tabindex: "0" }, row.error) }),
  });
  const renew = () => {
    section.keepLength();
    section.renew();
  };
  keepTimes(view, section);
  atIngest(view, renew);
  view.atNews(renew);
  return section;
}

const columns = (view) => [
  { key: "path", label: "File", head: true, wrap: true, node: (_, row) => fileCell(view, row) },
  { key: "state", label: "State", node: (_, row) => [stateBadges(row), progress(row)] },
  { key: "dataset", label: "Dataset", format: datasetWords },
  { key: "read", label: "Read", number: true, format: (_, { records }) => count(records.read) },
  { key: "loaded", label: "=\u00a0Loaded", number: true, format: (_, { records }) => count(records.loaded) },
  { key: "superseded", label: "+\u00a0Superseded", number: true, format: (_, { records }) => count(records.superseded), title: "Records replaced by a later record with the same key" },
  { key: "rejected", label: "+\u00a0Rejected", number: true, format: (_, { records }) => count(records.rejected) },
  { key: "size_bytes", label: "Size", number: true, format: bytes },
  { key: "seconds", label: "Took", number: true, format: (value, row) => (row.started_at ? `${decimal(value, value < 10 ? 2 : 0)} s` : "–") },
  { key: "finished_at", label: "Finished", node: (value, row) => [when(value), runLink(row)] },
];

const runLink = ({ run_url: address, path }) =>
  address && h("a", { class: "run", href: address, target: "_blank", rel: "noopener", title: "Dagster run", "aria-label": `Dagster run of ${path}` }, icon("external"));

function fileCell(view, row) {
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    view.set({ file: row.file_id });
  };
  return [
    h("a", { href: href("pipeline", [], { file: row.file_id }), "data-focus": `file-${row.file_id}`, onclick: open }, row.path),
    row.version > 1 && [" ", badge(`version ${count(row.version)}`)],
  ];
}
