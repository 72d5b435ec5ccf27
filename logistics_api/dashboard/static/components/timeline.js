// The versions of a row, in a drawer: which file brought each, and what it changed.

import { h, replace } from "../dom.js";
import { get, url } from "../api.js";
import { DATASETS } from "../datasets.js";
import { count, moment } from "../format.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { openDialog } from "./dialogs.js";
import { table } from "./table.js";

const MOST = 100;
let asked = null;

/** The names of the datasets that keep earlier versions now; none while that cannot be asked. */
function keeping() {
  asked ??= get("/api/history").then(
    ({ data }) => new Set(data.filter((each) => each.is_kept).map(({ dataset }) => dataset)),
    () => {
      asked = null;
      return new Set();
    },
  );
  return asked;
}

/** A button that opens the versions of a row, where its dataset keeps them. `format(column, value)` → text. */
export function versionsButton(dataset, row, format) {
  const button = h("button", { type: "button", class: "link", hidden: true, onclick: () => openVersions(dataset, row, format) }, "Versions");
  keeping().then((names) => (button.hidden = !names.has(dataset)));
  return button;
}

function openVersions(dataset, row, format) {
  const { key, path, words } = DATASETS[dataset];
  const address = [path.replace("/api/", "/api/history/"), ...key.map((name) => encodeURIComponent(row[name]))].join("/");
  const host = h("div", { class: "stack" }, h("p", { role: "status" }, "Loading…"));
  get(url(address, { limit: MOST })).then(
    (found) => replace(host, content(dataset, found, format)),
    (error) => replace(host, h("p", { class: "note bad", role: "alert" }, icon("warning"), error.reason ?? String(error))),
  );
  const named = key.map((name) => String(row[name])).join(", ");
  return openDialog({ title: `${words}: ${named}`, content: host, drawer: true });
}

function content(dataset, { data, next_cursor: next, incomplete_because: why }, format) {
  const rows = data.map((version, index) => ({ ...version, before: data[index + 1]?.record }));
  return [
    why && h("p", { class: "note warn" }, icon("warning"), "Earlier versions may be missing. Expected: ", why),
    table({ caption: "Versions, the newest first", rows, columns: columns(dataset, format) }),
    next && h("p", { class: "note" }, `The newest ${count(MOST)} versions are shown.`),
  ];
}

function columns(dataset, format) {
  return [
    { key: "since", label: "Since", node: (_, { file, until }) => (until ? moment(file.registered_at) : h("strong", {}, moment(file.registered_at))) },
    { key: "file", label: "Came from", node: (_, { file, record_no: number }) => h("a", { href: href("pipeline", [], { file: file.file_id }) }, `${file.path}, record ${count(number)}`) },
    { key: "changed", label: "What it changed", wrap: true, node: (_, version) => changes(dataset, version, format) },
  ];
}

function changes(dataset, { changed, record, before }, format) {
  if (changed === null) return "The first version that is known";
  if (changed.length === 0) return "Nothing";
  const all = DATASETS[dataset].columns;
  return h(
    "ul",
    { class: "plain" },
    changed.map((name) => h("li", {}, `${all[name]?.label ?? name}: `, before && `${format(name, before[name])} → `, format(name, record[name]))),
  );
}
