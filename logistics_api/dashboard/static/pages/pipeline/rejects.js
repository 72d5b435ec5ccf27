// Rejected records: counted by reason, and listed with position, reason and text.

import { h } from "../../dom.js";
import { url } from "../../api.js";
import { bytes, count } from "../../format.js";
import { icon } from "../../icons.js";
import { datasetWords } from "../../datasets.js";
import { morePanel } from "../../components/more.js";
import { panel } from "../../components/panel.js";
import { parameterSegments } from "../../components/segments.js";
import { bar, table } from "../../components/table.js";
import { badge } from "../../components/badges.js";
import { atIngest } from "./news.js";

const SIZE = 5;
const REASONS = 12;
const RESOLVED = { standing: false, accepted: true, all: null };
const resolved = (view) => RESOLVED[view.get("rejects", "standing")] ?? false;
const NOTHING = { rdataset: null, rfield: null, reason: null, rshown: null };
const COLUMNS = ["path", "version", "record_no", "byte_offset", "dataset", "field", "reason", "raw", "raw_truncated", "rejected_at", "resolved_at"].map((key) => ({ key }));

const isChosen = (view, row) =>
  view.get("reason") === row.reason && view.get("rfield") === row.field && view.get("rdataset") === row.dataset;

/** Counts by reason; a click on one shows its records below. */
export function kindsPanel(view) {
  const section = panel(view, {
    title: "Why records were rejected",
    subtitle: "Click a reason to see its records",
    className: "span-6",
    placeholder: "16rem",
    live: null,
    request: () => url("/api/ingestion/rejects/summary", { resolved: resolved(view) }),
    actions: [parameterSegments(view, { label: "Which", name: "rejects", options: { standing: "Open", accepted: "Accepted later", all: "All" }, also: NOTHING })],
    empty: ({ items }) => (items.length ? null : "No record was rejected"),
    csv: ({ items }) => ({ columns: ["dataset", "field", "reason", "count", "files"].map((key) => ({ key })), rows: items }),
    render: ({ items }) => [
      table({
        caption: "Reasons for rejection, most frequent first",
        rows: view.get("reasons") === "all" ? items : items.slice(0, REASONS),
        rowClass: (row) => (isChosen(view, row) ? "selected" : null),
        columns: [
          { key: "reason", label: "Reason", head: true, wrap: true, node: (value, row) => kindButton(view, row) },
          { key: "dataset", label: "Dataset", format: datasetWords },
          { key: "count", label: "Records", number: true, node: (value) => bar((100 * value) / items[0].count, count(value)) },
          { key: "files", label: "Files", number: true, format: count },
        ],
      }),
      items.length > REASONS && more(view, items.length),
    ],
  });
  atIngest(view, section.renew);
  return section;
}

/** The open rejects of one file, counted by kind of reason. */
export function kindsOfFile(view, id) {
  const section = panel(view, {
    title: "Reasons",
    placeholder: "4rem",
    live: null,
    active: () => view.get("file") === id,
    request: () => url("/api/ingestion/rejects/summary", { file_id: id, resolved: false }),
    empty: ({ items }) => (items.length ? null : "None of its records was rejected"),
    csv: ({ items }) => ({ columns: ["field", "reason", "count"].map((key) => ({ key })), rows: items }),
    render: ({ items }) =>
      table({
        caption: "Reasons for rejection in this file, most frequent first",
        rows: items,
        columns: [
          { key: "reason", label: "Reason", head: true, wrap: true },
          { key: "field", label: "Field", format: (value) => value ?? "–" },
          { key: "count", label: "Records", number: true, node: (value) => bar((100 * value) / items[0].count, count(value)) },
        ],
      }),
  });
  atIngest(view, section.renew, (event) => String(event.file_id) === id);
  return section;
}

function more(view, all) {
  const isAll = view.get("reasons") === "all";
  const press = () => view.set({ reasons: isAll ? null : "all" });
  return h(
    "div",
    { class: "pager wide" },
    h("span", {}, isAll ? `All ${count(all)} reasons` : `The ${count(REASONS)} most frequent of ${count(all)}`),
    h("button", { type: "button", class: "button", "data-focus": "reasons", onclick: press }, isAll ? "Show fewer" : "Show all"),
  );
}

function kindButton(view, row) {
  const choose = () => view.set(isChosen(view, row) ? NOTHING : { ...NOTHING, rdataset: row.dataset, rfield: row.field, reason: row.reason });
  return h("button", { type: "button", class: "link", "aria-pressed": String(isChosen(view, row)), "data-focus": `kind-${row.dataset}-${row.field}-${row.reason}`, onclick: choose }, row.reason);
}

export function recordsPanel(view) {
  const chosen = h("div", { class: "chips" });
  const showChosen = () => {
    const reason = view.get("reason");
    chosen.replaceChildren(...(reason ? [h("button", { type: "button", class: "chip", "aria-label": `Remove filter: ${reason}`, onclick: () => view.set(NOTHING) }, reason, icon("close"))] : []));
  };
  view.follow(showChosen);
  showChosen();
  return rejectsList(view, {
    title: "Rejected records",
    className: "span-6",
    name: "rshown",
    actions: [chosen],
    parameters: () => ({ dataset: view.get("rdataset"), field: view.get("rfield"), reason: view.get("reason"), resolved: resolved(view) }),
    empty: "No record was rejected",
  });
}

/** A list of rejects; options as for morePanel(). withFile: whether each names its file. */
export function rejectsList(view, { withFile = true, ...options }) {
  const section = morePanel(view, {
    placeholder: "16rem",
    live: null,
    size: SIZE,
    path: "/api/ingestion/rejects",
    items: ({ items }) => items,
    more: "Load more",
    csv: (rows) => ({ columns: COLUMNS, rows }),
    list: (rows) => h("ol", { class: "rejects" }, rows.map((row) => reject(view, row, withFile))),
    ...options,
  });
  atIngest(view, () => {
    section.keepLength();
    section.renew();
  });
  return section;
}

function reject(view, row, withFile) {
  const place = [`record ${count(row.record_no)}`, row.byte_offset !== null && `byte ${count(row.byte_offset)}`].filter(Boolean).join(", ");
  return h(
    "li",
    {},
    h("p", {}, h("strong", {}, row.reason), row.resolved_at && [" ", badge(row.is_mended ? "mended, accepted" : "accepted later", "good")]),
    h("p", { class: "muted" }, withFile && [h("button", { type: "button", class: "link", onclick: () => view.set({ file: row.file_id }) }, row.path), row.version > 1 && ` version ${row.version}`, ", "], place),
    h("pre", { class: "sample raw", tabindex: "0", "aria-label": "Original text in the file" }, row.raw, row.raw_truncated && h("span", { class: "muted" }, ` … ${bytes(row.raw_bytes)} in all`)),
  );
}
