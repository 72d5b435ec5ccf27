// Details of one file in a drawer: status, errors, batches and rejects.

import { h } from "../../dom.js";
import { url } from "../../api.js";
import { bytes, count, decimal, moment } from "../../format.js";
import { icon } from "../../icons.js";
import { at } from "../../root.js";
import { href } from "../../router.js";
import { DATASETS, datasetWords } from "../../datasets.js";
import { openDialog } from "../../components/dialogs.js";
import { panel } from "../../components/panel.js";
import { table } from "../../components/table.js";
import { fileActions } from "./actions.js";
import { atIngest } from "./news.js";
import { kindsOfFile, rejectsList } from "./rejects.js";
import { isBalanced, progress, stateBadges } from "./states.js";

/** Opens the file that the address names (`file`) and closes it when it names none. */
export function followFile(view) {
  let shown = null;
  let content = null;
  const close = () => content?.closest("dialog")?.close();
  const update = async () => {
    const id = view.get("file");
    if (id === shown) return;
    shown = id;
    close();
    content = null;
    if (!/^[1-9]\d{0,9}$/.test(id ?? "")) return;
    content = h("div", { class: "drawer-panels" }, accountPanel(view, id), kindsOfFile(view, id), rejectsOfFile(view, id));
    await openDialog({ title: `File ${id}`, content, drawer: true });
    if (shown === id && view.get("file") === id) {
      shown = null;
      view.set({ file: null, frejects: null }, { replace: true }); // the way back does not open it again
      document.querySelector(`[data-focus="file-${CSS.escape(id)}"]`)?.focus();
    }
  };
  view.follow(update);
  view.atEnd(() => {
    shown = undefined;
    close();
  });
  update();
}

function accountPanel(view, id) {
  const isShown = () => view.get("file") === id;
  const actions = fileActions(view, { renew: () => section.renew(), isShown });
  const section = panel(view, {
    title: "Account",
    className: "bare-head",
    placeholder: "20rem",
    live: null,
    active: isShown,
    request: () => url(`/api/ingestion/files/${id}`),
    csv: (file) => ({ columns: ["batch_id", "last_record", "records", "merged", "committed_at", "refreshed_as"].map((key) => ({ key })), rows: file.batches.latest }),
    render: (file) => [heading(file), problems(file), actions.of(file), balance(file), notes(file), facts(file), drift(file), batches(file), links(file)],
  });
  atIngest(view, section.renew, (event) => String(event.file_id) === id);
  view.atNews(section.renew);
  return section;
}

const heading = (file) => h("div", { class: "file-heading" }, h("h3", { class: "mono" }, file.path), stateBadges(file), progress(file));

const problems = (file) => [
  file.error && h("p", { class: "note bad", role: "note" }, icon("warning"), h("span", {}, file.error)),
  file.warning && h("p", { class: "note warn", role: "note" }, icon("warning"), h("span", {}, file.warning)),
  file.is_reload_due && h("p", { class: "note warn", role: "note" }, icon("refresh"), h("span", {}, "A later file that may share keys with this one was unloaded. Load this file again to restore its rows.")),
];

/** How the file was read where that is not plain, and what was left out of its records. */
function notes({ notes: sentences, values_cleared: cleared, file_id: id }) {
  const words = [...sentences];
  if (!words.length && !cleared) return null;
  const link = h("a", { href: at(url("/api/ingestion/cleared-values", { file_id: id })), target: "_blank", rel: "noopener" }, cleared === 1 ? "1 invalid value" : `${count(cleared)} invalid values`);
  return [
    h("h3", {}, "How it was read"),
    h("ul", { class: "file-notes" }, words.map((sentence) => h("li", {}, sentence)), cleared > 0 && h("li", {}, link, " of optional fields left out of its records")),
  ];
}

function balance({ records }) {
  const part = (sign, words, value) => [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("div", {}, h("dt", {}, words), h("dd", {}, count(value)))];
  return h(
    "dl",
    { class: "balance", "aria-label": isBalanced(records) ? "Balanced" : "Not balanced" },
    h("div", {}, h("dt", {}, "Read"), h("dd", {}, count(records.read))),
    part(isBalanced(records) ? "=" : "≠", "Loaded", records.loaded),
    part("+", "Superseded", records.superseded),
    part("+", "Rejected", records.rejected),
  );
}

function facts(file) {
  const rate = file.seconds > 0 ? `${count(file.records.read / file.seconds)} records/s` : null;
  const entries = {
    Dataset: DATASETS[file.dataset] ? h("a", { href: href("data", [file.dataset]) }, datasetWords(file.dataset)) : datasetWords(file.dataset),
    Version: `${count(file.version)}${file.is_current ? ", the newest" : ", replaced"}`,
    Format: file.format ?? "–",
    Size: bytes(file.size_bytes),
    "Content read": bytes(file.bytes_read),
    Took: file.started_at ? [`${decimal(file.seconds, 3)} s`, rate].filter(Boolean).join(", ") : "–",
    "Failed attempts": count(file.attempts),
    Modified: moment(file.modified_at),
    Registered: moment(file.registered_at),
    Started: moment(file.started_at),
    Finished: moment(file.finished_at),
  };
  const digest = file.content_sha256 && h("div", { class: "whole" }, h("dt", {}, "SHA-256"), h("dd", { class: "mono" }, file.content_sha256));
  return h("dl", { class: "facts" }, Object.entries(entries).map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))), digest);
}

function drift({ drift: { unknown_fields: unknown, appeared, vanished, files_compared: compared } }) {
  if (!unknown.length && !vanished.length) return null;
  const names = (list) => list.map((name) => h("code", {}, name)).flatMap((node, i) => (i ? [", ", node] : [node]));
  return [
    h("h3", {}, "Drift"),
    h(
      "dl",
      { class: "facts" },
      unknown.length > 0 && h("div", {}, h("dt", {}, "Unexpected fields"), h("dd", {}, names(unknown))),
      appeared.length > 0 && h("div", {}, h("dt", {}, `New: in none of the ${count(compared)} previous files`), h("dd", {}, names(appeared))),
      vanished.length > 0 && h("div", {}, h("dt", {}, "Missing: in all previous files"), h("dd", {}, names(vanished))),
    ),
  ];
}

function batches({ batches: { count: all, waiting, latest } }) {
  if (all === 0) return null;
  const words = [`${count(all)} in all`, all > latest.length && `the last ${latest.length} here`, waiting > 0 && `${count(waiting)} wait for a refresh`];
  return [
    h("h3", {}, "Batches"),
    h("p", { class: "muted" }, words.filter(Boolean).join(", ")),
    table({
      caption: "Batches of the file, newest first",
      rows: latest,
      columns: [
        { key: "batch_id", label: "Batch", head: true, format: count },
        { key: "last_record", label: "Up to record", number: true, format: count },
        { key: "records", label: "Records", number: true, format: count },
        { key: "committed_at", label: "Committed", format: (value) => moment(value) },
        { key: "refreshed_as", label: "In version", number: true, format: (value) => (value === null ? "waits" : count(value)) },
      ],
    }),
  ];
}

function links(file) {
  const rows = DATASETS[file.dataset] && file.records.loaded > 0 && h("a", { class: "button", href: href("data", [], { dataset: file.dataset, file_id: file.file_id }) }, icon("data"), "Its rows");
  const run = file.run_url && h("a", { class: "button", href: file.run_url, target: "_blank", rel: "noopener" }, icon("external"), "Dagster run");
  const partition = file.run_url && file.dataset && h("a", { class: "button", href: partitionUrl(file), target: "_blank", rel: "noopener" }, icon("external"), "Dagster partition");
  return h("div", { class: "chips" }, rows, run, partition);
}

/** The asset's page with this file's partition open; only the address of a run shows where Dagster is. */
function partitionUrl({ run_url: run, dataset, path }) {
  const base = run.slice(0, run.lastIndexOf("/runs/"));
  return url(`${base}/assets/raw/${dataset}`, { view: "partitions", partition: path });
}

function rejectsOfFile(view, id) {
  return rejectsList(view, {
    title: "Rejected records",
    name: "frejects",
    active: () => view.get("file") === id,
    parameters: () => ({ file_id: id }),
    empty: "None of its records was rejected",
    withFile: false,
  });
}
